"""Dartmouth Atlas: published Medicare spending per county of the United States."""

from pathlib import Path

from ssinfer.study.config import StudyConfig
from ssinfer.study.data import StudyData
from ssinfer.study.source import DataConfig, DataSource


class DartmouthConfig(DataConfig):
    """The source has no keys."""

    def load(self, _config: StudyConfig, _folder: Path, _n_jobs: int) -> StudyData:
        """Return the panel of counties."""
        from ssinfer.datasets import load_dartmouth  # noqa: PLC0415  (only the source that is used)

        panel = load_dartmouth()
        label = f"Dartmouth Atlas, {len(panel.units)} US counties"
        return StudyData(panel, label, "real data: Medicare spending per US county")


SOURCE = DataSource("dartmouth", "Medicare spending per US county (Dartmouth Atlas)", 20, DartmouthConfig)
