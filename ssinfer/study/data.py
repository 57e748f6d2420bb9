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
    """The data of one comparison: its panel, and its persons for methods that need them."""

    panel: Panel
    cohort: Cohort


@dataclass(frozen=True, eq=False)
class ClaimsCount:
    """How a study's data were made from claims, for its report."""

    extracts: Mapping[str, Extract]  # by definition of spending
    practices: Cohort  # persons per practice, before grouping; the contract's practices are one unit
    groups: GroupsConfig  # how practices were grouped; `size` is filled in
    left_over: int  # number of persons in no group
    contracted: tuple[str, ...]  # units under other contracts: neither donors nor placebos
    definitions: Mapping[str, tuple[str, bool]]  # by comparison: definition of spending, and whether it is truncated
    truth: Mapping[str, KnownSaving] = field(default_factory=dict)  # by comparison, of simulated claims
    why_no_truth: str = ""  # why the simulation has no known saving for this population or spending

    def completion_error(self, comparison: str) -> float:
        """Return the relative standard error of the completion factor of a comparison's spending; 0 without one."""
        completion = self.extracts[self.definitions[comparison][0]].completion
        if completion is None:
            return 0.0
        return float(completion["standard_error"].iloc[0] / completion["factor"].iloc[0])


@dataclass(frozen=True, eq=False)
class StudyData:
    """The data of a study."""

    panel: Panel  # of the first comparison
    label: str  # the data in words
    note: str  # whether the data are real
    views: Mapping[str, View] = field(default_factory=dict)  # by comparison; empty if all see `panel`, without persons
    claims: ClaimsCount | None = None

    @property
    def regions(self) -> Any:
        """Regions of the panel's units, if persons have one; else None."""
        return next(iter(self.views.values())).cohort.unit_regions() if self.views else None

    def panel_of(self, comparison: str) -> Panel:
        """Return the panel of a comparison."""
        return self.views[comparison].panel if comparison in self.views else self.panel

    def data_for(self, comparison: str, needs: str) -> Any:
        """Return the data for a method: a Cohort if it needs persons, else the panel."""
        if needs != "cohort":
            return self.panel_of(comparison)
        if comparison not in self.views:
            names = " or ".join(repr(source.name) for source in SOURCES.entries() if source.has_persons)
            raise StudyError(
                f"the method needs persons, and this source has a panel only. Use data.source {names}, or a method "
                "that needs a panel."
            )
        return self.views[comparison].cohort
