"""From claims to cohorts and panels, on Ibis. The names are loaded when first used."""

import importlib
from typing import Any

import lazy_loader as lazy

ELSEWHERE = {
    "expected_spending": "ssinfer.cohort.case_mix",
    "intact_group_ratio": "ssinfer.backtesting.intact_groups",
    "known_saving": "ssinfer.simulation.known_saving",
    "pseudo_practices": "ssinfer.cohort.pseudo_practices",
}  # names of version 0.1.0 that now live in other packages

_load, _, _own = lazy.attach_stub(__name__, __file__)
__all__ = [*_own, *ELSEWHERE]  # noqa: PLE0604  (built from the stub)


def __getattr__(name: str) -> Any:
    return getattr(importlib.import_module(ELSEWHERE[name]), name) if name in ELSEWHERE else _load(name)


def __dir__() -> list[str]:
    return sorted(__all__)
