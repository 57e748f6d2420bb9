"""Sections on sampling noise: payments under it alone, the noise of placebos, and shocks of intact practices."""

import math
from collections.abc import Iterator
from typing import Any

import pandas as pd

from ssinfer.finding import Finding, estimate
from ssinfer.printed import column_with_errors
from ssinfer.report.analysis import Analysis
from ssinfer.report.table import ReportTable
from ssinfer.thresholds.schedule import MSSP_K

EXAMPLE_SIZE = 20_000  # insured-years
REGIONAL, ANY_REGION, RANDOM = "regional bundles", "bundles", "random"
COLUMNS = "group:word groups:number insured:number sd:percent:1 threshold:percent:1 ratio_cell:cell"


def _rows(analysis: Analysis) -> pd.DataFrame:
    groups = analysis.result.intact_groups
    if groups is None or groups.table is None:
        return pd.DataFrame()
    frame = groups.table
    errors = frame["ratio_se"].where(frame["ratio_se"] > 0)
    ratios = column_with_errors(frame["ratio"].tolist(), errors.tolist())
    cells = [cell if error > 0 else "1" for cell, error in zip(ratios, frame["ratio_se"], strict=True)]
    return frame.assign(group=frame["kind"], ratio_cell=cells)


def _remarks(analysis: Analysis, _rows: pd.DataFrame) -> Iterator[Finding]:
    groups = analysis.result.intact_groups
    if groups is not None:
        yield Finding("table.intact-groups.drawn", {"windows": ", ".join(groups.windows), "seed": groups.seed})


def noise_findings(analysis: Analysis) -> Iterator[list[Finding]]:
    """Return false payments under sampling noise alone, and the two parts of the noise, for the chosen design."""
    if analysis.main not in analysis.noise:
        return
    noise = analysis.noise[analysis.main]
    c, n = noise.components, noise.components.n_origins
    names = ("above", "below", "outside")
    own_k, medicare = ({name: estimate(k, name) for name in names} for k in (noise.own_k, noise.medicare_k))
    name = "noise_k_of_design" if len(analysis.noise) > 1 else "noise_k"
    of_design = Finding(name, {"k": c.k, "design": analysis.quoted(analysis.main)})
    yield [Finding("noise_alone", own_k), of_design, Finding("noise_medicare", {**medicare, "k": MSSP_K})]
    yield [
        Finding("noise_parts", {"rows": c.n_rows, "units": c.n_units, "n": n}),
        Finding("noise_sampling", {"k": c.k, "low": c.k_lower, "high": c.k_upper}),
        Finding("noise_shock", {"shock": c.shock, "low": c.shock_lower, "high": c.shock_upper}),
        Finding("noise_sizes", {"size": EXAMPLE_SIZE, "noise": c.k / EXAMPLE_SIZE**0.5, "shock": c.shock}),
    ]
    placebos = analysis.placebos(analysis.main)
    neighbours = placebos["block"].nunique() < placebos["unit"].nunique()
    yield [Finding("noise_of_neighbours" if neighbours else "noise_independent", {}), Finding("noise_years", {"n": n})]


def intact_findings(analysis: Analysis) -> Iterator[Finding]:
    """Return the two thresholds, and whether practices have shocks that can be distinguished from sampling noise."""
    groups = analysis.result.intact_groups
    if groups is None:
        return
    if groups.table is None:
        yield Finding("intact_refused", {"reason": groups.reason})
        return
    by_kind: Any = groups.table.set_index("kind").drop(columns="groups").to_dict("index")
    regional, random = REGIONAL in by_kind, by_kind.get(RANDOM)
    row = by_kind.get(REGIONAL if regional else ANY_REGION)
    if row is None or random is None:  # hidden, because the groups are small
        return
    ratio = estimate(row, "ratio")
    said = {"size": groups.size, "threshold": row["threshold"], "random": random["threshold"], "ratio": ratio}
    yield Finding("intact_regional" if regional else "intact_any", said)
    if ratio["value"] > 1 + 1.645 * ratio["se"]:
        yield Finding("intact_shocks", {"shock": math.sqrt(row["sd"] ** 2 - random["sd"] ** 2)})
    else:
        yield Finding("intact_no_shocks", {})


TABLES = ReportTable("intact-groups", "intact", 10, _rows, COLUMNS, _remarks)
