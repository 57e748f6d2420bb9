"""Rules that choose the comparison group of a treated unit, or of each placebo unit of a backtest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ssinfer.arguments import Number, Optional, Several, check_arguments, checked
from ssinfer.errors import DesignError, refuse_unknown
from ssinfer.input_table import natural_order
from ssinfer.panel import Panel
from ssinfer.sentences import say

EARTH_RADIUS_KM = 6371.0088


@runtime_checkable
class ComparisonRule(Protocol):
    """Protocol of a rule that admits units to the comparison group."""

    def admits(self, panel: Panel, treated: Sequence[str], columns: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Return, per unit, whether it may be a donor; a rule uses no column later than the baseline `columns`."""
        ...


@checked(DesignError)
def distances(panel: Panel, unit: str, latitude: str = "latitude", longitude: str = "longitude") -> NDArray[np.float64]:
    """Return great-circle distances in kilometres from `unit` to every unit of the panel (haversine)."""
    phi, lam = _radians(panel, latitude), _radians(panel, longitude)
    row = panel.rows([unit])[0]
    half = np.sin((phi - phi[row]) / 2) ** 2 + np.cos(phi) * np.cos(phi[row]) * np.sin((lam - lam[row]) / 2) ** 2
    return np.asarray(2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.clip(half, 0.0, 1.0))))


@lru_cache(maxsize=4)
def _radians(panel: Panel, coordinate: str) -> NDArray[np.float64]:
    """Return each unit's mean coordinate in radians. A rule asks for them once per unit of the same panel."""
    return np.asarray(np.radians(np.nanmean(panel.covariate(coordinate), axis=1)))


@checked(DesignError, km=Number(0, open=True, infinite=True), beyond=Number(0))
@dataclass(frozen=True)
class Within:
    """Units within `km` kilometres of a treated unit, without those nearer than `beyond` kilometres.

    A regional group shares hospitals and tariffs with the treated unit. If the contract changes the hospitals'
    behaviour, near units change too; `beyond` leaves them out, and may stand alone. They are no donors;
    `HierarchicalBenchmark` leaves out their performance cells and keeps their history. `latitude` and `longitude` are
    covariates, in degrees.
    """

    km: float = float("inf")
    beyond: float = 0.0
    latitude: str = "latitude"
    longitude: str = "longitude"

    def __post_init__(self) -> None:
        if not self.beyond < self.km:
            raise DesignError(
                f"Within: the donors lie beyond {self.beyond} km and within {self.km} km; allowed: 0 <= "
                "beyond < within. Exchange or correct the two distances."
            )

    def admits(self, panel: Panel, treated: Sequence[str], columns: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Return the units inside the outer radius of any treated unit and the inner radius of none."""
        del columns
        far = np.array([distances(panel, unit, self.latitude, self.longitude) for unit in treated])
        return np.asarray((far <= self.km).any(axis=0) & ~(far < self.beyond).any(axis=0))


@checked(DesignError, ratio=Number(1, open=True, infinite=True), at_least=Number(0))
@dataclass(frozen=True)
class SimilarSize:
    """Units whose baseline insured-years lie within a factor `ratio` of the treated unit's, and reach `at_least`.

    `ratio` exceeds 1; infinity sets no limit. `at_least` is the smallest mean of insured-years per baseline period.
    """

    ratio: float = float("inf")
    at_least: float = 0.0

    def admits(self, panel: Panel, treated: Sequence[str], columns: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Return the units of similar size in the baseline."""
        if panel.insured_years is None:
            raise DesignError("SimilarSize needs insured_years, which this panel lacks. Give donors by name.")
        size = np.nanmean(panel.insured_years[:, columns], axis=1)
        treated_size = size[panel.rows(treated)]
        close = (np.abs(np.log(size[None, :] / treated_size[:, None])) <= np.log(self.ratio)).any(axis=0)
        return np.asarray(close & (size >= self.at_least))


@checked(DesignError, within=Number(0, 1, open=True))
@dataclass(frozen=True)
class SimilarSpending:
    """Units whose mean baseline spending differs from the treated unit's by less than the fraction `within`.

    Units with similar spending have similar case mix and tariffs. If the treated unit was chosen for its spending, the
    comparison suffers from regression to the mean.
    """

    within: float

    def admits(self, panel: Panel, treated: Sequence[str], columns: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Return the units with similar baseline spending; means are weighted by insured-years if known."""
        money = panel.spending[:, columns]
        years = np.ones(money.shape) if panel.insured_years is None else panel.insured_years[:, columns]
        known = np.isfinite(money) & np.isfinite(years)
        total = np.where(known, years, 0.0).sum(axis=1)
        sums = np.where(known, money * years, 0.0).sum(axis=1)
        mean = np.divide(sums, total, out=np.full(len(total), np.nan), where=total > 0)
        treated_mean = mean[panel.rows(treated)]
        return np.asarray((np.abs(mean[None, :] / treated_mean[:, None] - 1) < self.within).any(axis=0))


@dataclass(frozen=True)
class Listed:
    """The named units without the treated units."""

    units: tuple[str, ...]

    def __post_init__(self) -> None:
        if not len(check_arguments("Listed", {"units": Several()}, {"units": self.units}, DesignError)["units"]):
            raise DesignError(
                "donors is an empty list. Pass Design(donors=None) for all other units, or name at least one."
            )

    def admits(self, panel: Panel, treated: Sequence[str], columns: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Return the named units."""
        del treated, columns
        return np.isin(np.arange(len(panel.units)), panel.rows(self.units, "donor"))


@dataclass(frozen=True)
class Apart:
    """All units but those named, to which a contract may spread: they share providers with the treated unit.

    They are no donors; `HierarchicalBenchmark` leaves out their performance cells and keeps their history.
    """

    units: tuple[str, ...]

    def admits(self, panel: Panel, treated: Sequence[str], columns: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Return the units that are not named; a name that the panel lacks is refused."""
        del treated, columns
        return ~np.isin(np.arange(len(panel.units)), panel.rows(self.units, "spillover unit"))


@dataclass(frozen=True)
class Every:
    """Units that satisfy all rules."""

    rules: tuple[ComparisonRule, ...]

    def admits(self, panel: Panel, treated: Sequence[str], columns: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Return the units that every rule admits."""
        return np.all([rule.admits(panel, treated, columns) for rule in self.rules], axis=0)


def with_spillover(rule: Any) -> Any:
    """Return the rule that also admits units nearer than its inner radius, and named apart; else the rule itself."""
    if isinstance(rule, Apart):
        return replace(rule, units=())
    if isinstance(rule, Within):
        return replace(rule, beyond=0.0) if rule.beyond else rule
    return Every(tuple(map(with_spillover, rule.rules))) if isinstance(rule, Every) else rule


def named_apart(rule: Any) -> tuple[str, ...]:
    """Return the units that a rule names because a contract may spread to them."""
    if isinstance(rule, Every):
        return tuple(unit for part in rule.rules for unit in named_apart(part))
    return rule.units if isinstance(rule, Apart) else ()


RULE_KEYS = ("donors", "within_km", "beyond_km", "at_least", "ratio", "spending_within", "spillover")
_NAMES = ("donors", "spillover")
_VALUES = {key: Optional(Several() if key in _NAMES else Number(infinite=True)) for key in RULE_KEYS}


@checked(DesignError)
def comparison_of(values: Mapping[str, Any]) -> ComparisonRule | None:
    """Return the rule described by plain values of a TOML or JSON file; None for all other units.

    The keys are `donors` (names), `within_km` and `beyond_km` (Within), `at_least` and `ratio` (SimilarSize), and
    `spending_within` (SimilarSpending), and `spillover` (names, Apart). An absent key, None and 0 leave a rule out.
    Several rules must all be satisfied. DesignError: an unknown key, or a value that the rule refuses.

    >>> comparison_of({"within_km": 50, "beyond_km": 5})
    Within(km=50, beyond=5, latitude='latitude', longitude='longitude')
    """
    refuse_unknown(values, RULE_KEYS, "A comparison rule has no key", DesignError)
    read = check_arguments("Comparison rule", {key: _VALUES[key] for key in values}, values, DesignError)
    rules: list[ComparisonRule] = []
    if read.get("donors") is not None:
        rules.append(Listed(natural_order(read["donors"])))
    if values.get("within_km") is not None or values.get("beyond_km"):
        within = values.get("within_km")
        rules.append(Within(float("inf") if within is None else within, values.get("beyond_km") or 0.0))
    if values.get("at_least") or values.get("ratio"):
        rules.append(SimilarSize(ratio=values.get("ratio") or float("inf"), at_least=values.get("at_least") or 0.0))
    if values.get("spending_within") is not None:
        rules.append(SimilarSpending(values["spending_within"]))
    if read.get("spillover"):
        rules.append(Apart(natural_order(read["spillover"])))
    return None if not rules else rules[0] if len(rules) == 1 else Every(tuple(rules))


def comparison_group(donors: ComparisonRule | tuple[str, ...] | None, n_under_contract: int) -> str:
    """Return the rule of a comparison group in words, without contracted units if there are any."""
    rule = _in_words(donors)
    return say("comparison.without_contracted", rule=rule, n=n_under_contract) if n_under_contract else rule


def _in_words(rule: Any) -> str:
    if rule is None:
        return say("comparison.all")
    if isinstance(rule, tuple | Listed):
        units = rule.units if isinstance(rule, Listed) else rule
        return ", ".join(units) if len(units) <= 3 else say("comparison.named", n=len(units))
    if isinstance(rule, Within):
        which = "beyond" if rule.km == float("inf") else "between" if rule.beyond else "within"
        return say(f"comparison.{which}", km=rule.km, beyond=rule.beyond)
    if isinstance(rule, SimilarSize):
        given = [name for name in ("ratio", "at_least") if getattr(rule, name) not in (0.0, float("inf"))]
        return say(f"comparison.{'_'.join(['size', *given])}", **vars(rule))
    if isinstance(rule, Apart):
        return say("comparison.apart", n=len(rule.units))
    if isinstance(rule, SimilarSpending):
        return say("comparison.spending", share=100 * rule.within)
    return "; ".join(map(_in_words, rule.rules)) if isinstance(rule, Every) else repr(rule)
