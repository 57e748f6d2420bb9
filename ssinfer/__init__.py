"""ssinfer: causal inference on shared-savings contracts in health care.

A benchmark is a function from data and a design to draws of the spending that would have occurred
without the contract; everything after it (savings, thresholds, settlement, backtest, report) is
arithmetic on those draws.

The names below are loaded when they are first used: ``import ssinfer`` itself pulls in nothing heavy.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOME = {
    "Panel": "ssinfer.panel",
    "Design": "ssinfer.design",
    "Counterfactual": "ssinfer.counterfactual",
    "Savings": "ssinfer.counterfactual",
    "AdministrativeBenchmark": "ssinfer.benchmarks.administrative",
}
_MODULES = ("datasets", "errors")

__all__ = ["__version__", *_HOME, *_MODULES]  # noqa: PLE0604  (built from the table above)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(importlib.import_module(_HOME[name]), name)
    elif name in _MODULES:
        value = importlib.import_module(f"ssinfer.{name}")
    else:
        message = f"module 'ssinfer' has no attribute {name!r}"
        raise AttributeError(message)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


if TYPE_CHECKING:
    from ssinfer import datasets as datasets
    from ssinfer import errors as errors
    from ssinfer.benchmarks.administrative import AdministrativeBenchmark as AdministrativeBenchmark
    from ssinfer.counterfactual import Counterfactual as Counterfactual
    from ssinfer.counterfactual import Savings as Savings
    from ssinfer.design import Design as Design
    from ssinfer.panel import Panel as Panel
