"""DataSource: a source from which a study reads its data, and the registry of all sources."""

from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, GetCoreSchemaHandler
from pydantic_core import core_schema

from ssinfer.accept import check_accept
from ssinfer.look.checks import check_plausible
from ssinfer.registry import Registry
from ssinfer.study.config_base import Config, Real

PUBLIC_KEYS = ("sexes", "at_least", "basket", "years", "column")  # of population and spending; claims lack them


class DataConfig(Config):
    """The table [data] of a study file. Each source declares its keys in a subclass, and loads its data.

    A field without a default is a required key; its `examples` are shown when it is missing.
    """

    later: ClassVar[tuple[str, ...]] = ()  # keys that came later: unset, they leave the hash of a study as it was

    source: str
    accept: Annotated[tuple[str, ...], AfterValidator(lambda words: tuple(sorted(check_accept(words))))] = ()
    # mean spending per insured-year; default: 300 to 30,000 for all care in EUR or USD, otherwise no limits
    plausible: Annotated[tuple[Real, Real], AfterValidator(check_plausible)] | None = None

    @abstractmethod
    def load(self, config: Any, folder: Path, n_jobs: int) -> Any:
        """Return the data; `folder` is that of the study file, and the data do not depend on the processes `n_jobs`."""

    def files(self, folder: Path) -> dict[str, Path]:
        """Return the files that the source reads, by name: by default those of the key `file`, a file or a folder."""
        path = folder / (name := getattr(self, "file", None) or "")
        found = sorted(path.rglob("*")) if name and path.is_dir() else [path]
        return {(name / file.relative_to(path)).as_posix(): file for file in found if name and file.is_file()}

    @property
    def place(self) -> str:
        """The key `file` as reports name it; of a path that is absolute, as that of a delivery, the last part."""
        name = getattr(self, "file", None) or ""
        return Path(name).name if Path(name).is_absolute() else str(name)


@dataclass(frozen=True)
class DataSource:
    """A source from which a study reads its data."""

    name: str  # the value of `data.source`
    label: str  # the source in words
    order: int  # position in lists of sources
    config: type[DataConfig]  # the keys of [data], and how the data are loaded
    has_persons: bool = False  # whether methods that need persons can be used
    has_claims: bool = False  # whether units are made from claims; it reads all keys but `PUBLIC_KEYS`
    takes: tuple[str, ...] = ()  # of public data: keys of population and spending that it reads

    def reads(self, key: str) -> bool:
        """Return whether the source reads a key of population or spending."""
        return key in ("name", "label", *self.takes) or (self.has_claims and key not in PUBLIC_KEYS)


SOURCES = Registry("data source", "ssinfer.study.sources", "SOURCE", "ssinfer.sources")


class ChosenBySource:
    """Annotation of the table [data]: its source chooses the class that validates it."""

    @classmethod
    def __get_pydantic_core_schema__(cls, _: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        """Return a union of all sources' tables, told apart by the key `source`."""
        tables = {source.name: handler.generate_schema(source.config) for source in SOURCES.entries()}
        return core_schema.tagged_union_schema(tables, discriminator="source")
