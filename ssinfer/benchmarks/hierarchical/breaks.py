"""Break: a declared change of what spending holds, in proportion to a known covariate of the units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ssinfer.arguments import Kind, checked
from ssinfer.check import Check
from ssinfer.errors import DesignError, PanelError, ParameterError, raised_as

if TYPE_CHECKING:
    from ssinfer.benchmarks.hierarchical.layout import Layout
    from ssinfer.benchmarks.problem import Problem
    from ssinfer.typing import Floats, Positions

BREAK_SD = 0.10  # prior SD of the change of log spending per standard deviation of the covariate


@checked(ParameterError)
@dataclass(frozen=True)
class Break:
    r"""A change of spending from the period `first` on, in proportion to a covariate that is known before.

    .. math:: y_{it} \mathrel{+}= c\, x_i \, 1\{t \ge first\}, \qquad c \sim N(0, 0.10^2)

    x is the unit's last value of `covariate` before `first` and before the start, divided by its standard deviation
    over the units. c is the same for all units, so the untreated ones identify it. Declare a break from what the
    publisher says before the performance period, never from errors of a benchmark. Windows that end before `first` do
    not have it. A study gives a table, such as ``{covariate = "long_stay_share", first = 2022}``.

    Examples
    --------
    >>> from ssinfer.benchmarks.hierarchical import Break
    >>> Break("long_stay_share", first=2022)
    Break(covariate='long_stay_share', first=2022)
    """

    covariate: str
    first: Any


class _BreakRule(Kind):
    """What a part of `breaks` may be: a Break, or a table with its two fields, which is read as one."""

    def read(self, value: Any) -> Any:
        """Return the Break; ValueError if it is none."""
        table = isinstance(value, Mapping) and set(value) == {"covariate", "first"}
        return super().read(Break(**value) if table else value)


BREAK = _BreakRule(
    "a Break, or a table with its fields, such as {'covariate': 'long_stay_share', 'first': 2022}",
    lambda value: isinstance(value, Break),
)


def steps_of(
    problem: Problem, rows: Positions, columns: Positions, breaks: Sequence[Break]
) -> list[tuple[Break, Floats, Floats]]:
    """Return each break that starts in the window, its x (N,) and its step (T,); DesignError: it cannot be used."""
    found = []
    for each in breaks:
        with raised_as(DesignError, of=PanelError):
            first = problem.panel.columns([each.first], "first period of a break")[0]
            values = problem.panel.covariate(each.covariate)
        if first > columns[-1]:
            continue
        known = values[rows][:, : min(first, problem.performance_columns[0])]
        last = [row[np.isfinite(row)][-1:] for row in known]
        absent = [unit for unit, value in zip(rows, last, strict=True) if not len(value)]
        if absent:
            raise DesignError(
                f"{each}: the covariate of {problem.panel.units[absent[0]]!r} is not known before {each.first!r} and "
                "before the performance period. Complete it, leave the unit out, or drop the break."
            )
        x = np.concatenate(last)
        if x.std() <= 1e-12 * max(float(np.abs(x).max()), 1e-300):
            raise DesignError(
                f"{each}: the covariate is the same in every unit, so the break is a period effect. Drop it."
            )
        own = np.isin(rows, problem.treated)
        if first <= problem.baseline[-1] and not x[~own].any():
            raise DesignError(
                f"{each}: the break lies inside the baseline and only treated units have it, so nothing "
                "identifies its size. Shorten the baseline to one side of the break, or name another covariate."
            )
        found.append((each, x / x.std(), (columns >= first).astype(np.float64)))
    return found


def break_checks(layout: Layout) -> list[Check]:
    """Return a diagnostics row per break of the window: the largest x of a treated unit."""
    n, treated = len(layout.breaks), layout.treated
    text = "declared break from {0.first!r}: x of the treated unit, in standard deviations over the units"
    largest = layout.model.loadings[treated, layout.model.loadings.shape[1] - n :].max(axis=0)
    pairs = zip(layout.breaks, largest, strict=True)
    return [Check(f"break {each.covariate}", "PASS", float(x), text.format(each)) for each, x in pairs]
