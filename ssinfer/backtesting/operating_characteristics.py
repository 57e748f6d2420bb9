"""Operating characteristics: what each threshold pays when nothing was saved, and when something was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ssinfer.backtesting.kernels.block_bootstrap import block_sums
from ssinfer.backtesting.kernels.payments import payment_columns, replicate_means
from ssinfer.backtesting.scores import groups
from ssinfer.backtesting.thresholds_of_placebos import Replicates, thresholds_of_key, thresholds_of_placebos
from ssinfer.thresholds.placebo import COMPARISON_KEY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ssinfer.thresholds.kind import ThresholdKey
    from ssinfer.typing import Floats


RANKING_SAVINGS = (0.01, 0.02, 0.03, 0.05, 0.10)


def threshold_table(
    placebos: pd.DataFrame,
    injected: Sequence[float],
    levels: Sequence[float],
    edges: Sequence[float],
    share: float,
    seed: int,
) -> pd.DataFrame:
    """Return the columns of thresholds.csv, a row per design, method, size class, kind, level and side.

    Let r be the measured rate of a placebo, Y its spending, B its mean benchmark and T its threshold. The false payment
    rate is P(r >= T), and the detection rate at a true saving s is P(r + s Y / B >= T). A bonus of f M is paid if
    M / B >= T; f max(d, 0) is due. `expected_underpayment` averages over the injected positive savings.

    A threshold that no measured saving passes never pays: `no_threshold_rate` counts them, and `threshold` is then NaN.
    Refused placebos, and those without a threshold of the kind (`n_without_threshold`), are left out; the columns
    `_refused_unpaid` count them as not paid. Columns `_money` are per insured-year. Columns `_total` are per contract.
    Columns `_se` are block-bootstrap standard errors. Each replicate learns again the thresholds that are learned from
    other placebos. The fits themselves are not repeated.
    """
    savings = sorted({*RANKING_SAVINGS, *(s for s in injected if s > 0)})
    positive = [s for s in injected if s > 0] or list(RANKING_SAVINGS)
    out = []
    blocks = pd.Index(pd.unique(placebos.loc[placebos["role"] == "placebo", "block"]))
    for labels, part in groups(placebos, edges):
        ok = part[part["status"] == "ok"]
        if not len(ok):
            continue
        if labels["size_class"] == "all":  # first of its design and method
            replicates = Replicates(ok, seed, blocks)
        for key, gate in _with_comparison(ok, thresholds_of_placebos(ok, levels)).items():
            row = {**labels, **key.labels}
            out.append({**row, **_characteristics(ok, gate, key, replicates, len(part), savings, positive, share)})
    return pd.DataFrame(out)


def _with_comparison(ok: pd.DataFrame, found: dict[ThresholdKey, Floats]) -> dict[ThresholdKey, Floats]:
    """Add the threshold by which methods are compared, whatever levels were asked for."""
    if COMPARISON_KEY in found:
        return found
    thresholds = thresholds_of_key(ok, COMPARISON_KEY)
    return found if thresholds is None else {**found, COMPARISON_KEY: thresholds}


def _characteristics(
    ok: pd.DataFrame,
    gate: Floats,
    key: ThresholdKey,
    replicates: Replicates,
    n_rows: int,
    savings: Sequence[float],
    positive: Sequence[float],
    share: float,
) -> dict[str, Any]:
    known = ~np.isnan(gate)
    part = ok[known]
    numbers = (
        part["savings_rate"].to_numpy(dtype=float),
        (part["spending"] / part["benchmark"]).to_numpy(dtype=float),
        part["benchmark"].to_numpy(dtype=float),
        part["insured_years"].to_numpy(dtype=float),
    )
    asked = np.array(savings, dtype=float), np.array(positive, dtype=float), share
    columns = payment_columns(*numbers, gate[known], *asked)
    relearned = replicates.thresholds(part, key)
    if relearned is None:
        block = replicates.block[part.index].to_numpy(dtype=np.intp)
        sums = block_sums(np.column_stack([columns, np.ones(len(part))]), block, replicates.weights.shape[1])
        drawn = replicates.weights @ sums
        with np.errstate(invalid="ignore", divide="ignore"):
            means = drawn[:, :-1] / drawn[:, -1:]
    else:
        # In one layout, so that the kernel is compiled once.
        means = replicate_means(*numbers, np.ascontiguousarray(relearned), replicates.row_weights(part), *asked)
    row: dict[str, Any] = {
        "n_rows": len(part),
        "n_without_threshold": int((~known).sum()),
        "n_units": part["unit"].nunique(),
        "n_origins": part["origin"].nunique(),
    }
    names = _column_names(savings, positive)
    errors = _spread(means) if replicates.several else np.full(len(names), np.nan)
    for name, value, se in zip(names, columns.mean(axis=0).tolist(), errors.tolist(), strict=True):
        row[name] = value
        row[f"{name}_se"] = se
    for name in ("false_payment_rate", *(f"detection_rate_{100 * saving:g}" for saving in savings)):
        row[f"{name}_refused_unpaid"] = row[name] * len(part) / n_rows
    return row


def _column_names(savings: Sequence[float], positive: Sequence[float]) -> list[str]:
    """Return the names of the columns of `payment_columns`, in their order."""
    over, under = "expected_overpayment", "expected_underpayment"
    return [
        "threshold",
        "threshold_money",
        "threshold_less_bias",
        "threshold_less_bias_money",
        "no_threshold_rate",
        "false_payment_rate",
        *(f"detection_rate_{100 * saving:g}" for saving in savings),
        over,
        f"{over}_money",
        f"{over}_total",
        *(f"{under}_{100 * saving:g}" for saving in positive),
        under,
        f"{under}_money",
        f"{under}_total",
    ]


def _spread(means: Floats) -> Floats:
    """Return the SD over replicates (K, C), NaN where fewer than two are known: over an infinite gate is no mean."""
    known = np.isfinite(means)
    count = known.sum(axis=0)
    values = np.where(known, means, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        centre = values.sum(axis=0) / count
        squares = np.where(known, (means - centre) ** 2, 0.0).sum(axis=0)
        return np.asarray(np.where(count > 1, np.sqrt(squares / (count - 1)), np.nan))


def ranking(thresholds: pd.DataFrame) -> pd.DataFrame:
    """Return designs and methods by detection at cross-fitted false payments of 5% (placebo gate, one-sided, 95%)."""
    rows = thresholds[COMPARISON_KEY.rows(thresholds)]
    shown = [
        "design",
        "method",
        "size_class",
        "n_rows",
        "n_without_threshold",
        "threshold",
        "false_payment_rate",
        "false_payment_rate_se",
    ]
    for saving in RANKING_SAVINGS:
        shown += [f"detection_rate_{100 * saving:g}", f"detection_rate_{100 * saving:g}_se"]
    order = rows[rows["size_class"] == "all"].sort_values("detection_rate_3", ascending=False, kind="stable")
    return order[shown].reset_index(drop=True)
