"""Loaders of public data sets, each in a form that a benchmark can use; names only, loaded when first used."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ssinfer.datasets.baskets import BASKETS as BASKETS
    from ssinfer.datasets.baskets import Basket as Basket
    from ssinfer.datasets.standardise import expected_spending as expected_spending
    from ssinfer.datasets.vektis import VektisNotes as VektisNotes
    from ssinfer.datasets.vektis import load_vektis as load_vektis
    from ssinfer.datasets.vektis import national_vektis as national_vektis
    from ssinfer.datasets.cells import vektis_cells as vektis_cells

_HOMES = {
    "BASKETS": "baskets",
    "Basket": "baskets",
    "VektisNotes": "vektis",
    "expected_spending": "standardise",
    "load_vektis": "vektis",
    "national_vektis": "vektis",
    "vektis_cells": "cells",
}

__all__ = sorted(_HOMES)  # noqa: PLE0605


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"ssinfer.datasets.{_HOMES[name]}"), name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)


def __dir__() -> list[str]:
    return list(__all__)
