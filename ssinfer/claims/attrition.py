"""Attrition: from all rows of the tables to the counted rows, in whole units and without loss."""

from fractions import Fraction
from typing import Any

import ibis
import pandas as pd

from ssinfer.claims import lines
from ssinfer.claims.backend.calendar import Calendar, epoch_day
from ssinfer.claims.backend.exact_cents import whole_numbers, whole_sum
from ssinfer.claims.enrolment import CODE, DAY_REASONS, FIRST_POPULATION_CODE, days_by_reason, persons_by_reason
from ssinfer.claims.spending import Spending
from ssinfer.claims.tables.tables import ClaimsTables
from ssinfer.errors import ClaimsError

FIRST, LAST = "in the tables", "counted"
NEVER = "never enrolled in the periods"
MONEY = ["lines", "cents"]
BEHIND = ["claimants", "largest"]  # number of persons with these lines, and the largest share of one in their money


def attrition(
    tables: ClaimsTables,
    spending: Spending,
    calendar: Calendar,
    pieces: Any,
    counted: Any,
    summary: pd.DataFrame,
    all_lines: dict[str, int],
    repeated: dict[str, int],
    cells: Any,
) -> tuple[pd.DataFrame, dict[str, int | float]]:
    """Return the attrition table of an extract, and counts of unusual lines that were kept.

    `pieces`, `counted` and `cells` are Ibis tables of enrolment, of lines by reason, and of days and cents per person,
    unit and t; `summary` is per reason. Rows of the step "valuation" change money only (negative: money added).
    """
    persons = persons_by_reason(tables, pieces)
    unmatched = lines.unmatched_reasons(tables, counted)
    unknown = _unknown_persons(tables, pieces, counted)
    days = days_by_reason(pieces, calendar)
    code = summary["code"]
    rows: list[dict[str, Any]] = []

    def add(step: str, reason: str, money: Any, *, persons: int = 0, days: pd.DataFrame | None = None) -> None:
        by_year = [] if days is None else days[["days", "year_days"]].astype("int64").to_numpy().tolist()
        amounts = {
            "persons": persons,
            "insured_days": sum(n for n, _ in by_year),
            "insured_years": sum((Fraction(n, length) for n, length in by_year), Fraction(0)),
            **{name: int(money[name]) for name in MONEY if name in money},
        }
        if step in (FIRST, LAST) or any(amounts.values()):
            behind = {name: money.get(name, 0) for name in BEHIND}
            rows.append({"step": step, "reason": reason, "lines": 0, **amounts, **behind})

    spans = tables.enrolment
    until = ibis.coalesce(epoch_day(spans["end"]), calendar.last[-1])
    all_days = days_by_reason(spans.mutate(lo=epoch_day(spans["start"]), hi=until, code=0), calendar)
    add(FIRST, "", all_lines, persons=int(tables.insured.count().to_pandas()) + unknown, days=all_days)
    if spending.duplicates == "drop":
        add("claims", "repeats another line", repeated)
    for excluded in (lines.OUTSIDE, lines.NO_KEY):
        add("claims", lines.name_of(excluded, None), summary.loc[code == excluded, [*MONEY, *BEHIND]].sum())
    add("claims", lines.NOT_ENROLLED, unmatched.loc[lines.NOT_ENROLLED])
    add("enrolment", NEVER, {"cents": 0}, persons=int(persons.get(NEVER, 0)))
    for reason in DAY_REASONS[1:]:
        number = CODE[reason]
        add(
            "population" if number >= FIRST_POPULATION_CODE else "enrolment",
            reason,
            summary.loc[code == lines.POPULATION + number, [*MONEY, *BEHIND]].sum() + unmatched.loc[reason],
            persons=unknown if reason == "person unknown" else int(persons.get(reason, 0)),
            days=days[days["code"] == number],
        )
    for row in summary[(code >= lines.CATEGORY) | (code == lines.OWN_COSTS)].to_dict("records"):
        step = "kept apart" if row["code"] == lines.OWN_COSTS else "spending"
        add(step, lines.name_of(int(row["code"]), row["label"]), row)
    final = summary.loc[code == lines.COUNTED, [*MONEY, "used", "repriced"]].sum().astype("int64")
    total = whole_numbers(cells.aggregate(cents=whole_sum(cells["cents"])))["cents"]
    add("valuation", "repriced at reference tariffs", {"cents": final["cents"] - final["used"]})
    add("valuation", "completed for payments to come", {"cents": final["used"] - total})
    money = {"lines": final["lines"], "cents": total}
    add(LAST, "", money, persons=int(persons.get("counted", 0)), days=days[days["code"] == lines.COUNTED])
    noticed: dict[str, int | float] = {
        "negative lines": all_lines["negative_lines"],
        "negative euros": all_lines["negative_cents"] / 100,
        "repriced lines": int(final["repriced"]),
    }
    if spending.duplicates != "keep":
        noticed |= {"repeated lines": repeated["lines"], "repeated euros": repeated["cents"] / 100}
    return _balanced(pd.DataFrame(rows)), noticed


def _balanced(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the table, or refuse it if in = out + exclusions fails for a column, which is an error of ssinfer."""
    start, end = frame["step"] == FIRST, frame["step"] == LAST
    names = ["persons", "insured_days", "insured_years", *MONEY]
    for name in names:
        came, excluded, counted = (sum(frame.loc[rows, name]) for rows in (start, ~start & ~end, end))
        if came != excluded + counted:
            raise ClaimsError(
                f"The count does not add up: {name} in {came}, excluded {excluded}, counted {counted}. This is an "
                "error of ssinfer; please report it with the attrition table."
            )
    types = dict.fromkeys(names, "int64") | {"insured_years": "float64"}
    return frame[["step", "reason", *names]].astype(types).assign(euros=frame["cents"] / 100, **frame[BEHIND])


def _unknown_persons(tables: ClaimsTables, pieces: Any, counted: Any) -> int:
    """Return the number of persons with enrolment or claims but no row in the table of insured."""
    enrolled = pieces.filter(pieces["code"] == CODE["person unknown"]).select("person")
    claiming = counted.filter(counted["code"] == lines.UNMATCHED).select("person")
    both = enrolled.union(claiming).distinct()
    return int(both.anti_join(tables.insured.select("person"), "person").count().to_pandas())
