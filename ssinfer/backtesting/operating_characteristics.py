"""Operating characteristics: payments of each threshold where nothing was saved, and where something was."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ssinfer.backtesting.frames import DETECTION, THRESHOLDS, relative_spending, rows_with
from ssinfer.backtesting.kernels.block_bootstrap import block_sums, spread_of_replicates
from ssinfer.backtesting.kernels.payments import payment_columns, replicate_means
from ssinfer.backtesting.scores import groups
from ssinfer.backtesting.thresholds_of_placebos import Replicates, thresholds_of_key, thresholds_of_placebos
from ssinfer.thresholds.kind import ThresholdKey
from ssinfer.thresholds.placebo import COMPARISON_KEY
from ssinfer.typing import Floats

#: True savings rates at which every threshold's detection is reported.
DETECTION_SAVINGS = (0.01, 0.02, 0.03, 0.05, 0.10)


def rates_at(savings: Sequence[float] = DETECTION_SAVINGS) -> list[str]:
    """Return names of the shares of contracts that are paid, without a saving and at true savings."""
    return ["false_payment_rate", *(f"detection_rate_{100 * saving:g}" for saving in savings)]


def threshold_table(
    placebos: pd.DataFrame,
    injected: Sequence[float],
    levels: Sequence[float],
    edges: Sequence[float],
    share: float,
    seed: int,
) -> pd.DataFrame:
    """Return the columns of thresholds.csv, from rates r, spending Y, mean benchmarks B and thresholds T of placebos.

    The detection rate at a true saving s is P(r + s e Y / B >= T), with e the elasticity; at 0 the false payment rate.
    A bonus of f M is paid if M / B >= T; f max(d, 0) is due. Placebos that are refused or have no threshold of the kind
    are left out.
    """
    positive = [saving for saving in injected if saving > 0]
    payments = _Payments(tuple(sorted({*DETECTION_SAVINGS, *positive})), tuple(positive or DETECTION_SAVINGS), share)
    rows = []
    blocks = pd.Index(np.unique(rows_with(placebos, role="placebo")["block"]))
    for labels, part in groups(placebos, edges):
        ok = part[part["status"] == "ok"]
        if not len(ok):
            continue
        if labels["size_class"] == "all":  # the first class of its design and method
            replicates = Replicates(ok, seed, blocks)
        by_key = thresholds_of_placebos(ok, levels)
        if COMPARISON_KEY not in by_key and (compared := thresholds_of_key(ok, COMPARISON_KEY)) is not None:
            by_key[COMPARISON_KEY] = compared  # methods are compared by it, whatever levels were asked for
        for key, thresholds in by_key.items():
            row = payments.row(ok, thresholds, key, replicates)
            for name in rates_at(payments.savings):
                row[f"{name}_refused_unpaid"] = row[name] * row["n_rows"] / len(part)
            rows.append({**labels, **key.labels, **row})
    saving, due = ([100 * rate for rate in rates] for rates in (payments.savings, payments.due))
    return THRESHOLDS.frame(rows, saving=saving, due=due)


def detection_table(thresholds: pd.DataFrame, injected: Sequence[float]) -> pd.DataFrame:
    """Return the columns of detection.csv: `thresholds` of :func:`threshold_table`, one row per injected saving."""
    labels = ["design", "method", "size_class", "kind", "level", "side", "prior", "n_rows"]
    rows = []
    for _, row in thresholds.iterrows():
        for saving in injected:
            name = f"detection_rate_{100 * saving:g}" if saving > 0 else "false_payment_rate"
            rates = {f"detection_rate{end}": row[name + end] for end in ("", "_se", "_refused_unpaid")}
            rows.append({**row[labels], "injected": saving, **rates})
    return DETECTION.frame(rows)


def ranking(thresholds: pd.DataFrame) -> pd.DataFrame:
    """Return designs and methods by detection at equal false payments (cross-fitted placebo threshold, 5%)."""
    rows = thresholds[COMPARISON_KEY.rows(thresholds) & (thresholds["size_class"] == "all")]
    order = rows.sort_values("detection_rate_3", ascending=False, kind="stable", ignore_index=True)
    labels = ["design", "method", "size_class", "n_rows", "n_without_threshold", "threshold"]
    return order[[*labels, *(f"{rate}{end}" for rate in rates_at() for end in ("", "_se"))]]


@dataclass(frozen=True)
class _Payments:
    """True savings whose detection is reported, those over which underpayment is averaged (`due`), and the share."""

    savings: tuple[float, ...]
    due: tuple[float, ...]
    share: float

    @property
    def names(self) -> list[str]:
        """Names of the columns of `payment_columns`, in their order."""
        over, under = "expected_overpayment", "expected_underpayment"
        return [
            *("threshold", "threshold_money", "threshold_less_bias", "threshold_less_bias_money", "no_threshold_rate"),
            *rates_at(self.savings),
            *(over, f"{over}_money", f"{over}_total"),
            *(f"{under}_{100 * saving:g}" for saving in self.due),
            *(under, f"{under}_money", f"{under}_total"),
        ]

    def row(self, ok: pd.DataFrame, thresholds: Floats, key: ThresholdKey, replicates: Replicates) -> dict[str, Any]:
        """Return counts, means over the placebos that have a threshold, and standard errors."""
        known = ~np.isnan(thresholds)
        part = ok[known]
        measured = (
            part["savings_rate"].to_numpy(dtype=float),
            relative_spending(part),
            part["benchmark"].to_numpy(dtype=float),
            part["insured_years"].to_numpy(dtype=float),
        )
        asked = np.array(self.savings, dtype=float), np.array(self.due, dtype=float), self.share
        columns = payment_columns(measured, thresholds[known], *asked)
        relearned = replicates.thresholds(part, key)
        if relearned is None:
            block = replicates.block[part.index].to_numpy(dtype=np.intp)
            sums = block_sums(np.column_stack([columns, np.ones(len(part))]), block, replicates.weights.shape[1])
            drawn = replicates.weights @ sums
            with np.errstate(invalid="ignore", divide="ignore"):
                means = drawn[:, :-1] / drawn[:, -1:]
        else:
            # One memory layout, so that the kernel is compiled only once.
            means = replicate_means(measured, np.ascontiguousarray(relearned), replicates.row_weights(part), *asked)
        row: dict[str, Any] = {
            "n_rows": len(part),
            "n_without_threshold": int((~known).sum()),
            "n_units": part["unit"].nunique(),
            "n_origins": part["origin"].nunique(),
        }
        errors = spread_of_replicates(means, replicates.block[part.index].nunique())
        for name, value, se in zip(self.names, columns.mean(axis=0).tolist(), errors.tolist(), strict=True):
            row |= {name: value, f"{name}_se": se}
        row["elasticity"] = falls = float(part.get("elasticity", pd.Series([1.0])).mean())
        return row | {f"threshold_true{end}": row[f"threshold{end}"] / falls for end in ("", "_se")}
