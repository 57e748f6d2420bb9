"""paired_detection: whether one design detects more than another, on the same placebos."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ssinfer.backtesting.thresholds_of_placebos import Replicates
from ssinfer.errors import RefusalError
from ssinfer.thresholds.placebo import COMPARISON_KEY
from ssinfer.thresholds.placebo_cross_fitted import cross_fitted_placebo_thresholds

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class _Detected:
    """Placebos of one design and method: whether each is paid, once and in every replicate (K, R)."""

    rows: pd.DataFrame
    replicates: Replicates
    paid: NDArray[np.bool_]


def paired_detection(
    placebos: pd.DataFrame,
    one: tuple[str, str],
    other: tuple[str, str],
    saving: float = 0.03,
    level: float = 0.95,
    seed: int = 1,
) -> tuple[float, float]:
    """Return the difference in detection at a true `saving`, and its block-bootstrap standard error.

    Both are judged with cross-fitted one-sided placebo gates, so that both pay about 1 - level of contracts that saved
    nothing, and on the placebos that both could estimate: the same shocks hit both, so the standard error of the
    difference is smaller than the separate ones suggest. Both draw the same blocks, and learn their gates again, in
    every replicate.

    Parameters
    ----------
    placebos : pandas.DataFrame
        ``result.placebos`` of a backtest.
    one, other : (design, method)
    saving : float
        True savings rate, a fraction of spending without the contract.
    level : float
        Of the gates; a fraction.
    seed : int

    Returns
    -------
    difference, standard error : float
        As fractions; the error is NaN with a single block of neighbours.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> frame = pd.DataFrame({"unit": range(200), "origin": 2019, "block": range(200), "method": "m"})
    >>> frame = frame.assign(role="placebo", status="ok", spending=100.0, benchmark=100.0, standard_error=0.02)
    >>> noise = rng.standard_normal(200)
    >>> narrow, wide = (frame.assign(design=d, savings_rate=s * noise) for d, s in (("a", 0.01), ("b", 0.03)))
    >>> difference, error = paired_detection(pd.concat([narrow, wide]), ("a", "m"), ("b", "m"))
    >>> difference > 2 * error
    True
    """
    first, second = (_detected(placebos, *pair, saving, level, seed) for pair in (one, other))
    both = first.rows.merge(second.rows, on=["unit", "origin"], suffixes=("_one", "_other"))
    if both.empty:
        raise RefusalError(f"{one} and {other} share no placebo that both could estimate. Compare other pairs.")
    rows_one, rows_other = both["row_one"].to_numpy(), both["row_other"].to_numpy()
    difference = float((both["paid_one"] - both["paid_other"]).mean())
    weights = first.replicates.weights[:, first.replicates.block.to_numpy()[rows_one]]  # (K, R)
    gaps = first.paid[:, rows_one].astype(float) - second.paid[:, rows_other]
    counts = weights.sum(axis=1)
    if both["block_one"].nunique() < 2:
        return difference, float("nan")
    drawn = counts > 0
    found = (weights * gaps)[drawn].sum(axis=1) / counts[drawn]
    return difference, float(found.std(ddof=1))


def _detected(placebos: pd.DataFrame, design: str, method: str, saving: float, level: float, seed: int) -> _Detected:
    """Return who is paid at a true saving; a placebo without a gate is not."""
    chosen = placebos["role"] == "placebo"
    rows = placebos[
        chosen & (placebos["status"] == "ok") & (placebos["design"] == design) & (placebos["method"] == method)
    ]
    if rows.empty:
        raise RefusalError(
            f"placebos holds no estimated row of design {design!r} and method {method!r}. It has "
            f"{sorted({*zip(placebos['design'], placebos['method'], strict=True)})}."
        )
    rows = rows.reset_index(drop=True)
    blocks = pd.Index(pd.unique(placebos.loc[chosen, "block"]))
    gate = cross_fitted_placebo_thresholds(rows, level, "one-sided")
    shifted = rows["savings_rate"].to_numpy() + saving * (rows["spending"] / rows["benchmark"]).to_numpy()
    replicates = Replicates(rows, seed, blocks)
    relearned = replicates.thresholds(rows, replace(COMPARISON_KEY, level=level))
    assert relearned is not None  # noqa: S101  (placebo gates are always learned again)
    found = rows[["unit", "origin", "block"]].assign(paid=(shifted >= gate).astype(float), row=np.arange(len(rows)))
    return _Detected(found, replicates, shifted >= relearned)
