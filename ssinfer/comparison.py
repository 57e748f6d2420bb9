"""Rules that choose the comparison group of whichever unit is treated.

A backtest puts every unit in the treated unit's place; a rule then chooses each placebo's own
comparison group, as it would have been chosen for a contract with that unit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from ssinfer.errors import DesignError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from ssinfer.panel import Panel

EARTH_RADIUS_KM = 6371.0088


@runtime_checkable
class ComparisonRule(Protocol):
    """Anything that says which units may be compared with the treated ones."""

    def admits(self, panel: Panel, treated: Sequence[str], columns: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Return, per unit of the panel, whether it may be a donor.

        `columns` are the baseline columns: a rule may look at nothing later.
        """
        ...


def distances(panel: Panel, unit: str, latitude: str = "latitude", longitude: str = "longitude") -> NDArray[np.float64]:
    """Return great-circle distances in kilometres from `unit` to every unit of the panel (haversine)."""
    phi = np.radians(np.nanmean(panel.covariate(latitude), axis=1))
    lam = np.radians(np.nanmean(panel.covariate(longitude), axis=1))
    own = panel.rows([unit])[0]
    half = np.sin((phi - phi[own]) / 2) ** 2 + np.cos(phi) * np.cos(phi[own]) * np.sin((lam - lam[own]) / 2) ** 2
    return np.asarray(2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.clip(half, 0.0, 1.0))))


@dataclass(frozen=True)
class Within:
    """Units within `km` of a treated unit, leaving out those nearer than `beyond` km (a donut).

    A regional group shares hospitals and tariffs with the treated unit, which makes it comparable, and
    shares them too well if the contract changes the hospitals' behaviour: hence the donut.

    Parameters
    ----------
    km : float
        Outer radius in kilometres.
    beyond : float
        Inner radius in kilometres; 0 for none.
    latitude, longitude : str
        Covariates of the panel, in degrees.
    """

    km: float
    beyond: float = 0.0
    latitude: str = "latitude"
    longitude: str = "longitude"

    def __post_init__(self) -> None:
        if not 0 <= self.beyond < self.km:
            raise DesignError(f"Within(km={self.km}, beyond={self.beyond}): need 0 <= beyond < km, in kilometres.")

    def admits(self, panel: Panel, treated: Sequence[str], columns: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Return which units lie in the ring around any treated unit, and in no treated unit's inner circle."""
        del columns
        far = np.array([distances(panel, unit, self.latitude, self.longitude) for unit in treated])
        return np.asarray((far <= self.km).any(axis=0) & ~(far < self.beyond).any(axis=0))


@dataclass(frozen=True)
class SimilarSize:
    """Units whose baseline insured-years lie within a factor `ratio` of the treated unit's, or above `at_least`.

    Parameters
    ----------
    ratio : float
        Largest admitted ratio of insured-years either way, above 1; infinity for no limit.
    at_least : float
        Smallest admitted mean of insured-years over the baseline.
    """

    ratio: float = float("inf")
    at_least: float = 0.0

    def __post_init__(self) -> None:
        if self.ratio <= 1:
            raise DesignError(f"SimilarSize(ratio={self.ratio}): the ratio must exceed 1.")

    def admits(self, panel: Panel, treated: Sequence[str], columns: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Return which units are of similar size in the baseline."""
        if panel.insured_years is None:
            raise DesignError("SimilarSize needs insured_years, which this panel lacks. Give donors by name.")
        size = np.nanmean(panel.insured_years[:, columns], axis=1)
        own = size[panel.rows(treated)]
        close = (np.abs(np.log(size[None, :] / own[:, None])) <= np.log(self.ratio)).any(axis=0)
        return np.asarray(close & (size >= self.at_least))


@dataclass(frozen=True)
class SimilarSpending:
    """Units whose baseline spending per insured-year lies within a share of the treated unit's.

    Groups of like spending have like case mix and tariffs; the price is regression to the mean if the treated unit
    was chosen for its spending.

    Parameters
    ----------
    within : float
        Largest relative distance of mean baseline spending, 0.15 for 15%.
    """

    within: float

    def __post_init__(self) -> None:
        if not 0 < self.within < 1:
            raise DesignError(
                f"SimilarSpending(within={self.within}): a share between 0 and 1 is needed, such as 0.15."
            )

    def admits(self, panel: Panel, treated: Sequence[str], columns: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Return which units spend similarly in the baseline, means weighted by insured-years where known."""
        money = panel.spending[:, columns]
        years = np.ones(money.shape) if panel.insured_years is None else panel.insured_years[:, columns]
        known = np.isfinite(money) & np.isfinite(years)
        total = np.where(known, years, 0.0).sum(axis=1)
        sums = np.where(known, money * years, 0.0).sum(axis=1)
        level = np.divide(sums, total, out=np.full(len(total), np.nan), where=total > 0)
        own = level[panel.rows(treated)]
        return np.asarray((np.abs(level[None, :] / own[:, None] - 1) < self.within).any(axis=0))


@dataclass(frozen=True)
class Listed:
    """The units named, less the treated."""

    units: tuple[str, ...]

    def admits(self, panel: Panel, treated: Sequence[str], columns: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Return which units are named."""
        del treated, columns
        admitted = np.zeros(len(panel.units), dtype=bool)
        admitted[panel.rows(self.units, "donor")] = True
        return admitted


@dataclass(frozen=True)
class Every:
    """Units that satisfy all of several rules."""

    rules: tuple[ComparisonRule, ...]

    def admits(self, panel: Panel, treated: Sequence[str], columns: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Return which units every rule admits."""
        admitted = np.ones(len(panel.units), dtype=bool)
        for rule in self.rules:
            admitted &= rule.admits(panel, treated, columns)
        return admitted


RULE_KEYS = ("donors", "within_km", "beyond_km", "at_least", "ratio", "level_within")


def comparison_of(values: Mapping[str, Any]) -> ComparisonRule | None:
    """Return the rule that plain values (of a TOML or JSON file) describe; None for all other units.

    Parameters
    ----------
    values : mapping
        Any of `donors` (names), `within_km` and `beyond_km` (Within), `at_least` and `ratio` (SimilarSize),
        `level_within` (SimilarSpending). Absent, None and 0 leave a part out; several parts must all be satisfied.

    Raises
    ------
    DesignError
        An unknown key, or a value that the rule refuses.

    Examples
    --------
    >>> comparison_of({"within_km": 50, "beyond_km": 5})
    Within(km=50, beyond=5, latitude='latitude', longitude='longitude')
    """
    for key in values:
        if key not in RULE_KEYS:
            raise DesignError(f"A comparison rule has no key {key!r}. {did_you_mean(key, RULE_KEYS)}")
    rules: list[ComparisonRule] = []
    if values.get("donors") is not None:
        rules.append(Listed(tuple(str(unit) for unit in values["donors"])))
    if values.get("within_km") is not None:
        rules.append(Within(values["within_km"], values.get("beyond_km") or 0.0))
    elif values.get("beyond_km"):
        raise DesignError("beyond_km is given without within_km. Give the outer radius too, in kilometres.")
    if values.get("at_least") or values.get("ratio"):
        rules.append(SimilarSize(ratio=values.get("ratio") or float("inf"), at_least=values.get("at_least") or 0.0))
    if values.get("level_within") is not None:
        rules.append(SimilarSpending(values["level_within"]))
    return None if not rules else rules[0] if len(rules) == 1 else Every(tuple(rules))
