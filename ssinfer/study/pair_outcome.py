r"""PairOutcome: what one design and method measure and pay, over placebos and for the contract itself, on one scale.

Two distributions of the payment P(benchmark, spending, threshold) stand beside each other; :math:`\bar B - Y` and
:math:`\bar B - B_j` hold the same two errors, of the benchmark and of the group's noise, and each of them once:

- over placebos i, :math:`P(\bar B_i, (1 - d_i) Y_i, T_i)`, with the Y_i that happened: over repeated contracts;
- over draws j of the contract's own fit, :math:`P(\bar B, (1 - d) B_j, T)`: given the data before its start.

Draws added to the savings of placebos would count both errors twice. The means agree as far as the fit is calibrated.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ssinfer.backtesting.frames import rows_with
from ssinfer.backtesting.kernels.block_bootstrap import spread_of_replicates
from ssinfer.backtesting.placebos import neighbour_blocks
from ssinfer.backtesting.result import BacktestResult
from ssinfer.backtesting.thresholds_of_placebos import Replicates, thresholds_of_key
from ssinfer.panel import Panel
from ssinfer.study.case import CaseResult
from ssinfer.study.case_thresholds import case_threshold
from ssinfer.study.designs import WINDOWS, StudyDesign
from ssinfer.study.payment_rule import PaymentRule
from ssinfer.study.plan import Plan
from ssinfer.study.programme import one_scale
from ssinfer.thresholds.null_error import null_error_of
from ssinfer.typing import Floats

CASE_DRAWS = 1000  # of the contract's own fit, at most


@dataclass(frozen=True, eq=False)
class PairOutcome:
    """Placebos (R,) of a design and method; money is per insured-year of the whole population.

    `columns` holds, per placebo: shares of spending and persons, whether it can be settled, deviation, threshold, and
    payments by scenario and s.
    `means` are their means over K block-bootstrap replicates, the same blocks for every design and method. Each of them
    learns again the thresholds that are learned from placebos.
    """

    design: StudyDesign
    method: str
    rows: pd.DataFrame  # unit, origin, block
    columns: pd.DataFrame
    means: pd.DataFrame  # (K, columns)
    no_payments: str = ""  # why payments could not be computed
    case: pd.DataFrame | None = None  # the same columns for the contract itself, one row per draw of its fit

    def mean(self, name: str) -> float:
        """Return the mean of a column over the placebos that have it."""
        return float(self.columns[name].mean())

    def error(self, name: str) -> float:
        """Return its block-bootstrap standard error; NaN with few blocks or replicates."""
        known = self.columns[name].notna().to_numpy()
        blocks = len(np.unique(self.rows["block"].to_numpy()[known]))
        return float(spread_of_replicates(self.means[name].to_numpy()[:, None], blocks)[0])


def outcomes(
    plan: Plan, result: BacktestResult, savings: tuple[float, ...], case: CaseResult | None = None
) -> list[PairOutcome]:
    """Return the outcome of every design and method that has placebos with the threshold that decides."""
    placebos = with_common_blocks(plan, rows_with(result.placebos, role="placebo", status="ok"))
    by_pair = dict(iter(placebos.groupby(["design", "method"], sort=False)))
    blocks = pd.Index(np.unique(placebos["block"]))
    scales: dict[str, tuple[pd.DataFrame, pd.DataFrame]] = {}  # by panel and windows
    learned: dict[tuple[str, str], Replicates] = {}
    found = []
    for design in plan.config.designs:
        for method in design.methods:
            pair = design.fit, method
            rows = by_pair.get(pair)
            if rows is None:
                continue
            at = f"{id(plan.data.panel_of(design.fit))} {[getattr(design, key) for key in WINDOWS]}"
            if at not in scales:
                scales[at] = _scale(plan, design, savings)
            if pair not in learned:
                learned[pair] = Replicates(rows, result.seed, blocks)
            scale = scales[at][0].reindex(pd.MultiIndex.from_frame(rows[["unit", "origin"]])).set_axis(rows.index)
            known = scale["all_years"].to_numpy() > 0
            part, scale = rows[known], scale[known]
            rule, key = PaymentRule(plan, design, part), design.compared_by.key
            given = thresholds_of_key(rows, key, result.errors)
            thresholds = rule.deciding(np.full(len(part), np.nan) if given is None else given[known])
            if np.isnan(thresholds).all():
                continue
            columns = _columns(part, scale, rule, thresholds)
            weights, relearned = learned[pair].row_weights(part), learned[pair].thresholds(part, key)
            means = {name: _means(weights, columns[name]) for name in columns}
            if rule.own is None and relearned is not None:
                again = _by_threshold(part, scale, rule, rule.deciding(relearned))
                means |= {name: _means(weights, values) for name, values in again}
            labels = part[["unit", "origin", "block"]]
            own = _case(plan, design, method, scales[at][1], case)
            found.append(PairOutcome(design, method, labels, columns, pd.DataFrame(means), rule.refused, own))
    return found


def with_common_blocks(plan: Plan, placebos: pd.DataFrame) -> pd.DataFrame:
    """Return placebos with the blocks of neighbours of the whole population, which are those of all designs."""
    whole = plan.data.programme.whole
    everything = whole if isinstance(whole, Panel) else whole.to_panel()
    blocks_of = neighbour_blocks(everything, regions=plan.data.regions_of(everything))
    return placebos.assign(block=placebos["unit"].map(dict(zip(everything.units, blocks_of, strict=True))))


def _scale(plan: Plan, design: StudyDesign, savings: tuple[float, ...]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return what all windows of a design are of all spending, by unit and origin; and the case's baseline, by unit."""
    panel, chosen = plan.data.panel_of(design.fit), plan.designs[design.fit]
    learned = [period for period in chosen.baseline if period not in chosen.masked]
    spans = {"": learned, **{window.origin: window.measured for window in plan.windows_of(design.fit)}}
    frames = {name: one_scale(plan, design, panel.columns(used), savings) for name, used in spans.items()}
    baseline = frames.pop("").loc[list(chosen.treated)]
    return pd.concat(frames).swaplevel(), baseline


def _case(
    plan: Plan, design: StudyDesign, method: str, baseline: pd.DataFrame, case: CaseResult | None
) -> pd.DataFrame | None:
    """Return the columns of the contract itself, one row per draw; None without a fit that has a distribution.

    Its composition is that of its baseline, trended as its benchmark: nothing depends on spending under the contract.
    """
    cf = None if case is None else case["counterfactuals"].get((design.fit, method))
    if case is None or cf is None or cf.failures or cf.uncertainty == "none":
        return None
    errors, years, money = null_error_of(cf) / cf.level, float(cf.values("insured_years").sum()), baseline["money"]
    groups = pd.DataFrame({"savings_rate": errors[:: max(1, len(errors) // CASE_DRAWS)][:CASE_DRAWS]})
    groups = groups.assign(benchmark=cf.level, spending=cf.level * (1 - groups["savings_rate"]), insured_years=years)
    rule, table = PaymentRule(plan, design, groups.assign(assigned=cf.assigned)), case["case_thresholds"]
    scale = {name: np.average(baseline[name], weights=money) for name in baseline}
    scale["all_spending"] = baseline["all_spending"].sum() * cf.level * years / money.sum()
    scale["all_years"] = baseline["all_years"].sum() * years / baseline["years"].sum()
    table = rows_with(table, design=design.fit, method=method)
    thresholds = rule.deciding(np.full(len(groups), case_threshold(design.compared_by, table)[0]))
    return _columns(groups, pd.DataFrame(scale, index=groups.index), rule, thresholds)


def _means(weights: Floats, values: Any) -> Floats:
    """Return means (K,) of the known values, (R,) or of each replicate (K, R), with weights (K, R)."""
    known = np.isfinite(values)
    filled = np.where(known, values, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        if filled.ndim == 1:
            return np.asarray((weights @ filled) / (weights @ known))
        return np.asarray((weights * filled).sum(axis=1) / (weights * known).sum(axis=1))


def _scales(part: pd.DataFrame, scale: pd.DataFrame) -> dict[str, Any]:
    """Return what a rate of the benchmark is: itself, a share of all spending, and money per insured-year of all."""
    money = part["benchmark"].to_numpy() * part["insured_years"].to_numpy()
    return {"": 1.0, "_all": money / scale["all_spending"].to_numpy(), "_money": money / scale["all_years"].to_numpy()}


def _programmes(scale: pd.DataFrame) -> Iterator[tuple[str, str, Floats, Floats]]:
    """Yield names "SCENARIO s", the scenario, and the true saving s: of own spending, and in money per person."""
    money = (scale["all_spending"] / scale["all_years"]).to_numpy()
    for column in scale.columns[scale.columns.str.startswith("own_saving ")]:
        _, at = column.split(" ", 1)
        scenario, s = at.rsplit(" ", 1)
        yield at, scenario, scale[column].to_numpy(), float(s) * money


def _by_threshold(
    part: pd.DataFrame, scale: pd.DataFrame, rule: PaymentRule, thresholds: Floats
) -> Iterator[tuple[str, Floats]]:
    """Yield the columns that follow from the thresholds that decide, (R,) or (K, R)."""
    rate, relative = part["savings_rate"].to_numpy(), (part["spending"] / part["benchmark"]).to_numpy()
    finite, none = np.where(np.isfinite(thresholds), thresholds, np.nan), np.where(np.isnan(thresholds), np.nan, 0.0)
    needed = finite / scale["elasticity"].to_numpy()  # true saving of all spending that measures the threshold
    yield from (("threshold_rate", finite), ("threshold_all", needed))
    yield "threshold_money", needed * (scale["all_spending"] / scale["all_years"]).to_numpy()
    limits = np.maximum(thresholds, 0.0)  # nothing is paid for a loss
    yield "false_payment_rate", none + (rate >= limits)
    programmes = list(_programmes(scale))
    gaps: list[Floats] = []
    for at, scenario, own, true in programmes:
        paid = rule(own, thresholds) / scale["all_years"].to_numpy()
        yield f"detection_rate {at}", none + np.where(np.isnan(own), np.nan, rate + own * relative >= limits)
        yield from ((f"paid {at}", paid), (f"insurer {at}", true - paid))
        gaps += [np.abs(paid - rule.share * true)] if scenario == programmes[0][1] else []
    with np.errstate(invalid="ignore"):
        yield "misallocation", np.nansum(gaps, axis=0) / np.isfinite(gaps).sum(axis=0)


def _columns(part: pd.DataFrame, scale: pd.DataFrame, rule: PaymentRule, thresholds: Floats) -> pd.DataFrame:
    """Return the columns of an outcome."""
    years, persons = part["insured_years"].to_numpy(), scale["all_years"].to_numpy()
    out = {"share_of_spending": part["spending"].to_numpy() * years / scale["all_spending"].to_numpy()}
    out |= {"settled": rule.settled.astype(float), "elasticity": scale["elasticity"].to_numpy()}
    out |= {"share_of_persons": years / persons, "excess": scale["excess"].to_numpy()}
    out |= {f"deviation{unit}": part["savings_rate"].to_numpy() * size for unit, size in _scales(part, scale).items()}
    out |= dict(_by_threshold(part, scale, rule, thresholds))
    for at, _, own, true in _programmes(scale):
        without = rule(own, 0.0 * np.where(np.isinf(thresholds), 0.0, thresholds)) / persons
        out |= {f"own_saving {at}": own, f"paid_without_threshold {at}": without}
        out[f"earned {at}"] = np.minimum(np.maximum(out[f"paid {at}"], 0.0), rule.share * true)
    return pd.DataFrame(out, index=part.index)
