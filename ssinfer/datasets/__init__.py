"""Loaders of public data sets. The names are loaded when first used; simulators come from `ssinfer.simulation`."""

from typing import Any

import lazy_loader as lazy

from ssinfer import simulation

SIMULATORS = simulation.__all__

_load, _, _loaders = lazy.attach_stub(__name__, __file__)
__all__ = [*_loaders, *SIMULATORS]  # noqa: PLE0604  (built from the stub)


def __getattr__(name: str) -> Any:
    return getattr(simulation, name) if name in SIMULATORS else _load(name)


def __dir__() -> list[str]:
    return sorted(__all__)
