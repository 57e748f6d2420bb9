r"""A contract of several years: each year settled by the contract's rules, and placebo contracts over the same years.

The fit on the baseline gives the benchmark of the first baseline in every year; `rebase_groups` turns it into that
of each contract year, and `settle_groups` settles them in order. A threshold that the contract leaves to the study is
learned per year (per block of pooled years): the placebo threshold of the rates that placebo contracts have in the same
year under the same rebasing, scaled by the standard error of the whole term.

Placebo contracts have the benchmarks and spending of their own fits in all years. With true saving :math:`s_k` in year
k their spending is :math:`(1 - s_k) Y_k`; each is settled with thresholds of other blocks of neighbours. Payments are
fractions of the first benchmark of the whole term. What rebasing takes back is their difference to a fixed baseline
with the same savings, and thresholds learned under it. Means are over placebos outside the case's neighbours, with
block-bootstrap standard errors. Assumption: a placebo's saving changes neither its own first benchmark nor others'.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from ssinfer.backtesting.frames import rows_with
from ssinfer.backtesting.kernels.block_bootstrap import mean_and_error
from ssinfer.backtesting.result import BacktestResult
from ssinfer.contracts.contract import Contract
from ssinfer.contracts.rebasing import rebase_groups
from ssinfer.contracts.terms import RebasingTerms
from ssinfer.contracts.years import YearsSettlement, settle_groups
from ssinfer.counterfactual import Counterfactual, path_frame
from ssinfer.errors import RefusalError, SsinferError
from ssinfer.panel import Panel
from ssinfer.streams import stream_of
from ssinfer.study.case_thresholds import distant_placebos, learned_placebos
from ssinfer.study.config_blocks import ThresholdConfig
from ssinfer.study.designs import StudyDesign
from ssinfer.study.frames import SETTLEMENT, TERM, TERM_PLACEBOS
from ssinfer.study.plan import Plan
from ssinfer.study.verdict import predictive_error
from ssinfer.thresholds.placebo import placebo_threshold
from ssinfer.thresholds.placebo_cross_fitted import cross_fitted_placebo_thresholds
from ssinfer.typing import Floats, Positions

STEP = 0.03
SCENARIOS = {"none": 0.0, "each": STEP, "growing": None}  # true savings of each year; growing: by the step, from it


@dataclass(frozen=True, eq=False)
class TermHistory:
    """Benchmark of the first baseline, spending, insured-years (years, groups); `before` baseline years come first."""

    groups: pd.MultiIndex  # column of the first period, and unit
    benchmark: Floats
    spending: Floats
    insured_years: Floats
    before: int

    @classmethod
    def of(cls, paths: pd.DataFrame, panel: Panel, years: int, units: int = 1) -> "TermHistory":
        """Return the years of paths with `units` units per group; refused without all periods of each contract year."""
        if panel.insured_years is None:
            raise RefusalError("The panel has no insured-years, so no year can be settled.")
        per_year, column = panel.timeline.per_year or 1, {label: number for number, label in enumerate(panel.periods)}
        at, start = (paths[name].map(column).to_numpy(dtype=int) for name in ("period", "origin"))
        weight = panel.insured_years[panel.rows(paths["unit"]), at]
        names = paths["unit"].astype(str).to_numpy() if units == 1 else np.full(len(paths), "")
        code, groups = pd.MultiIndex.from_arrays([start, names]).factorize()
        year = (at - start) // per_year
        earliest = min(int(year.min()), 0)
        sums = np.zeros((4, years - earliest, len(groups)))
        money = (paths[name].to_numpy(dtype=float) * weight for name in ("benchmark", "observed"))
        for total, values in zip(sums, (*money, weight, np.ones(len(paths))), strict=True):
            np.add.at(total, (year - earliest, code), values)
        whole = ((sums[3] == per_year * units) & np.isfinite(sums[0])).all(axis=1)
        if not whole[-years:].all():
            lacking = (1 + np.flatnonzero(~whole[-years:])).tolist()
            raise RefusalError(f"Contract years {lacking} have periods that are masked or have no benchmark.")
        before = int(np.cumprod(whole[: -earliest or None][::-1]).sum()) if earliest else 0
        benchmark, spending, weights, _ = sums[:, -earliest - before :]
        return cls(pd.MultiIndex.from_tuples(groups), benchmark / weights, spending / weights, weights, before)

    def chosen(self, rows: Positions) -> "TermHistory":
        """Return some of the groups."""
        arrays = {name: getattr(self, name)[:, rows] for name in ("benchmark", "spending", "insured_years")}
        return replace(self, groups=self.groups[rows], **arrays)

    def rebased(self, contract: Contract, saved: Floats | float = 0.0) -> tuple[Floats, Floats, Floats]:
        """Return benchmark, spending and insured-years of the contract years at true savings (years, 1) of spending."""
        past, term = slice(self.before), slice(self.before, None)
        spending = self.spending[term] * (1.0 - saved)
        history = {"baseline_benchmark": self.benchmark[past], "baseline_spending": self.spending[past]}
        return (
            rebase_groups(contract, benchmark=self.benchmark[term], spending=spending, **history),
            spending,
            self.insured_years[term],
        )

    def rates(self, contract: Contract) -> Floats:
        """Return the measured rates without a further saving (years, groups), of each year's block."""
        benchmark, spending, years = self.rebased(contract)
        shape = -1, contract.years.pool, len(self.groups)
        total, spent = ((money * years).reshape(shape).sum(axis=1) for money in (benchmark, spending))
        return np.repeat(1.0 - spent / total, contract.years.pool, axis=0)


@dataclass(frozen=True, eq=False)
class Term:
    """The contract years of a design and method: the case, and placebo contracts with their rows of the backtest."""

    contract: Contract
    case: TermHistory
    placebos: TermHistory | None
    rows: pd.DataFrame  # of the placebos, in their order; `learned`: whether the case's threshold learns from it
    threshold: ThresholdConfig | None  # of the study, if the contract leaves it to the study
    error: float  # standard error of the case's rate over the whole term; NaN for a point estimate
    given: dict[str, Any]  # of `settle`, equal in every year
    periods: tuple[str, ...]  # first period of each contract year

    @classmethod
    def of(
        cls, plan: Plan, part: StudyDesign, method: str, cf: Counterfactual, result: BacktestResult | None
    ) -> "Term":
        """Return the term of a fit of the case; refused with the reason if its years cannot be told."""
        contract, years, design = plan.contract_of(part), plan.config.term, plan.designs[part.fit]
        assert contract is not None and part.sharing is not None and years is not None  # noqa: S101, PT018
        panel, start = plan.data.panel_of(part.fit), design.performance[0]
        case = path_frame(design.treated, cf, cf.path()).assign(origin=start)
        placebos, rows = None, pd.DataFrame()
        if result is not None and len(paths := rows_with(result.paths, design=part.fit, method=method)):
            rows = distant_placebos(result.placebos, plan, (part.fit, method))
            rows = rows[rows["status"] == "ok"]
            rows = rows.assign(learned=rows.index.isin(learned_placebos(rows, start).index))
            placebos = TermHistory.of(paths, panel, years.years)
            keys = [(panel.timeline.column(row.origin), str(row.unit)) for row in rows.itertuples()]
            at = placebos.groups.get_indexer(pd.MultiIndex.from_tuples(keys))
            placebos, rows = placebos.chosen(at[at >= 0]), rows[at >= 0]
        return cls(
            contract=contract,
            case=TermHistory.of(case, panel, years.years, len(design.treated)),
            placebos=placebos,
            rows=rows,
            threshold=part.threshold if contract.threshold.kind == "computed" else None,
            error=predictive_error(cf),
            given={"quality": part.sharing.quality, "currency": plan.config.currency},
            periods=tuple(map(str, design.performance[:: len(design.performance) // years.years])),
        )

    def settle(
        self, contract: Contract, history: TermHistory, thresholds: Floats | None, saved: Floats | float = 0.0
    ) -> YearsSettlement:
        """Return the settlement of all years under a contract, with thresholds (years, groups) if it has none."""
        benchmark, spending, years = history.rebased(contract, saved)
        by_year: dict[str, Any] = {}
        if thresholds is not None:
            by_year["threshold"] = np.clip(thresholds, 0.0, np.nextafter(1.0, 0.0))
        money = {"benchmark": benchmark, "spending": spending, "insured_years": years}
        return settle_groups(contract, **money, by_year=by_year, **self.given)

    def of_case(self) -> YearsSettlement:
        """Return the settlement of the case; its thresholds are learned from placebos of the same years."""
        thresholds = None
        if self.threshold is not None:
            if self.placebos is None:
                raise RefusalError("Thresholds per contract year are learned from placebos, and none was fitted.")
            key, rows, error = self.threshold.key, self.rows[self.rows["learned"]], self.error
            error_of = None if np.isnan(error) else error
            rates = self.placebos.rates(self.contract)[:, self.rows["learned"].to_numpy()]
            learned = [placebo_threshold(rows.assign(savings_rate=r), key.fraction, key.side, error_of) for r in rates]
            thresholds = np.array([[each.rate] for each in learned])
        return self.settle(self.contract, self.case, thresholds)

    def paid(self, contract: Contract) -> Floats:
        """Return what a contract pays placebos (groups, scenarios), of the benchmark of the term; NaN: not settled."""
        if self.placebos is None:
            raise RefusalError("No placebo contract was fitted: run the backtest as well.")
        rates, thresholds = self.placebos.rates(contract), None
        judged = np.ones(len(self.rows), dtype=bool)
        if self.threshold is not None:
            key, rows = self.threshold.key, [self.rows.assign(savings_rate=rate) for rate in rates]
            thresholds = np.stack([cross_fitted_placebo_thresholds(of, key.fraction, key.side) for of in rows])
            judged = np.isfinite(thresholds).all(axis=0)
        part, total = self.placebos.chosen(np.flatnonzero(judged)), np.full((len(judged), len(SCENARIOS)), np.nan)
        due = (part.benchmark * part.insured_years)[part.before :].sum(axis=0)
        for number, saved in enumerate(SCENARIOS.values()):
            step = STEP * np.arange(1.0, len(rates) + 1)[:, None]
            of_year = step if saved is None else np.full_like(step, saved)
            settled = self.settle(contract, part, None if thresholds is None else thresholds[:, judged], of_year)
            total[judged, number] = settled.payment / due
        return total


def term_rows(term: Term, settled: YearsSettlement) -> Iterator[dict[str, Any]]:
    """Yield the columns of term.csv: one row per contract year, or block of pooled years, and the total."""
    pool, case = term.contract.years.pool, term.case
    first = (case.benchmark * case.insured_years)[case.before :, 0].reshape(-1, pool).sum(axis=1)
    sums = np.zeros(4)
    for number, settlement in enumerate(settled.settlements):
        given, last = settlement.inputs, (number + 1) * pool
        years = given.insured_years.item()
        money = np.array([given.benchmark.item() * years, first[number], given.spending.item() * years, years])
        sums += money
        yield {
            "year": f"{last}" if pool == 1 else f"{last - pool + 1}-{last}",
            "period": term.periods[last - pool],
            "threshold": settlement.threshold.item(),
            "payment": settlement.payment.item(),
            "carried_loss": given.carried_loss.item(),
            **_amounts(money),
        }
    ends = {"carried_loss": settled.carried_loss.item(), "payment": settled.payment.item()}
    yield {"year": "total", "period": "", "threshold": np.nan, **ends, **_amounts(sums)}


def _amounts(money: Floats) -> dict[str, float]:
    benchmark, first, spending = (money[:3] / money[3]).tolist()
    saving = {"saving": benchmark - spending, "savings_rate": 1.0 - spending / benchmark}
    amounts = {"benchmark": benchmark, "first_benchmark": first, "spending": spending, "insured_years": float(money[3])}
    return {**amounts, **saving}


def placebo_rows(term: Term, seed: int) -> Iterator[dict[str, Any]]:
    """Yield the columns of term_placebos.csv: one row per true saving."""
    fixed = replace(term.contract, rebasing=RebasingTerms())
    paid, of_fixed = term.paid(term.contract), term.paid(fixed)
    known = np.isfinite(paid + of_fixed).all(axis=1)
    paid, of_fixed = paid[known], of_fixed[known]
    if not len(paid):
        raise RefusalError("No placebo contract has a threshold in every year.")
    blocks = np.unique(term.rows["block"][known], return_inverse=True)[1].astype(np.intp)
    rng = np.random.default_rng(stream_of(seed, "term"))
    columns = {"payment": paid, "fixed": of_fixed, "taken_back": of_fixed - paid, "paid": (paid > 0).astype(float)}
    means, ses = mean_and_error(np.concatenate([*columns.values()], axis=1), blocks, rng)
    for number, saving in enumerate(SCENARIOS):
        row: dict[str, Any] = {"saving": saving, "n_rows": len(paid)}
        for place, name in enumerate(columns):
            at = place * len(SCENARIOS) + number
            row |= {name: float(means[at]), f"{name}_se": float(ses[at])}
        yield row


def settle_terms(plan: Plan, case: Mapping[str, Any], result: BacktestResult | None) -> dict[str, pd.DataFrame]:
    """Return term.csv, term_placebos.csv, and settlement.csv of the whole term by their names; none without a term."""
    if plan.config.term is None:
        return {}
    settlement: list[dict[str, Any]] = []
    tables: dict[str, list[dict[str, Any]]] = {TERM.name: [], TERM_PLACEBOS.name: []}
    parts = {part.name: part for part in plan.config.designs}
    for (design, method), rows in case["settlement"].groupby(["design", "method"], sort=False):
        labels = dict(rows[["design", "method", "settles"]].iloc[0])
        named, cf = labels | {"contract": rows["contract"].iloc[0]}, case["counterfactuals"][parts[design].fit, method]
        if not rows["party"].iloc[0]:
            settlement += rows.to_dict("records")
            continue
        try:
            term = Term.of(plan, parts[design], method, cf, result)
            settled = term.of_case()
        except SsinferError as error:
            settlement.append({**named, "party": "", "amount": np.nan, "reason": str(error)})
            continue
        years = [{**labels, **row} for row in term_rows(term, settled)]
        total = {"reason": "term", **{name: years[-1][name] for name in ("payment", "savings_rate")}}
        settlement += [
            {**named, **total, "raw": total["payment"], "party": party, "amount": amount.item()}
            for party, amount in settled.lines.items()
        ]
        tables[TERM.name] += years
        try:
            tables[TERM_PLACEBOS.name] += [{**labels, **row} for row in placebo_rows(term, plan.config.seed)]
        except SsinferError as error:
            tables[TERM_PLACEBOS.name].append({**labels, "saving": "", "reason": str(error)})
    schemas = {TERM.name: TERM, TERM_PLACEBOS.name: TERM_PLACEBOS, SETTLEMENT.name: SETTLEMENT}
    made = {**tables, SETTLEMENT.name: settlement}
    return {name: schemas[name].frame(made[name]) for name in schemas}
