"""A new study of a panel file: finds its columns, units and periods, and drafts designs, methods and thresholds."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ssinfer.datasets.io.panel_file import read_panel_file
from ssinfer.errors import AmbiguousPeriodsError, DataError, StudyError
from ssinfer.finding import Finding
from ssinfer.look.checks import total_rows
from ssinfer.new.draft import Draft, Table, last_tables
from ssinfer.new.question import Answers, Question
from ssinfer.new.roles import PANEL_NAMES, named
from ssinfer.panel import Panel
from ssinfer.periods import read_periods
from ssinfer.sentences import say

MOST_BASELINE_YEARS = (3, 7)  # of designs a to c, and of design d
RATIO = 2.5  # of design c: donors at most so many times larger or smaller
MIN_DONORS = 10


def draft_of_panel(path: Path, folder: Path, answers: Answers, language: str = "en") -> Draft:
    """Return the draft of a study in `folder` on the panel file at `path`."""
    frame = read_panel_file(path, "")
    columns, found = _columns(frame, answers)
    frame = read_panel_file(path, columns["unit"])
    panel = Panel.from_frame(frame, **{**columns, "accept": ["similar_names"]})
    totals = [finding for finding in total_rows(panel) if finding.numbers["reason"] == "name"]
    if totals:
        raise StudyError(" ".join(say("total_row", unit=part.numbers["unit"], why="") for part in totals))
    years, first = panel.timeline.per_year or 1, panel.periods
    treated, start = answers.to(
        Question("treated", panel.units, several=True),
        Question("start", tuple(map(str, first)), default=str(first[-min(years, len(first) - 1)])),
    )
    windows, longer = _windows(panel, start)
    with_gaps = bool(np.isnan(panel.spending).any())
    rule = {"incomplete": "drop"} if with_gaps else {}
    expected = named(columns.get("covariates", ()), PANEL_NAMES["expected"])
    b = {"standard": expected[0]} if expected else {}
    designs: dict[str, Mapping[str, Any]] = {"a": rule}
    if b:
        designs["b"] = rule | b
    if (near := _near(panel, columns, treated)) is not None:
        designs["c"] = {**rule, **b, **near}
    designs["d"] = rule | b
    data = {"source": "panel", "file": _relative(path, folder), "columns": columns}
    head = {
        "title": say("new.title", treated=", ".join(treated)),
        "question": say("new.question"),
        "currency": "EUR",
        "seed": 1,
    }
    return Draft(
        [
            Table("", head),
            *([Table("report", {"language": language})] if language != "en" else []),
            Table("data", data),
            Table("case", {"treated": treated}),
            Table("windows", windows),
            *(Table("comparison", {"name": name, **keys}, several=True) for name, keys in designs.items()),
            *_designs(list(designs), longer, windows["performance"]["first"]),
            *_methods(),
            *last_tables(len(panel.units) - len(treated)),
        ],
        [*found, *answers.findings],
    )


def _columns(frame: pd.DataFrame, answers: Answers) -> tuple[dict[str, Any], list[Finding]]:
    """Return the names of the columns by role, as in [data] columns, and what was found."""
    found: list[Finding] = []

    def choose(role: str, candidates: Sequence[str], *, optional: bool = False) -> str | None:
        given, known = answers.given.get(role), named(candidates, PANEL_NAMES[role])
        if given is None and (known or optional or len(candidates) == 1):
            column = known[0] if known else None if optional else candidates[0]
            found.append(
                Finding("new.column" if column else "new.no_column", {"role": role, "column": column}, refuses=False)
            )
            return column
        return str(answers.to(Question(role, tuple(candidates) or tuple(frame.columns)))[0])

    names = [str(name) for name in frame.columns]
    period = choose("period", [name for name in names if _is_calendar(frame[name])])
    others = [name for name in names if name != period]
    unit = choose("unit", [name for name in others if _is_unit(frame, name, str(period))])
    numbers = [name for name in others if name != unit and pd.api.types.is_numeric_dtype(frame[name])]
    years = choose("insured_years", numbers, optional=True)
    spending = choose("spending", [name for name in numbers if name != years])
    kept = [n for role in ("expected", "latitude", "longitude") for n in named(numbers, PANEL_NAMES[role])[:1]]
    covariates = [name for name in kept if name not in (years, spending)]
    roles = {"unit": unit, "period": period, "spending": spending, "insured_years": years, "covariates": covariates}
    return {role: column for role, column in roles.items() if column}, found


def _is_calendar(column: "pd.Series[Any]") -> bool:
    """Return whether a column holds periods of a calendar."""
    try:
        timeline = read_periods(column.dropna().unique())
    except AmbiguousPeriodsError:
        return True
    except DataError:
        return False
    return timeline.per_year is not None and len(timeline.labels) > 1


def _is_unit(frame: pd.DataFrame, name: str, period: str) -> bool:
    """Return whether a column holds labels, each at most once per period."""
    column = frame[name]
    labels = not pd.api.types.is_float_dtype(column) and len(column.unique()) > 1
    return labels and not frame.duplicated([name, period]).any()


def _windows(panel: Panel, start: str) -> tuple[dict[str, Any], Mapping[str, Any] | None]:
    """Return the windows of designs a to c, and the longer baseline of design d."""
    step, column = panel.timeline.per_year or 1, int(panel.columns([start])[0])
    years = column // step
    if years < 1:
        raise StudyError(f"--start is {start}: there is no full year before it. Allowed: from {panel.periods[step]}.")

    def span(first: int, last: int) -> dict[str, Any]:
        return {"first": panel.periods[first], "last": panel.periods[last]}

    short, long = (max(1, min(most, years - kept)) for most, kept in zip(MOST_BASELINE_YEARS, (2, 1), strict=True))
    last = min(column + step, len(panel.periods)) - 1
    windows = {"baseline": span(column - short * step, column - 1), "performance": span(column, last)}
    return windows, {"baseline": span(column - long * step, column - 1)} if long > short else None


def _near(panel: Panel, columns: Mapping[str, Any], treated: Sequence[str]) -> Mapping[str, Any] | None:
    """Return the rule of design c: donors within a distance or of similar size; None with too few of them."""
    if {"latitude", "longitude"} <= set(columns.get("covariates", ())):
        return {"within_km": 50}
    if panel.insured_years is None:
        return None
    size = np.nanmean(panel.insured_years, axis=1)
    own = size[panel.rows(treated)].mean()
    similar = (np.maximum(size / own, own / size) <= RATIO).sum() - len(treated)
    return {"ratio": RATIO} if similar >= MIN_DONORS else None


def _designs(names: Sequence[str], longer: Mapping[str, Any] | None, start: Any) -> Iterator[Table]:
    """Return the designs on comparison groups `names`, of which the last is all units with the longest baseline.

    The hierarchical model takes a second per fit: its placebos have one window.
    """
    settles = "b" if "b" in names else "a"
    last = dict(longer or {})
    rows: list[dict[str, Any]] = [
        {"name": name, "comparison": name, "methods": ["administrative"]}
        | ({"settles": True} if name == settles else {})
        for name in names[:-1]
    ]
    rows.append({"name": "d", "comparison": "d", "methods": ["synthetic control"], **last})
    rows.append({"name": "d, one window", "comparison": "d", "methods": ["hierarchical"], "origins": [start]})
    for row in rows:
        yield Table("design", {"name": row["name"], "label": say(f"new.label.{row['name']}"), **row}, several=True)


def _methods() -> list[Table]:
    """Return one method of each family that a panel allows; matched methods need persons."""
    keys: list[Mapping[str, Any]] = [
        {"method": "AdministrativeBenchmark", "name": "administrative", "settles": True},
        {"method": "SyntheticControl", "name": "synthetic control", "parameters": {"intercept": True}},
        {"method": "HierarchicalBenchmark", "name": "hierarchical"},
    ]
    return [Table("method", part, several=True) for part in keys]


def _relative(path: Path, folder: Path) -> str:
    """Return the path of a file from a folder; absolute if they share none."""
    try:
        return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()
    except ValueError:  # two drives
        return path.resolve().as_posix()
