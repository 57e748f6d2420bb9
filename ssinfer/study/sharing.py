"""Contract of a sharing rule: that of the contract's file, or a variant with other terms."""

from dataclasses import replace
from typing import Any

from ssinfer.contracts.contract import Contract, load_contract
from ssinfer.errors import ContractError, StudyError, raised_as
from ssinfer.study.config_blocks import SharingConfig


def contract_of(part: SharingConfig, *, share_is_check: bool = False) -> tuple[Contract, float]:
    """Return the contract with the rule's terms, which its name lists, and the share for over- and underpayments."""
    contract = load_contract(part.contract, year=part.year)
    terms, limits, share = contract.sharing, contract.threshold, contract.sharing.savings
    by_score = contract.quality.kind == "gate_table"
    if by_score:
        gates, score = contract.quality.gates, part.quality
        shares = [step[1] for step in gates if score is not None and score >= step[0]]
        if (not shares and part.share is None) or part.losses is not None:
            raise StudyError(
                f"sharing: the shares of contract {contract.name!r} depend on its quality score. Give sharing.quality, "
                "the score that is expected, or sharing.share, and leave sharing.losses out."
            )
        share = float(shares[-1] if shares else part.share or share)
    new: dict[str, Any] = {f"{side}_cap_benchmark": cap for side, cap in part.caps.items()}
    if part.share is not None and abs(part.share - share) > 1e-9:
        if share_is_check or by_score:
            raise StudyError(
                f"sharing.share is {part.share:g}, but contract {contract.name!r} pays {share:g} of savings. Leave "
                f"share out, or name a contract that pays {part.share:g}."
            )
        new["savings"] = share = part.share
    if part.losses is not None:
        new |= {"losses": part.losses or None, "losses_complement": False}
    if part.losses == 0:
        new = {"losses_cap_benchmark": None, "losses_cap_revenue": None} | new
        limits = replace(limits, loss_rate=None)
    limits = replace(limits, sharing=part.shared or limits.sharing)
    other = {key: value for key, value in new.items() if value != getattr(terms, key)}
    said = [f"{key} {value or 0:g}" for key, value in other.items() if "cap" not in key or value]
    said += [f"shared: {limits.sharing}"] if limits.sharing != contract.threshold.sharing else []
    name = f"{contract.name} ({', '.join(said)})" if said else contract.name
    with raised_as(StudyError, f"sharing {part.name!r}:", ContractError):
        return replace(contract, name=name, sharing=replace(terms, **new), threshold=limits), share
