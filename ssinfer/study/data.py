"""StudyData: the panels and persons that the comparisons of a study see, and how they were made from claims."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ssinfer.errors import StudyError
from ssinfer.study.source import SOURCES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ssinfer.claims import Extract
    from ssinfer.cohort.cohort import Cohort
    from ssinfer.panel import Panel
    from ssinfer.simulation.known_saving import KnownSaving
    from ssinfer.study.config_claims import GroupsConfig

SIMULATED = "simulated data with known truth, calibrated to published figures: not a finding"


@dataclass(frozen=True, eq=False)
class View:
    """The data of some fits: their panel, and the persons for methods that need them."""

    panel: Panel
    cohort: Cohort | None
    untruncated: Cohort | None = None  # the persons before truncation
    caps: Mapping[int, float] | None = None  # of truncation, by calendar year, per insured-year
    categories: tuple[str, ...] = ()  # of public data: the categories that the spending counts


@dataclass(frozen=True, eq=False)
class ClaimsCount:
    """How a study's data were made from claims, for its report."""

    extracts: Mapping[str, Extract]  # by definition of spending
    practices: Cohort  # persons per practice, before grouping; the contract's practices are one unit
    groups: GroupsConfig  # how practices were grouped; `size` is filled in
    left_over: int  # number of persons in no group
    contracted: tuple[str, ...]  # units under other contracts: neither donors nor placebos
    definitions: Mapping[str, tuple[str, bool]]  # by fits: extraction, and whether it is truncated
    truth: Mapping[str, KnownSaving] = field(default_factory=dict)  # by fits, of simulated claims
    why_no_truth: str = ""  # why the simulation has no known saving for this population or spending

    def completion_error(self, comparison: str) -> float:
        """Return the relative standard error of the completion factor of a comparison's spending; 0 without one."""
        completion = self.extracts[self.definitions[comparison][0]].completion
        if completion is None:
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
    label: str  # the data in words
    note: str  # whether the data are real
    views: Mapping[str, View] = field(default_factory=dict)  # by name of fits; empty if all see `panel`
    claims: ClaimsCount | None = None
    whole: ProgrammeData | None = None  # None: `panel` holds all spending of the whole population

    @property
    def regions(self) -> Any:
        """Regions of the panel's units, if persons have one; else None."""
        first = next(iter(self.views.values())).cohort if self.views else None
        return None if first is None else first.unit_regions()

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
            raise StudyError(
                f"the method needs persons, and this source has a panel only. Use data.source {names}, or a method "
                "that needs a panel."
            )
        return cohort
