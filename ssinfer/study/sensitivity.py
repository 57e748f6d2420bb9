"""sensitivity: threshold and verdict with other priors, comparisons, baselines, populations, methods and placebos."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pandas as pd

from ssinfer.contracts.arithmetic import RATE_TOLERANCE
from ssinfer.errors import SsinferError
from ssinfer.study.compared_designs import changed, numbered
from ssinfer.study.queries import Row, StudyQueries, rows_of
from ssinfer.study.verdict import NOT_REACHED, REACHED, deciding_rates
from ssinfer.thresholds.kind import KINDS, ThresholdKey

CHANGED = ("population", "comparison", "windows", "method")  # blocks that keep the definition of spending
FITTED = ["population", "spending", "comparison", "windows"]
type Change = tuple[str, Any, Row | dict[str, Any]]  # block or other part, entry, and row of case_thresholds.csv


def sensitivity(study: StudyQueries) -> pd.DataFrame:
    """Return the threshold that settles, then one row per change of the study; without rows if there is no change.

    Columns are those of case_thresholds.csv, `part` (none, prior, a block, sensitivity, origin), its `entry` (of
    sensitivity, the name of the design), `threshold`, `saving` and `verdict`.
    """
    cases = rows_of(study.result.case_thresholds, study.main)
    settles = cases[cases["decides"].astype(bool)] if len(cases) else cases
    if not len(settles):
        return settles
    key = ThresholdKey.of(settles.iloc[0])
    changes: list[Change] = [("none", "", settles.iloc[0]), *_priors(cases, key), *_designs(study, key)]
    changes += _origins(study, key, settles.iloc[0])
    rows = pd.DataFrame({**row, "part": part, "entry": entry} for part, entry, row in changes)
    rows = rows.assign(threshold=deciding_rates(rows), saving=rows["measured"])
    reached = (rows["saving"] > 0) & (rows["saving"] >= rows["threshold"] - RATE_TOLERANCE)
    verdict = reached.map({True: REACHED, False: NOT_REACHED}).where(rows["saving"].notna(), None)
    rows = rows.assign(verdict=verdict)[rows["threshold"].notna()]
    return rows if len(rows) > 1 else rows[:0]


def _priors(cases: pd.DataFrame, key: ThresholdKey) -> Iterator[Change]:
    """Yield the same threshold with other priors."""
    for _, row in cases.iterrows():
        other = ThresholdKey.of(row)
        if other != key and replace(other, prior=key.prior) == key:
            yield "prior", other.prior, row


def _designs(study: StudyQueries, key: ThresholdKey) -> Iterator[Change]:
    """Yield the threshold of designs that differ in one block, with the same performance period and spending."""
    table, designs = numbered(study.table("designs.csv")), study.result.designs
    if not len(table) or not table["settles"][0]:
        return
    rows = [(block, row) for block, row in changed(table) if block in CHANGED]
    numbers = {row["number"] for _, row in rows}
    rows += [("population", row) for _, row in table[table["sensitivity"]].iterrows() if row["number"] not in numbers]
    fits = {tuple(row[FITTED]): row["design"] for _, row in table.iterrows() if row["design"] in designs}
    for block, row in rows:
        named = [fit for fit in designs if f"{row['design']} | ".startswith(f"{fit} | ")]  # as designs of a grid
        fit = max(named, key=len) if named else fits.get(tuple(row[FITTED]), "")
        found = rows_of(study.result.case_thresholds, (fit, row["method"]))
        found = found[key.rows(found)] if len(found) else found
        if len(found) and (block != "windows" or designs[fit].performance == designs[study.main[0]].performance):
            part = "sensitivity" if row["sensitivity"] else block
            yield part, row["design" if row["sensitivity"] else block], found.iloc[0]


def _origins(study: StudyQueries, key: ThresholdKey, settles: Row) -> Iterator[Change]:
    """Yield the threshold learned without the placebo contracts that start in one period, by period."""
    kind, fit = KINDS.find(key.kind) if key.kind in KINDS.names() else None, study.result.counterfactuals
    rows, start = study.placebos(study.main), study.result.designs[study.main[0]].performance[0]
    if kind is None or kind.learns_from != "placebos" or kind.on_request or not len(rows) or study.main not in fit:
        return
    near = study.placebos(study.main, "case")["block"]
    rows = rows[(rows["origin"] != start) & ~rows["block"].isin(near)]
    origins = rows["origin"].unique()
    for origin in origins if len(origins) > 1 else ():
        with suppress(SsinferError):  # too few placebos are left
            threshold = kind.for_case(fit[study.main], rows[rows["origin"] != origin], 1)(key)
            yield "origin", origin, {**settles, "rate": threshold.rate}
