"""From claims to cohorts and panels, on Ibis: names only, loaded when first used."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ssinfer.claims.expected_spending import expected_spending as expected_spending
    from ssinfer.claims.extraction import Extract as Extract
    from ssinfer.claims.extraction import extract as extract
    from ssinfer.claims.intact_groups import intact_group_ratio as intact_group_ratio
    from ssinfer.claims.known_saving import known_saving as known_saving
    from ssinfer.claims.placebo_groups import pseudo_practices as pseudo_practices
    from ssinfer.claims.population import Population as Population
    from ssinfer.claims.spending import RunOut as RunOut
    from ssinfer.claims.spending import Spending as Spending
    from ssinfer.claims.spending import Truncation as Truncation
    from ssinfer.claims.tables import ClaimsTables as ClaimsTables

_HOMES = {
    "ClaimsTables": "tables",
    "Extract": "extraction",
    "Population": "population",
    "RunOut": "spending",
    "Spending": "spending",
    "Truncation": "spending",
    "expected_spending": "expected_spending",
    "extract": "extraction",
    "intact_group_ratio": "intact_groups",
    "known_saving": "known_saving",
    "pseudo_practices": "placebo_groups",
}

__all__ = [
    "ClaimsTables",
    "Extract",
    "Population",
    "RunOut",
    "Spending",
    "Truncation",
    "expected_spending",
    "extract",
    "intact_group_ratio",
    "known_saving",
    "pseudo_practices",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(importlib.import_module(f"ssinfer.claims.{_HOMES[name]}"), name)
        globals()[name] = value
        return value
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)


def __dir__() -> list[str]:
    return __all__
