r"""Carries a true programme to the spending of each design, and all designs to one scale.

A programme saves a fraction s of **all** spending A of a group in a window, on the lines in which it falls. With y the
spending of a person in a period, x the part of it in which the saving falls (all lines, those of the dearest persons,
or those of some categories) and X the group's sum of x, each such line falls by the fraction s A / X. The spending of a
design then falls by

.. math:: D = \sum_i k(y_i) - k(y_i - (s A / X) x_i),

over the persons and lines that the design counts, with k its truncation. A saving outside the design gives D = 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ssinfer.cohort.cohort import Cohort
from ssinfer.kernels.groups import group_sums

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ssinfer.study.config_blocks import ScenarioConfig
    from ssinfer.study.data import ProgrammeData, View
    from ssinfer.study.designs import StudyDesign
    from ssinfer.typing import Floats, Integers, Positions


@dataclass(frozen=True, eq=False)
class OneScale:
    """A window of a design on the scale of all spending, by group (units of the design's panel)."""

    all_spending: Floats  # of the whole population in the window, currency
    all_years: Floats  # its insured-years
    saved: Mapping[tuple[str, float], Floats]  # D / spending of the design, by scenario and s; NaN: s A exceeds X


def one_scale(
    design: StudyDesign,
    view: View,
    programme: ProgrammeData,
    columns: Positions,
    scenarios: Mapping[str, ScenarioConfig],
    savings: tuple[float, ...],
) -> OneScale:
    """Return the window of a design, whose unmasked performance periods are `columns`, on the scale of all spending."""
    units = view.panel.units
    if not isinstance(programme.whole, Cohort):
        return _of_panels(view, programme, columns, scenarios, savings)
    whole, own = programme.whole, view.untruncated
    of_whole = whole.unit_rows()
    n_whole = len(whole.units)
    position = pd.Index(whole.units).get_indexer(pd.Index(units))
    money = group_sums(of_whole, whole.spending[:, columns], n_whole).sum(axis=1)
    years = group_sums(of_whole, whole.insured_years[:, columns], n_whole).sum(axis=1)
    assert own is not None  # noqa: S101  (claims have persons)
    own_units = pd.Index(units).get_indexer(pd.Index(own.units))[own.unit_rows()]  # row of the panel of each person
    base = _kept(own, own.spending, view.caps)
    spent = np.bincount(own_units, weights=base[:, columns].sum(axis=1), minlength=len(units))
    saved = {}
    for name, scenario in scenarios.items():
        cuts, target = _cuts(scenario, design, whole, own, programme, columns)
        total = np.bincount(of_whole, weights=target, minlength=n_whole)
        with np.errstate(divide="ignore", invalid="ignore"):
            fraction = (money / total)[position]  # A / X
        for s in savings:
            factor = s * fraction
            factor = np.where(factor <= 1.0, factor, np.nan)
            left = own.spending.copy()
            left[:, columns] -= np.nan_to_num(factor)[own_units, None] * cuts
            after = _kept(own, left, view.caps)
            fallen = np.bincount(own_units, weights=(base - after)[:, columns].sum(axis=1), minlength=len(units))
            with np.errstate(divide="ignore", invalid="ignore"):
                saved[name, s] = np.where(np.isfinite(factor), fallen / spent, np.nan)
    return OneScale(money[position], years[position], saved)


def _cuts(
    scenario: ScenarioConfig,
    design: StudyDesign,
    whole: Cohort,
    own: Cohort,
    programme: ProgrammeData,
    columns: Positions,
) -> tuple[Floats, Floats]:
    """Return x of the design's persons (n, columns), and the sum of x of each row of the whole population."""
    if scenario.categories is not None:
        cuts, target = np.zeros((len(own.person), len(columns))), np.zeros(len(whole.person))
        for category in scenario.categories:
            part = programme.parts[category]
            target += _of_rows(part.spending[:, columns].sum(axis=1)[:, None], part, whole)[:, 0]
            if design.spending.counts(category):
                counted = _of_rows(part.insured_years[:, columns], part, own)
                share = np.divide(own.insured_years[:, columns], counted, out=np.zeros_like(counted), where=counted > 0)
                cuts += _of_rows(part.spending[:, columns], part, own) * np.minimum(share, 1.0)
        return cuts, target
    spending = whole.spending[:, columns].sum(axis=1)
    if scenario.dearest is None:
        return own.spending[:, columns], spending
    insured = whole.insured_years[:, columns].sum(axis=1) > 0
    limit = np.quantile(spending[insured], 1.0 - scenario.dearest)
    dear = spending > limit
    return own.spending[:, columns] * _of_rows(dear[:, None].astype(float), whole, own), spending * dear


def _of_rows(values: Floats, source: Cohort, target: Cohort) -> Floats:
    """Return values of the rows (person, unit) of one cohort at the rows of another; 0 for rows that it lacks."""
    rows = pd.MultiIndex.from_arrays([source.person, source.unit])
    place = rows.get_indexer(pd.MultiIndex.from_arrays([target.person, target.unit]))
    return np.where((place >= 0)[:, None], values[place], 0.0)


def _kept(own: Cohort, spending: Floats, caps: Mapping[int, float] | None) -> Floats:
    """Return spending (n, T) after truncation of each person's calendar years; without `caps` as it is."""
    if caps is None:
        return spending
    who, n = _persons(own)
    kept, years = spending.copy(), _calendar_years(own)
    for year in np.unique(years):
        columns = np.flatnonzero(years == year)
        total = np.bincount(who, weights=spending[:, columns].sum(axis=1), minlength=n)[who]
        insured = np.bincount(who, weights=own.insured_years[:, columns].sum(axis=1), minlength=n)[who]
        limit = caps[int(year)] * insured
        over = total > limit
        kept[np.ix_(over, columns)] *= (limit[over] / total[over])[:, None]
    return kept


def _persons(own: Cohort) -> tuple[Integers, int]:
    codes, persons = pd.factorize(own.person)
    return codes, len(persons)


def _calendar_years(own: Cohort) -> Integers:
    from ssinfer.claims.backend.calendar import Calendar  # noqa: PLC0415  (Ibis is loaded late)

    return np.array(Calendar.of(own.periods).year)


def _of_panels(
    view: View,
    programme: ProgrammeData,
    columns: Positions,
    scenarios: Mapping[str, ScenarioConfig],
    savings: tuple[float, ...],
) -> OneScale:
    """Return the window on public data: the cells of a group hold one mean, from which every line falls alike."""

    def sums(panel: Any) -> tuple[Floats, Floats]:
        rows = panel.rows(view.panel.units)
        years = np.ones(panel.spending.shape) if panel.insured_years is None else panel.insured_years
        money = np.nansum((panel.spending * years)[np.ix_(rows, columns)], axis=1)
        return money, np.nansum(years[np.ix_(rows, columns)], axis=1)

    (money, years), (spent, _) = sums(programme.whole), sums(view.panel)
    saved = {}
    for name, scenario in scenarios.items():
        if scenario.categories is None:
            inside, target = spent, money
        else:
            target, inside = (
                sum((sums(of[name])[0] for name in scenario.categories if name in of), start=np.zeros(len(money)))
                for of in (programme.parts, view.categories)
            )
        with np.errstate(divide="ignore", invalid="ignore"):
            for s in savings:
                saved[name, s] = np.where(s * money <= target, s * money / target * inside / spent, np.nan)
    return OneScale(money, years, saved)
