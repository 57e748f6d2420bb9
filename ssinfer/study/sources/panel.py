"""Panel: a file with one row per unit and period."""

import inspect
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from ssinfer.datasets.io.panel_file import read_panel_file
from ssinfer.errors import StudyError, did_you_mean
from ssinfer.panel import Panel
from ssinfer.study.config import StudyConfig
from ssinfer.study.data import StudyData
from ssinfer.study.source import DataConfig, DataSource


class PanelConfig(DataConfig):
    """The file, and how :meth:`ssinfer.Panel.from_frame` reads its columns."""

    file: str = Field(examples=['"panel.csv" (or a .parquet file) in the folder of the study file'])
    columns: dict[str, Any] = Field(default_factory=dict)
    periods_per_year: int | None = Field(default=None, gt=0)
    spending_is: Literal["per insured-year", "per insured-period"] = "per insured-year"  # of the spending column

    def load(self, _config: StudyConfig, folder: Path, _n_jobs: int) -> StudyData:
        """Return the panel that the file holds."""
        allowed = list(inspect.signature(Panel.from_frame).parameters)[1:]
        for key in self.columns:
            if key not in allowed:
                raise StudyError(f"data.columns names {key!r}. {did_you_mean(key, allowed)}")
        frame = read_panel_file(folder / self.file, str(self.columns.get("unit", "unit")))
        own = {"periods_per_year": self.periods_per_year, "accept": self.accept}
        panel = Panel.from_frame(frame, **{**own, **self.columns})
        if self.spending_is == "per insured-period":
            factor, variance = panel.timeline.seasons(), panel.sampling_variance
            variance = None if variance is None else variance * factor**2
            panel = replace(panel, spending=panel.spending * factor, sampling_variance=variance)
        return StudyData(panel, f"panel {self.file}", f"data of the study's own file {self.file}")


SOURCE = DataSource("panel", "A panel file: one row per unit and period", 40, PanelConfig)
