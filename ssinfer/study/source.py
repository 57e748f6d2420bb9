"""DataSource: a place from which a study reads its data, and the registry of all sources."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic_core import core_schema

from ssinfer.registry import Registry
from ssinfer.study.config_base import Config

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pydantic import GetCoreSchemaHandler

    from ssinfer.study.config import StudyConfig
    from ssinfer.study.data import StudyData


class DataConfig(Config):
    """Spending: the table [data] of a study file. Each source adds its own keys in a subclass."""

    source: str


@dataclass(frozen=True)
class DataSource:
    """A place from which a study reads its data.

    Attributes
    ----------
    name : str
        The value of ``data.source``.
    label : str
        The source in words, for documentation.
    order : int
        Place in lists of sources.
    config : type of DataConfig
        The keys that [data] may have. A field without a default is a required key; its `examples` are shown when it
        is missing.
    load : callable (config, folder, n_jobs) -> StudyData
        Loads the data. `folder` is the folder of the study file. `n_jobs` is a number of processes, on which the data
        do not depend.
    has_persons : bool
        Whether methods that need persons can be used.
    has_claims : bool
        Whether the source holds claims: a study may then define spending, insured and groups.
    """

    name: str
    label: str
    order: int
    config: type[DataConfig]
    load: Callable[[StudyConfig, Path, int], StudyData]
    has_persons: bool = False
    has_claims: bool = False


SOURCES = Registry("data source", "ssinfer.study.sources", "SOURCE", "ssinfer.sources")


class ChosenBySource:
    """Annotation of the table [data]: its source chooses the class that validates it."""

    @classmethod
    def __get_pydantic_core_schema__(cls, _: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        """Return a union of all sources' tables, told apart by the key `source`."""
        tables = {source.name: handler.generate_schema(source.config) for source in SOURCES.entries()}
        return core_schema.tagged_union_schema(tables, discriminator="source")
