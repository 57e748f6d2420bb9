"""What the main estimand of a study on claims leaves out: composition, own costs and price (estimands.csv).

The rows down to `price` compare the contract with all groups without a contract by their growth alone
(:mod:`ssinfer.cohort.trend_savings`), so that they can be compared with each other. They never settle.

- population: the persons of the design that settles, in each period those who are insured then.
- standardised: the same at the contract's mix of sex and ten-year age band in the performance period. Age is the
  calendar year less the year of birth. The oldest bands, from 60 on, are joined until each group has 20 insured-years
  in every stratum and both windows.
- closed: every person belongs to the unit of most of their insured-years in the baseline (in a tie the later unit,
  then the first name), also after a move. Who was not insured in the baseline is left out.
- composition: standardised less closed, of the rate: what persons who enter and leave add beyond sex and age.
- prices, volume: spending before truncation, at the prices paid and at the reference tariffs of the study.
- price: prices less volume, of the rate.
- gross, net: the saving of the design and method that settle, before and after own_costs, the contract's own fees and
  programme costs in the performance period. Own costs are known: both have the same standard error.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from ssinfer.cohort.case_mix import BAND_YEARS, OLDEST_BAND
from ssinfer.cohort.cohort import Cohort
from ssinfer.cohort.trend_savings import trend_savings
from ssinfer.counterfactual import Counterfactual
from ssinfer.periods import parse_period
from ssinfer.study.frames import ESTIMANDS
from ssinfer.study.hidden import ROUNDING
from ssinfer.study.plan import Plan
from ssinfer.typing import Booleans, Floats, Integers

MIN_YEARS = 20.0  # insured-years of a stratum in one group and window
OLDEST = range(OLDEST_BAND // BAND_YEARS, 5, -1)  # age bands at which the oldest stratum may begin
ROWS = ("population", "standardised", "closed", "composition", "prices", "volume", "price", "gross", "own_costs", "net")
DIFFERENCES = {"composition": ("standardised", "closed"), "price": ("prices", "volume")}


def estimands(plan: Plan, savings: pd.DataFrame, fits: Mapping[tuple[str, str], Counterfactual]) -> pd.DataFrame:
    """Return estimands.csv of a study on claims: one row per estimand, with its numbers or the id of a reason."""
    rows = trend_rows(plan) | net_rows(plan, savings, fits)
    labels = {"design": plan.config.main_design.fit, "method": "", "reason": ""}
    records = [{**labels, "estimand": name, **rows[name]} for name in ROWS]
    return pd.DataFrame(records, columns=[column.name for column in ESTIMANDS.columns])


def trend_rows(plan: Plan) -> dict[str, dict[str, Any]]:
    """Return the savings by the growth of the comparison group, by estimand."""
    part, claims = plan.config.main_design, plan.data.claims
    design, grouped = plan.designs[part.fit], plan.data.view_of(part.fit).cohort
    assert claims is not None and grouped is not None  # noqa: S101, PT018  (a study on claims)
    persons, people = claims.practices, part.population
    used = [period for period in (*design.baseline, *design.performance) if period not in design.masked]
    columns, phase = persons.columns(used), np.array([int(period in design.performance) for period in used])
    years, money = persons.insured_years[:, columns], persons.spending[:, columns]
    arm = np.where(np.isin(persons.person, grouped.person) & ~np.isin(persons.unit, claims.contracted), 1, -1)
    arm[np.isin(persons.unit, design.treated)] = 0
    one, rows = np.zeros(money.shape, dtype=np.int64), dict[str, dict[str, Any]]()
    definitions = {"population": (arm, money, one)}
    age = np.array([parse_period(period).first_day.year for period in used]) - claims.born[:, None]
    if (strata := _strata(pd.factorize(persons.covariate("sex"))[0], age, arm, years, phase)) is None:
        rows |= _without(("standardised", "composition"), "few_of_an_age")
    else:
        definitions["standardised"] = arm, money, strata
    if people.kind == "closed":
        rows |= _without(("closed", "composition"), "closed_already")
    elif people.practices or people.earlier_spending or people.sensitivity:
        rows |= _without(("closed", "composition"), "not_followed")
    else:
        home = _home(persons, years[:, phase == 0])
        definitions["closed"] = np.where(home < 0, -1, arm[home]), money, one
    spent = [cohort.spending[:, columns] for cohort in claims.repriced or ()]
    if not spent:
        rows |= _without(("prices", "volume", "price"), "no_tariffs")
    elif np.allclose(spent[0], spent[1]):
        rows |= _without(("prices", "volume", "price"), "nothing_repriced")
    else:
        definitions |= {name: (arm, at, one) for name, at in zip(("prices", "volume"), spent, strict=True)}
    possible = {name: pair for name, pair in DIFFERENCES.items() if {*pair} <= definitions.keys()}
    found = trend_savings(persons.person, years, phase, definitions, possible)
    cells = {name: [(0, 0.0)] for name in definitions}

    def sums(of: Any, rows: Booleans, spent: Floats, years: Floats) -> pd.DataFrame:
        grids = {"money": spent[rows], "years": years[rows]}
        parts = {(p, name): grid[:, phase == p].sum(axis=1) for p in (0, 1) for name, grid in grids.items()}
        return pd.DataFrame(parts, index=of[rows]).groupby(level=0).sum()

    cohorts = [cohort for view in plan.data.views.values() for cohort in (view.cohort, view.untruncated) if cohort]
    views = [
        sums(c.person, np.isin(c.unit, design.treated), c.spending[:, columns], c.insured_years[:, columns])
        for c in {id(cohort): cohort for cohort in cohorts}.values()
    ]
    for name, base in {"closed": "population", "prices": "population", "volume": "prices"}.items():
        if name in definitions:
            own, other = (
                [sums(persons.person, of_arm == a, spent, years) for a in (0, 1)]
                for of_arm, spent, _ in (definitions[name], definitions[base])
            )
            pairs = [*zip(own, other, strict=True), *((own[0], view) for view in views)]
            cells[name] = [cell for pair in pairs for cell in _cells(*pair)]
    cells |= {name: cells[first] + cells[second] for name, (first, second) in possible.items()}
    known = np.isfinite(found[["rate", "rate_se"]]).all(axis=1)
    rows |= _without(tuple(found.index[~known]), "no_growth")
    return rows | {str(name): {**row.to_dict(), **_behind(cells[str(name)])} for name, row in found[known].iterrows()}


def net_rows(
    plan: Plan, savings: pd.DataFrame, fits: Mapping[tuple[str, str], Counterfactual]
) -> dict[str, dict[str, Any]]:
    """Return the saving of the design and method that settle, the contract's own costs, and the saving after them."""
    part, claims, method = plan.config.main_design, plan.data.claims, plan.config.settling[1]
    assert claims is not None  # noqa: S101  (a study on claims)
    design, own = plan.designs[part.fit], claims.extracts[claims.definitions[part.fit][0]].own_costs
    found = savings[(savings[["design", "method", "status"]] == [part.fit, method, "ok"]).all(axis=1)]
    if not len(found):
        return _without(ROWS[-3:], "no_saving")
    row, cf = found.iloc[0], fits[part.fit, method]
    draws, years = cf.pooled(), float(row["insured_years"])
    known = cf.uncertainty != "none"
    error = float(np.hypot(draws.std(), row["saving"] * row["completion_error"])) if known else np.nan

    def after(costs: float) -> dict[str, Any]:
        spending = float(row["spending"]) + costs
        numbers = {"benchmark": row["benchmark"], "spending": spending, "saving": row["benchmark"] - spending}
        numbers |= {"rate": 1 - spending / row["benchmark"], "rate_se": error * spending / row["benchmark"] ** 2}
        return {"method": method, "insured_years": years, "saving_se": error, **numbers}

    during = own["unit"].isin(design.treated) & own["period"].isin({*design.performance} - {*design.masked})
    costs = float(own.loc[during, "spending"].sum()) / years
    if not costs:
        reason = "own_costs_none" if part.spending.own_costs else "own_costs_unnamed"
        return {"gross": after(0.0)} | _without(ROWS[-2:], reason)
    return {"gross": after(0.0), "own_costs": {"insured_years": years, "spending": costs}, "net": after(costs)}


def _without(names: tuple[str, ...], reason: str) -> dict[str, dict[str, Any]]:
    return {name: {"reason": reason} for name in names}


def _strata(sex: Integers, age: Floats, arm: Integers, years: Floats, phase: Integers) -> Integers | None:
    """Return the stratum of each person and period (-1: the contract has none then); None if one is too small."""
    for oldest in OLDEST:
        stratum = sex[:, None] * (OLDEST[0] + 1) + np.clip(age // BAND_YEARS, 0, oldest).astype(np.int64)
        n, counted = int(stratum.max()) + 1, np.broadcast_to(arm[:, None] >= 0, stratum.shape)
        place = (arm[:, None] * n + stratum) * 2 + phase
        sums = np.bincount(place[counted], years[counted], 4 * n).reshape(2, n, 2)
        wanted = sums[0, :, 1] > 0
        if (sums[:, wanted] >= MIN_YEARS).all():
            return np.where(wanted, np.cumsum(wanted) - 1, -1)[stratum]
    return None


def _home(persons: Cohort, before: Floats) -> Integers:
    """Return the row of the unit to which the baseline attributes each row's person (n,); -1: not insured then."""
    frame = pd.DataFrame({"person": persons.person, "unit": persons.unit, "years": before.sum(axis=1).round(9)})
    frame["last"] = np.where(before > 0, np.arange(before.shape[1]), -1).max(axis=1)
    ranked = frame[frame["years"] > 0].sort_values(["years", "last", "unit"], ascending=[False, False, True])
    first = ranked.drop_duplicates("person")
    home = pd.Series(first.index, index=first["person"]).reindex(persons.person).fillna(-1)
    return home.to_numpy(dtype=np.int64)


def _cells(first: pd.DataFrame, second: pd.DataFrame) -> list[tuple[int, float]]:
    """Return, per window, the persons by whom two groups differ, and the largest share of one in that money."""
    differ = first.sub(second, fill_value=0.0).abs()
    cells = [(differ[phase].to_numpy(), differ[phase, "money"]) for phase in (0, 1)]
    shares = [float(money.max() / money.sum()) if money.sum() > ROUNDING else 0.0 for _, money in cells]
    return [(int((cell > ROUNDING).any(axis=1).sum()), share) for (cell, _), share in zip(cells, shares, strict=True)]


def _behind(cells: list[tuple[int, float]]) -> dict[str, Any]:
    """Return the fewest persons behind a cell, and the largest share of one person in any."""
    some = [cell for cell in cells if cell[0]]
    return {"persons": min((n for n, _ in some), default=0), "largest": max((share for _, share in some), default=0.0)}
