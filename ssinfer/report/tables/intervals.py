"""Intervals of the case's saving, credible beside confidence, 95% beside 90%."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ssinfer.errors import SsinferError
from ssinfer.figures.numbers import ABSENT, plain
from ssinfer.report.data import Table
from ssinfer.report.disclosure import case_is_small
from ssinfer.report.text.pairs import label_of, pairs_of, saving_of

if TYPE_CHECKING:
    from ssinfer.counterfactual import Counterfactual
    from ssinfer.study.result import StudyResult

LEVELS = (0.95, 0.90)
KINDS = ("credible", "confidence")


def interval_table(result: StudyResult) -> Table | None:
    """Return both kinds of interval of the case's savings rate at both levels, a row per design and method."""
    if case_is_small(result):
        return None
    rows = []
    for pair in pairs_of(result):
        if pair in result.counterfactuals and saving_of(result, pair) is not None:
            cf = result.counterfactuals[pair]
            rate = 100 * (1 - cf.pooled_spending / cf.level)
            cells = (rate_interval(cf, kind, level) for level in LEVELS for kind in KINDS)
            rows.append((label_of(result, pair), plain(rate, 1), *cells))
    if not rows:
        return None
    heads = ("Design", "Measured (%)", *(f"{100 * level:g}%, {kind}" for level in LEVELS for kind in KINDS))
    notes = (
        (
            "In % of the benchmark, equal-tailed. Credible: from the posterior of the benchmark, with every parameter, "
            "shock and persistence integrated over. Confidence: from the sampling distribution of the same quantity, "
            "with estimates plugged in. A dash: the method does not give that kind."
        ),
    )
    numeric = (False, *(True,) * 5)
    return Table("intervals", "The case: intervals of both kinds side by side", heads, numeric, tuple(rows), notes)


def rate_interval(cf: Counterfactual, kind: str, level: float) -> str:
    """Return the equal-tailed interval of (B - Y) / Bbar in percent, or a dash where the method has no such draws."""
    try:
        draws = cf.pooled(kind)
    except SsinferError:
        return ABSENT
    tails = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    low, high = (plain(100 * float(tail - cf.pooled_spending) / cf.level, 1) for tail in tails)
    return f"{low} to {high}"
