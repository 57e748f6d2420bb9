"""Panel: a file with one row per unit and period."""

import inspect
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from ssinfer.datasets.io.panel_file import read_panel_file
from ssinfer.errors import StudyError, did_you_mean, refuse_unknown
from ssinfer.finding import Finding
from ssinfer.panel import Panel
from ssinfer.study.config import StudyConfig
from ssinfer.study.config_blocks import PopulationConfig
from ssinfer.study.config_claims import SpendingConfig
from ssinfer.study.data import ProgrammeData, StudyData, categories_of, public_data
from ssinfer.study.source import DataConfig, DataSource


class PanelConfig(DataConfig):
    """The file, and how :meth:`ssinfer.Panel.from_frame` reads its columns."""

    file: str = Field(examples=['"panel.csv" (or a .parquet file) in the folder of the study file'])
    all_spending: str | None = None  # column of all spending, the scale of all designs; by default the first spending
    region: str | None = None  # column of the region of each unit
    columns: dict[str, Any] = Field(default_factory=dict)
    periods_per_year: int | None = Field(default=None, gt=0)
    spending_is: Literal["per insured-year", "per insured-period"] = "per insured-year"  # of the spending column

    def load(self, config: StudyConfig, folder: Path, _n_jobs: int) -> StudyData:
        """Return the panels of the file, one per column of spending."""
        allowed = list(inspect.signature(Panel.from_frame).parameters)[1:]
        refuse_unknown(self.columns, allowed, "data.columns names", StudyError)
        unit = str(self.columns.get("unit", "unit"))
        frame = read_panel_file(folder / self.file, unit)
        period = str(self.columns.get("period", "period"))
        if config.seal is not None and period in frame:
            frame = frame[frame[period].isin(config.seal.before(frame[period].dropna()))]
        default = str(self.columns.get("spending", "spending"))
        of = {part.name: part.column or ("" if len(config.spending) > 1 else default) for part in config.spending}
        scale = self.all_spending or next(iter(of.values()))
        named = {**{f"column of spending {name!r}": of[name] for name in of}, "data.all_spending": scale}
        for key, name in {**named, "data.region": self.region or unit}.items():
            if name not in (default, *frame.columns):
                raise StudyError(f"{key}: {self.file} has no column {name!r}. {did_you_mean(name, frame.columns)}")
        panels = {name: self._panel(frame, name) for name in dict.fromkeys([scale, *of.values()])}
        saved = categories_of(config, panels)

        def make(_: PopulationConfig, spending: SpendingConfig) -> tuple[Panel, Mapping[str, Panel]]:
            column = of[spending.name]
            return panels[column], {name: panels[name] for name in saved if column in (name, scale)}

        regions = {} if self.region is None else dict(zip(frame[unit].astype(str), frame[self.region], strict=True))
        whole = ProgrammeData(panels[scale], {name: panels[name] for name in saved})
        label, note = (Finding(f"data_{what}.panel", {"file": self.file}) for what in ("label", "note"))
        return public_data(config, label, note, whole, make, regions)

    def _panel(self, frame: Any, spending: str) -> Panel:
        own = {"periods_per_year": self.periods_per_year, "accept": self.accept}
        panel = Panel.from_frame(frame, **{**own, **self.columns, "spending": spending})
        if self.spending_is == "per insured-year":
            return panel
        factor, variance = panel.timeline.seasons(), panel.sampling_variance
        variance = None if variance is None else variance * factor**2
        return replace(panel, spending=panel.spending * factor, sampling_variance=variance)


KEYS = ("regions", "at_least", "column")
SOURCE = DataSource("panel", "A panel file: one row per unit and period", 40, PanelConfig, takes=KEYS)
