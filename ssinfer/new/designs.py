"""Designs, methods and windows of a new study, which a panel and claims have in common."""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from ssinfer.errors import StudyError
from ssinfer.new.draft import Table
from ssinfer.sentences import say
from ssinfer.thresholds.placebo_order import units_needed

#: One method of each family: its name, and the keys that its table has besides.
METHODS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "administrative": {"method": "AdministrativeBenchmark", "settles": True},
        "synthetic control": {"method": "SyntheticControl", "parameters": {"intercept": True}},
        "hierarchical": {"method": "HierarchicalBenchmark"},
        "matched": {
            "method": "PropensityMatching",
            "parameters": {"covariates": ["age", "sex"], "exact": ["sex"], "prior_spending": True},
        },
    }
)


def first_tables(treated: Sequence[str], language: str) -> list[Table]:
    """Return the keys above all tables, and the language of the report if it is not English."""
    head = {"title": say("new.title", treated=", ".join(treated)), "question": say("new.question")}
    report = [Table("report", {"language": language})] if language != "en" else []
    return [Table("", {**head, "currency": "EUR", "seed": 1}), *report]


def windows_of(
    periods: Sequence[Any], column: int, step: int, most: tuple[int, int], kept: tuple[int, int]
) -> tuple[dict[str, Any], dict[str, Any], int]:
    """Return the windows of most designs, the longer baseline of design d if there is one, and their periods.

    The baselines have `most` years at most, and leave `kept` years of the history before them for placebos.
    """
    years = column // step
    if years < 1:
        allowed = f"from {periods[step]}" if len(periods) > step else "data of more years"
        raise StudyError(f"--start is {periods[column]}: there is no full year before it. Allowed: {allowed}.")
    short, long = (max(1, min(most, years - kept)) * step for most, kept in zip(most, kept, strict=True))
    last = min(column + step, len(periods)) - 1
    baseline, performance, longer = (
        {"first": periods[first], "last": periods[end]}
        for first, end in ((column - short, column - 1), (column, last), (column - long, column - 1))
    )
    windows = {"baseline": baseline, "performance": performance}
    return windows, {"baseline": longer} if long > short else {}, short + last + 1 - column


def design_tables(rows: Sequence[Mapping[str, Any]], *, quick: bool = True) -> Iterator[Table]:
    """Return designs with their labels, and their methods; if not `quick`, the hierarchical model is a comment."""
    for row in rows:
        label = "c, persons" if row["methods"] == ["matched"] else row["name"]
        keys = {"name": row["name"], "label": say(f"new.label.{label}"), **row}
        yield Table("design", keys, several=True, active=quick or row["methods"] != ["hierarchical"])
    for name in dict.fromkeys(name for row in rows for name in row["methods"]):
        keys = {"method": METHODS[name]["method"], "name": name, **METHODS[name]}
        yield Table("method", keys, several=True, active=quick or name != "hierarchical")


def designs_on_all(comparison: str, longer: Mapping[str, Any], start: object, **keys: Any) -> list[dict[str, Any]]:
    """Return the designs on all other units: the slow method has placebos of one window."""
    return [
        {"name": "d", "comparison": comparison, **keys, "methods": ["synthetic control"], **longer},
        {"name": "d, one window", "comparison": comparison, **keys, "methods": ["hierarchical"], "origins": [start]},
    ]


def last_tables(placebos: int) -> list[Table]:
    """Return the tables that every new study has: thresholds that are compared, and the one that settles.

    With fewer placebo units than a 95% threshold of placebos needs in another block, it is at 90%, or a confidence one.
    """
    kind, level = next(
        (("placebo", level) for level in (0.95, 0.90) if placebos > units_needed(level)), ("confidence", 0.95)
    )
    return [
        Table("backtest", {"levels": [0.95, 0.90], "injected": [0.0, 0.02, 0.03, 0.05]}),
        Table("threshold", {"kind": kind, "level": level, "side": "one-sided"}, several=True),
        Table("sharing", {"contract": "kerngezond-vlissingen"}, several=True, active=False),
    ]
