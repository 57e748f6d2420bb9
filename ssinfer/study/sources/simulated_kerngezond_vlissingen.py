"""Simulated quarterly panel of practices around Vlissingen, with a known true saving."""

from pathlib import Path

from ssinfer.finding import Finding
from ssinfer.study.config import StudyConfig
from ssinfer.study.config_base import Span
from ssinfer.study.data import SIMULATED, StudyData
from ssinfer.study.source import DataConfig, DataSource


class SimulatedPanelConfig(DataConfig):
    """Number of groups, true savings rate (a fraction) and seed."""

    groups: int = 60
    saving: float = 0.0
    seed: int = 1

    def load(self, config: StudyConfig, _folder: Path, _n_jobs: int) -> StudyData:
        """Simulate the panel; the contract starts with the study's first performance period."""
        from ssinfer.simulation.panel import simulate_kerngezond_vlissingen  # noqa: PLC0415

        performance = config.windows.performance
        start = performance.first if isinstance(performance, Span) else performance[0]
        simulated = simulate_kerngezond_vlissingen(self.groups, saving=self.saving, start=str(start), seed=self.seed)
        of = {"groups": self.groups, "saving": 100 * self.saving, "seed": str(self.seed)}
        label = Finding("data_label.simulated_panel", of)
        return StudyData(simulated.panel, label, SIMULATED)


LABEL = "Simulated quarterly panel with a known saving"
SOURCE = DataSource("simulated_kerngezond_vlissingen", LABEL, 30, SimulatedPanelConfig)
