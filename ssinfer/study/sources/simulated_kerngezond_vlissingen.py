"""Simulated quarterly panel of practices around Vlissingen, with a known true saving."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ssinfer.study.config_base import Span
from ssinfer.study.data import SIMULATED, StudyData
from ssinfer.study.source import DataConfig, DataSource

if TYPE_CHECKING:
    from pathlib import Path

    from ssinfer.study.config import StudyConfig


class SimulatedPanelConfig(DataConfig):
    """Keys of the source: number of groups, true savings rate (a fraction) and seed."""

    groups: int = 60
    saving: float = 0.0
    seed: int = 1


def load(config: StudyConfig, folder: Path, n_jobs: int) -> StudyData:
    """Simulate the panel; the contract starts with the study's first performance period."""
    from ssinfer.simulation.panel import simulate_kerngezond_vlissingen  # noqa: PLC0415  (only the source that is used)

    del folder, n_jobs
    data, performance = config.data, config.windows.performance
    assert isinstance(data, SimulatedPanelConfig)  # noqa: S101  (the registry chose the table by its source)
    start = performance.first if isinstance(performance, Span) else performance[0]
    simulated = simulate_kerngezond_vlissingen(data.groups, saving=data.saving, start=str(start), seed=data.seed)
    label = f"simulated quarterly panel, {data.groups} groups, true saving {100 * data.saving:g}%, seed {data.seed}"
    return StudyData(simulated.panel, label, SIMULATED)


SOURCE = DataSource(
    "simulated_kerngezond_vlissingen", "Simulated quarterly panel with a known saving", 30, SimulatedPanelConfig, load
)
