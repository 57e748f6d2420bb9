"""HiddenGroups: the groups of a study that no output shows."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ssinfer.cohort.cohort import Cohort
from ssinfer.design import Design
from ssinfer.panel import Panel
from ssinfer.study.protection import protect
from ssinfer.typing import Booleans, Floats

MAX_SHARE = 0.85  # of one person in the spending of a cell
MIN_HIDDEN = 3  # mean and standard deviation of two hidden results would give both
CONTRACT_GROUP = "the contract group"


@dataclass(frozen=True)
class HiddenGroups:
    """What a disclosed result hides: placebo units, single units of the contract group, or all of it."""

    limit: int  # smallest number of insured of a group that is shown
    units: frozenset[str] = frozenset()
    case: bool = False  # whether the contract group as a whole is hidden
    pooled: bool = False  # whether it is shown as a whole only, because one of its units is hidden
    edges: tuple[float, ...] = ()  # of the size classes

    def visible(self, units: Iterable[Any]) -> Booleans:
        """Return which units may be shown one by one."""
        return np.array([unit not in self.units for unit in units], dtype=bool)


def find_hidden(
    data: Iterable[tuple[Panel, Cohort | None]], designs: Mapping[str, Design], limit: int, edges: Iterable[float] = ()
) -> HiddenGroups:
    """Return the groups to hide: in a period they have fewer than `limit` insured, or one dominant person.

    A unit that is hidden in one panel is hidden in all: spending of one design less that of another may be that of a
    third. Insured-years and spending of all units together are taken as published.
    """
    treated, found, single = {unit for design in designs.values() for unit in design.treated}, set[str](), set[str]()
    for panel, cohort in {id(panel): (panel, cohort) for panel, cohort in data}.values():
        if panel.insured_years is not None:
            labels = pd.Series(panel.units, dtype=object)
            groups, sensitive, totals = _cells(panel, cohort, labels.mask(labels.isin(treated), CONTRACT_GROUP), limit)
            sensitive |= np.isin(groups, [*found])
            cost = np.where(groups == CONTRACT_GROUP, np.inf, totals[:, 0])
            hidden = protect(totals, np.ones((1, len(groups)), dtype=bool), sensitive, cost, MIN_HIDDEN)
            found |= set(groups if hidden is None else groups[hidden])
            names, few, _ = _cells(panel, cohort, labels, limit)
            single |= treated & set(names[few])
    case = CONTRACT_GROUP in found
    units = (found - {CONTRACT_GROUP}) | (treated if case or single else set())
    return HiddenGroups(limit, frozenset(units), case, bool(single) and not case, tuple(edges))


def _cells(panel: Panel, cohort: Cohort | None, groups: "pd.Series[Any]", limit: int) -> tuple[Any, Booleans, Floats]:
    """Return groups of units, whether each has a sensitive cell, and its insured-years and spending (group, 2)."""
    codes, names = pd.factorize(groups)
    years = np.nan_to_num(np.asarray(panel.insured_years, dtype=float))
    totals, insured = np.zeros((len(names), 2)), np.zeros((len(names), len(panel.periods)))
    money = np.nan_to_num(panel.spending) * years
    np.add.at(totals, codes, np.column_stack([years.sum(axis=1), money.sum(axis=1)]))
    np.add.at(insured, codes, years * (panel.timeline.per_year or 1))
    if cohort is None:
        return names, ((insured > 0) & (insured < limit * (1 - 1e-9))).any(axis=1), totals
    of_person = codes[pd.Index(panel.units).get_indexer(pd.Index(cohort.unit))]
    sensitive = np.zeros(len(names), dtype=bool)
    for t in range(len(cohort.periods)):
        spent, largest = np.abs(np.nan_to_num(cohort.spending[:, t])), np.zeros(len(names))
        persons = np.bincount(of_person, cohort.insured_years[:, t] > 0, len(names))
        np.maximum.at(largest, of_person, spent)
        dominated = largest > MAX_SHARE * np.bincount(of_person, spent, len(names))
        sensitive |= (persons > 0) & ((persons < limit) | dominated)
    return names, sensitive, totals
