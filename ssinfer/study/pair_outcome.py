"""PairOutcome: what one design and method measure and pay on its placebos, on the scale of all spending."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from ssinfer.backtesting.kernels.block_bootstrap import spread_of_replicates
from ssinfer.backtesting.placebos import neighbour_blocks
from ssinfer.backtesting.result import BacktestResult
from ssinfer.backtesting.thresholds_of_placebos import Replicates, thresholds_of_key
from ssinfer.contracts.settle import settle
from ssinfer.errors import SsinferError
from ssinfer.panel import Panel
from ssinfer.study.designs import WINDOWS, StudyDesign
from ssinfer.study.plan import Plan
from ssinfer.study.programme import one_scale
from ssinfer.typing import Floats
from ssinfer.windows import rolling_windows

NEVER = 1.0 - 1e-9  # a threshold that no measured saving reaches


@dataclass(frozen=True, eq=False)
class PairOutcome:
    """Placebos (R,) of a design and method; money is per insured-year of the whole population.

    `columns` holds, per placebo: shares of spending and persons, deviation, threshold, and payments by scenario and s.
    `means` are their means over K block-bootstrap replicates, the same blocks for every design and method. Thresholds,
    false payments and detection have thresholds that each replicate learns again; payments have those of the sample.
    """

    design: StudyDesign
    method: str
    rows: pd.DataFrame  # unit, origin, block
    columns: pd.DataFrame
    means: pd.DataFrame  # (K, columns)
    no_payments: str = ""  # why payments could not be computed

    def mean(self, name: str) -> float:
        """Return the mean of a column over the placebos that have it."""
        return float(self.columns[name].mean())

    def error(self, name: str) -> float:
        """Return its block-bootstrap standard error; NaN with few blocks or replicates."""
        known = self.columns[name].notna().to_numpy()
        blocks = len(np.unique(self.rows["block"].to_numpy()[known]))
        return float(spread_of_replicates(self.means[name].to_numpy()[:, None], blocks)[0])


def outcomes(plan: Plan, result: BacktestResult, savings: tuple[float, ...]) -> list[PairOutcome]:
    """Return the outcome of every design and method that has placebos with its threshold."""
    placebos = result.placebos[(result.placebos["role"] == "placebo") & (result.placebos["status"] == "ok")]
    whole = plan.data.programme.whole  # its blocks of units are those of all designs
    everything = whole if isinstance(whole, Panel) else whole.to_panel()
    blocks_of = neighbour_blocks(everything, regions=plan.data.regions_of(everything))
    placebos = placebos.assign(block=placebos["unit"].map(dict(zip(everything.units, blocks_of, strict=True))))
    by_pair = dict(iter(placebos.groupby(["design", "method"], sort=False)))
    blocks = pd.Index(np.unique(placebos["block"]))
    scales: dict[str, pd.DataFrame] = {}  # by panel and windows
    learned: dict[tuple[str, str], Replicates] = {}
    found = []
    for design in plan.config.designs:
        for method in design.methods:
            pair = design.fit, method
            rows = by_pair.get(pair)
            thresholds = None if rows is None else thresholds_of_key(rows, design.threshold.key)
            if rows is None or thresholds is None:
                continue
            at = f"{id(plan.data.panel_of(design.fit))} {[getattr(design, key) for key in WINDOWS]}"
            if at not in scales:
                scales[at] = _scale(plan, design, savings)
            if pair not in learned:
                learned[pair] = Replicates(rows, result.seed, blocks)
            scale = scales[at].reindex(pd.MultiIndex.from_frame(rows[["unit", "origin"]])).set_axis(rows.index)
            known = scale["all_years"].to_numpy() > 0
            part, scale = rows[known], scale[known]
            refused = dict[str, None]()
            columns = _columns(plan, design, part, scale, thresholds[known], savings, refused)
            relearned = learned[pair].thresholds(part, design.threshold.key)
            weights = learned[pair].row_weights(part)
            again: dict[Any, Floats] = {} if relearned is None else _by_threshold(part, scale, relearned, columns)
            means = pd.DataFrame({name: _means(weights, again.get(name, columns[name])) for name in columns})
            labels = part[["unit", "origin", "block"]]
            found.append(PairOutcome(design, method, labels, columns, means, " ".join(refused)))
    return found


def _scale(plan: Plan, design: StudyDesign, savings: tuple[float, ...]) -> pd.DataFrame:
    """Return what all windows of a design are of all spending, by unit and origin."""
    panel, frames = plan.data.panel_of(design.fit), {}
    for window in rolling_windows(panel, plan.designs[design.fit], plan.origins.get(design.fit)):
        measured = [label for label in window.performance if label not in window.masked]
        frames[window.origin] = one_scale(plan, design, panel.columns(measured), savings)
    return pd.concat(dict(frames)).swaplevel()


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


def _by_threshold(part: pd.DataFrame, scale: pd.DataFrame, thresholds: Floats, saved: Any) -> dict[str, Floats]:
    """Return the columns that follow from thresholds, (R,) or (K, R), and from savings of the design's spending."""
    rate, relative = part["savings_rate"].to_numpy(), (part["spending"] / part["benchmark"]).to_numpy()
    finite = np.where(np.isfinite(thresholds), thresholds, np.nan)
    none = np.where(np.isnan(thresholds), np.nan, 0.0)
    out = {f"threshold{unit or '_rate'}": finite * factor for unit, factor in _scales(part, scale).items()}
    out["false_payment_rate"] = none + (rate >= thresholds)
    for name in [str(name) for name in saved if str(name).startswith("own_saving ")]:
        own = np.asarray(saved[name])
        out[name.replace("own_saving", "detection_rate", 1)] = none + np.where(
            np.isnan(own), np.nan, rate + own * relative >= thresholds
        )
    return out


def _columns(
    plan: Plan,
    design: StudyDesign,
    part: pd.DataFrame,
    scale: pd.DataFrame,
    thresholds: Floats,
    savings: Any,
    refused: dict[str, None] | None = None,
) -> pd.DataFrame:
    """Return the columns of an outcome; reasons why payments cannot be settled are added to `refused`."""
    years, rate = part["insured_years"].to_numpy(), part["savings_rate"].to_numpy()
    money, persons = scale["all_spending"].to_numpy(), scale["all_years"].to_numpy()
    out = {"share_of_spending": part["spending"].to_numpy() * years / money, "share_of_persons": years / persons}
    out |= {"excess": scale["excess"].to_numpy()}
    out |= {f"deviation{unit}": rate * factor for unit, factor in _scales(part, scale).items()}
    due_to = {s: plan.share_of(design) * s * money / persons for s in (0.0, *savings)}
    for name in plan.scenarios:
        for s, due in due_to.items():
            at = f"{name} {s:g}"
            saved = np.zeros(len(part)) if s == 0 else scale[f"own_saving {at}"].to_numpy()
            paid = payments(plan, design, part, saved, thresholds, refused) / persons
            untested = payments(plan, design, part, saved, None, refused) / persons
            out |= {
                f"own_saving {at}": saved,
                f"paid {at}": paid,
                f"insurer {at}": s * money / persons - paid,
                f"earned {at}": np.minimum(np.maximum(paid, 0.0), due),
                f"paid_without_threshold {at}": np.where(np.isnan(thresholds), np.nan, untested),
            }
    first = next(iter(plan.scenarios))
    wrong = pd.DataFrame({s: np.abs(out[f"paid {first} {s:g}"] - due) for s, due in due_to.items()})
    out["misallocation"] = wrong.mean(axis=1).to_numpy()
    return pd.DataFrame({**out, **_by_threshold(part, scale, thresholds, out)}, index=part.index)


def payments(
    plan: Plan,
    design: StudyDesign,
    part: pd.DataFrame,
    saved: Floats,
    thresholds: Floats | None,
    refused: dict[str, None] | None = None,
) -> Floats:
    """Return what the insurer pays (R,), currency, without any threshold if it is None.

    NaN: it cannot be settled, for the reasons that are added to `refused`.
    """
    contract = plan.contract_of(design)
    benchmark, years, assigned = (part[name].to_numpy() for name in ("benchmark", "insured_years", "assigned"))
    spending = part["spending"].to_numpy() * (1.0 - saved)
    limits = np.zeros(len(part)) if thresholds is None else thresholds
    usable = np.isfinite(saved) & ~np.isnan(limits)
    if contract is None:
        measured = benchmark - spending
        paid = (measured / benchmark >= limits) * plan.share_of(design) * np.maximum(measured, 0.0) * years
        return np.where(usable, paid, np.nan)
    if thresholds is None:
        contract = replace(contract, threshold=replace(contract.threshold, kind="none"))
    assigned = np.where(np.isfinite(assigned), assigned, years)
    large = assigned >= (contract.size.minimum if contract.size.below == "refuse" else 1)
    usable &= (benchmark > 0) & (spending > 0) & large
    paid = np.full(len(part), np.nan)
    try:
        settlement = settle(
            contract,
            benchmark=benchmark[usable],
            spending=spending[usable],
            insured_years=years[usable],
            assigned=assigned[usable],
            threshold=np.clip(limits[usable], 0.0, NEVER) if contract.threshold.kind == "computed" else None,
            quality=None if design.sharing is None else design.sharing.quality,
        )
    except SsinferError as error:  # for example a loss whose share depends on a quality score that is not given
        if refused is not None:
            refused[str(error)] = None
        return paid
    paid[usable] = settlement.payment
    return paid
