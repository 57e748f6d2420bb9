"""Contract: the terms of a shared-savings contract under the rules of one year."""

from __future__ import annotations

import math
import re
import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from ssinfer.contracts.checks import build, fraction, known_terms, label, mapping, names, whole
from ssinfer.contracts.terms import (
    BenchmarkTerms,
    NetTerms,
    QualityTerms,
    SharingTerms,
    SizeTerms,
    ThresholdTerms,
    YearsTerms,
)
from ssinfer.errors import ContractError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

_TABLES = {
    "benchmark": BenchmarkTerms,
    "threshold": ThresholdTerms,
    "sharing": SharingTerms,
    "quality": QualityTerms,
    "net": NetTerms,
    "size": SizeTerms,
    "years": YearsTerms,
}
_DATED = ("first_year", "last_year", "amendments")


@dataclass(frozen=True, kw_only=True)
class Contract:
    """A shared-savings contract under the rules of one year, validated when it is made.

    Parameters
    ----------
    name : short name, the file's name for a shipped contract
    rule_year : year whose rules these are
    currency : ISO code, three letters
    payer : the party that pays, and that keeps the savings that are not shared
    parties : mapping of the parties of the providers' side to their shares of its payment, which sum to 1
    benchmark, threshold, sharing, quality, net, size, years : mappings, or the classes of `ssinfer.contracts.terms`
    title, source, notes : title, place of publication and notes for readers
    assumed : terms that are not public and were assumed, one sentence each

    Raises
    ------
    ContractError
        A term is unknown (the message gives the nearest), or terms contradict each other: sharing above 100%, a loss
        cap without shared losses, negative caps, parties that do not sum to one.

    Examples
    --------
    >>> contract = Contract(name="half", rule_year=2024, sharing={"savings": 0.5})
    >>> contract.two_sided
    False
    """

    name: str
    rule_year: int
    currency: str = "EUR"
    payer: str = "insurer"
    parties: Mapping[str, float] = field(default_factory=lambda: {"providers": 1.0})
    benchmark: BenchmarkTerms = field(default_factory=BenchmarkTerms)
    threshold: ThresholdTerms = field(default_factory=ThresholdTerms)
    sharing: SharingTerms = field(default_factory=SharingTerms)
    quality: QualityTerms = field(default_factory=QualityTerms)
    net: NetTerms = field(default_factory=NetTerms)
    size: SizeTerms = field(default_factory=SizeTerms)
    years: YearsTerms = field(default_factory=YearsTerms)
    title: str = ""
    source: str = ""
    assumed: tuple[str, ...] = ()
    notes: str = ""

    def __post_init__(self) -> None:
        for name, kind in _TABLES.items():
            object.__setattr__(self, name, build(kind, getattr(self, name), name))
        object.__setattr__(self, "assumed", names(self.assumed, "assumed"))
        object.__setattr__(self, "parties", dict(mapping(self.parties, "parties")))
        label(self.name, "A contract's name")
        label(self.payer, f"{self.name}: payer")
        whole(self.rule_year, f"{self.name}: rule_year must be a calendar year", least=1900, most=2200)
        if not re.fullmatch("[A-Z]{3}", str(self.currency)):
            raise ContractError(
                f"{self.name}: currency must be three capital letters such as 'EUR', got {self.currency!r}."
            )
        self._check_parties()
        self._check_losses()

    def _check_parties(self) -> None:
        if not self.parties or self.payer in self.parties:
            raise ContractError(
                f"{self.name}: parties must name the providers' side, at least one party and not the payer "
                f"{self.payer!r}, got {list(self.parties)}. The payer keeps the rest."
            )
        shares = [
            fraction(share, f"{self.name}: the share of party {party!r}") for party, share in self.parties.items()
        ]
        if not math.isclose(sum(shares), 1.0, abs_tol=1e-6):
            raise ContractError(
                f"{self.name}: the parties' shares must sum to 1, got {sum(shares):g}. They divide the providers' "
                "side; the payer keeps the part that sharing.savings leaves."
            )

    def _check_losses(self) -> None:
        of_losses = {
            "sharing.losses_cap_benchmark caps losses": self.sharing.losses_cap_benchmark,
            "sharing.losses_cap_revenue caps losses": self.sharing.losses_cap_revenue,
            "threshold.loss_rate is a threshold for losses": self.threshold.loss_rate,
        }
        for term, value in of_losses.items():
            if value is not None and not self.two_sided:
                raise ContractError(
                    f"{self.name}: {term}, but the contract is one-sided (no sharing.losses). "
                    "Give sharing.losses, or drop the term."
                )

    @property
    def two_sided(self) -> bool:
        """Whether the providers' side shares losses."""
        by_quality = any(losses > 0 for _, _, losses in self.quality.gates)
        return self.sharing.losses_complement or bool(self.sharing.losses) or by_quality

    @classmethod
    def from_mapping(cls, given: Mapping[str, Any], *, year: int | None = None) -> Self:
        """Return the contract described by a mapping, under the rules of `year` (default: the latest).

        A dated mapping has `first_year`, `last_year` and `amendments`: tables with a `year` from which their terms
        replace the earlier ones. An undated mapping has `rule_year`.
        """
        terms = dict(given)
        allowed = [f.name for f in fields(cls)]
        known_terms(terms, [*allowed, *_DATED], "A contract")
        called = str(terms.get("name", "contract"))
        if "rule_year" not in terms:
            terms = _at_year(terms, called, year, allowed)
        elif year is not None and year != terms["rule_year"]:
            raise ContractError(f"{called} has rules of {terms['rule_year']} only, got year={year}.")
        if "name" not in terms:
            raise ContractError(f"{called} has no 'name', which every contract needs.")
        return cls(**terms)

    @classmethod
    def from_toml(cls, path: str | Path, *, year: int | None = None) -> Self:
        """Return the contract in a TOML file, under the rules of `year` (default: the latest)."""
        file = Path(path)
        if not file.is_file():
            raise ContractError(
                f"There is no contract file {str(path)!r}. Give a TOML file or the name of a shipped contract."
            )
        try:
            given = tomllib.loads(file.read_text(encoding="utf-8"))
        except tomllib.TOMLDecodeError as error:
            raise ContractError(f"{file.name} is not valid TOML: {error}.") from error
        return cls.from_mapping(given, year=year)


def _at_year(given: dict[str, Any], called: str, year: int | None, allowed: list[str]) -> dict[str, Any]:
    """Return the terms in force in `year`: the first year's, with every later amendment up to it."""
    terms = dict(given)
    first, last = terms.pop("first_year", None), terms.pop("last_year", None)
    amendments = terms.pop("amendments", [])
    if first is None or last is None:
        raise ContractError(f"{called} needs rule_year, or first_year and last_year with amendments.")
    whole(first, f"{called}: first_year must be a calendar year", least=1900, most=2200)
    whole(last, f"{called}: last_year must be a calendar year from first_year {first} on", least=first, most=2200)
    for amendment in amendments:
        must = f"{called}: an amendment needs a year from {first} to {last}"
        whole(mapping(amendment, "amendments").get("year"), must, least=first, most=last)
        known_terms((key for key in amendment if key != "year"), allowed, "An amendment")
    at = last if year is None else year
    whole(at, f"{called} has rules for the years {first} to {last}", least=first, most=last)
    for amendment in sorted(amendments, key=lambda amendment: int(amendment["year"])):
        if amendment["year"] > at:
            break
        for key, value in amendment.items():
            old = terms.get(key)
            terms[key] = {**old, **value} if isinstance(old, dict) and isinstance(value, dict) else value
    terms.pop("year", None)
    return {**terms, "rule_year": at}


def shipped_contracts() -> tuple[str, ...]:
    """Return the names of the contracts that ssinfer ships.

    >>> "mssp-basic-e" in shipped_contracts()
    True
    """
    return tuple(sorted(file.stem for file in Path(__file__).parent.glob("*.toml")))


def load_contract(name: str | Path, *, year: int | None = None) -> Contract:
    """Return a shipped contract by name, or the contract in a TOML file.

    `name` is that of a shipped contract ("mssp-basic-e"; `ssinfer contracts` lists them) or the path of a TOML file.
    `year` is the rule year, by default the latest that the file has.

    Raises
    ------
    ContractError
        The name is unknown (the message gives the nearest), the year has no rules, or terms contradict each other.

    Examples
    --------
    >>> load_contract("mssp-basic-e", year=2024).sharing.savings
    0.5
    """
    if str(name) in shipped_contracts():
        return Contract.from_toml(Path(__file__).parent / f"{name}.toml", year=year)
    if str(name).endswith(".toml"):
        return Contract.from_toml(name, year=year)
    raise ContractError(
        f"There is no contract {str(name)!r}. {did_you_mean(name, shipped_contracts())} A file's name ends in .toml."
    )
