"""Null errors E0 = Bbar - B: the measured savings of a group whose true saving is zero."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ssinfer.counterfactual import Counterfactual
    from ssinfer.typing import Floats


def null_error_of(cf: Counterfactual) -> Floats:
    """Return draws (S,) of E0 from the posterior if there is one, else from the sampling distribution."""
    return cf.null_error("credible" if cf.uncertainty == "posterior" else "confidence")


def quantiles_by_fit(draws: Sequence[Floats | None], shares: Sequence[float]) -> Floats:
    """Return quantiles (fits, shares) of each fit's draws (S,); NaN where a fit has fewer than two draws."""
    out = np.full((len(draws), len(shares)), np.nan)
    for row, values in enumerate(draws):
        if values is not None and len(values) > 1 and len(shares):
            out[row] = np.quantile(values, shares)
    return out
