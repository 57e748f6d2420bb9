"""Pairs of design and method: how they are named in print, and their order."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pandas as pd

from ssinfer.figures.numbers import quoted

if TYPE_CHECKING:
    from ssinfer.study.result import StudyResult

    Pair = tuple[str, str]


def pairs_of(result: StudyResult) -> list[Pair]:
    """Return the designs and methods that were backtested or evaluated, in the study's order."""
    everything = [(design, method) for design in result.designs for method in result.methods]
    used = set(result.counterfactuals)
    frames = [result.savings] if result.backtest is None else [result.savings, result.backtest.placebos]
    for frame in frames:
        if {"design", "method"} <= set(frame.columns):
            used |= set(zip(frame["design"], frame["method"], strict=True))
    return [pair for pair in everything if pair in used] or everything


def label_of(result: StudyResult, pair: Pair) -> str:
    """Return the design's name, with the method's where the study has several."""
    design, method = pair
    name = design.replace("_", " ")
    return f"{name}, {method}" if len(result.methods) > 1 else name


def name_of(result: StudyResult, pair: Pair) -> str:
    """Return the label in quotation marks, followed by the design's sentence where it has one."""
    sentence = str(result.design_labels.get(pair[0], "")).strip().rstrip(".")
    return f"{quoted(label_of(result, pair))} ({sentence})" if sentence else quoted(label_of(result, pair))


def rows_of(frame: pd.DataFrame | None, pair: Pair) -> pd.DataFrame:
    """Return the rows of one design and method; an empty frame where there is none."""
    if frame is None or not {"design", "method"} <= set(frame.columns):
        return pd.DataFrame()
    return frame[(frame["design"] == pair[0]) & (frame["method"] == pair[1])]


def saving_of(result: StudyResult, pair: Pair) -> pd.Series[Any] | None:
    """Return the case's measured saving under one design and method; None where it is sealed or was refused."""
    rows = rows_of(result.savings, pair)
    if not len(rows) or "saving" not in rows.columns or not math.isfinite(float(rows["saving"].iloc[0])):
        return None
    return rows.iloc[0]


def has_saving(result: StudyResult) -> bool:
    """Return whether the case's saving is measured under any design."""
    return any(saving_of(result, pair) is not None for pair in pairs_of(result))


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
