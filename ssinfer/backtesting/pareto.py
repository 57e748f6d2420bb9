"""pareto_set: designs, methods and thresholds by bias, and by detection at equal false payments."""

from typing import Any

import numpy as np
import pandas as pd

from ssinfer.backtesting.advice import payment_sums, rate_table
from ssinfer.backtesting.frames import PARETO, rows_with
from ssinfer.backtesting.result import BacktestResult
from ssinfer.backtesting.thresholds_of_placebos import Replicates, thresholds_of_placebos
from ssinfer.level import check_level
from ssinfer.thresholds.kind import KINDS, ThresholdKey
from ssinfer.thresholds.placebo import COMPARISON_KEY
from ssinfer.thresholds.placebo_cross_fitted import placebo_thresholds_in_replicates
from ssinfer.typing import Booleans, Floats

BIAS = ("abs_bias_case", "bias_sd_between", "abs_bias_selected")
LEVEL, SIDE = check_level(COMPARISON_KEY.level), COMPARISON_KEY.side


def pareto_set(result: BacktestResult, saving: float = 0.03) -> pd.DataFrame:
    """Return designs x methods x kinds of threshold by bias measures, and by detection at equal false payments.

    The thresholds g_i of a kind are multiplied by one factor c, learned from other blocks and origins as the order
    statistic of r_i / g_i, so that 5% of contracts that saved nothing are paid. They are one-sided, at 95% where the
    kind has levels; placebos without one above zero are left out.
    """
    rows = rows_with(result.placebos, role="placebo")
    blocks = pd.Index(pd.unique(rows["block"]))
    out: list[dict[str, Any]] = []
    for (design, method), part in rows.groupby(["design", "method"], sort=False):
        ok = part[part["status"] == "ok"]
        if not len(ok):
            continue
        replicates = Replicates(ok, result.seed, blocks)
        for key, thresholds in thresholds_of_placebos(ok, (LEVEL,)).items():
            rates = _equalised(ok, key, thresholds, replicates, saving) if key.side == SIDE else {}
            if rates:
                out.append({"design": design, "method": method, "kind": key.kind, "prior": key.prior, **rates})
    if not out:
        return PARETO.empty()
    scores = result.scores[result.scores["size_class"] == "all"]
    selected = scores.filter(regex="^bias_selected_").abs().max(axis=1)
    bias = scores[["design", "method", "bias_sd_between"]]
    bias = bias.assign(abs_bias_case=scores["bias_case"].abs(), abs_bias_selected=selected)
    table = pd.DataFrame(out).merge(bias, on=["design", "method"])
    measures = [name for name in BIAS if table[name].notna().all()]
    values = np.column_stack([*(table[name].to_numpy() for name in measures), -table["detection_rate"].to_numpy()])
    table = table.assign(dominated=_dominated(values))
    return PARETO.conform(table.sort_values("detection_rate", ascending=False, kind="stable", ignore_index=True))


def _dominated(values: Floats) -> Booleans:
    """Return which rows (R, M) another row equals or undercuts in every measure and undercuts in one."""
    no_worse = (values[:, None] <= values[None, :]).all(axis=-1)
    better = (values[:, None] < values[None, :]).any(axis=-1)
    return np.asarray((no_worse & better).any(axis=0))


def _equalised(
    ok: pd.DataFrame, key: ThresholdKey, thresholds: Floats, replicates: Replicates, saving: float
) -> dict[str, Any]:
    """Return false payments and detection with thresholds that all pay equally many; empty with too few placebos."""
    usable = np.isfinite(thresholds) & (thresholds > 0)
    if not usable.any():
        return {}
    part, as_it_is = ok[usable], KINDS.find(key.kind).multiple_of_standard_error
    scaled = part if as_it_is else part.assign(standard_error=thresholds[usable])
    blocks = replicates.block[part.index].to_numpy()
    learned = placebo_thresholds_in_replicates(scaled, blocks, replicates.counts, LEVEL, SIDE)
    if np.isnan(learned[0]).all():
        return {}
    everybody = np.tile(np.where(np.isposinf(thresholds), np.inf, np.nan), (len(learned), 1))
    everybody[:, usable] = np.where(np.isnan(learned), np.inf, learned)  # none: not paid
    sums = payment_sums(replicates, everybody, pd.Series(0, index=ok.index), saving)
    n_blocks = replicates.block[ok.index[~np.isnan(everybody[0])]].nunique()
    (row,) = rate_table(sums.sum(axis=-1)[None], n_blocks).to_dict("records")
    return {str(name): value for name, value in row.items()}
