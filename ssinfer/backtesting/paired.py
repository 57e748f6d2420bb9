"""paired_detection: the difference in detection between two designs, on the same placebos."""

from dataclasses import replace

import pandas as pd

from ssinfer.backtesting.kernels.block_bootstrap import spread_of_replicates
from ssinfer.backtesting.thresholds_of_placebos import Replicates
from ssinfer.errors import RefusalError
from ssinfer.thresholds.placebo import COMPARISON_KEY
from ssinfer.thresholds.placebo_cross_fitted import cross_fitted_placebo_thresholds
from ssinfer.typing import Booleans


def paired_detection(
    placebos: pd.DataFrame,
    first: tuple[str, str],
    second: tuple[str, str],
    saving: float = 0.03,
    level: float = 0.95,
    seed: int = 1,
) -> tuple[float, float]:
    """Return the difference in detection at a true `saving` of two pairs on the placebos of both, and its error."""
    (a, replicates, paid_a), (b, _, paid_b) = (
        _detected(placebos, *pair, saving, level, seed) for pair in (first, second)
    )
    both = a.merge(b, on=["unit", "origin"], suffixes=("_a", "_b"))
    if both.empty:
        raise RefusalError(f"{first} and {second} share no placebo that both could estimate. Compare other pairs.")
    rows_a, rows_b = both["row_a"].to_numpy(), both["row_b"].to_numpy()
    difference = float((both["paid_a"] - both["paid_b"]).mean())
    weights = replicates.weights[:, replicates.block.to_numpy()[rows_a]]  # (K, R)
    gaps = paid_a[:, rows_a].astype(float) - paid_b[:, rows_b]
    counts = weights.sum(axis=1)
    drawn = counts > 0
    differences = (weights * gaps)[drawn].sum(axis=1) / counts[drawn]
    return difference, float(spread_of_replicates(differences[:, None], both["block_a"].nunique())[0])


def _detected(
    placebos: pd.DataFrame, design: str, method: str, saving: float, level: float, seed: int
) -> tuple[pd.DataFrame, Replicates, Booleans]:
    """Return rows with `paid`, their replicates, and who is paid in each (K, R); without a threshold nobody is paid."""
    chosen = placebos["role"] == "placebo"
    of_pair = (placebos["design"] == design) & (placebos["method"] == method)
    rows = placebos[chosen & (placebos["status"] == "ok") & of_pair]
    if rows.empty:
        raise RefusalError(
            f"placebos holds no estimated row of design {design!r} and method {method!r}. It has "
            f"{sorted({*zip(placebos['design'], placebos['method'], strict=True)})}."
        )
    rows = rows.reset_index(drop=True)
    blocks = pd.Index(pd.unique(placebos.loc[chosen, "block"]))
    thresholds = cross_fitted_placebo_thresholds(rows, level, COMPARISON_KEY.side)
    measured = rows["savings_rate"].to_numpy() + saving * (rows["spending"] / rows["benchmark"]).to_numpy()
    replicates = Replicates(rows, seed, blocks)
    relearned = replicates.thresholds(rows, replace(COMPARISON_KEY, level=level))
    assert relearned is not None  # noqa: S101  (placebo thresholds are learned again in every replicate)
    paid = rows[["unit", "origin", "block"]].assign(paid=(measured >= thresholds).astype(float), row=range(len(rows)))
    return paid, replicates, measured >= relearned
