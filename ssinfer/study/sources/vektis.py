"""Vektis: published spending per Dutch municipality."""

from pathlib import Path

from pydantic import Field

from ssinfer.cohort.case_mix import CASE_MIX_EXPECTED
from ssinfer.periods import span
from ssinfer.study.config import StudyConfig
from ssinfer.study.config_base import Span
from ssinfer.study.data import StudyData
from ssinfer.study.source import DataConfig, DataSource


class VektisConfig(DataConfig):
    """Years of publication and the basket of care."""

    years: Span = Field(examples=["{ first = 2011, last = 2022 }"])
    basket: str = "core"

    def load(self, config: StudyConfig, _folder: Path, _n_jobs: int) -> StudyData:
        """Return the panel of municipalities with the covariates that comparison groups use."""
        from ssinfer.datasets import load_vektis  # noqa: PLC0415  (only the source that is used)

        years = span(self.years.first, self.years.last)
        extra = [config.case.ses] if config.case.ses else []
        covariates = [CASE_MIX_EXPECTED, "share_65_plus", "latitude", "longitude", *extra]
        panel = load_vektis(years, basket=self.basket, covariates=list(dict.fromkeys(covariates)))
        label = f"Vektis, basket {self.basket!r}, {years[0]}-{years[-1]}, {len(panel.units)} municipalities"
        return StudyData(panel, label, "real data: Dutch municipalities (Bron: Vektis)")


SOURCE = DataSource("vektis", "Spending per Dutch municipality (Vektis)", 10, VektisConfig)
