"""Claims: tables of insured, enrolment and claim lines, in a folder or a DuckDB file."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from ssinfer.finding import Finding
from ssinfer.study.config import StudyConfig
from ssinfer.study.config_base import Span
from ssinfer.study.data import StudyData
from ssinfer.study.source import DataConfig, DataSource

if TYPE_CHECKING:
    from ssinfer.study.claims_extracts import OpenedClaims


class ClaimsConfig(DataConfig):
    """Folder or file of the tables, periods, and the memory that the query engine may use."""

    file: str = Field(examples=['"claims" (a folder or DuckDB file in the folder of the study file)'])
    periods: Span = Field(examples=["{ first = '2018Q2', last = '2024Q2' }"])
    memory_limit: str | None = None

    def load(self, config: StudyConfig, folder: Path, _n_jobs: int) -> StudyData:
        """Extract the claims; the threads of the query engine read them."""
        from ssinfer.study.claims_data import load_claims  # noqa: PLC0415  (Ibis is loaded late)
        from ssinfer.study.claims_extracts import periods_between  # noqa: PLC0415

        periods = periods_between(self.periods.first, self.periods.last)
        return load_claims(config, periods, self.open_source(folder))

    @contextmanager
    def open_source(self, folder: Path) -> Iterator["OpenedClaims"]:
        """Open the tables of a study's claims."""
        from ssinfer.claims import ClaimsTables  # noqa: PLC0415  (Ibis is loaded late)
        from ssinfer.study.claims_extracts import OpenedClaims  # noqa: PLC0415

        tables = ClaimsTables.open(folder / self.file, memory_limit=self.memory_limit)
        label, note = (Finding(f"data_{what}.claims", {"file": self.file}) for what in ("label", "note"))
        yield OpenedClaims(tables, label, note)


SOURCE = DataSource("claims", "Claims of insured persons", 50, ClaimsConfig, has_persons=True, has_claims=True)
