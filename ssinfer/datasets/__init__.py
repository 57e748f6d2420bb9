"""Loaders of public data sets, each in a form that a benchmark can use; names only, loaded when first used."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ssinfer.datasets.baskets import BASKETS as BASKETS
    from ssinfer.datasets.baskets import Basket as Basket
    from ssinfer.datasets.catalogue import DatasetEntry as DatasetEntry
    from ssinfer.datasets.catalogue import available as available
    from ssinfer.datasets.cells import vektis_cells as vektis_cells
    from ssinfer.datasets.covariates import municipality_covariates as municipality_covariates
    from ssinfer.datasets.dartmouth import load_dartmouth as load_dartmouth
    from ssinfer.datasets.fetching import fetch as fetch
    from ssinfer.datasets.fetching import fetch_vektis as fetch_vektis
    from ssinfer.datasets.mssp import Mssp as Mssp
    from ssinfer.datasets.mssp import load_mssp as load_mssp
    from ssinfer.datasets.municipalities import municipality_centroids as municipality_centroids
    from ssinfer.datasets.national import national_vektis as national_vektis
    from ssinfer.datasets.prop99 import load_prop99 as load_prop99
    from ssinfer.datasets.simulated_claims import SimulatedClaims as SimulatedClaims
    from ssinfer.datasets.simulated_claims import simulate_claims as simulate_claims
    from ssinfer.datasets.simulated_cohort import simulate_cohort as simulate_cohort
    from ssinfer.datasets.simulated_panel import SimulatedPanel as SimulatedPanel
    from ssinfer.datasets.simulated_panel import simulate_kerngezond_vlissingen as simulate_kerngezond_vlissingen
    from ssinfer.datasets.simulated_panel import simulate_panel as simulate_panel
    from ssinfer.datasets.standardise import expected_spending as expected_spending
    from ssinfer.datasets.vektis import load_vektis as load_vektis
    from ssinfer.datasets.vektis_notes import VektisNotes as VektisNotes

_HOMES = {
    "simulate_panel": "simulated_panel",
    "simulate_kerngezond_vlissingen": "simulated_panel",
    "simulate_cohort": "simulated_cohort",
    "simulate_claims": "simulated_claims",
    "SimulatedPanel": "simulated_panel",
    "SimulatedClaims": "simulated_claims",
    "BASKETS": "baskets",
    "Basket": "baskets",
    "DatasetEntry": "catalogue",
    "Mssp": "mssp",
    "VektisNotes": "vektis_notes",
    "available": "catalogue",
    "expected_spending": "standardise",
    "fetch": "fetching",
    "fetch_vektis": "fetching",
    "load_dartmouth": "dartmouth",
    "load_mssp": "mssp",
    "load_prop99": "prop99",
    "load_vektis": "vektis",
    "municipality_centroids": "municipalities",
    "municipality_covariates": "covariates",
    "national_vektis": "national",
    "vektis_cells": "cells",
}

__all__ = [
    "BASKETS",
    "Basket",
    "DatasetEntry",
    "Mssp",
    "SimulatedClaims",
    "SimulatedPanel",
    "VektisNotes",
    "available",
    "expected_spending",
    "fetch",
    "fetch_vektis",
    "load_dartmouth",
    "load_mssp",
    "load_prop99",
    "load_vektis",
    "municipality_centroids",
    "municipality_covariates",
    "national_vektis",
    "simulate_claims",
    "simulate_cohort",
    "simulate_kerngezond_vlissingen",
    "simulate_panel",
    "vektis_cells",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"ssinfer.datasets.{_HOMES[name]}"), name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)


def __dir__() -> list[str]:
    return __all__
