"""Constant covariates of municipalities: coordinates, and socio-economic status before the contracts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ssinfer.datasets.municipalities import municipality_centroids

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    import pandas as pd

COORDINATES = ("latitude", "longitude")
MUNICIPALITY_COVARIATES = COORDINATES


def municipality_covariates(
    units: Iterable[str], names: Sequence[str], folder: str | Path | None = None
) -> pd.DataFrame:
    """Return the covariates `names` per municipality, indexed by unit."""
    return municipality_centroids(units, folder)[list(names)]
