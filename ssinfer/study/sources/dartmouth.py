"""Dartmouth Atlas: published Medicare spending per county of the United States."""

from pathlib import Path

from ssinfer.finding import Finding
from ssinfer.study.config import StudyConfig
from ssinfer.study.data import StudyData
from ssinfer.study.source import DataConfig, DataSource


class DartmouthConfig(DataConfig):
    """The source has no keys."""

    def load(self, _config: StudyConfig, _folder: Path, _n_jobs: int) -> StudyData:
        """Return the panel of counties."""
        from ssinfer.datasets import load_dartmouth  # noqa: PLC0415  (only the source that is used)

        panel = load_dartmouth()
        label = Finding("data_label.dartmouth", {"n": len(panel.units)})
        return StudyData(panel, label, Finding("data_note.dartmouth", {}))


SOURCE = DataSource("dartmouth", "Medicare spending per US county (Dartmouth Atlas)", 20, DartmouthConfig)
