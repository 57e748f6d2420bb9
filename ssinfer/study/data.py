"""The data of a study: panels (and persons), a label, and a sentence on what kind of data it is; a branch a source."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ssinfer.datasets.io.panel_file import read_panel_file
from ssinfer.errors import StudyError, did_you_mean
from ssinfer.panel import Panel
from ssinfer.study.config import CLAIMS_SOURCES
from ssinfer.study.config_claims import Span

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ssinfer.study.config import StudyFile
    from ssinfer.study.sources.claims import ClaimsCount, View


@dataclass(frozen=True, eq=False)
class StudyData:
    """What the comparisons of a study see.

    Attributes
    ----------
    panel : Panel
        The first comparison's.
    label, note : str
        The data in words, and whether they are real.
    views : mapping of comparison to View
        Of claims: each comparison's own panel, and the persons behind it. Empty: all see `panel`, and nobody persons.
    claims : ClaimsCount or None
        What was made of the claims.
    """

    panel: Panel
    label: str
    note: str
    views: Mapping[str, View] = field(default_factory=dict)
    claims: ClaimsCount | None = None

    @property
    def regions(self) -> Any:
        """Regions of the panel's units, of claims that know them; None otherwise."""
        return next(iter(self.views.values())).cohort.unit_regions() if self.views else None

    def panel_of(self, comparison: str) -> Panel:
        """Return the panel that a comparison sees."""
        return self.views[comparison].panel if comparison in self.views else self.panel

    def data_for(self, comparison: str, needs: str) -> Any:
        """Return what a method gets: a Cohort where it needs persons, else the panel.

        Raises
        ------
        StudyError
            Persons are needed and the source has none.
        """
        if needs != "cohort":
            return self.panel_of(comparison)
        if comparison not in self.views:
            raise StudyError(
                "the method needs persons, and this source has a panel only. Use data.source 'claims' or "
                "'simulated_claims', or a method that needs a panel."
            )
        return self.views[comparison].cohort


def load_data(file: StudyFile, beside: Path, n_jobs: int = 1) -> StudyData:
    """Return the data of a study; files stand `beside` the study file, and `n_jobs` processes simulate claims."""
    if file.data.source in CLAIMS_SOURCES:
        from ssinfer.study.sources.claims import load_claims  # noqa: PLC0415  (Ibis only where there are claims)

        found = load_claims(file, beside, n_jobs)
        panel = found.views[file.comparison[0].name].panel
        return StudyData(panel, found.label, found.note, found.views, found.count)
    return StudyData(*_load_panel(file, beside))


def _load_panel(file: StudyFile, beside: Path) -> tuple[Panel, str, str]:
    """Return the panel, its label and its note of a source without persons."""
    data = file.data
    if data.source == "vektis":
        from ssinfer.datasets import load_vektis  # noqa: PLC0415  (only the source that is used)

        assert data.years is not None  # noqa: S101  (validated by the study file)
        years = range(int(data.years.first), int(data.years.last) + 1)
        extra = [file.population.ses] if file.population.ses else []
        wanted = ["expected", "share_65_plus", "latitude", "longitude", *extra]
        panel = load_vektis(years, basket=data.basket, covariates=list(dict.fromkeys(wanted)))
        label = f"Vektis, basket {data.basket!r}, {years[0]}-{years[-1]}, {len(panel.units)} municipalities"
        return panel, label, "real data: Dutch municipalities (Bron: Vektis)"
    if data.source == "dartmouth":
        from ssinfer.datasets import load_dartmouth  # noqa: PLC0415  (only the source that is used)

        panel = load_dartmouth()
        return panel, f"Dartmouth Atlas, {len(panel.units)} US counties", "real data: Medicare spending per US county"
    if data.source == "simulated_kerngezond_vlissingen":
        from ssinfer.simulation.panel import simulate_kerngezond_vlissingen  # noqa: PLC0415

        first = file.windows.performance
        start = first.first if isinstance(first, Span) else first[0]
        simulated = simulate_kerngezond_vlissingen(data.groups, saving=data.saving, start=str(start), seed=data.seed)
        label = f"simulated quarterly panel, {data.groups} groups, true saving {100 * data.saving:g}%, seed {data.seed}"
        return simulated.panel, label, "simulated data with known truth, calibrated to published figures: not a finding"
    assert data.file is not None  # noqa: S101  (validated by the study file)
    frame = read_panel_file(beside / data.file, str(data.columns.get("unit", "unit")))
    allowed = list(inspect.signature(Panel.from_frame).parameters)[1:]
    for key in data.columns:
        if key not in allowed:
            raise StudyError(f"data.columns names {key!r}. {did_you_mean(key, allowed)}")
    return Panel.from_frame(frame, **data.columns), f"panel {data.file}", f"data of the study's own file {data.file}"
