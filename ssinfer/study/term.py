r"""A contract of several years: each year settled by the contract's rules, and placebo contracts over the same years.

The fit on the baseline gives the benchmark of the first baseline in every year; `rebase_groups` turns it into that
of each contract year, and `settle_groups` settles them in order. **A year is settled as of its end**: its benchmark and
threshold come from the fit, and the backtest, whose performance ends with that year (block of pooled years). So its
amounts do not depend on later years, whatever the method. A threshold that the contract leaves to the study is learned
per year. With :math:`r_{ij}` the rate of placebo contract i in year j under the same rebasing, and :math:`s_{ij}` its
standard error over the years 1 to j, the threshold of a case with :math:`s_j` is

.. math:: T_j = s_j \, \mathrm{mean}_o \, q_o(r_{ij} / s_{ij}),

with :math:`q_o` the order statistic of :func:`~ssinfer.thresholds.placebo.placebo_threshold` over the placebos of
origin o. Origins are those of the agreement, or else those before the start. Estimand: the rate that a contract without
a saving passes in year j with probability 1 - level. Assumption: errors of year j are proportional to the standard
errors over the years until then, equally for the case and placebos.

Placebo contracts have the benchmarks and spending of their own fits in all years. With true saving :math:`s_k` in year
k their spending is :math:`(1 - s_k) Y_k`; each is settled with thresholds of other blocks of neighbours. Payments are
fractions of the first benchmark of the years so far. What rebasing takes back is their difference to a fixed baseline
with the same savings, and thresholds learned under it. Means are over placebos outside the case's neighbours, with
block-bootstrap standard errors. Assumption: a placebo's saving changes neither its own first benchmark nor others'.

While the run-out of a year is not over, draws of its final benchmark and spending (:mod:`ssinfer.study.provisional`)
are rebased and settled with all years, carried losses included. Errors of different years are independent draws.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property, reduce
from typing import Any

import numpy as np
import pandas as pd

from ssinfer.backtesting.frames import means_with_errors, rows_with
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
from ssinfer.study.frames import PROVISIONAL, SETTLEMENT, TERM, TERM_PLACEBOS
from ssinfer.study.plan import Plan
from ssinfer.study.provisional import N_DRAWS, RunOutNoise, final_amounts, final_factors
from ssinfer.study.verdict import predictive_error
from ssinfer.thresholds.placebo import placebo_threshold
from ssinfer.thresholds.placebo_cross_fitted import cross_fitted_placebo_thresholds
from ssinfer.typing import Floats, Positions

type Fitted = Callable[[str, str, int, bool], tuple[Counterfactual, BacktestResult | None]]

STATES = ("final", "provisional")
STEP = 0.03
SCENARIOS = {"none": 0.0, "each": STEP, "growing": None}  # true savings of each year; growing: by the step, from it


@dataclass(frozen=True, eq=False)
class TermHistory:
    """Groups by year: contract years, and before them the `before` years of the baseline."""

    groups: pd.MultiIndex  # column of the first period, and unit
    amounts: Floats  # benchmark of the first baseline, spending, and insured-years (3, years, groups)
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
        amounts = np.stack([benchmark / weights, spending / weights, weights])
        return cls(pd.MultiIndex.from_tuples(groups), amounts, before)

    def continued(self, later: "TermHistory") -> "TermHistory":
        """Return these years, then the further years of a later fit, of the groups that both have in its order."""
        at = self.groups.get_indexer(later.groups)
        kept, added = self.chosen(at[at >= 0]), later.chosen(np.flatnonzero(at >= 0))
        further = added.amounts[:, self.amounts.shape[1] - self.before + later.before :]
        return replace(kept, amounts=np.concatenate([kept.amounts, further], axis=1))

    def chosen(self, rows: Positions) -> "TermHistory":
        """Return some of the groups."""
        return replace(self, groups=self.groups[rows], amounts=self.amounts[:, :, rows])

    @property
    def due(self) -> Floats:
        """The benchmark of the first baseline in money (contract years, groups)."""
        return np.asarray((self.amounts[0] * self.amounts[2])[self.before :])

    def rebased(self, contract: Contract, saved: Floats | float = 0.0) -> tuple[Floats, Floats, Floats]:
        """Return benchmark, spending and insured-years of the contract years at true savings (years, 1) of spending."""
        past, (benchmark, spent, years) = self.amounts[:, : self.before], self.amounts[:, self.before :]
        spending, history = spent * (1.0 - saved), {"baseline_benchmark": past[0], "baseline_spending": past[1]}
        return rebase_groups(contract, benchmark=benchmark, spending=spending, **history), spending, years

    def rates(self, contract: Contract, saved: float = 0.0) -> Floats:
        """Return the measured rates at a true saving of each year (years, groups), of each year's block."""
        benchmark, spending, years = self.rebased(contract, saved)
        shape = -1, contract.years.pool, len(self.groups)
        total, spent = ((money * years).reshape(shape).sum(axis=1) for money in (benchmark, spending))
        return np.repeat(1.0 - spent / total, contract.years.pool, axis=0)


@dataclass(frozen=True, eq=False)
class TermPlacebos:
    """Placebo contracts until the end of each block of pooled years (or of the last only), with rows of the backtest.

    Rows are in the order of the groups; `learned`: whether the case's threshold learns from the row.
    """

    histories: tuple[TermHistory, ...]
    rows: tuple[pd.DataFrame, ...]

    @classmethod
    def of(
        cls, plan: Plan, pair: tuple[str, str], results: Mapping[int, BacktestResult | None]
    ) -> "TermPlacebos | None":
        """Return the placebos of backtests by the number of their contract years, ascending; None without any."""
        panel, start = plan.data.panel_of(pair[0]), plan.designs[pair[0]].performance[0]
        histories, rows = list[TermHistory](), list[pd.DataFrame]()
        for years, result in results.items():
            paths = pd.DataFrame() if result is None else rows_with(result.paths, design=pair[0], method=pair[1])
            if result is None or not len(paths):
                return None
            of_pair = distant_placebos(result.placebos, plan, pair)
            of_pair = of_pair[of_pair["status"] == "ok"]
            of_pair = of_pair.assign(learned=of_pair.index.isin(learned_placebos(of_pair, start).index))
            history = TermHistory.of(paths, panel, years)
            history = histories[-1].continued(history) if histories else history
            of_pair.index = pd.MultiIndex.from_arrays(
                [of_pair["origin"].map(panel.timeline.column), of_pair["unit"].astype(str)]
            )
            at = history.groups.get_indexer(of_pair.index)
            histories.append(history.chosen(at[at >= 0]))
            rows.append(of_pair[at >= 0])
        return cls(tuple(histories), tuple(rows))

    def with_rates(self, contract: Contract, block: int) -> pd.DataFrame:
        """Return the rows of a block (from 0), with its measured rates under the contract's rebasing."""
        return self.rows[block].assign(savings_rate=self.histories[block].rates(contract)[-1])


@dataclass(frozen=True, eq=False)
class Term:
    """The contract years of a design and method that are settled so far: the case, and placebo contracts."""

    contract: Contract
    case: TermHistory
    placebos: TermPlacebos | None
    threshold: ThresholdConfig | None  # of the study, if the contract leaves it to the study
    fits: tuple[Counterfactual, ...]  # of the case, until the end of each block of pooled years
    signed: tuple[float, ...]  # thresholds of the blocks, if they are signed as numbers
    given: dict[str, Any]  # of `settle`, equal in every year
    periods: tuple[str, ...]  # first period of each contract year
    run_out: Sequence[RunOutNoise | None]  # of each contract year; None: it is final

    @classmethod
    def of(cls, plan: Plan, part: StudyDesign, method: str, fitted: Fitted) -> "Term":
        """Return the term of a design and method, of which `fitted` gives fit and backtest over the first years.

        RefusalError: no block of pooled years is whole, or its years cannot be told.
        """
        contract, settled, design = plan.contract_of(part), plan.config.settled, plan.designs[part.fit]
        assert contract is not None and part.sharing is not None  # noqa: S101, PT018
        panel, start, pool = plan.data.panel_of(part.fit), design.performance[0], contract.years.pool
        if settled < pool:
            raise RefusalError(f"{contract.name} pools {pool} years, and {settled} are there: nothing is settled yet.")
        ends, learns = range(pool, settled + 1, pool), contract.threshold.kind == "computed"
        fits = {end: fitted(part.fit, method, end, learns or end == ends[-1]) for end in ends}
        histories = [
            TermHistory.of(
                path_frame(design.treated, cf, cf.path()).assign(origin=start), panel, end, len(design.treated)
            )
            for end, (cf, _) in fits.items()
        ]
        results = {end: result for end, (_, result) in fits.items() if learns or end == ends[-1]}
        return cls(
            contract=contract,
            case=reduce(TermHistory.continued, histories),
            placebos=TermPlacebos.of(plan, (part.fit, method), results),
            threshold=part.threshold if learns else None,
            fits=tuple(cf for cf, _ in fits.values()),
            signed=() if plan.signed is None else plan.signed.rates,
            given={"quality": part.sharing.quality, "currency": plan.config.currency},
            periods=tuple(map(str, design.performance[:: len(design.performance) // settled])),
            run_out=plan.run_out_of_years(part.fit),
        )

    def settle(
        self, contract: Contract, history: TermHistory, thresholds: Floats | None, saved: Floats | float = 0.0
    ) -> YearsSettlement:
        """Return the settlement of all years under a contract, with thresholds (blocks, groups) if it has none."""
        benchmark, spending, years = history.rebased(contract, saved)
        by_year: dict[str, Any] = {}
        if thresholds is not None:
            of_years = np.repeat(thresholds, contract.years.pool, axis=0)
            by_year["threshold"] = np.clip(of_years, 0.0, np.nextafter(1.0, 0.0))
        money = {"benchmark": benchmark, "spending": spending, "insured_years": years}
        return settle_groups(contract, **money, by_year=by_year, **self.given)

    @cached_property
    def thresholds(self) -> Floats | None:
        """Thresholds (blocks, 1) of the case, signed or learned from placebos of these years; None: the contract's."""
        if self.threshold is None:
            return None
        if self.signed:
            return np.array(self.signed)[: len(self.fits), None]
        if self.placebos is None:
            raise RefusalError("Thresholds per contract year are learned from placebos, and none was fitted.")
        key, learned = self.threshold.key, list[float]()
        for block, cf in enumerate(self.fits):
            rows, error = self.placebos.with_rates(self.contract, block), predictive_error(cf)
            error_of = None if np.isnan(error) else error
            learned.append(placebo_threshold(rows[rows["learned"]], key.fraction, key.side, error_of).rate)
        return np.array(learned)[:, None]

    def of_case(self) -> YearsSettlement:
        """Return the settlement of the case."""
        return self.settle(self.contract, self.case, self.thresholds)

    def paid(self, contract: Contract) -> Floats:
        """Return what a contract pays placebos (groups, scenarios), of the benchmark of the term; NaN: not settled."""
        if self.placebos is None:
            raise RefusalError("No placebo contract was fitted: run the backtest as well.")
        last, thresholds = self.placebos.histories[-1], None
        judged = np.ones(len(last.groups), dtype=bool)
        if self.threshold is not None:
            key, learned = self.threshold.key, []
            for block in range(len(self.fits)):
                rows = self.placebos.with_rates(contract, block).loc[last.groups]
                learned.append(cross_fitted_placebo_thresholds(rows, key.fraction, key.side))
            thresholds = np.stack(learned)
            judged = np.isfinite(thresholds).all(axis=0)
        falls = float(self.placebos.rows[-1]["elasticity"].mean())  # of the counted spending
        part, total = last.chosen(np.flatnonzero(judged)), np.full((len(judged), len(SCENARIOS)), np.nan)
        for number, saved in enumerate(SCENARIOS.values()):
            step = STEP * np.arange(1.0, len(part.due) + 1)[:, None]
            of_year = (step if saved is None else np.full_like(step, saved)) * falls
            settled = self.settle(contract, part, None if thresholds is None else thresholds[:, judged], of_year)
            total[judged, number] = settled.payment / part.due.sum(axis=0)
        return total


def term_rows(term: Term, settled: YearsSettlement) -> Iterator[dict[str, Any]]:
    """Yield the columns of term.csv: one row per contract year, or block of pooled years, and the total."""
    pool, due = term.contract.years.pool, term.case.due[:, 0]
    first = due.reshape(-1, pool).sum(axis=1)
    sums = np.zeros(4)
    for number, settlement in enumerate(settled.settlements):
        given, last = settlement.inputs, (number + 1) * pool
        years = given.insured_years.item()
        money = np.array([given.benchmark.item() * years, first[number], given.spending.item() * years, years])
        sums += money
        yield {
            "year": name_of(number, pool),
            "period": term.periods[last - pool],
            "state": STATES[any(term.run_out[last - pool : last])],
            "threshold": settlement.threshold.item(),
            "payment": settlement.payment.item(),
            "carried_loss": given.carried_loss.item(),
            **_amounts(money),
        }
    ends = {"carried_loss": settled.carried_loss.item(), "payment": settled.payment.item()}
    ends["state"] = STATES[any(term.run_out[: len(due)])]
    yield {"year": "total", "period": "", "threshold": np.nan, **ends, **_amounts(sums)}


def name_of(block: int, pool: int) -> str:
    """Return the number of the contract year of a block (from 0), or of the first and last of its pooled years."""
    return f"{block + 1}" if pool == 1 else f"{block * pool + 1}-{(block + 1) * pool}"


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
    rows = term.placebos.rows[-1] if term.placebos else pd.DataFrame()
    columns = {"payment": paid, "fixed": of_fixed, "taken_back": of_fixed - paid, "paid": (paid > 0).astype(float)}
    named = {f"{saving} {name}": columns[name][:, at] for name in columns for at, saving in enumerate(SCENARIOS)}
    means = means_with_errors(named, rows["block"][known], np.random.default_rng(stream_of(seed, "term")))
    for saving in SCENARIOS:
        figures = {f"{name}{end}": means[f"{saving} {name}{end}"] for name in columns for end in ("", "_se")}
        yield {"saving": saving, "n_rows": len(paid), **figures}


def provisional_rows(term: Term, rng: np.random.Generator) -> Iterator[dict[str, Any]]:
    """Yield the columns of provisional.csv: one row per contract year whose run-out is not over, and the total."""
    case, pool, drawn = term.case, term.contract.years.pool, np.repeat(term.case.amounts, N_DRAWS, axis=2)
    spent, years = case.amounts[1:, case.before :, 0]
    open_years = [(year, noise) for year, noise in enumerate(term.run_out[: len(years)]) if noise is not None]
    for year, noise in open_years:
        factors = final_factors(noise, term.fits[year // pool], rng, N_DRAWS, years[year])
        drawn[:2, case.before + year] *= factors
    thresholds = None if term.thresholds is None else np.repeat(term.thresholds, N_DRAWS, axis=1)
    settled = term.settle(term.contract, replace(case, amounts=drawn), thresholds)
    sums = np.zeros((3, N_DRAWS))
    for number, settlement in enumerate(settled.settlements):
        given = settlement.inputs
        sums += np.stack([given.benchmark, given.spending, np.ones(N_DRAWS)]) * given.insured_years
        if of_block := [noise for year, noise in open_years if year // pool == number]:
            threshold, paid = float(np.max(settlement.threshold)), np.asarray(settlement.payment)
            amounts = given.benchmark, given.spending, threshold, paid
            row = final_amounts(of_block[-1], given.insured_years[0], *amounts)
            yield {"year": name_of(number, pool), "threshold": threshold, **row}
    if open_years:
        money = spent * years
        to_come = sum(noise.to_come * money[year] for year, noise in open_years) / money.sum()
        noise, paid = replace(open_years[-1][1], to_come=float(to_come)), np.asarray(settled.payment)
        benchmark, spending = sums[:2] / sums[2]
        yield {"year": "total", **final_amounts(noise, years.sum(), benchmark, spending, np.nan, paid)}


def fits_of_years(
    plan: Plan,
    fits: Mapping[tuple[str, str], Counterfactual],
    result: BacktestResult | None,
    backtest: Callable[[Plan], BacktestResult],
) -> Fitted:
    """Return a function that gives the fit and the backtest of a design and method over the first years of a term.

    Those of all years are `fits` and `result`; `backtest` runs the pairs of a plan.
    """

    @cache
    def fitted(fit: str, method: str, years: int, learns: bool) -> tuple[Counterfactual, BacktestResult | None]:
        if years == plan.config.settled:
            return fits[fit, method], result
        until, seed = plan.until(years), stream_of(plan.config.seed, fit, method, "case")
        cf = plan.methods[method].fit(plan.data_for(fit, method), until.designs[fit], seed=seed)
        return cf, backtest(replace(until, pairs=((fit, method),))) if learns and result is not None else None

    return fitted


def settle_terms(
    plan: Plan, case: Mapping[str, Any], result: BacktestResult | None, backtest: Callable[[Plan], BacktestResult]
) -> dict[str, pd.DataFrame]:
    """Return the tables of a term by their names (settlement.csv is of all its years); none without a term."""
    if plan.config.term is None:
        return {}
    settlement: list[dict[str, Any]] = []
    tables: dict[str, list[dict[str, Any]]] = {TERM.name: [], TERM_PLACEBOS.name: [], PROVISIONAL.name: []}
    parts = {part.name: part for part in plan.config.designs}
    fitted = fits_of_years(plan, case["counterfactuals"], result, backtest)
    for (design, method), rows in case["settlement"].groupby(["design", "method"], sort=False):
        labels = dict(rows[["design", "method", "settles"]].iloc[0])
        named = labels | {"contract": rows["contract"].iloc[0]}
        if not rows["party"].iloc[0]:
            settlement += rows.to_dict("records")
            continue
        try:
            term = Term.of(plan, parts[design], method, fitted)
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
        rng = np.random.default_rng(stream_of(plan.config.seed, design, method, "provisional"))
        tables[PROVISIONAL.name] += [{**labels, **row} for row in provisional_rows(term, rng)]
        try:
            tables[TERM_PLACEBOS.name] += [{**labels, **row} for row in placebo_rows(term, plan.config.seed)]
        except SsinferError as error:
            tables[TERM_PLACEBOS.name].append({**labels, "saving": "", "reason": str(error)})
    made = {schema: tables.get(schema.name, settlement) for schema in (TERM, TERM_PLACEBOS, SETTLEMENT, PROVISIONAL)}
    return {schema.name: schema.frame(rows) for schema, rows in made.items() if rows or schema is not PROVISIONAL}
