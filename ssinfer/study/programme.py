r"""Carries a true programme to the spending of each design, and all designs to one scale.

A programme saves a fraction s of **all** spending A of a group in a window, on the lines in which it falls. With y the
spending of a person in a period, x the part of it in which the saving falls (all lines, those of the dearest persons,
or those of some categories) and X the group's sum of x, each such line falls by the fraction s A / X. The spending of a
design then falls by

.. math:: D = \sum_i k(y_i) - k(y_i - (s A / X) x_i),

over the persons and lines that the design counts, with k its truncation by calendar year. The saving goes on after the
window, at the same fraction of x. A saving outside the design gives D = 0. Where a design counts only a part of a
category's lines (by product group, run-out or price), x is at most y.
"""

from typing import Any

import numpy as np
import pandas as pd

from ssinfer.cohort.cohort import Cohort
from ssinfer.cohort.truncated import truncated_spending
from ssinfer.study.designs import StudyDesign
from ssinfer.study.plan import Plan
from ssinfer.typing import Floats, Positions


def one_scale(plan: Plan, design: StudyDesign, columns: Positions, savings: tuple[float, ...]) -> pd.DataFrame:
    """Return what a window with these unmasked performance periods is of all spending, by unit of the design's panel.

    `all_spending` (currency) and `all_years` (insured-years) are those of the whole population, `money` and `years`
    those of the design. `excess` is what the design truncates, per insured-year. `own_saving NAME s` is D over the
    design's spending; NaN: s A exceeds X. `elasticity` is that of the saving nearest the target, spread evenly.
    """
    of_source = _of_persons if isinstance(plan.data.programme.whole, Cohort) else _of_panels
    with np.errstate(divide="ignore", invalid="ignore"):
        units = list(plan.data.panel_of(design.fit).units)
        none = {f"own_saving {name} 0": np.zeros(len(units)) for name in plan.scenarios}
        table = pd.DataFrame(of_source(plan, design, columns, savings) | none, index=units)
        target = min(savings, key=lambda s: abs(s - plan.config.advice.target_saving))
        return table.assign(elasticity=table[f"own_saving {plan.evenly} {target:g}"] / target)


def _of_persons(plan: Plan, design: StudyDesign, columns: Positions, savings: tuple[float, ...]) -> dict[str, Floats]:
    view = plan.data.view_of(design.fit)
    whole, own = plan.data.programme.whole, view.untruncated
    assert own is not None  # noqa: S101  (claims have persons)

    def by_unit(cohort: Cohort, values: Floats) -> Floats:
        rows = pd.Index(view.panel.units).get_indexer(pd.Index(cohort.units))[cohort.unit_rows()]
        return np.bincount(rows[rows >= 0], weights=values[rows >= 0], minlength=len(view.panel.units))

    row = pd.Index(view.panel.units).get_indexer(pd.Index(own.unit))
    money = by_unit(whole, whole.spending[:, columns].sum(axis=1))
    base = truncated_spending(own, own.spending, view.caps)
    spent = by_unit(own, base[:, columns].sum(axis=1))
    years = by_unit(own, own.insured_years[:, columns].sum(axis=1))
    out = {
        "money": spent,
        "years": years,
        "all_spending": money,
        "all_years": by_unit(whole, whole.insured_years[:, columns].sum(axis=1)),
        "excess": by_unit(own, (own.spending - base)[:, columns].sum(axis=1)) / years,
    }
    for name in plan.scenarios:
        part, target = _parts(plan, name, design, own, columns)
        for s in savings:
            fall = s * money / by_unit(whole, target)  # s A / X
            fall = np.where(fall <= 1.0, fall, np.nan)
            left = own.spending.copy()
            left[:, columns.min() :] -= np.nan_to_num(fall)[row, None] * part
            fallen = by_unit(own, (base - truncated_spending(own, left, view.caps))[:, columns].sum(axis=1))
            out[f"own_saving {name} {s:g}"] = np.where(np.isfinite(fall), fallen / spent, np.nan)
    return out


def _parts(plan: Plan, name: str, design: StudyDesign, own: Cohort, columns: Positions) -> tuple[Floats, Floats]:
    """Return x of the design's persons from the window on, and the sum of x of each row of the whole in the window."""
    scenario, programme = plan.scenarios[name], plan.data.programme
    whole, after = programme.whole, slice(columns.min(), None)
    spent, spending = own.spending[:, after], whole.spending[:, columns].sum(axis=1)
    if scenario.categories is not None:
        x, target = np.zeros(spent.shape), np.zeros(len(spending))
        for category in scenario.categories:
            part = programme.parts[category]
            target += _of_rows(part.spending[:, columns].sum(axis=1)[:, None], part, whole)[:, 0]
            if design.spending.counts(category):
                counted = _of_rows(part.insured_years[:, after], part, own)
                years = own.insured_years[:, after]
                share = np.divide(years, counted, out=np.zeros(spent.shape), where=counted > 0)
                x += _of_rows(part.spending[:, after], part, own) * np.minimum(share, 1.0)
        return np.minimum(x, spent), target
    if scenario.dearest is None:
        return spent, spending
    insured = whole.insured_years[:, columns].sum(axis=1) > 0
    dear = spending > np.quantile(spending[insured], 1.0 - scenario.dearest)
    return spent * _of_rows(dear[:, None].astype(float), whole, own), spending * dear


def _of_rows(values: Floats, source: Cohort, target: Cohort) -> Floats:
    """Return values of the rows (person, unit) of one cohort at the rows of another; 0 for rows that it lacks."""
    rows = pd.MultiIndex.from_arrays([source.person, source.unit])
    place = rows.get_indexer(pd.MultiIndex.from_arrays([target.person, target.unit]))
    return np.where((place >= 0)[:, None], values[place], 0.0)


def _of_panels(plan: Plan, design: StudyDesign, columns: Positions, savings: tuple[float, ...]) -> dict[str, Floats]:
    """Return the columns on public data: the cells of a group hold one mean, from which every line falls alike."""
    view, programme = plan.data.view_of(design.fit), plan.data.programme

    def sums(panel: Any) -> tuple[Floats, Floats]:
        cells = np.ix_(panel.rows(view.panel.units), columns)
        years = panel.insured_years[cells]
        return np.nansum(panel.spending[cells] * years, axis=1), np.nansum(years, axis=1)

    (money, years), (spent, own) = sums(programme.whole), sums(view.panel)
    out = {"money": spent, "years": own, "all_spending": money, "all_years": years, "excess": np.zeros(len(money))}
    for name, scenario in plan.scenarios.items():
        inside, target = spent, money
        if scenario.categories is not None:
            inside, target = (
                sum((sums(of[part])[0] for part in scenario.categories if part in of), start=np.zeros(len(money)))
                for of in (view.categories, programme.parts)
            )
        for s in savings:
            saved = s * money / target * inside / spent
            out[f"own_saving {name} {s:g}"] = np.where(s * money <= target, saved, np.nan)
    return out
