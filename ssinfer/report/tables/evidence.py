"""The evidence of the design that settles: checks, weights, paths with placebos, prior and posterior."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd

from ssinfer.figures.baseline_path import paths_frame
from ssinfer.figures.donor_weights import weights_frame
from ssinfer.figures.predictive import predictive_frame
from ssinfer.figures.prior_posterior import parameters_frame
from ssinfer.finding import Finding
from ssinfer.printed import ABSENT, MINUS, separated
from ssinfer.report.analysis import Analysis
from ssinfer.report.table import ReportFigure, ReportTable
from ssinfer.sentences import check_name
from ssinfer.study.queries import Pair, rows_of

ORDER = ("fail", "warn", "ok", "not evaluated")


def _rows(analysis: Analysis) -> pd.DataFrame:
    """Return the checks of each method, those that failed first."""
    table = analysis.table("diagnostics.csv")
    if analysis.hidden or not len(table):
        return pd.DataFrame()
    table = table.assign(other=table["method"] != analysis.main[1], rank=table["status"].map(ORDER.index))
    table = table[table["design"] == analysis.main[0]].sort_values(["other", "rank"], kind="stable")
    printed = {name: [_short(value) for value in table[name]] for name in ("figure", "limit")}
    return analysis.labelled(table.assign(check_name=table["id"].map(check_name), **printed))


def _short(value: float) -> str:
    return separated(f"{value:.3g}").replace("-", MINUS) if math.isfinite(value) else ABSENT


def _by_label(analysis: Analysis, value: Callable[[Pair], Any]) -> dict[str, Any]:
    """Return what each method of the design that settles has, the one that settles first; nothing of a hidden group."""
    pairs = [] if analysis.hidden else [pair for pair in analysis.pairs if pair[0] == analysis.main[0]]
    values = {analysis.label(pair): value(pair) for pair in sorted(pairs, key=lambda pair: pair != analysis.main)}
    return {label: value for label, value in values.items() if len(value)}


def _tables(analysis: Analysis, name: str) -> dict[str, pd.DataFrame]:
    """Return the rows of a table of the folder by label."""
    return _by_label(analysis, lambda pair: rows_of(analysis.table(name), pair))


def _weights(analysis: Analysis) -> pd.DataFrame:
    tables = _tables(analysis, "weights.csv")
    return weights_frame({name: rows.assign(donor=rows["donor"].map(analysis.unit)) for name, rows in tables.items()})


def _paths(analysis: Analysis) -> pd.DataFrame:
    return paths_frame(_tables(analysis, "paths.csv"), _tables(analysis, "placebo_paths.parquet"))


def _parameters(analysis: Analysis) -> pd.DataFrame:
    fits = analysis.result.counterfactuals
    return parameters_frame(_by_label(analysis, lambda pair: dict(fits[pair].inference) if pair in fits else {}))


def evidence_lead(analysis: Analysis) -> Iterator[Finding]:
    """Return how many checks of the method that settles failed."""
    rows = rows_of(analysis.table("diagnostics.csv"), analysis.main)
    if len(rows) and not analysis.hidden:
        failed = int((rows["status"] == "fail").sum())
        made = int((rows["status"] != "not evaluated").sum())
        yield Finding("lead_checks_failed" if failed else "lead_checks", {"n": made, "failed": failed})


PREDICTIVE = "predictive.parquet"
TABLES = ReportTable("checks", "evidence", 5, _rows, "label check_name status:word figure:cell limit:cell")
FRAME = (
    ReportFigure("donor_weights", "evidence", 10, _weights, "weights.csv"),
    ReportFigure("baseline_path", "evidence", 20, _paths, "placebo_paths.parquet"),
    ReportFigure("prior_posterior", "evidence", 40, _parameters, "savings.nc"),
    ReportFigure("predictive", "evidence", 50, lambda a: predictive_frame(_tables(a, PREDICTIVE)), PREDICTIVE),
)
