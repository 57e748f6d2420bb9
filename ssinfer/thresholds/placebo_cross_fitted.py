"""Cross-fitted placebo thresholds: each placebo's is learned from other blocks of neighbours and other origins."""

import numpy as np
import pandas as pd

from ssinfer.errors import RefusalError
from ssinfer.level import check_side
from ssinfer.thresholds.kernels.placebo_thresholds import placebo_thresholds
from ssinfer.thresholds.placebo_order import order_statistic
from ssinfer.thresholds.placebo_rows import codes_by_appearance
from ssinfer.typing import Booleans, Floats, Positions


def cross_fitted_placebo_thresholds(rows: pd.DataFrame, level: float, side: str) -> Floats:
    """Return the placebo threshold (rate) of every placebo of a design and method; refused without any."""
    thresholds = np.full(len(rows), np.nan)
    if len(rows):
        blocks = codes_by_appearance(rows["block"])
        (thresholds,) = placebo_thresholds_in_replicates(rows, blocks, np.ones((1, int(blocks.max()) + 1)), level, side)
    if np.isfinite(thresholds).any():
        return thresholds
    part = rows[_can_be_standardised(rows)]
    z = part["savings_rate"].to_numpy(dtype=float) / _scale(part)
    for origin in pd.unique(part["origin"]):
        order_statistic(z[(part["origin"] == origin).to_numpy()], level, side)  # its message says which cause it is
    raise RefusalError(
        "No placebo has enough others outside its block of neighbours for a placebo threshold. Add comparable units."
    )


def placebo_thresholds_in_replicates(
    part: pd.DataFrame, blocks: Positions, weights: Floats, level: float, side: str
) -> Floats:
    """Return the thresholds (K, R) of placebos in replicates that draw each of the `blocks` (R,) by `weights`."""
    usable = _can_be_standardised(part)
    rows, blocks = part[usable], blocks[usable]
    scale = _scale(rows)
    z = rows["savings_rate"].to_numpy(dtype=float) / scale
    values = np.abs(z) if check_side(side) == "two-sided" else z
    # Copies have one memory layout, so that the kernel is compiled only once.
    drawn = np.array(weights[:, : int(blocks.max()) + 1], order="C")
    origins = codes_by_appearance(rows["origin"])
    thresholds = np.full((len(weights), len(part)), np.nan)
    thresholds[:, usable] = placebo_thresholds(values, np.array(scale), np.array(blocks), origins, drawn, level)
    return thresholds


def _can_be_standardised(rows: pd.DataFrame) -> Booleans:
    """Return which placebos have a positive standard error; all of them where none has."""
    known = rows["standard_error"].to_numpy(dtype=float) > 0
    return known if known.any() else np.ones(len(rows), dtype=bool)


def _scale(part: pd.DataFrame) -> Floats:
    standard_error = part["standard_error"].to_numpy(dtype=float)
    return standard_error if np.isfinite(standard_error).all() else np.ones(len(part))
