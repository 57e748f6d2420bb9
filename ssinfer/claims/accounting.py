"""Fills the attrition table: all rows, the exclusions by reason, and the counted rows, in whole units."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ibis

from ssinfer.claims.attrition import FIRST, LAST, AttritionLog
from ssinfer.claims.backend.calendar import Calendar, epoch_day
from ssinfer.claims.enrolment import CODE, DAY_REASONS, FIRST_POPULATION_CODE, days_by_reason, persons_by_reason
from ssinfer.claims.lines import (
    CATEGORY,
    COUNTED,
    NO_KEY,
    OUTSIDE,
    OWN_COSTS,
    POPULATION,
    UNMATCHED,
    duplicate_lines,
    name_of,
    unmatched_reasons,
)

if TYPE_CHECKING:
    import pandas as pd

    from ssinfer.claims.spending import Spending
    from ssinfer.claims.tables.tables import ClaimsTables


def attrition(
    tables: ClaimsTables,
    spending: Spending,
    calendar: Calendar,
    pieces: Any,
    counted: Any,
    summary: pd.DataFrame,
    all_lines: dict[str, int],
    cells: Any,
) -> tuple[pd.DataFrame, dict[str, int | float]]:
    """Return the attrition table, and counts of unusual lines that were kept.

    Parameters
    ----------
    tables, spending, calendar
        Tables, definition of spending and periods of the extract.
    pieces, counted, cells : Ibis tables
        Pieces of enrolment; lines by reason; counted days and cents per person, unit and period.
    summary : DataFrame
        Lines and cents per reason.
    all_lines : dict
        Totals of the table of claims.
    """
    log = AttritionLog()
    claims = tables.claims
    persons = persons_by_reason(tables, pieces)
    unmatched = unmatched_reasons(tables, counted)
    unknown = _unknown_persons(tables, pieces, counted)
    days = days_by_reason(pieces, calendar)
    log.add(
        FIRST,
        "",
        persons=int(tables.insured.count().to_pandas()) + unknown,
        days=_days_in(tables, calendar),
        lines=all_lines["lines"],
        cents=all_lines["cents"],
    )
    repeated = duplicate_lines(claims) if spending.duplicates != "keep" else (0, 0)
    if spending.duplicates == "drop":
        log.add("claims", "repeats another line", lines=repeated[0], cents=repeated[1])
    for code in (OUTSIDE, NO_KEY):
        group = summary[summary["code"] == code]
        log.add("claims", name_of(code, None), lines=int(group["lines"].sum()), cents=int(group["cents"].sum()))
    lines_of = {row["reason"]: (int(row["lines"]), int(row["cents"])) for row in unmatched.to_dict("records")}
    lines, money = lines_of.get("not enrolled on the date", (0, 0))
    log.add("claims", "not enrolled on the date", lines=lines, cents=money)
    never = "never enrolled in the periods"
    log.add("enrolment", never, persons=int(persons.get(never, 0)))
    for reason in DAY_REASONS[1:]:
        code = CODE[reason]
        own = summary[summary["code"] == POPULATION + code]
        lines, money = lines_of.get(reason, (0, 0))
        log.add(
            "population" if code >= FIRST_POPULATION_CODE else "enrolment",
            reason,
            persons=unknown if reason == "person unknown" else int(persons.get(reason, 0)),
            days=_by_year(days[days["code"] == code].drop(columns="code")),
            lines=int(own["lines"].sum()) + lines,
            cents=int(own["cents"].sum()) + money,
        )
    for row in summary[(summary["code"] >= CATEGORY) | (summary["code"] == OWN_COSTS)].to_dict("records"):
        step = "kept apart" if row["code"] == OWN_COSTS else "spending"
        log.add(step, name_of(int(row["code"]), row["label"]), lines=int(row["lines"]), cents=int(row["cents"]))
    final = summary[summary["code"] == COUNTED]
    price = int(final["cents"].sum()) - int(final["used"].sum())
    total = int(cells.aggregate(cents=cells["cents"].sum().cast("int64")).to_pandas()["cents"].iloc[0])
    log.add("valuation", "repriced at reference tariffs", cents=price)
    log.add("valuation", "completed for payments to come", cents=int(final["used"].sum()) - total)
    log.add(
        LAST,
        "",
        persons=int(persons.get("counted", 0)),
        days=_by_year(days[days["code"] == COUNTED].drop(columns="code")),
        lines=int(final["lines"].sum()),
        cents=total,
    )
    noticed: dict[str, int | float] = {
        "negative lines": all_lines["negative_lines"],
        "negative euros": all_lines["negative_cents"] / 100,
        "repriced lines": int(final["repriced"].sum()),
    }
    if spending.duplicates != "keep":
        noticed |= {"repeated lines": repeated[0], "repeated euros": repeated[1] / 100}
    return log.frame(), noticed


def _unknown_persons(tables: ClaimsTables, pieces: Any, counted: Any) -> int:
    """Return the number of persons with enrolment or claims but no row in the table of insured."""
    enrolled = pieces.filter(pieces["code"] == CODE["person unknown"]).select("person")
    claiming = counted.filter(counted["code"] == UNMATCHED).select("person")
    both = enrolled.union(claiming).distinct()
    return int(both.anti_join(tables.insured.select("person"), "person").count().to_pandas())


def _days_in(tables: ClaimsTables, calendar: Calendar) -> dict[int, tuple[int, int]]:
    """Return the days of all spans inside the study per year: (days, days of the year)."""
    spans, periods = tables.enrolment, calendar.year_table()
    spans = spans.mutate(lo=epoch_day(spans["start"]), hi=ibis.coalesce(epoch_day(spans["end"]), calendar.last[-1]))
    joined = spans.join(periods, [spans["lo"] <= periods["p_last"], spans["hi"] >= periods["p_first"]])
    days = ibis.least(joined["hi"], joined["p_last"]) - ibis.greatest(joined["lo"], joined["p_first"]) + 1
    sums = joined.mutate(days=days).group_by("year", "year_days").aggregate(days=lambda t: t["days"].sum())
    return _by_year(sums.to_pandas())


def _by_year(frame: pd.DataFrame) -> dict[int, tuple[int, int]]:
    rows = frame.astype("int64").to_dict("records")
    return {row["year"]: (row["days"], row["year_days"]) for row in rows}
