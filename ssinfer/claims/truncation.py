"""Truncates the spending of a person per calendar year, in whole cents."""

# ruff: noqa: PD004  (Ibis has isnull and notnull only)

from typing import Any

import ibis
import pandas as pd

from ssinfer.claims.backend.calendar import Calendar, overlap
from ssinfer.claims.backend.exact_cents import sums
from ssinfer.claims.enrolment import FIRST_POPULATION_CODE
from ssinfer.claims.lines import OWN_COSTS
from ssinfer.claims.spending import Truncation
from ssinfer.errors import ClaimsError


def caps(truncation: Truncation, calendar: Calendar, pieces: Any, counted: Any) -> pd.DataFrame:
    """Return the cap per year: year, cents (per insured-year), share_above (of all validly enrolled insured-years)."""
    years = sorted(set(calendar.year))
    if truncation.amount is not None:
        amount = truncation.amount
        by_year = dict.fromkeys(years, amount) if isinstance(amount, int | float) else dict(amount)
        missing = [year for year in years if year not in by_year]
        if missing:
            raise ClaimsError(f"Truncation gives no amount for {missing}. Years of the study: {years}.")
        amounts = [round(100 * float(by_year[year])) for year in years]
        return pd.DataFrame({"year": years, "cents": amounts, "share_above": None})
    yearly = _reference_spending(calendar, pieces, counted)
    # Spending per insured-year in whole cents: ties are then equal on every backend.
    rate = (yearly["cents"].cast("float64") * yearly["year_days"] / yearly["days"] + 0.5).floor().cast("int64")
    yearly = yearly.mutate(rate=rate)
    steps = yearly.group_by("year", "rate").aggregate(days=yearly["days"].sum())
    below = ibis.window(group_by="year", order_by="rate", preceding=None, following=0)
    steps = steps.mutate(
        up_to=steps["days"].sum().over(below), total=steps["days"].sum().over(ibis.window(group_by="year"))
    )
    at = steps.filter(steps["up_to"].cast("float64") >= truncation.percentile * steps["total"].cast("float64"))
    result = at.group_by("year").aggregate(cents=at["rate"].min(), up_to=at["up_to"].min(), total=at["total"].max())
    frame: pd.DataFrame = result.order_by("year").to_pandas()
    frame["share_above"] = 1 - frame["up_to"].astype(float) / frame["total"].astype(float)
    for year in frame.loc[frame["cents"] <= 0, "year"]:
        raise ClaimsError(
            f"The {truncation.percentile:.0%} percentile of spending in {year} is zero: most persons of the reference "
            "have no claims. Check that the tables hold the claims of all insured, or give an amount."
        )
    return frame[["year", "cents", "share_above"]].astype({"year": "int64", "cents": "int64"})


def _reference_spending(calendar: Calendar, pieces: Any, counted: Any) -> Any:
    """Return spending and insured days per person and calendar year of all persons with valid enrolment."""
    periods = calendar.table()
    valid = pieces.filter((pieces["code"] == 0) | (pieces["code"] >= FIRST_POPULATION_CODE))
    days = sums(overlap(valid, periods), ("person", "year", "year_days"), "days")
    keyed = counted.filter(counted["t"].notnull(), counted["code"] != OWN_COSTS)
    money = sums(keyed.join(periods.select("t", "year"), "t"), ("person", "year"), "used")
    both = days.left_join(money, ["person", "year"])
    return both.select("year", "days", "year_days", cents=ibis.coalesce(both["used"], 0))


def truncate(cells: Any, limits: pd.DataFrame, calendar: Calendar) -> Any:
    """Return the cells (person, unit, t, days, cents) and `kept` cents: cents x limit / total, rounded down."""
    table = ibis.memtable(limits[["year", "cents"]].rename(columns={"cents": "cap"}))
    joined = cells.join(calendar.table().select("t", "year", "year_days"), "t").join(table, "year")
    per_year = ibis.window(group_by=["person", "year"])
    joined = joined.mutate(
        total=joined["cents"].sum().over(per_year).cast("int64"),
        days_year=joined["days"].sum().over(per_year).cast("int64"),
    )
    # of a person-year; what exceeds it is cut in proportion to the spending of the periods
    limit = (joined["cap"].cast("float64") * joined["days_year"] / joined["year_days"]).floor()
    kept = (joined["cents"].cast("float64") * limit / joined["total"]).floor().cast("int64")
    over = joined["total"].cast("float64") > limit
    joined = joined.mutate(kept=over.ifelse(kept, joined["cents"]))
    return joined.select("person", "unit", "t", "days", "cents", "kept")
