"""The data of a study: a panel, its label, and the sentence on what kind of data it is; one branch a source."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

from ssinfer.datasets.panel_file import read_panel_file
from ssinfer.errors import StudyError, did_you_mean
from ssinfer.panel import Panel
from ssinfer.study_file import Span

if TYPE_CHECKING:
    from pathlib import Path

    from ssinfer.study_file import StudyFile


def load_data(file: StudyFile, beside: Path) -> tuple[Panel, str, str]:
    """Return the panel, a label of the data, and whether they are real; files are looked for `beside` the study."""
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
        from ssinfer.datasets.simulated_panel import simulate_kerngezond_vlissingen  # noqa: PLC0415

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
