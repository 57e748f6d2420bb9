"""Operating characteristics: what each threshold pays when nothing was saved, and when something was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ssinfer.backtesting.scores import groups
from ssinfer.backtesting.task import GateKey, gate_column
from ssinfer.errors import RefusalError
from ssinfer.kernels.block_bootstrap import mean_and_error
from ssinfer.thresholds.calibrated import cross_fitted_gates
from ssinfer.thresholds.placebo import order_statistic
from ssinfer.thresholds.schedule import minimum_savings_rate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

RANKING_SAVINGS = (0.01, 0.02, 0.03, 0.05, 0.10)
RANKING_LEVEL = 0.95
PRIORS = ("flat", "sceptical", "literature")
SIDES = ("one-sided", "two-sided")
# kinds whose gates stand in columns of the placebos: from each one's own fit, or calibrated on the others
OWN_KINDS = (("confidence", ""), *(("credible", prior) for prior in PRIORS), ("calibrated", ""))


def threshold_table(
    placebos: pd.DataFrame,
    injected: Sequence[float],
    levels: Sequence[float],
    edges: Sequence[float],
    share: float,
    seed: int,
) -> pd.DataFrame:
    """Return the columns of thresholds.csv, a row per design, method, size class, kind, level and side.

    With r the measured rate of a placebo, Y its spending, B its mean benchmark and T its gate: false payment
    is P(r >= T); detection at s is P(r + s Y / B >= T); a bonus pays f M when M / B >= T and f max(d, 0) is due.
    `expected_underpayment` averages over the injected positive savings; each one's own column stands beside it.
    A gate that no measured saving passes is non-payment (`no_gate_rate` counts them; `threshold` is then NaN); refused
    placebos are left out, and counted as non-payment in the columns `_refused_unpaid`. Columns `_money` are per
    insured-year, `_total` per contract: times its insured-years.
    """
    savings = sorted({*RANKING_SAVINGS, *(s for s in injected if s > 0)})
    positive = [s for s in injected if s > 0] or list(RANKING_SAVINGS)
    out = []
    for labels, part in groups(placebos, edges):
        ok = part[part["status"] == "ok"]
        if not len(ok):
            continue
        for (kind, level, side, prior), gate in _with_ranking_gate(ok, gates(ok, levels)).items():
            row = {**labels, "kind": kind, "level": level, "side": side, "prior": prior}
            out.append({**row, **_characteristics(ok, gate, len(part), savings, positive, share, seed)})
    return pd.DataFrame(out)


def gates(ok: pd.DataFrame, levels: Sequence[float]) -> dict[GateKey, Floats]:
    """Return the gate (rate) of every placebo by kind, level and side; kinds that do not exist here are left out."""
    found: dict[GateKey, Floats] = {}
    for level in levels:
        for side in SIDES:
            for kind, prior in OWN_KINDS:
                name = gate_column(kind, level, side, prior)
                if name in ok.columns and ok[name].notna().all():
                    found[kind, level, side, prior] = ok[name].to_numpy(dtype=float)
            try:
                found["placebo", level, side, ""] = cross_fitted_placebo_gates(ok, level, side)
            except RefusalError:
                continue
    if (ok["assigned"] >= 1).all() and not (ok["assigned"] == 1).all():
        schedule = [minimum_savings_rate(n) for n in ok["assigned"]]
        found["schedule", float("nan"), "one-sided", ""] = np.array(schedule)
    return found


def _with_ranking_gate(ok: pd.DataFrame, found: dict[GateKey, Floats]) -> dict[GateKey, Floats]:
    """Add the gate by which methods are ranked, false payments of 5%, whatever levels were asked for."""
    key: GateKey = ("placebo", RANKING_LEVEL, "one-sided", "")
    if key in found:
        return found
    try:
        return {**found, key: cross_fitted_placebo_gates(ok, RANKING_LEVEL, "one-sided")}
    except RefusalError:
        return found


def cross_fitted_placebo_gates(ok: pd.DataFrame, level: float, side: str) -> Floats:
    """Return placebo gates, each from other blocks of neighbours and, where there are several, other origins.

    An origin with too few placebos for the level gives no order statistic and is passed over; where no other origin
    gives one, the placebo's own does, without its block.
    """
    rate = ok["savings_rate"].to_numpy()
    se = ok["standard_error"].to_numpy() if ok["standard_error"].notna().all() else np.ones(len(ok))
    block, origin = ok["block"].to_numpy(), ok["origin"].to_numpy()
    origins = pd.unique(origin)
    z = rate / se
    reason = RefusalError("There are no placebos. Look at the reasons in the placebos' status column.")
    by_block: dict[tuple[Any, Any], float] = {}
    for one in pd.unique(block):
        elsewhere = block != one
        for period in origins:
            try:
                by_block[one, period] = order_statistic(z[elsewhere & (origin == period)], level, side)
            except RefusalError as error:
                reason = error
    gate = np.empty(len(ok))
    for row in range(len(ok)):
        usable = [period for period in origins if (block[row], period) in by_block]
        if not usable:
            raise reason
        others = [period for period in usable if period != origin[row]] or usable
        gate[row] = se[row] * np.mean([by_block[block[row], period] for period in others])
    return gate


def calibrated_columns(placebos: pd.DataFrame, levels: Sequence[float]) -> pd.DataFrame:
    """Return columns of calibrated gates beside the placebos' rows, cross-fitted; NaN where there are none.

    Every design and method is calibrated on all its own placebos, whatever their size, so that a class of size uses
    the others' information on how the error shrinks.
    """
    names = {(level, side): gate_column("calibrated", level, side) for level in levels for side in SIDES}
    out = pd.DataFrame(np.nan, index=placebos.index, columns=list(names.values()))
    rows = placebos[(placebos["role"] == "placebo") & (placebos["status"] == "ok")]
    for _, part in rows.groupby(["design", "method"], sort=False):
        try:
            found = cross_fitted_gates(part, tuple(levels), SIDES)
        except RefusalError:
            continue
        for key, gate in found.items():
            out.loc[part.index, names[key]] = gate
    return out


def _characteristics(
    ok: pd.DataFrame,
    gate: Floats,
    n_rows: int,
    savings: Sequence[float],
    positive: Sequence[float],
    share: float,
    seed: int,
) -> dict[str, Any]:
    rate = ok["savings_rate"].to_numpy()
    bbar = ok["benchmark"].to_numpy()
    insured = ok["insured_years"].to_numpy()
    relative = ok["spending"].to_numpy() / bbar
    blocks = np.unique(ok["block"].to_numpy(), return_inverse=True)[1]
    paid = {saving: rate + saving * relative >= gate for saving in (0.0, *savings)}
    columns: dict[str, Floats] = {
        "threshold": np.where(np.isfinite(gate), gate, np.nan),
        "threshold_money": np.where(np.isfinite(gate), gate * bbar, np.nan),
        "threshold_less_bias": np.where(np.isfinite(gate), gate - rate, np.nan),
        "threshold_less_bias_money": np.where(np.isfinite(gate), (gate - rate) * bbar, np.nan),
        "no_gate_rate": (~np.isfinite(gate)).astype(float),
        "false_payment_rate": paid[0.0].astype(float),
    }
    for saving in savings:
        columns[f"detection_rate_{100 * saving:g}"] = paid[saving].astype(float)
    over = np.where(paid[0.0], share * np.maximum(rate, 0.0), 0.0)
    columns["expected_overpayment"] = over
    columns["expected_overpayment_money"] = over * bbar
    columns["expected_overpayment_total"] = over * bbar * insured
    under = []
    for saving in positive:
        due = share * saving * relative
        bonus = np.where(paid[saving], share * np.maximum(rate + saving * relative, 0.0), 0.0)
        under.append(np.maximum(due - bonus, 0.0))
        columns[f"expected_underpayment_{100 * saving:g}"] = under[-1]
    columns["expected_underpayment"] = np.mean(under, axis=0)
    columns["expected_underpayment_money"] = columns["expected_underpayment"] * bbar
    columns["expected_underpayment_total"] = columns["expected_underpayment"] * bbar * insured
    mean, error = mean_and_error(np.column_stack(list(columns.values())), blocks, np.random.default_rng([seed, 2]))
    row: dict[str, Any] = {"n_rows": len(ok), "n_units": ok["unit"].nunique(), "n_origins": ok["origin"].nunique()}
    for name, value, se in zip(columns, mean, error, strict=True):
        row[name] = value
        row[f"{name}_se"] = se
    row["false_payment_rate_refused_unpaid"] = float(paid[0.0].sum()) / n_rows
    for saving in savings:
        row[f"detection_rate_{100 * saving:g}_refused_unpaid"] = float(paid[saving].sum()) / n_rows
    return row


def ranking(thresholds: pd.DataFrame) -> pd.DataFrame:
    """Return designs and methods by detection at cross-fitted false payments of 5% (placebo gate, one-sided, 95%)."""
    rows = thresholds[
        (thresholds["kind"] == "placebo") & (thresholds["level"] == RANKING_LEVEL) & (thresholds["side"] == "one-sided")
    ]
    shown = ["design", "method", "size_class", "threshold", "false_payment_rate", "false_payment_rate_se"]
    for saving in RANKING_SAVINGS:
        shown += [f"detection_rate_{100 * saving:g}", f"detection_rate_{100 * saving:g}_se"]
    order = rows[rows["size_class"] == "all"].sort_values("detection_rate_3", ascending=False, kind="stable")
    return order[shown].reset_index(drop=True)
