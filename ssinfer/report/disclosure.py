"""Suppression of small groups: no result of a group with fewer insured than the study allows is printed."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ssinfer.study.plan import Plan
from ssinfer.study.result import StudyResult
from ssinfer.study.verdict import case_is_small

MIN_UNITS = 3  # of a size class
OF_THE_CASE = {
    *("placebos.parquet", "scores.csv", "savings.csv", "case_thresholds.csv"),
    *("settlement.csv", "own_costs.csv", "truth.csv"),
}


def unit_is_visible(result: StudyResult | Plan, placebos: pd.DataFrame) -> NDArray[np.bool_]:
    """Return whether the unit of each placebo row has enough insured per performance period to be drawn."""
    if result.panel.insured_years is None:
        return np.ones(len(placebos), dtype=bool)
    periods = {name: len(design.performance) for name, design in result.designs.items()}
    per_period = placebos["insured_years"].to_numpy(dtype=float) / placebos["design"].map(periods).to_numpy(dtype=float)
    return np.asarray(per_period >= result.suppress_below)


def without_small_groups(plan: Plan, tables: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Return the tables of the output folder, by name of the file, without results of small groups.

    A table of counts with a small number is left out as a whole, because its other rows and its total would reveal it;
    so is the table of the few persons above caps. Of classes of size only "all" stays.
    """
    hidden, shown = case_is_small(plan), {}
    for name, table in tables.items():
        counts = table.filter(["persons", "insured"])
        few = ((counts > 0) & (counts < plan.suppress_below)).any(axis=None)
        if not (few or name == "truncation.csv" or (hidden and name in OF_THE_CASE)):
            rows = table[table["size_class"] == "all"] if "size_class" in table.columns else table
            shown[name] = rows[unit_is_visible(plan, rows)] if "role" in rows.columns else rows
    return shown


def class_is_visible(n_units: float) -> bool:
    """Return whether a size class has at least `MIN_UNITS` units, which hides the result of a single unit."""
    return bool(n_units >= MIN_UNITS)
