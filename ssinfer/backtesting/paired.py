"""paired_detection: whether one design detects more than another, on the same placebos."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ssinfer.backtesting.gates import cross_fitted_placebo_gates
from ssinfer.errors import RefusalError
from ssinfer.kernels.block_bootstrap import mean_and_error

if TYPE_CHECKING:
    from numpy.typing import NDArray


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
    difference is smaller than the separate ones suggest.

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
    first, second = (_detected(placebos, *pair, saving, level) for pair in (one, other))
    both = first.merge(second, on=["unit", "origin", "block"], suffixes=("_one", "_other"))
    if both.empty:
        raise RefusalError(f"{one} and {other} share no placebo that both could estimate. Compare other pairs.")
    values = (both["paid_one"] - both["paid_other"]).to_numpy(dtype=float)[:, None]
    blocks: NDArray[np.intp] = np.asarray(pd.factorize(both["block"])[0], dtype=np.intp)
    mean, error = mean_and_error(values, blocks, np.random.default_rng([seed, 5]))
    return float(mean[0]), float(error[0])


def _detected(placebos: pd.DataFrame, design: str, method: str, saving: float, level: float) -> pd.DataFrame:
    rows = placebos[
        (placebos["role"] == "placebo")
        & (placebos["status"] == "ok")
        & (placebos["design"] == design)
        & (placebos["method"] == method)
    ]
    if rows.empty:
        raise RefusalError(
            f"placebos holds no estimated row of design {design!r} and method {method!r}. It has "
            f"{sorted({*zip(placebos['design'], placebos['method'], strict=True)})}."
        )
    gate = cross_fitted_placebo_gates(rows, level, "one-sided")
    shifted = rows["savings_rate"].to_numpy() + saving * (rows["spending"] / rows["benchmark"]).to_numpy()
    return rows[["unit", "origin", "block"]].assign(paid=(shifted >= gate).astype(float))
