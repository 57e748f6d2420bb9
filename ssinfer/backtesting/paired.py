"""paired_detection: the difference in detection between two designs, on the same placebos."""

import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pandas as pd

from ssinfer.backtesting.frames import relative_spending, rows_with
from ssinfer.backtesting.kernels.block_bootstrap import spread_of_replicates
from ssinfer.backtesting.thresholds_of_placebos import Replicates
from ssinfer.errors import RefusalError
from ssinfer.thresholds.placebo import COMPARISON_KEY
from ssinfer.thresholds.placebo_cross_fitted import cross_fitted_placebo_thresholds
from ssinfer.typing import Booleans

type Pair = tuple[str, str]  # design and method


def paired_detection(
    placebos: pd.DataFrame, first: Pair, second: Pair, saving: float = 0.03, level: float = 0.95, seed: int = 1
) -> tuple[float, float]:
    """Return the difference in detection at a true `saving` of two pairs on the placebos of both, and its error."""
    (a, paid_a), (b, paid_b) = (_detected(placebos, *pair, saving, level, seed) for pair in (first, second))
    frames = [each.rows[["unit", "origin", "block"]].assign(row=range(len(each.rows))) for each in (a, b)]
    both = frames[0].merge(frames[1], on=["unit", "origin"])
    if both.empty:
        raise RefusalError(f"{first} and {second} share no placebo that both could estimate. Compare other pairs.")
    rows_a, rows_b = both["row_x"].to_numpy(), both["row_y"].to_numpy()
    weights = np.vstack([np.ones(len(both)), a.weights[:, a.block.to_numpy()[rows_a]]])  # (1 + K, R)
    counts, gaps = weights.sum(axis=1), paid_a[:, rows_a].astype(float) - paid_b[:, rows_b]
    differences = (weights * gaps)[counts > 0].sum(axis=1) / counts[counts > 0]
    error = spread_of_replicates(differences[1:, None], both["block_x"].nunique())[0]
    return float(differences[0]), float(error)


def worse_and_equal(placebos: pd.DataFrame, pairs: Sequence[Pair], seed: int) -> dict[str, list[Pair]]:
    """Return the pairs that detect less than the first (at 5% over their number: Bonferroni), and the other pairs."""
    found: dict[str, list[Pair]] = {"worse": [], "equal": []}
    for pair in pairs[1:]:
        with suppress(RefusalError):  # too few placebos are shown
            gap, error = paired_detection(placebos, pairs[0], pair, seed=seed)
            worse = math.isfinite(error) and gap > error * NormalDist().inv_cdf(1 - 0.025 / (len(pairs) - 1))
            found["worse" if worse else "equal"].append(pair)
    return found


def _detected(
    placebos: pd.DataFrame, design: str, method: str, saving: float, level: float, seed: int
) -> tuple[Replicates, Booleans]:
    """Return replicates, and who is paid, once and in each (1 + K, R); without a threshold nobody is paid."""
    chosen = rows_with(placebos, role="placebo")
    rows = rows_with(chosen, status="ok", design=design, method=method).reset_index(drop=True)
    if rows.empty:
        raise RefusalError(
            f"placebos holds no estimated row of design {design!r} and method {method!r}. It has "
            f"{sorted({*zip(placebos['design'], placebos['method'], strict=True)})}."
        )
    measured = rows["savings_rate"].to_numpy() + saving * relative_spending(rows)
    replicates = Replicates(rows, seed, pd.Index(pd.unique(chosen["block"])))
    relearned = replicates.thresholds(rows, replace(COMPARISON_KEY, level=level))
    assert relearned is not None  # noqa: S101  (placebo thresholds are learned again in every replicate)
    once = cross_fitted_placebo_thresholds(rows, level, COMPARISON_KEY.side)
    return replicates, measured >= np.vstack([once, relearned])
