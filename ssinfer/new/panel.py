"""A new study of a panel file: finds its columns, units and periods, and drafts designs, methods and thresholds."""

import os
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ssinfer.datasets.io.layout import Layout
from ssinfer.datasets.io.panel_file import open_panel_file
from ssinfer.errors import AmbiguousPeriodsError, DataError
from ssinfer.finding import Finding
from ssinfer.look.checks import implausible_mean, mean_of, total_rows
from ssinfer.look.words import PANEL, named, plain
from ssinfer.new.designs import design_tables, designs_on_all, first_tables, last_tables, windows_of
from ssinfer.new.draft import Draft, Table
from ssinfer.new.question import Answers, Question
from ssinfer.panel import Panel
from ssinfer.periods import read_periods
from ssinfer.study.look import PLAUSIBLE

MOST_YEARS, KEPT_YEARS = (3, 7), (2, 1)  # of the baselines of designs a to c and of design d, and before them
RATIO = 2.5  # of design c: donors at most so many times larger or smaller
MIN_DONORS = 10
MOST_PERIODS = 16  # of a window that the hierarchical model fits in about a second
SAMPLE, SAMPLE_TREATED = Path(str(files("ssinfer"))) / "new" / "sample.csv", "Molenstraat gezondheidscentrum"
SAMPLE_START = "2023Q1"
USUAL_SPENDING = 6_000  # EUR per insured-year: a mean below it over all periods of a year is one per period


def draft_of_panel(path: Path, folder: Path, answers: Answers, language: str = "en", name: str = "") -> Draft:
    """Return the draft of a study in `folder` on the panel file at `path`, which the study calls `name`."""
    file = open_panel_file(path, "", "", layout=Layout(decimal=answers.given.get("decimal")))
    if doubts := [finding for finding in file.findings if finding.refuses]:
        layout = Layout(decimal=answers.to(Question("decimal", (",", "."), about=doubts[0]))[0])
        file = open_panel_file(path, "", "", layout=layout)
    for finding in file.findings:
        answers.tell(finding.id, **finding.numbers)
    columns = _columns(file.frame, answers)
    frame = open_panel_file(path, columns["unit"], columns["period"], layout=file.layout).frame
    known: dict[str, Any] = {role: None if name is False else name for role, name in columns.items()}
    panel = Panel.from_frame(frame, **known)
    totals = [part.numbers["unit"] for part in total_rows(panel) if part.numbers["reason"] != "half"]
    if totals:
        answers.tell("new.totals", n=len(totals), units=totals)
        panel = Panel.from_frame(frame[~frame[columns["unit"]].isin(totals)], **known)
    written = {key: value for key in ("separator", "decimal", "encoding") if (value := getattr(file.layout, key))}
    data = {
        "source": "panel",
        "file": name or relative(path, folder),
        **written,
        **({"without": totals} if totals else {}),
    }
    shown = {role: name for role, name in columns.items() if name != []}
    data |= {"columns": shown, "spending_is": _spending_is(panel, answers)}
    step, periods = panel.timeline.per_year or 1, panel.periods
    treated, start = answers.to(
        Question("treated", panel.units, several=True),
        Question("start", default=str(periods[-min(step, len(periods) - 1)]), timeline=panel.timeline),
    )
    column = int(panel.columns([start])[0])
    windows, longer, n_periods = windows_of(periods, column, step, MOST_YEARS, KEPT_YEARS)
    if panel.insured_years is not None and step > 1:
        year = panel.insured_years[panel.rows(treated), column : column + step]
        answers.tell("new.persons", n=step * float(np.nanmean(year, axis=1).sum()), times=step)
    rule: dict[str, Any] = {"incomplete": "drop"} if np.isnan(panel.spending).any() else {}
    expected = named(columns["covariates"], PANEL["expected"], inside=True)
    corrected = rule | ({"standard": expected[0]} if expected else {})
    near = _similar(panel, treated)
    groups = {"a": rule} | ({"b": corrected} if expected else {}) | ({"c": {**corrected, **near}} if near else {})
    rows: list[dict[str, Any]] = [{"name": name, "comparison": name, "methods": ["administrative"]} for name in groups]
    widest = rows[1 if expected else 0]
    widest["settles"] = True
    rows += designs_on_all(widest["name"], longer, windows["performance"]["first"])
    tables = [
        *first_tables(treated, language),
        Table("data", data),
        Table("case", {"treated": treated}),
        Table("windows", windows),
        *(Table("comparison", {"name": name, **keys}, several=True) for name, keys in groups.items()),
        *design_tables(rows, quick=n_periods <= MOST_PERIODS),
        *last_tables(len(panel.units) - len(treated)),
    ]
    return Draft(tables)


def _columns(frame: pd.DataFrame, answers: Answers) -> dict[str, Any]:
    """Return the names of the columns by role, as in [data] columns."""

    def choose(role: str, candidates: Sequence[str], *, optional: bool = False) -> str:
        names = named(candidates, PANEL[role], inside=True)
        question = Question(role, tuple(candidates) or tuple(frame.columns))
        called = bool(names) and plain(names[0]).replace("_", "") in PANEL[role].split()
        called = called or (role == "unit" and _same_units(frame, names))
        if role in answers.given or not (optional or called or len(names or candidates) == 1):
            return str(answers.to(question)[0])
        column = names[0] if names else "" if optional else candidates[0]
        numbers = {"role": Finding(f"new.role.{role}", {}), "column": column, "option": question.option}
        answers.tell("new.column" if column else "new.no_column", **numbers)
        return column

    names = [str(name) for name in frame.columns]
    period = choose("period", [name for name in names if _is_calendar(frame[name])])
    others = [name for name in names if name != period]
    unit = choose("unit", [name for name in others if _is_unit(frame, name, period)])
    numbers = [name for name in others if name != unit and pd.api.types.is_numeric_dtype(frame[name])]
    years = choose("insured_years", numbers, optional=True)
    kept = [n for role in ("expected", "latitude", "longitude") for n in named(numbers, PANEL[role], inside=True)[:1]]
    spending = choose("spending", [name for name in numbers if name not in (years, *kept)])
    roles = {"unit": unit, "period": period, "spending": spending, "insured_years": years or False}
    return {**roles, "covariates": [name for name in kept if name not in (years, spending)]}


def _spending_is(panel: Panel, answers: Answers) -> str:
    """Return what the spending column holds: a total if its mean is implausible otherwise, else as answered."""
    options = ("per insured-year", "per insured-period", "total")
    doubts = implausible_mean(panel, PLAUSIBLE["EUR"])
    mean, step = mean_of(panel, panel.spending), panel.timeline.per_year or 1
    if doubts and PLAUSIBLE["EUR"][0] <= doubts[0].numbers["total"] <= PLAUSIBLE["EUR"][1]:
        return str(answers.to(Question("spending_is", options, default="total"))[0])
    if step == 1:
        return str(answers.given.get("spending_is", options[0]))
    guess = options[1] if mean * step <= USUAL_SPENDING else options[0]
    about = Finding("new.mean", {"mean": mean})
    return str(answers.to(Question("spending_is", options, default=guess, about=about))[0])


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


def _same_units(frame: pd.DataFrame, names: Sequence[str]) -> bool:
    """Return whether several columns name the same units, such as their codes and their names."""
    return len(names) > 1 and len({len(frame.drop_duplicates(each)) for each in ([*names], *names)}) == 1


def _similar(panel: Panel, treated: Sequence[str]) -> Mapping[str, Any] | None:
    """Return the rule of design c: donors of similar size; None with too few of them."""
    if panel.insured_years is None:
        return None
    size = np.nanmean(panel.insured_years, axis=1)
    own = size[panel.rows(treated)].mean()
    similar = (np.maximum(size / own, own / size) <= RATIO).sum() - len(treated)
    return {"ratio": RATIO} if similar >= MIN_DONORS else None


def relative(path: Path, folder: Path) -> str:
    """Return the path of a file from a folder; absolute if they share none."""
    try:
        return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()
    except ValueError:  # two drives
        return path.resolve().as_posix()
