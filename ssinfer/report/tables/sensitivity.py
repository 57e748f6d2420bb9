"""Table of what changes the verdict: other priors, comparison groups, baselines, populations, methods and placebos."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from ssinfer.contracts.arithmetic import RATE_TOLERANCE
from ssinfer.errors import SsinferError
from ssinfer.finding import Finding
from ssinfer.foreign import own
from ssinfer.report.analysis import Analysis, Row, rows_of, span
from ssinfer.report.table import ReportTable
from ssinfer.sentences import say
from ssinfer.study.case_thresholds import deciding_rates
from ssinfer.study.compared_designs import changed
from ssinfer.study.verdict import NOT_REACHED, REACHED
from ssinfer.thresholds.kind import KINDS, ThresholdKey

CHANGED = ("population", "comparison", "windows", "method")  # blocks that keep the definition of spending
FITTED = ["population", "spending", "comparison", "windows"]


def sensitivity_findings(analysis: Analysis) -> Iterator[Finding]:
    """Return how many changes alter the verdict, and between which values the threshold lies."""
    rows = _rows(analysis)
    if not len(rows):
        return
    others, verdict = rows.iloc[1:], rows["verdict"].iloc[0]
    rates = others["threshold"][np.isfinite(others["threshold"])]
    numbers = {"n": len(others), "low": rates.min(), "high": rates.max()}
    altered = int((others["verdict"] != verdict).sum())
    name = "unknown" if verdict is None else "altered" if altered else "same"
    yield Finding(f"sensitivity_{name}", numbers | {"altered": altered})


def _rows(analysis: Analysis) -> pd.DataFrame:
    """Return the threshold that settles, then one row per change; empty if the study holds no change."""
    own_rows = rows_of(analysis.result.case_thresholds, analysis.main)
    own_rows = own_rows[own_rows["decides"].astype(bool)] if len(own_rows) else own_rows
    if not len(own_rows):
        return own_rows
    settles, key = own_rows.iloc[0], ThresholdKey.of(own_rows.iloc[0])
    changes = [*_priors(analysis, key), *_designs(analysis, key), *_origins(analysis, key, settles)]
    every = [("none", say("table.sensitivity.none"), settles), *changes]
    rows = pd.DataFrame({**row, "part": part, "changed": words} for part, words, row in every)
    rows = rows.assign(threshold=deciding_rates(rows), saving=rows["measured"])
    reached = (rows["saving"] > 0) & (rows["saving"] >= rows["threshold"] - RATE_TOLERANCE)
    verdict = reached.map({True: REACHED, False: NOT_REACHED}).where(rows["saving"].notna(), None)
    rows = rows.assign(verdict=verdict)[rows["threshold"].notna()]
    return rows if len(rows) > 1 else rows[:0]


def _priors(analysis: Analysis, key: ThresholdKey) -> Iterator[tuple[str, str, Row]]:
    """Return the same threshold with other priors."""
    for _, row in rows_of(analysis.result.case_thresholds, analysis.main).iterrows():
        other = ThresholdKey.of(row)
        if other != key and replace(other, prior=key.prior) == key:
            yield "prior", say(f"prior.{other.prior}", say("prior", prior=other.prior)), row


def _designs(analysis: Analysis, key: ThresholdKey) -> Iterator[tuple[str, str, Row]]:
    """Return the threshold of designs that differ in one block, with the same performance period and spending."""
    table, designs = analysis.compared, analysis.result.designs
    if not len(table) or not table["settles"][0]:
        return
    rows = [(block, row) for block, row in changed(table) if block in CHANGED]
    numbers = {row["number"] for _, row in rows}
    rows += [("population", row) for _, row in table[table["sensitivity"]].iterrows() if row["number"] not in numbers]
    fits = {tuple(row[FITTED]): row["design"] for _, row in table.iterrows() if row["design"] in designs}
    for block, row in rows:
        named = [fit for fit in designs if f"{row['design']} | ".startswith(f"{fit} | ")]  # as designs of a grid
        fit = max(named, key=len) if named else fits.get(tuple(row[FITTED]), "")
        found = rows_of(analysis.result.case_thresholds, (fit, row["method"]))
        found = found[key.rows(found)] if len(found) else found
        if len(found) and (block != "windows" or designs[fit].performance == designs[analysis.main[0]].performance):
            words = span(designs[fit].baseline) if block == "windows" else analysis.entry(block, row[block])
            words = own(row["label"]) if row["sensitivity"] else words
            yield "sensitivity" if row["sensitivity"] else block, words, found.iloc[0]


def _origins(analysis: Analysis, key: ThresholdKey, settles: Row) -> Iterator[tuple[str, str, Any]]:
    """Return the threshold learned without the placebo contracts that start in one period, by period."""
    kind, fit = KINDS.find(key.kind) if key.kind in KINDS.names() else None, analysis.result.counterfactuals
    rows, start = analysis.placebos(analysis.main), analysis.result.designs[analysis.main[0]].performance[0]
    if kind is None or kind.learns_from != "placebos" or kind.on_request or not len(rows) or analysis.main not in fit:
        return
    near = analysis.placebos(analysis.main, "case")["block"]
    rows = rows[(rows["origin"] != start) & ~rows["block"].isin(near)]
    origins = rows["origin"].unique()
    for origin in origins if len(origins) > 1 else ():
        with suppress(SsinferError):  # too few placebos are left
            threshold = kind.for_case(fit[analysis.main], rows[rows["origin"] != origin], 1)(key)
            yield "origin", say("table.sensitivity.without", origin=origin), {**settles, "rate": threshold.rate}


COLUMNS = "part:word changed threshold:percent:1 saving:percent:1 verdict:word"
TABLES = ReportTable("sensitivity-table", "sensitivity", 10, _rows, COLUMNS)
