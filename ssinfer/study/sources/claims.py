"""Claims: tables of insured, enrolment and claim lines, in a folder, a DuckDB file or a database."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field, model_validator

from ssinfer.claims.backend.address import check_address
from ssinfer.finding import Finding
from ssinfer.study.config import StudyConfig
from ssinfer.study.config_base import Span
from ssinfer.study.config_claims import TableConfig
from ssinfer.study.data import StudyData
from ssinfer.study.source import DataConfig, DataSource

if TYPE_CHECKING:
    from ssinfer.claims import ClaimsTables
    from ssinfer.study.claims_extracts import OpenedClaims


class ClaimsConfig(DataConfig):
    """Place and mapping of the tables, periods, and the memory that the query engine may use."""

    file: str | None = None
    connection: str | None = None  # of a database, without a password
    tables: dict[str, TableConfig] = Field(default_factory=dict)
    periods: Span = Field(examples=["{ first = '2018Q2', last = '2024Q2' }"])
    memory_limit: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _one_place(cls, given: Any) -> Any:
        check_address(given.get("connection"))
        if (given.get("file") is None) == (given.get("connection") is None):
            raise ValueError(
                'the place of the claims is needed, once. Write file = "claims" (a folder or DuckDB file in the folder '
                'of the study file), or connection = "postgres://USER@HOST/DATABASE"'
            )
        return given

    def load(self, config: StudyConfig, folder: Path, _n_jobs: int) -> StudyData:
        """Extract the claims; the threads of the query engine read them."""
        from ssinfer.study.claims_data import load_claims  # noqa: PLC0415  (Ibis is loaded late)

        return load_claims(config, self.periods.first, self.periods.last, self.open_source(folder))

    def files(self, folder: Path) -> dict[str, Path]:
        """Return the files of the folder or DuckDB file, and those that tables name outside it."""
        from ssinfer.claims.tables.schema import table_files  # noqa: PLC0415  (Ibis is loaded late)

        place = folder / (self.file or "")
        base = place if place.is_dir() else place.parent
        named = [
            path for key, part in self.tables.items() if part.file for path in table_files(key, base / part.file)[0]
        ]
        return super().files(folder) | {os.path.relpath(path, folder): path for path in named}

    def open_tables(self, folder: Path) -> "ClaimsTables":
        """Open the tables of a study's claims."""
        from ssinfer.claims import ClaimsTables  # noqa: PLC0415  (Ibis is loaded late)
        from ssinfer.claims.backend.database import connect_database  # noqa: PLC0415

        mapping = {name: part.mapping for name, part in self.tables.items()}
        if self.connection is not None:
            return ClaimsTables.from_connection(connect_database(self.connection), mapping=mapping)
        return ClaimsTables.open(folder / str(self.file), memory_limit=self.memory_limit, mapping=mapping)

    @contextmanager
    def open_source(self, folder: Path) -> Iterator["OpenedClaims"]:
        """Open the tables, and say what they are."""
        from ssinfer.study.claims_extracts import OpenedClaims  # noqa: PLC0415

        place = {"file": self.place or self.connection}
        label, note = (Finding(f"data_{what}.claims", place) for what in ("label", "note"))
        yield OpenedClaims(self.open_tables(folder), label, note)


SOURCE = DataSource("claims", "Claims of insured persons", 50, ClaimsConfig, has_persons=True, has_claims=True)
