"""Simulated claims: persons and claim lines with a known true saving."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import gettempdir
from typing import TYPE_CHECKING, Any, Self

from pydantic import Field, model_validator

from ssinfer.atomic import temporary_folder
from ssinfer.errors import SsinferError, StudyError, raised_as, refuse_unknown
from ssinfer.finding import Finding
from ssinfer.study.config import StudyConfig
from ssinfer.study.config_base import Span
from ssinfer.study.data import SIMULATED, StudyData
from ssinfer.study.source import DataConfig, DataSource

if TYPE_CHECKING:
    from ssinfer.simulation.claims import SimulatedClaims
    from ssinfer.study.claims_extracts import OpenedClaims

DEFAULTS = {"insured_under_contract": 20_000, "saving": 0.0, "seed": 1}


class SimulatedClaimsConfig(DataConfig):
    """Arguments of :func:`ssinfer.simulation.simulate_claims`, and a folder that keeps the claims."""

    simulation: dict[str, Any] = Field(examples=["{ n_insured = 150000 }"])
    file: str | None = None  # None: the simulated claims are deleted after use
    periods: Span | None = None
    memory_limit: str | None = None

    @model_validator(mode="after")
    def _size_is_given(self) -> Self:
        if "n_insured" not in self.simulation:
            raise ValueError("the number of insured is missing. Write simulation = { n_insured = 150000 }")
        return self

    def load(self, config: StudyConfig, folder: Path, n_jobs: int) -> StudyData:
        """Simulate the claims, or read those of an earlier run, and extract them."""
        from ssinfer.simulation.claim_setting import ClaimSetting  # noqa: PLC0415  (only the source that is used)
        from ssinfer.study.claims_data import load_claims  # noqa: PLC0415

        first = self.periods.first if self.periods else self.simulation.get("first", ClaimSetting.first)
        last = self.periods.last if self.periods else self.simulation.get("last", ClaimSetting.last)
        return load_claims(config, first, last, self.open_source(folder, n_jobs))

    @contextmanager
    def open_source(self, folder: Path, n_jobs: int) -> Iterator["OpenedClaims"]:
        """Open the tables; a simulation without a folder is deleted afterwards."""
        from ssinfer.claims import ClaimsTables  # noqa: PLC0415  (Ibis is loaded late)
        from ssinfer.study.claims_extracts import OpenedClaims  # noqa: PLC0415

        with temporary_folder("ssinfer-claims-", Path(gettempdir())) as temporary:
            target = temporary / "claims" if self.file is None else folder / self.file
            simulated = _simulated(self.simulation, target, n_jobs)
            setting = simulated.setting
            of = {"insured": setting.n_insured, "lines": simulated.lines, "seed": str(setting.seed)}
            label = Finding("data_label.simulated_claims", {**of, "first": setting.first, "last": setting.last})
            tables = ClaimsTables.open(simulated.folder, memory_limit=self.memory_limit)
            yield OpenedClaims(tables, label, SIMULATED, simulated)


def _simulated(simulation: dict[str, Any], target: Path, n_jobs: int) -> "SimulatedClaims":
    """Return the claims that a folder holds if they have the wanted setting; simulate them into a new folder."""
    from ssinfer.simulation.claim_setting import ClaimSetting  # noqa: PLC0415  (only the source that is used)
    from ssinfer.simulation.claims import SimulatedClaims, simulate_claims  # noqa: PLC0415

    arguments = {**DEFAULTS, **simulation}
    refuse_unknown(arguments, ClaimSetting.__dataclass_fields__, "data.simulation names", StudyError)
    with raised_as(StudyError, "data.simulation:", (SsinferError, TypeError)):
        setting = ClaimSetting(**arguments)
        if not target.exists():
            return simulate_claims(target, **arguments, n_jobs=n_jobs)
        stored = SimulatedClaims.load(target)
    if stored.setting != setting:
        raise StudyError(f"{target} holds another simulation. Name a new data.file, or delete it.")
    return stored


LABEL = "Simulated claims with a known saving"
SOURCE = DataSource("simulated_claims", LABEL, 60, SimulatedClaimsConfig, has_persons=True, has_claims=True)
