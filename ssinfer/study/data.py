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
    """How a study's data were made from claims, for its report.

    Attributes
    ----------
    extracts : mapping of spending definition to Extract
    practices : Cohort
        Persons per practice (the contract's practices are one unit), before grouping.
    groups : GroupsConfig
        How practices were grouped; `size` is filled in.
    left_over : int
        Number of persons in no group.
    contracted : tuple of str
        Units under contracts of their own: neither donors nor placebos.
    definitions : mapping of comparison to (spending definition, truncated)
    truth : mapping of comparison to KnownSaving
        True savings of simulated claims.
    why_no_truth : str
        The reason why a simulation has no known saving for this population or spending.
    """

    extracts: Mapping[str, Extract]
    practices: Cohort
    groups: GroupsConfig
    left_over: int
    contracted: tuple[str, ...]
    definitions: Mapping[str, tuple[str, bool]]
    truth: Mapping[str, KnownSaving] = field(default_factory=dict)
    why_no_truth: str = ""

    def completion_error(self, comparison: str) -> float:
        """Return the relative standard error of the completion factor of a comparison's spending; 0 without one."""
        completion = self.extracts[self.definitions[comparison][0]].completion
        if completion is None:
            return 0.0
        return float(completion["standard_error"].iloc[0] / completion["factor"].iloc[0])


@dataclass(frozen=True, eq=False)
class StudyData:
    """The data of a study.

    Attributes
    ----------
    panel : Panel
        The panel of the first comparison.
    label, note : str
        The data in words, and whether they are real.
    views : mapping of comparison to View
        Each comparison's own panel and persons. Empty when all comparisons see `panel` and there are no persons.
    claims : ClaimsCount or None
        How the data were made from claims.
    """

    panel: Panel
    label: str
    note: str
    views: Mapping[str, View] = field(default_factory=dict)
    claims: ClaimsCount | None = None

    @property
    def regions(self) -> Any:
        """Regions of the panel's units, if persons have one; else None."""
        return next(iter(self.views.values())).cohort.unit_regions() if self.views else None

    def panel_of(self, comparison: str) -> Panel:
        """Return the panel of a comparison."""
        return self.views[comparison].panel if comparison in self.views else self.panel

    def data_for(self, comparison: str, needs: str) -> Any:
        """Return the data for a method: a Cohort if it needs persons, else the panel.

        Raises
        ------
        StudyError
            The method needs persons and the source has none.
        """
        if needs != "cohort":
            return self.panel_of(comparison)
        if comparison not in self.views:
            names = " or ".join(repr(source.name) for source in SOURCES.entries() if source.has_persons)
            raise StudyError(
                f"the method needs persons, and this source has a panel only. Use data.source {names}, or a method "
                "that needs a panel."
            )
        return self.views[comparison].cohort
