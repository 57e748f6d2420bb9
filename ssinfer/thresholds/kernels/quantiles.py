"""Quantiles of draws that differ in number from fit to fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ssinfer.typing import Floats


def quantiles_by_fit(draws: Sequence[Floats | None], shares: Sequence[float]) -> Floats:
    """Return quantiles (fits, shares) of each fit's draws (S,); NaN where a fit has fewer than two draws."""
    out = np.full((len(draws), len(shares)), np.nan)
    for row, values in enumerate(draws):
        if values is not None and len(values) > 1 and len(shares):
            out[row] = np.quantile(values, shares)
    return out
