"""StudyData: the panels and persons that the comparisons of a study see, and how they were made from claims."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ssinfer.cohort.cohort import Cohort
from ssinfer.errors import PanelError, StudyError, raised_as
from ssinfer.finding import Finding
from ssinfer.names import match_names
from ssinfer.panel import Panel, period_columns
from ssinfer.periods import read_periods
from ssinfer.study.config import StudyConfig
from ssinfer.study.config_base import Periods, Span
from ssinfer.study.config_blocks import PopulationConfig
from ssinfer.study.config_claims import GroupsConfig, SpendingConfig
from ssinfer.study.source import SOURCES

if TYPE_CHECKING:
    from ssinfer.claims import Extract
    from ssinfer.simulation.known_saving import KnownSaving
    from ssinfer.study.provisional import RunOutNoise

WINDOW_KEYS = ("baseline", "performance", "masked")
SIMULATED = Finding("data_note.simulated", {})


@dataclass(frozen=True, eq=False)
class View:
    """The data of some fits: their panel, and the persons for methods that need them."""

    panel: Panel
    cohort: Cohort | None
    untruncated: Cohort | None = None  # the persons before truncation
    caps: Mapping[int, float] | None = None  # of truncation, by calendar year, per insured-year
    categories: Mapping[str, Panel] = field(default_factory=dict)  # of public data: its spending by category


@dataclass(frozen=True, eq=False)
class ClaimsCount:
    """How a study's data were made from claims, for its report."""

    extracts: Mapping[str, "Extract"]  # by definition of spending
    practices: Cohort  # persons per practice, before grouping; the contract's practices are one unit
    groups: GroupsConfig  # how practices were grouped; `size` is filled in
    left_over: int  # number of persons in no group
    contracted: tuple[str, ...]  # units under other contracts: neither donors nor placebos
    definitions: Mapping[str, tuple[str, bool]]  # by fits: extraction, and whether it is truncated
    truth: Mapping[str, "KnownSaving"] = field(default_factory=dict)  # by fits, of simulated claims
    why_no_truth: str = ""  # why the simulation has no known saving for this population or spending
    born: Any = None  # year of birth of each row of `practices` (n,)
    repriced: tuple[Cohort, Cohort] | None = None  # `practices` before truncation, at prices and at reference tariffs

    def completion_error(self, comparison: str) -> float:
        """Return the relative standard error of the completion factor of a comparison's spending; 0 without one."""
        completion = self.extracts[self.definitions[comparison][0]].completion
        if completion is None or "period" in completion:  # a provisional run-out has its own errors
            return 0.0
        return float(completion["standard_error"].iloc[0] / completion["factor"].iloc[0])


@dataclass(frozen=True, eq=False)
class ProgrammeData:
    """All spending of the whole population in the groups of the study, to which true programmes are applied."""

    whole: Any  # a Cohort of claims, or a Panel of public data
    parts: Mapping[str, Any] = field(default_factory=dict)  # spending of one category, by category of the scenarios


@dataclass(frozen=True, eq=False)
class StudyData:
    """The data of a study."""

    panel: Panel  # of the first fits
    label: Finding | str  # the data
    note: Finding | str  # whether the data are real
    views: Mapping[str, View] = field(default_factory=dict)  # by name of fits; empty if all see `panel`
    claims: ClaimsCount | None = None
    whole: ProgrammeData | None = None  # None: `panel` holds all spending of the whole population
    standards: Mapping[str, str] = field(default_factory=dict)  # covariate of the case-mix standard, by name of fits
    findings: tuple[Finding, ...] = ()  # of the source
    run_out: Mapping[tuple[str, str, int], "RunOutNoise"] = field(default_factory=dict)  # by group, fits, contract year
    elasticity: Mapping[str, float] = field(default_factory=dict)  # of truncated spending, by name of fits

    @cached_property
    def _regions(self) -> dict[str, str]:
        """The region of each unit, the same in all views; empty if persons have none."""
        cohorts = [*(view.cohort for view in self.views.values()), self.programme.whole]
        known = [(part.units, part.unit_regions()) for part in reversed(cohorts) if hasattr(part, "unit_regions")]
        return {u: r for units, named in known if named is not None for u, r in zip(units, named, strict=True)}

    def regions_of(self, panel: Panel) -> list[str] | None:
        """Return the region of each unit of a panel; None if persons have none."""
        return [self._regions[unit] for unit in panel.units] if self._regions else None

    @property
    def programme(self) -> ProgrammeData:
        """All spending of the whole population."""
        return self.whole or ProgrammeData(self.panel)

    def view_of(self, fit: str) -> View:
        """Return the data of some fits."""
        return self.views[fit] if fit in self.views else View(self.panel, None)

    def panel_of(self, fit: str) -> Panel:
        """Return the panel of some fits."""
        return self.view_of(fit).panel

    def data_for(self, comparison: str, needs: str) -> Any:
        """Return the data for a method: a Cohort if it needs persons, else the panel."""
        if needs != "cohort":
            return self.panel_of(comparison)
        cohort = self.views[comparison].cohort if comparison in self.views else None
        if cohort is None:
            names = " or ".join(repr(source.name) for source in SOURCES.entries() if source.has_persons)
            fault = "the method needs persons, and this source has a panel only"
            raise StudyError(f"{fault}. Use data.source {names}, or a method that needs a panel.")
        return cohort


def public_data(
    config: StudyConfig,
    label: Finding | str,
    note: Finding | str,
    whole: ProgrammeData,
    make: Callable[[PopulationConfig, SpendingConfig], tuple[Panel, Mapping[str, Panel]]],
    region_of: Mapping[str, str],
) -> StudyData:
    """Return the data of a study on public panels; fits of one population and spending share a view.

    `make` returns a panel, and panels of its categories in which programmes save; `region_of` may be empty. `at_least`
    holds in the first period, before all windows, so that no later size chooses units.
    """
    views: dict[str, View] = {}
    made: dict[tuple[str, str], View] = {}
    for fit, design in config.fits.items():
        population, spending = design.population, design.spending
        if (key := (population.content, spending.content)) not in made:
            with raised_as(StudyError, f"population {population.name!r}, spending {spending.name!r}:"):
                panel, categories = make(population, spending)
                cure = "" if region_of else "The data have no regions. Leave regions out."
                regions = match_names(population.regions or (), set(region_of.values()), "no region", StudyError, cure)
            years = whole.whole.insured_years
            sizes = np.full(len(whole.whole.units), np.inf) if years is None else np.nan_to_num(years[:, 0])
            size_of = dict(zip(whole.whole.units, sizes, strict=True))
            large = [unit for unit in panel.units if size_of[unit] >= population.at_least]
            units = [unit for unit in large if not regions or region_of[unit] in regions]
            if absent := [unit for unit in config.contracted if unit in whole.whole.row_of and unit not in units]:
                raise StudyError(
                    f"population {population.name!r} is without the treated unit {', '.join(absent)}. Give wider ages, "
                    "regions that hold it, or a smaller at_least."
                )
            made[key] = View(panel.select(units), None, categories=categories)
        views[fit] = made[key]
    return StudyData(next(iter(views.values())).panel, label, note, views, whole=whole)


def categories_of(config: StudyConfig, known: Collection[str]) -> tuple[str, ...]:
    """Return the categories in which the programmes of a study save; one that the data lack is refused."""
    wanted = [name for part in config.scenario for name in part.categories or ()]
    return match_names(wanted, known, "scenario.categories: the data have no category", StudyError)


def named_periods(wanted: Periods, periods: Sequence[Any], key: str) -> tuple[Any, ...]:
    """Return the periods that a key of a study file names, as a span or one by one; masked ones may lie outside."""
    window = key.rpartition(".")[2]
    if window == "masked" and not isinstance(wanted, Span):
        return tuple(wanted)
    named = (wanted.first, wanted.last) if isinstance(wanted, Span) else wanted
    with raised_as(StudyError, f"{key}:", PanelError):
        columns = period_columns(read_periods(periods), named, f"The panel has no {window} period", PanelError).tolist()
    if isinstance(wanted, Span):
        columns = range(columns[0], columns[1] + 1)
        if not columns:
            raise StudyError(f"{key}: first {wanted.first!r} is after last {wanted.last!r}. Exchange them.")
    return tuple(periods[column] for column in columns)
