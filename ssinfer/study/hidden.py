"""HiddenGroups: the groups of a study that no output shows."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations
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
ROUNDING = 1e-6  # insured-years, or money: smaller differences are those of sums

View = tuple[Panel, Cohort | None]


@dataclass(frozen=True)
class HiddenGroups:
    """What a disclosed result hides: placebo units, single units of the contract group, or all of it."""

    limit: int  # smallest number of insured of a group that is shown
    units: frozenset[str] = frozenset()  # hidden in all designs; `CONTRACT_GROUP` is the contract group
    pooled: bool = False  # whether the contract group is shown as a whole only, because one of its units is hidden
    edges: tuple[float, ...] = ()  # of the size classes
    apart: frozenset[tuple[str, str]] = frozenset()  # designs, and units hidden in them: another design shows them
    designs: frozenset[str] = frozenset()  # of which no unit can be shown

    @property
    def case(self) -> bool:
        """Whether the contract group is hidden in all designs."""
        return CONTRACT_GROUP in self.units

    def visible(self, units: Iterable[Any], design: Any = "") -> Booleans:
        """Return which units may be shown one by one, in a design or (an array) in that of each unit."""
        names = np.array([*units], dtype=object)
        pairs = zip(np.broadcast_to(np.asarray(design, dtype=object), len(names)), names, strict=True)
        return np.array([unit not in self.units and (name, unit) not in self.apart for name, unit in pairs], dtype=bool)

    def visible_rows(self, table: pd.DataFrame, label: str = "") -> Booleans:
        """Return which rows of a table may be shown, by their unit (the column `label`) or for the contract group."""
        units = table[label] if label else [CONTRACT_GROUP] * len(table)
        return self.visible(units, table.get("design", ""))


def find_hidden(
    views: Mapping[str, View],
    designs: Mapping[str, Design],
    limit: int,
    edges: Iterable[float] = (),
    others: Iterable[Collection[str]] = (),
) -> HiddenGroups:
    """Return the groups to hide: in a period they have fewer than `limit` insured, or one dominant person.

    A unit that is hidden in one view of the data is hidden in all: spending of one design less that of another may be
    that of a third. The same holds for the difference of two views (persons above a cap, or of one population only): a
    unit for which it is sensitive is hidden in the designs of the second. The first view, which settles, shows it.
    Insured-years and spending of all units together are taken as published. The units of each of the `others` are one
    group too, that of another contract: all contracts of a study hide the same units.
    """
    treated = {unit for design in designs.values() for unit in design.treated}
    contracts = {CONTRACT_GROUP: treated} | {f"{CONTRACT_GROUP} {n}": {*each} for n, each in enumerate(others, 2)}
    group_of = {unit: name for name, members in contracts.items() for unit in members}
    found, single, apart, whole = set[str](), set[str](), set[tuple[str, str]](), set[str]()
    names: dict[int, list[str]] = {}  # of the designs with one view
    for name, (panel, _) in views.items():
        if panel.insured_years is not None:
            names.setdefault(id(panel), []).append(name)
    for first, second in [*((fits, []) for fits in names.values()), *combinations(names.values(), 2)]:
        units, cells, per_year = _cells(*(views[name] for name in (first[0], *second[:1])))
        joined = np.where(units.isin([*group_of]), units.map(group_of), units)
        groups, few, totals = _grouped(joined, cells, per_year, limit)
        out_of_first, out_of_second = ({unit for name, unit in apart if name in part} for part in (first, second))
        sensitive = few | np.isin(groups, [*found, *out_of_first, *out_of_second])
        cost = np.where(np.isin(groups, [*contracts]), np.inf, totals[:, 0] if totals[:, 0].any() else totals[:, 1])
        hidden = protect(totals, np.ones((1, len(groups)), dtype=bool), sensitive, cost, MIN_HIDDEN)
        chosen = set(groups if hidden is None else groups[hidden])
        if not second:
            found |= chosen
        elif few.any():
            apart |= {(name, unit) for name in second for unit in chosen - out_of_first}
            whole |= set(second if hidden is None else ())
        if len(group_of) > len(contracts):
            groups, few, _ = _grouped(units, cells, per_year, limit)
            single |= group_of.keys() & set(groups[few])
    case = CONTRACT_GROUP in found
    apart |= {(name, unit) for name, group in apart for unit in contracts.get(group, ())}
    found |= {unit for name, members in contracts.items() if name in found or single & members for unit in members}
    found -= contracts.keys() - {CONTRACT_GROUP}
    pooled = bool(single & treated) and not case
    return HiddenGroups(limit, frozenset(found), pooled, tuple(edges), frozenset(apart), frozenset(whole))


def _cells(*views: View) -> tuple[Any, list[pd.DataFrame], int]:
    """Return units (cell,), insured-years and money (cell, period) of a view, or the differences of two.

    Cells are persons, or units if persons are unknown. The last value is the periods per year of units, 0 for persons.
    """
    persons, frames = all(cohort is not None for _, cohort in views), []
    for panel, cohort in views:
        data: Any = cohort if persons else panel
        labels = [data.unit, data.person] if persons else [data.units]
        years = np.nan_to_num(np.asarray(data.insured_years, dtype=float))
        values = years, np.nan_to_num(data.spending if persons else data.spending * years)
        index = pd.MultiIndex.from_arrays(labels)
        frames.append([pd.DataFrame(value, index, list(data.periods)) for value in values])
    cells = frames[0] if len(frames) == 1 else [a.sub(b, fill_value=0.0) for a, b in zip(*frames, strict=True)]
    return cells[0].index.get_level_values(0), cells, 0 if persons else views[0][0].timeline.per_year or 1


def _grouped(labels: Any, cells: list[pd.DataFrame], per_year: int, limit: int) -> tuple[Any, Booleans, Floats]:
    """Return groups of cells, whether each is sensitive in a period, and its insured-years and money (group, 2)."""
    codes, names = pd.factorize(labels)
    years, spent = (frame.abs() for frame in cells)
    behind = years * per_year if per_year else ((years > ROUNDING) | (spent > ROUNDING)).astype(int)
    counts, amounts = behind.groupby(codes).sum(), spent.groupby(codes)
    sensitive = counts < limit * (1 - 1e-9)
    if not per_year:
        sensitive |= amounts.max() > MAX_SHARE * amounts.sum()
    totals = [np.abs(frame.groupby(codes).sum().sum(axis=1)) for frame in cells]
    return names, (sensitive & (counts > ROUNDING)).any(axis=1).to_numpy(), np.column_stack(totals)
