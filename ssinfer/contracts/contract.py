"""Contract: the terms of a shared-savings contract under the rules of one year."""

import math
from collections.abc import Mapping
from dataclasses import field, replace
from numbers import Integral
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, Strict, StringConstraints

from ssinfer.contracts import terms as parts
from ssinfer.contracts.checks import DATED, Allowed, Fraction, Name, Text, checked
from ssinfer.documents import parse_toml, read_text
from ssinfer.errors import ContractError, did_you_mean, refuse_unknown

Currency = Annotated[str, StringConstraints(pattern="^[A-Z]{3}$"), Allowed("three capital letters such as 'EUR'")]


@checked
class Contract:
    """A shared-savings contract under the rules of one year, validated when it is made.

    Parameters
    ----------
    name : short name, the file's name for a shipped contract
    rule_year : year whose rules these are
    currency : ISO code, three letters
    payer : the party that pays, and that keeps the savings that are not shared
    parties : mapping of the parties of the providers' side to their shares of its payment, which sum to 1
    benchmark, threshold, sharing, quality, net, size, years, rebasing : mappings, or the classes of
        `ssinfer.contracts.terms`
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

    name: Name
    rule_year: Annotated[int, Strict(), Field(ge=1900, le=2200), Allowed("a calendar year", "year, 1900 to 2200")]
    currency: Currency = "EUR"
    payer: Name = "insurer"
    parties: Annotated[dict[Name, Fraction], Allowed("a table of shares that sum to 1", "fraction")] = field(
        default_factory=lambda: {"providers": 1.0}
    )
    benchmark: parts.BenchmarkTerms = field(default_factory=parts.BenchmarkTerms)
    threshold: parts.ThresholdTerms = field(default_factory=parts.ThresholdTerms)
    sharing: parts.SharingTerms = field(default_factory=parts.SharingTerms)
    quality: parts.QualityTerms = field(default_factory=parts.QualityTerms)
    net: parts.NetTerms = field(default_factory=parts.NetTerms)
    size: parts.SizeTerms = field(default_factory=parts.SizeTerms)
    years: parts.YearsTerms = field(default_factory=parts.YearsTerms)
    rebasing: parts.RebasingTerms = field(default_factory=parts.RebasingTerms)
    title: Text = ""
    source: Text = ""
    assumed: Annotated[tuple[Text, ...], Allowed("a list of names or sentences")] = ()
    notes: Text = ""

    def __post_init__(self) -> None:
        if not self.parties or self.payer in self.parties:
            raise ContractError(
                f"parties must name the providers' side, at least one party and not the payer {self.payer!r}, got "
                f"{list(self.parties)}. The payer keeps the rest."
            )
        total = sum(self.parties.values())
        if not math.isclose(total, 1.0, abs_tol=1e-6):
            raise ContractError(
                f"the parties' shares must sum to 1, got {total:g}. They divide the providers' side; the payer keeps "
                "the part that sharing.savings leaves."
            )
        of_losses = {
            "sharing.losses_cap_benchmark caps losses": self.sharing.losses_cap_benchmark,
            "sharing.losses_cap_revenue caps losses": self.sharing.losses_cap_revenue,
            "threshold.loss_rate is a threshold for losses": self.threshold.loss_rate,
            "years.losses_cap_benchmark caps losses": self.years.losses_cap_benchmark,
        }
        for term, value in of_losses.items():
            if value is not None and not self.two_sided:
                fault = f"{term}, but the contract is one-sided (no sharing.losses)"
                raise ContractError(f"{fault}. Give sharing.losses, or drop the term.")

    @property
    def two_sided(self) -> bool:
        """Whether the providers' side shares losses."""
        by_quality = any(losses > 0 for _, _, losses in self.quality.gates)
        return self.sharing.losses_complement or bool(self.sharing.losses) or by_quality

    @classmethod
    def from_mapping(cls, given: Mapping[str, Any], *, year: int | None = None) -> Self:
        """Return the contract described by a mapping, under the rules of `year` (default: the latest).

        A dated mapping has `first_year`, `last_year` and `amendments`: tables with a `year` from which their terms
        replace the earlier ones. An undated mapping has `rule_year`. The rules of all years are checked.
        """
        if not isinstance(given, Mapping):
            raise ContractError(f"A contract must be a table of terms, got {given!r}.")
        terms = {str(key): value for key, value in given.items()}
        called = str(terms.get("name", "contract"))
        if "rule_year" not in terms:
            return _at_year(cls, terms, called, year)
        if dated := [key for key in DATED if key in terms]:
            raise ContractError(f"{called} has rule_year and {dated[0]}. Give rule_year alone, or {', '.join(DATED)}.")
        contract = cls(**terms)
        if year is not None:
            _check_year(year, f"{called} has rules of {contract.rule_year} only", *[contract.rule_year] * 2)
        return contract

    @classmethod
    def from_toml(cls, path: str | Path, *, year: int | None = None) -> Self:
        """Return the contract in a TOML file, under the rules of `year` (default: the latest)."""
        file = Path(str(path))
        if not file.is_file():
            raise ContractError(f"There is no contract file {str(path)!r}. Give a TOML file or a shipped contract.")
        text = read_text(file, "the contract file", ContractError, "Pass the path of a TOML file.")
        return cls.from_mapping(parse_toml(text, file.name, ContractError), year=year)


def _at_year[T: Contract](cls: type[T], terms: dict[str, Any], called: str, year: int | None) -> T:
    """Return the contract in `year` of a dated mapping; the rules of all years are checked."""
    first, last = terms.pop("first_year", None), terms.pop("last_year", None)
    amendments = terms.pop("amendments", [])
    if first is None or last is None:
        raise ContractError(f"{called} needs rule_year, or first_year and last_year with amendments.")
    _check_year(first, f"{called}: first_year must be a calendar year", 1900, 2200)
    _check_year(last, f"{called}: last_year must be a calendar year from first_year {first} on", first, 2200)
    at = last if year is None else year
    _check_year(at, f"{called} has rules for the years {first} to {last}", first, last)
    if not isinstance(amendments, list | tuple) or not all(isinstance(part, Mapping) for part in amendments):
        raise ContractError(f"{called}: amendments must be a list of tables, got {amendments!r}.")
    allowed = [name for name in cls.__dataclass_fields__ if name != "rule_year"]
    for amendment in amendments:
        _check_year(amendment.get("year"), f"{called}: an amendment needs a year from {first} to {last}", first, last)
        refuse_unknown(amendment, [*allowed, "year"], f"{called}: An amendment has no term", ContractError)
    for start in sorted({first, *(amendment["year"] for amendment in amendments)}):
        for key, value in (item for part in amendments if part["year"] == start for item in part.items()):
            old = terms.get(key)
            terms[key] = {**old, **value} if isinstance(old, dict) and isinstance(value, dict) else value
        terms.pop("year", None)
        contract = cls(**terms, rule_year=start)
        if start <= at:
            chosen = contract
    return replace(chosen, rule_year=at)


def _check_year(value: Any, must: str, least: int, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, Integral) or not least <= int(value) <= most:
        raise ContractError(f"{must}, got {value!r}.")


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
