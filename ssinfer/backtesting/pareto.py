"""pareto_set: designs, methods and thresholds by bias and by detection once all pay equally many falsely."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ssinfer.backtesting.thresholds_of_placebos import Replicates, thresholds_of_placebos
from ssinfer.thresholds.kind import KINDS
from ssinfer.thresholds.placebo_cross_fitted import placebo_thresholds_in_replicates

if TYPE_CHECKING:
    from ssinfer.backtesting.backtest import BacktestResult
    from ssinfer.thresholds.kind import ThresholdKey
    from ssinfer.typing import Floats


BIAS = ("abs_bias_case", "bias_sd_between", "abs_bias_selected")
LEVEL = 0.95


def pareto_set(result: BacktestResult, saving: float = 0.03) -> pd.DataFrame:
    """Return designs x methods x kinds of threshold by bias measures and detection at equal false payments.

    A kind's gates are multiplied by one factor, learned from other blocks and origins, so that 5% of contracts that
    saved nothing are paid: T_i = c g_i, c the order statistic of r_i / g_i. What is then compared is how well a kind
    tells groups apart, not how strict it is. A smaller bias and a larger detection are better; `dominated` marks what
    another beats in one and equals in all. The bias is that of the design and method, whatever the threshold.

    Parameters
    ----------
    result : BacktestResult
    saving : float
        True savings rate.

    Returns
    -------
    pandas.DataFrame
        design, method, kind, prior, bias measures, false_payment_rate and detection_rate with block-bootstrap
        standard errors in which the factor is learned again, dominated; the largest detection first. One-sided gates at
        95% and the schedule; a gate that nothing passes stays unpaid, placebos without one or with one at or below zero
        are left out.
    """
    rows = result.placebos[result.placebos["role"] == "placebo"]
    blocks = pd.Index(pd.unique(rows["block"]))
    bias = _bias(result)
    out: list[dict[str, Any]] = []
    for (design, method), part in rows.groupby(["design", "method"], sort=False):
        ok = part[part["status"] == "ok"]
        if not len(ok):
            continue
        replicates = Replicates(ok, result.seed, blocks)
        for key, gate in thresholds_of_placebos(ok, (LEVEL,)).items():
            if key.side != "one-sided":
                continue
            found = _equalised(ok, key, gate, replicates, saving)
            if found:
                out.append({"design": design, "method": method, "kind": key.kind, "prior": key.prior, **found})
    if not out:
        return pd.DataFrame(columns=["design", "method", "kind", "prior", *BIAS, "detection_rate", "dominated"])
    table = pd.DataFrame(out).merge(bias, on=["design", "method"])
    measures = [name for name in BIAS if table[name].notna().all()]
    values = np.column_stack([*(table[name].to_numpy() for name in measures), -table["detection_rate"].to_numpy()])
    dominated = np.zeros(len(table), dtype=bool)
    for one, other in product(range(len(table)), repeat=2):
        if one != other and (values[other] <= values[one]).all() and (values[other] < values[one]).any():
            dominated[one] = True
    return table.assign(dominated=dominated).sort_values(
        "detection_rate", ascending=False, kind="stable", ignore_index=True
    )


def _bias(result: BacktestResult) -> pd.DataFrame:
    """Return the bias measures of every design and method, as absolute values."""
    scores = result.scores[result.scores["size_class"] == "all"].drop_duplicates(["design", "method"])
    selected = [name for name in scores.columns if name.startswith("bias_selected_")]
    return pd.DataFrame(
        {
            "design": scores["design"],
            "method": scores["method"],
            "abs_bias_case": scores["bias_case"].abs(),
            "bias_sd_between": scores["bias_sd_between"],
            "abs_bias_selected": scores[selected].abs().max(axis=1) if selected else np.nan,
        }
    )


def _equalised(
    ok: pd.DataFrame, key: ThresholdKey, gate: Floats, replicates: Replicates, saving: float
) -> dict[str, float]:
    """Return false payments and detection with gates that all pay equally many; empty where placebos are too few."""
    usable = np.isfinite(gate) & (gate > 0)
    never = np.isposinf(gate)
    if not usable.any():
        return {}
    part, kept = ok[usable], ok[usable | never]
    as_it_is = KINDS.find(key.kind).multiple_of_standard_error
    scaled = part if as_it_is else part.assign(standard_error=gate[usable])
    blocks = replicates.block[part.index].to_numpy()
    once = np.ones((1, replicates.weights.shape[1]))
    own, again = (
        placebo_thresholds_in_replicates(scaled, blocks, drawn, LEVEL, "one-sided")
        for drawn in (once, replicates.weights)
    )
    if np.isnan(own).all():
        return {}
    rate = part["savings_rate"].to_numpy(dtype=float)
    relative = (part["spending"] / part["benchmark"]).to_numpy(dtype=float)
    weights = replicates.row_weights(part)
    total = replicates.row_weights(kept).sum(axis=1)
    found: dict[str, float] = {"n_rows": len(kept)}
    for name, true in (("false_payment_rate", 0.0), ("detection_rate", saving)):
        measured = rate + true * relative
        found[name] = float((measured >= own[0]).sum() / len(kept))
        some = total > 0
        drawn = (weights * (measured >= again)).sum(axis=1)[some] / total[some]
        found[f"{name}_se"] = float(drawn.std(ddof=1)) if replicates.several else float("nan")
    return found
