"""Table of what changes the verdict: other priors, comparison groups, baselines, populations, methods and placebos."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from ssinfer.finding import Finding
from ssinfer.report.analysis import Analysis, span
from ssinfer.report.table import ReportTable
from ssinfer.sentences import say
from ssinfer.study.queries import Row
from ssinfer.study.sensitivity import CHANGED
from ssinfer.thresholds.names import prior_name


def sensitivity_findings(analysis: Analysis) -> Iterator[Finding]:
    """Return how many changes alter the verdict, and between which values the threshold lies."""
    rows = analysis.sensitivity
    if not len(rows):
        return
    others, verdict = rows.iloc[1:], rows["verdict"].iloc[0]
    rates = others["threshold"][np.isfinite(others["threshold"])]
    numbers = {"n": len(others), "low": rates.min(), "high": rates.max()}
    altered = int((others["verdict"] != verdict).sum())
    name = "unknown" if verdict is None else "altered" if altered else "same"
    yield Finding(f"sensitivity_{name}", numbers | {"altered": altered})


def _rows(analysis: Analysis) -> pd.DataFrame:
    words = [_changed(analysis, row) for _, row in analysis.sensitivity.iterrows()]
    return analysis.sensitivity.assign(changed=pd.Series(words, analysis.sensitivity.index, object))


def _changed(analysis: Analysis, row: Row) -> str:
    """Return what a row changes, in words."""
    part, entry = row["part"], row["entry"]
    if part == "prior":
        return prior_name(entry)
    if part == "windows":
        return span(analysis.result.designs[row["design"]].baseline)
    if part == "sensitivity":
        return analysis.design_names[entry]
    if part in CHANGED:
        return analysis.entry(part, entry)
    return say("table.sensitivity.without", origin=entry) if part == "origin" else say("table.sensitivity.none")


COLUMNS = "part:word changed threshold:percent:1 saving:percent:1 verdict:word"
TABLES = ReportTable("sensitivity-table", "sensitivity", 10, _rows, COLUMNS)
