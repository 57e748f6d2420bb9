"""Pairs of design and method: how they are named in print, and their order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from ssinfer.study import StudyResult

    Pair = tuple[str, str]


def pairs_of(result: StudyResult) -> list[Pair]:
    """Return every design with every method, in the study's order."""
    return [(design, method) for design in result.designs for method in result.methods]


def label_of(result: StudyResult, pair: Pair) -> str:
    """Return the design's name, with the method's where the study has several."""
    design, method = pair
    name = design.replace("_", " ")
    return f"{name}, {method}" if len(result.methods) > 1 else name


def rows_of(frame: pd.DataFrame | None, pair: Pair) -> pd.DataFrame:
    """Return the rows of one design and method; an empty frame where there is none."""
    if frame is None or not {"design", "method"} <= set(frame.columns):
        return pd.DataFrame()
    return frame[(frame["design"] == pair[0]) & (frame["method"] == pair[1])]


def placebo_rows(result: StudyResult, pair: Pair) -> pd.DataFrame:
    """Return the placebo rows of one design and method that were estimated."""
    if result.backtest is None:
        return pd.DataFrame()
    rows = rows_of(result.backtest.placebos, pair)
    return rows[(rows["role"] == "placebo") & (rows["status"] == "ok")] if len(rows) else rows


def case_name(result: StudyResult) -> str:
    """Return the treated units' names, or their number when there are many."""
    treated = next(iter(result.designs.values())).treated
    return ", ".join(treated) if len(treated) <= 3 else f"the {len(treated)} contracted units"


def span(periods: tuple[object, ...]) -> str:
    """Return periods as 'first to last', or as listed where there are two or fewer."""
    if len(periods) <= 2:
        return " and ".join(str(period) for period in periods)
    return f"{periods[0]} to {periods[-1]}"
