"""Finding: what a check, a refusal or a judgement found, as an id and numbers; `ssinfer.sentences` has the words."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True)
class Finding:
    """One finding; `accept` is the word that overrules its refusal. If not `refuses`, it is said only."""

    id: str
    numbers: Mapping[str, Any]
    accept: str | None = None
    refuses: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "numbers", MappingProxyType(dict(self.numbers)))


def estimate(row: Any, name: str) -> dict[str, float]:
    """Return a number of a row and its standard error, which sentences print together."""
    return {"value": float(row[name]), "se": float(row[f"{name}_se"])}
