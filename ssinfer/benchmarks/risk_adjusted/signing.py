"""Signing: what is known before the start, on the time axis of an earlier block, and the growth from there."""

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import pandas as pd

from ssinfer.benchmarks.persons import panel_of
from ssinfer.benchmarks.problem import Problem
from ssinfer.benchmarks.risk_adjusted.blocks import Block, Blocks, blocks_of
from ssinfer.benchmarks.risk_adjusted.kernels.ridge import ridge_coefficients
from ssinfer.benchmarks.risk_adjusted.person_problem import PersonProblem
from ssinfer.benchmarks.risk_adjusted.window import PersonBlock
from ssinfer.cohort.cohort import Cohort
from ssinfer.design import Design
from ssinfer.errors import RefusalError
from ssinfer.kernels.groups import group_sums
from ssinfer.panel import carried_forward
from ssinfer.typing import Booleans, Floats

MIN_GROWTHS = 3  # with fewer, the SD of growth is hardly more than its prior
LATER, ELSEWHERE = ", later", "history with other units"


@dataclass(frozen=True, eq=False)
class SignedProblem(Problem):
    """A problem of which only the history is read; the latest known block lies `years` before the performance."""

    cohort: Cohort
    blocks: Blocks
    years: int

    @classmethod
    def over(cls, cohort: Cohort, design: Design, method: str, *, everything: bool) -> "SignedProblem":
        """Apply `design` to what is known before the start; units need no spending later."""
        panel = panel_of(cohort)
        first = int(panel.columns(design.on(panel).performance).min())
        insured = np.array(panel.insured_years)
        seen = (np.nan_to_num(insured[:, :first]) > 0).any(axis=1)  # a practice that came later is no donor
        if not (seen := seen | np.isin(panel.units, design.under_contract)).all():
            panel = panel.select([unit for unit, was in zip(panel.units, seen, strict=True) if was])
        spending, insured = panel.spending.copy(), np.array(panel.insured_years)
        spending[:, first:] = 1.0  # a problem needs a number, and none of them is read
        insured[:, first:][:, (insured[:, first:] == 0).all(axis=0)] = np.nan  # not extracted yet
        known = replace(panel, spending=spending, insured_years=carried_forward(insured))
        problem = replace(Problem.of(known, design), panel=panel)
        blocks = blocks_of(problem, method, everything=everything)
        years = 1 + (blocks.periods[-1] - blocks.performance.history_end) // blocks.per_year
        while not {column - years * blocks.per_year for column in blocks.periods}.isdisjoint(blocks.masked):
            years += 1
        given = {field.name: getattr(problem, field.name) for field in fields(Problem)}
        return cls(**given, cohort=cohort, blocks=blocks, years=years)

    def moved_back(self, shared: dict[Any, Any], *options: Any) -> tuple[PersonProblem, tuple[Floats, float]]:
        """Return the problem at the latest known block, and what `growths` finds with `options`; `shared` keeps it."""
        blocks, end, shift = self.blocks, self.blocks.performance.history_end, self.years * self.blocks.per_year
        rows = np.flatnonzero((self.cohort.insured_years[:, :end] > 0).any(axis=1))
        known = self.cohort.take(rows, np.arange(end))  # nothing else is read from here on
        treated, donors = (np.isin(known.units, self.labels(units)) for units in (self.treated, self.donors))
        key = "growths", id(self.cohort), blocks, (treated | donors).tobytes()
        if key not in shared:
            shared[key] = growths(known, treated | donors, blocks, *options)
        if (found := len(shared[key][0])) < MIN_GROWTHS:
            raise RefusalError(
                "information='signing' learns growth from earlier blocks that lie a year apart, each with a year of "
                f"history. The data have {found} such pairs before {self.panel.periods[blocks.periods[0]]!r}, and "
                f"{MIN_GROWTHS} are needed. Extract earlier periods, or give information='settlement'."
            )
        axis = on_one_axis(known, donors, treated, shift, blocks.periods[-1] - shift + 1, blocks.per_year)
        hidden = hidden_on_axis(blocks, shift, end - shift)
        design = self.design.replace(
            baseline=[known.periods[column] for column in range(end - shift) if column not in hidden][-1:],
            performance=[known.periods[column - shift] for column in blocks.periods],
            masked=[known.periods[column] for column in hidden],
            donors=None,
            under_contract=[ELSEWHERE] if ELSEWHERE in axis.units else [],
        )
        return PersonProblem.over(axis, design), shared[key]


def hidden_on_axis(blocks: Blocks, shift: int, end: int) -> tuple[int, ...]:
    """Return the columns before `end` that are masked for those who stay, or for those who are moved back."""
    return tuple(c for c in range(end) if c in blocks.masked or c + shift in blocks.masked)


def on_one_axis(known: Cohort, stay: Booleans, move: Booleans, shift: int, columns: int, per_year: int) -> Cohort:
    """Return units that `stay` on their first `columns`, and units that `move` back by `shift`, at prices of those.

    Whoever is with a unit that moves in the last known period is there in all later ones, with unknown spending. Their
    histories with other units become a unit of its own, and none of their rows stays, unless all units do. A unit that
    does both is "NAME, later". Who moves is made younger by the years by which those who stay aged on average: none
    where births make up for it, and all of `shift` in a closed cohort.
    """
    unit, person = known.unit_rows(), pd.factorize(known.person)[0]
    years = np.where(np.isfinite(known.spending), known.insured_years, 0.0)[stay[unit]].sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = np.nansum(known.spending[stay[unit]], axis=0) / years
        price = rate[:-shift] / rate[shift:]
    price = np.where(np.isfinite(price) & (price > 0), price, 1.0)
    names = np.array([name + LATER * bool(both) for name, both in zip(known.units, stay & move, strict=True)], object)
    rows = np.flatnonzero(np.isin(person, person[move[unit]]))
    second = known.take(rows).with_units(np.where(move[unit], names[unit], ELSEWHERE)[rows])
    present = np.where(second.unit == ELSEWHERE, 0.0, second.insured_years[:, -1])
    unknown = np.repeat(present[:, None], shift + columns - len(known.periods), axis=1)
    gone = np.isin(known.person, second.person[present > 0]) & (not move.all())
    first = known.take(np.flatnonzero(stay[unit] & ~gone), np.arange(columns))
    covariates = {name: np.concatenate([first.covariates[name], second.covariates[name]]) for name in known.covariates}
    if "age" in covariates and covariates["age"].dtype.kind == "f":
        weights, age = known.insured_years[stay[unit]] + 1e-9, known.covariates["age"][stay[unit]]
        younger = np.average(age, weights=weights[:, -1 - shift]) - np.average(age, weights=weights[:, -1])
        covariates["age"] = covariates["age"] - shift / per_year
        covariates["age"][len(first.person) :] += younger
    persons = [pd.factorize(part.person)[0] for part in (first, second)]
    spent = np.hstack([second.spending[:, shift:] * price, np.where(unknown > 0, np.nan, 0.0)])
    return replace(
        first,
        person=np.concatenate([persons[0], persons[1] + len(first.person)]),
        unit=np.concatenate([first.unit, second.unit]),
        spending=np.concatenate([first.spending, spent]),
        insured_years=np.concatenate([first.insured_years, np.hstack([second.insured_years[:, shift:], unknown])]),
        region=None if first.region is None else np.concatenate([first.region, second.region]),
        covariates=covariates,
    )


def growths(
    known: Cohort, units: Booleans, blocks: Blocks, covariates: Any, penalty: float, truncation: float
) -> tuple[Floats, float]:
    """Return logs of growths over a year (n,), the latest first, and the mean of their sampling variances.

    A growth is what some `units` spent in a block over the prediction from the block a year before, of those who were
    there just before it. Its variance is clustered by unit: errors of spending, of insured time, and of the model.
    """
    own, year = known.take(np.flatnonzero(units[known.unit_rows()])), blocks.per_year
    values, variances = list[float](), list[float]()
    n, everybody = len(own.units), np.ones(len(own.units), dtype=bool)
    for back in range(1, blocks.performance.columns[0] // year):
        span = np.array(blocks.performance.columns) - back * year
        end, cells = int(span[0]) - year, {*span, *(span - year)}
        hidden = hidden_on_axis(blocks, year, end)
        if end - len(hidden) < year or max(cells) >= len(own.periods) or not cells.isdisjoint(blocks.masked):
            continue
        before = own.take(np.arange(len(own.person)), np.arange(span[0]))
        axis = on_one_axis(before, everybody, everybody, year, int(span[-1]) + 1 - year, year)
        block = Block(tuple(int(column) - year for column in span), end, -back)
        use = Blocks(block, (), block.columns, (0,) * len(span), hidden, year)
        part = PersonBlock.of(axis, block, use, block.columns, covariates, truncation)
        gram, cross = part.moments[-1, :n].sum(axis=0, dtype=float), part.cross[:-1, :n].sum(axis=(0, 1))
        predicted = part.moments[-1, :, 0].astype(float) @ ridge_coefficients(gram, cross[None], penalty)[0]
        fitted, ahead, weights = predicted[:n], predicted[n:], part.moments[-1, n:, 0, 0].astype(float)
        finite, money = np.isfinite(own.spending[:, span]), part.cross[:-1, :n, 0].sum(axis=0)
        spent, years = (
            group_sums(own.unit_rows(), np.where(finite, grid[:, span], 0.0), n).sum(axis=1)
            for grid in (own.spending, own.insured_years)
        )
        if min(spent.sum(), ahead.sum(), money.sum()) > 0:
            values.append(np.log(spent.sum() / years.sum() / ahead.sum() * weights.sum()))
            error = spent / spent.sum() - years / years.sum() - ahead / ahead.sum() + weights / weights.sum()
            variances.append(((error - (money - fitted) / money.sum()) ** 2).sum() * n / (n - 1))
    return np.array(values), float(np.mean(variances)) if variances else 0.0
