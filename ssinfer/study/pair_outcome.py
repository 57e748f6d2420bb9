"""PairOutcome: what one design and method measure and pay on its placebos, on the scale of all spending."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ssinfer.backtesting.kernels.block_bootstrap import spread_of_replicates
from ssinfer.backtesting.placebos import neighbour_blocks
from ssinfer.backtesting.thresholds_of_placebos import Replicates, thresholds_of_key
from ssinfer.contracts.settle import settle
from ssinfer.errors import SsinferError
from ssinfer.panel import Panel
from ssinfer.study.programme import one_scale
from ssinfer.windows import rolling_windows

if TYPE_CHECKING:
    from ssinfer.backtesting.result import BacktestResult
    from ssinfer.contracts.contract import Contract
    from ssinfer.study.designs import StudyDesign
    from ssinfer.study.plan import Plan
    from ssinfer.typing import Booleans, Floats

SCALED = ("threshold_all", "threshold_money")
NEVER = 1.0 - 1e-9  # a threshold that no measured saving reaches


@dataclass(frozen=True, eq=False)
class PairOutcome:
    """Placebos (R,) of a design and method; money is per insured-year of the whole population.

    `columns` holds, per placebo: shares of spending and persons, deviation, threshold, and payments by scenario and s.
    `means` are their means over K block-bootstrap replicates, the same blocks for every design and method; the
    thresholds are learned again in each.
    """

    design: StudyDesign
    method: str
    rows: pd.DataFrame  # unit, origin, block
    columns: pd.DataFrame
    means: pd.DataFrame  # (K, columns)

    def mean(self, name: str) -> float:
        """Return the mean of a column over the placebos."""
        return float(self.columns[name].mean())

    def error(self, name: str) -> float:
        """Return its block-bootstrap standard error; NaN with few blocks or replicates."""
        blocks = self.rows["block"][self.columns[name].notna()].nunique()
        return float(spread_of_replicates(self.means[[name]].to_numpy(), blocks)[0])


def outcomes(plan: Plan, result: BacktestResult, savings: tuple[float, ...]) -> list[PairOutcome]:
    """Return the outcome of every design and method that has placebos with its threshold."""
    placebos = result.placebos[(result.placebos["role"] == "placebo") & (result.placebos["status"] == "ok")]
    whole = plan.data.programme.whole
    if isinstance(whole, Panel):  # the blocks of all units, also for designs with fewer
        block = dict(zip(whole.units, neighbour_blocks(whole), strict=True))
        placebos = placebos.assign(block=placebos["unit"].map(block))
    by_pair = dict(iter(placebos.groupby(["design", "method"], sort=False)))
    blocks = pd.Index(np.unique(placebos["block"]))
    scales: dict[str, pd.DataFrame] = {}
    learned: dict[tuple[str, str], Replicates] = {}
    found = []
    for design in plan.config.designs:
        for method in design.methods:
            pair = design.fit, method
            rows = by_pair.get(pair)
            thresholds = None if rows is None else thresholds_of_key(rows, design.threshold.key)
            if rows is None or thresholds is None:
                continue
            if design.fit not in scales:
                scales[design.fit] = _scale(plan, design, savings)
            if pair not in learned:
                learned[pair] = Replicates(rows, result.seed, blocks)
            keys = pd.MultiIndex.from_frame(rows[["unit", "origin"]])
            scale = scales[design.fit].reindex(keys).set_axis(rows.index)
            known = scale["all_years"].to_numpy() > 0
            part, scale, limits = rows[known], scale[known], thresholds[known]
            columns = _columns(plan, design, part, scale, limits, savings)
            relearned = learned[pair].thresholds(part, design.threshold.key)
            means = _means(columns, relearned, part, learned[pair])
            found.append(PairOutcome(design, method, part[["unit", "origin", "block"]], columns, means))
    return found


def _scale(plan: Plan, design: StudyDesign, savings: tuple[float, ...]) -> pd.DataFrame:
    """Return all spending, insured-years and what programmes save, by unit and origin of a design's windows."""
    view, frames = plan.data.view_of(design.fit), []
    for window in rolling_windows(view.panel, plan.designs[design.fit], plan.origins.get(design.fit)):
        measured = [label for label in window.performance if label not in window.masked]
        columns = view.panel.columns(measured)
        scale = one_scale(design, view, plan.data.programme, columns, plan.scenarios, savings)
        saved = {f"saved {name} {s:g}": values for (name, s), values in scale.saved.items()}
        frame = pd.DataFrame({"all_spending": scale.all_spending, "all_years": scale.all_years, **saved})
        frame.index = pd.MultiIndex.from_product([view.panel.units, [window.origin]], names=["unit", "origin"])
        frames.append(frame)
    return pd.concat(frames)


def _columns(
    plan: Plan,
    design: StudyDesign,
    part: pd.DataFrame,
    scale: pd.DataFrame,
    thresholds: Floats,
    savings: tuple[float, ...],
) -> pd.DataFrame:
    """Return the columns of an outcome at given thresholds (R,)."""
    years, money, persons = (
        part["insured_years"].to_numpy(),
        scale["all_spending"].to_numpy(),
        scale["all_years"].to_numpy(),
    )
    benchmark, spending = part["benchmark"].to_numpy(), part["spending"].to_numpy()
    rate, relative = part["savings_rate"].to_numpy(), spending / benchmark
    finite = np.where(np.isfinite(thresholds), thresholds, np.nan)
    own = benchmark * years / persons  # of a rate: money per insured-year of the whole population
    out = {
        "share_of_spending": spending * years / money,
        "share_of_persons": years / persons,
        "deviation": rate,
        "deviation_all": rate * benchmark * years / money,
        "deviation_money": rate * own,
        "threshold_rate": finite,
        "threshold_all": finite * benchmark * years / money,
        "threshold_money": finite * own,
        "false_payment_rate": np.where(np.isnan(thresholds), np.nan, rate >= thresholds),
    }
    share = plan.share_of(design)
    mean_spending = money / persons
    under = []
    for name in plan.scenarios:
        for s in (0.0, *savings):
            saved = np.zeros(len(part)) if s == 0 else scale[f"saved {name} {s:g}"].to_numpy()
            true = s * mean_spending
            paid = payments(plan, design, part, saved, thresholds) / persons
            if s == 0:
                over = np.maximum(paid, 0.0)
            at = f"{name} {s:g}"
            out |= {
                f"saved {at}": saved,
                f"detected {at}": np.where(
                    np.isnan(saved) | np.isnan(thresholds), np.nan, rate + saved * relative >= thresholds
                ),
                f"paid {at}": paid,
                f"insurer {at}": true - paid,
                f"earned {at}": np.minimum(np.maximum(paid, 0.0), share * true),
                f"untested {at}": payments(plan, design, part, saved, np.zeros(len(part))) / persons,
            }
            if s > 0 and name == next(iter(plan.scenarios)):
                under.append(np.maximum(share * true - np.maximum(paid, 0.0), 0.0))
    out["misallocation"] = over + np.mean(under, axis=0) if under else over
    return pd.DataFrame(out, index=part.index)


def payments(plan: Plan, design: StudyDesign, part: pd.DataFrame, saved: Floats, thresholds: Floats) -> Floats:
    """Return what the insurer pays (R,), currency; NaN where the contract cannot be settled."""
    contract = plan.contract_of(design)
    benchmark, years = part["benchmark"].to_numpy(), part["insured_years"].to_numpy()
    spending, usable = part["spending"].to_numpy() * (1.0 - saved), np.isfinite(saved) & ~np.isnan(thresholds)
    if contract is None:
        measured = benchmark - spending
        rate = measured / benchmark
        return np.where(
            usable, (rate >= thresholds) * plan.share_of(design) * np.maximum(measured, 0.0) * years, np.nan
        )
    return _settled(contract, design, benchmark, spending, years, part["assigned"].to_numpy(), thresholds, usable)


def _settled(
    contract: Contract,
    design: StudyDesign,
    benchmark: Floats,
    spending: Floats,
    years: Floats,
    assigned: Floats,
    thresholds: Floats,
    usable: Booleans,
) -> Floats:
    paid = np.full(len(benchmark), np.nan)
    usable = usable & (benchmark > 0) & (spending > 0)
    computed = contract.threshold.kind == "computed"
    try:
        settlement = settle(
            contract,
            benchmark=benchmark[usable],
            spending=spending[usable],
            insured_years=years[usable],
            assigned=assigned[usable] if np.isfinite(assigned[usable]).all() else None,
            threshold=np.clip(thresholds[usable], 0.0, NEVER) if computed else None,
            quality=None if design.sharing is None else design.sharing.quality,
        )
    except SsinferError:  # for example a group below the contract's smallest size
        return paid
    paid[usable] = settlement.payment
    return paid


def _means(columns: pd.DataFrame, relearned: Floats | None, part: pd.DataFrame, replicates: Replicates) -> pd.DataFrame:
    """Return means (K, columns) in every replicate; a column without a value in a replicate is NaN.

    Payments keep the thresholds of the sample; thresholds, false payments and detection have those of the replicate.
    """
    weights = replicates.row_weights(part)

    def mean(values: Floats) -> Floats:
        known: Any = np.isfinite(values)
        with np.errstate(invalid="ignore", divide="ignore"):
            if values.ndim == 1:
                return np.asarray((weights @ np.where(known, values, 0.0)) / (weights @ known))
            return np.asarray((weights * np.where(known, values, 0.0)).sum(axis=1) / (weights * known).sum(axis=1))

    means = {name: mean(columns[name].to_numpy()) for name in columns}
    if relearned is not None:
        finite = np.where(np.isfinite(relearned), relearned, np.nan)
        rate, relative = part["savings_rate"].to_numpy(), (part["spending"] / part["benchmark"]).to_numpy()
        unit = {"threshold_rate": 1.0, **{name: columns[f"deviation_{name[10:]}"] / rate for name in SCALED}}
        means |= {name: mean(finite * np.asarray(factor)) for name, factor in unit.items()}
        undefined = np.where(np.isnan(relearned), np.nan, 1.0)
        means["false_payment_rate"] = mean(undefined * (rate >= relearned))
        for name in [str(name) for name in columns if str(name).startswith("detected ")]:
            saved = columns[name.replace("detected", "saved")].to_numpy()
            means[name] = mean(np.where(np.isfinite(saved), undefined * (rate + saved * relative >= relearned), np.nan))
    return pd.DataFrame(means)
