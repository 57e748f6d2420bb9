"""Cuts spans of enrolment into pieces; each piece counts, or has one reason why it does not."""

# ruff: noqa: PD003  (Ibis has isnull and notnull only)

from typing import Any

import ibis
import pandas as pd

from ssinfer.claims.backend.calendar import Calendar, epoch_day, january_first, overlap
from ssinfer.claims.backend.exact_cents import cents, sums
from ssinfer.claims.backend.scratch import Scratch
from ssinfer.claims.population import REASONS, Population
from ssinfer.claims.tables.tables import ClaimsTables
from ssinfer.periods import PER_YEAR

COUNTED = 0
# Reasons that hold for every population, then the reasons of the population. The position is the code of a piece.
DAY_REASONS = ("counted", "person unknown", "before birth", "after death", "overlaps an earlier span", *REASONS)
CODE = {reason: code for code, reason in enumerate(DAY_REASONS)}
# From this code on, days are valid enrolment: pieces are disjoint, and a claim lies in at most one piece.
FIRST_POPULATION_CODE = CODE[REASONS[0]]
COLUMNS = ("person", "lo", "hi", "practice", "insurer", "unit", "birth_year", "outside", "death", "code")


def enrolment_pieces(
    tables: ClaimsTables, population: Population, calendar: Calendar, scratch: Scratch
) -> tuple[Any, tuple[str, ...]]:
    """Return pieces of enrolment (person; first day lo, last day hi; number of the unit; code) and the unit names."""
    valid, invalid = _valid(tables, population, calendar, scratch)
    decided = _population(valid, population, calendar, scratch, tables)
    every = scratch.keep(invalid.union(decided).select("person", "lo", "hi", "unit", "code"))
    labels = every.filter(every["code"] == COUNTED).select("unit").distinct().to_pandas()["unit"]
    names = tuple(sorted(str(label) for label in labels))
    # Units are numbers from here on, because millions of rows are grouped by them.
    number = pd.Series(range(len(names)), dtype="int32")
    numbers = pd.DataFrame({"unit": pd.Series(names, dtype="str"), "unit_number": number})
    joined = every.left_join(ibis.memtable(numbers), "unit")
    return scratch.keep(joined.select("person", "lo", "hi", "code", unit="unit_number")), names


def days_by_reason(pieces: Any, calendar: Calendar) -> pd.DataFrame:
    """Return insured days per code and calendar year: code, year, year_days, days."""
    rows = overlap(pieces, calendar.table(by_year=True))
    frame: pd.DataFrame = sums(rows, ("code", "year", "year_days"), "days").to_pandas()
    return frame


def persons_by_reason(tables: ClaimsTables, pieces: Any) -> pd.Series:
    """Return persons per reason. A person with a counted day counts; others have the first reason of their days."""
    per_person = pieces.group_by("person").aggregate(code=pieces["code"].min())
    joined = tables.insured.select("person").left_join(per_person, "person")
    named = joined.select(code=ibis.coalesce(joined["code"], -1))
    counts = named.group_by("code").aggregate(persons=named.count()).to_pandas()
    persons: pd.Series = counts.set_index("code")["persons"]
    return persons.rename(index={-1: "never enrolled in the periods", **dict(enumerate(DAY_REASONS))})


def insured_days(pieces: Any, calendar: Calendar) -> Any:
    """Return the counted days, one row per person and cell: person, cell (unit x T + t), days (at least 1)."""
    counted = pieces.filter(pieces["code"] == COUNTED)
    many = _several(counted)
    # Only persons with several pieces can have two of them in one cell.
    rows = _days(counted.semi_join(many, "person"), calendar)
    return _days(counted.anti_join(many, "person"), calendar).union(sums(rows, ("person", "cell"), "days"))


def _days(counted: Any, calendar: Calendar) -> Any:
    """Return the days, one row per piece and period."""
    joined = overlap(counted, calendar.table())
    cell = joined["unit"].cast("int64") * len(calendar.periods) + joined["t"]
    return joined.select("person", cell=cell, days=joined["days"].cast("int64"))


def _valid(tables: ClaimsTables, population: Population, calendar: Calendar, scratch: Scratch) -> tuple[Any, Any]:
    """Return valid pieces (code 0, disjoint per person) and invalid ones, of spans inside the study."""
    spans, insured = tables.enrolment, tables.insured
    first, last = calendar.first[0], calendar.last[-1]
    spans = spans.mutate(
        lo=ibis.greatest(epoch_day(spans["start"]), first),
        hi=ibis.least(ibis.coalesce(epoch_day(spans["end"]), last), last),
    )
    spans = spans.filter(spans["hi"] >= spans["lo"])
    admitted = [("SES", "ses", population.ses), ("region", "region", population.regions)]
    admitted += [("covariate", name, labels) for name, labels in population.covariates.items()]
    branches = [
        (~ibis.coalesce(insured[name].cast("string"), "").isin(labels), CODE[f"{kind} outside the population"])
        for kind, name, labels in admitted
        if labels is not None
    ]
    outside = ibis.cases(*branches, else_=COUNTED) if branches else ibis.literal(COUNTED)
    known, born = ibis.literal(value=True), insured["birth_year"].cast("int64")
    who = insured.select("person", known=known, birth_year=born, outside=outside.cast("int64"))
    joined = with_death(spans.left_join(who, "person").drop("person_right"), tables)
    joined = joined.mutate(unit=joined["practice"])
    if population.units:
        names = ibis.memtable(pd.DataFrame(list(population.units.items()), columns=["practice", "group_name"]))
        joined = joined.left_join(names, "practice").drop("practice_right")
        joined = joined.mutate(unit=ibis.coalesce(joined["group_name"], joined["practice"]))
    code = joined["known"].isnull().ifelse(CODE["person unknown"], COUNTED).cast("int64")
    pieces = scratch.keep(joined.mutate(code=code).select(*COLUMNS))
    # A step is skipped if no day needs it, because every step copies all spans.
    born = january_first(pieces["birth_year"])
    if _any(pieces, (pieces["lo"] < born) | (pieces["hi"] > pieces["death"])):
        pieces = _split(pieces, born, None, "before birth")
        pieces = scratch.keep(_split(pieces, None, pieces["death"], "after death"))
    alive, invalid = pieces.filter(pieces["code"] == COUNTED), pieces.filter(pieces["code"] != COUNTED)
    spans = alive.semi_join(_several(alive), "person")
    spans = spans.mutate(free=_free(spans, [spans["lo"]]))
    if _any(spans, spans["free"] > spans["lo"]):
        # A day in two spans belongs to the span that begins first, then to the longer span, then to the first label.
        order = [alive["lo"], alive["hi"].desc(), alive["practice"], alive["insurer"]]
        alive = alive.mutate(free=_free(alive, order))
        cut = scratch.keep(_split(alive, alive["free"], None, "overlaps an earlier span"))
        alive = cut.filter(cut["code"] == COUNTED).select(*COLUMNS)
        invalid = cut.filter(cut["code"] != COUNTED).select(*COLUMNS).union(invalid)
    return alive, invalid


def with_death(rows: Any, tables: ClaimsTables) -> Any:
    """Return rows of persons with the day of death, missing for who lives."""
    if tables.deaths is None:
        return rows.mutate(death=ibis.null("int64"))
    deaths = tables.deaths.group_by("person").aggregate(death=epoch_day(tables.deaths["date"]).min())
    return rows.left_join(deaths, "person").drop("person_right")


def _any(table: Any, wrong: Any) -> bool:
    return bool(table.filter(wrong).limit(1).count().to_pandas())


def _several(pieces: Any) -> Any:
    """Return the persons with more than one of these pieces."""
    numbers = pieces.group_by("person").aggregate(pieces=pieces.count())
    return numbers.filter(numbers["pieces"] > 1).select("person")


def _free(spans: Any, order: list[Any]) -> Any:
    """Return the day after the last day of a person's earlier spans, in an order that begins with the first day."""
    before = ibis.window(group_by="person", order_by=order, preceding=(None, 1), following=None)
    return spans["hi"].max().over(before) + 1


def _split(pieces: Any, low: Any, high: Any, reason: str) -> Any:
    """Cut counted pieces at the days `low` and `high`; parts outside get the reason. A missing day cuts nothing."""
    code = ibis.literal(CODE[reason], "int64")
    lo, hi = pieces["lo"], pieces["hi"]
    counted = pieces["code"] == COUNTED
    low = lo if low is None else counted.ifelse(ibis.coalesce(low, lo), lo)
    high = hi if high is None else counted.ifelse(ibis.coalesce(high, hi), hi)
    inside = pieces.mutate(lo=ibis.greatest(lo, low), hi=ibis.least(hi, high))
    below = pieces.mutate(hi=ibis.least(hi, low - 1), code=code)
    above = pieces.mutate(lo=ibis.greatest(lo, high + 1, low), code=code)
    parts = [part.filter(part["hi"] >= part["lo"]) for part in (inside, below, above)]
    return parts[0].union(*parts[1:])


def _mark(pieces: Any, wrong: Any, reason: str) -> Any:
    """Give the reason's code to the counted pieces that are wrong."""
    marked = (pieces["code"] == COUNTED) & ibis.coalesce(wrong, ibis.literal(value=True))
    return pieces.mutate(code=marked.ifelse(CODE[reason], pieces["code"]).cast("int64"))


def _population(pieces: Any, population: Population, calendar: Calendar, scratch: Scratch, tables: ClaimsTables) -> Any:
    """Return the pieces with the population's codes, in the order of REASONS."""

    def admit(pieces: Any, column: str, labels: tuple[str, ...] | None, reason: str) -> Any:
        return pieces if labels is None else _mark(pieces, ~pieces[column].isin(labels), reason)

    counted = pieces["code"] == COUNTED
    pieces = pieces.mutate(code=counted.ifelse(ibis.coalesce(pieces["outside"], COUNTED), pieces["code"]))
    if population.kind == "closed":
        pieces = scratch.keep(_attribute(pieces, population, calendar))
    else:
        pieces = admit(pieces, "practice", population.practices, "practice not participating")
    pieces = admit(pieces, "insurer", population.insurers, "insurer outside the population")
    if population.ages is not None:
        low, high = population.ages
        born = pieces["birth_year"]
        first, last = january_first(born + low), january_first(born + high + 1) - 1
        pieces = scratch.keep(_split(pieces, first, last, "age outside the population"))
    if not population.first_year_of_life:
        pieces = scratch.keep(_after_first_year(pieces, tables))
    if population.earlier_spending:
        pieces = scratch.keep(_by_earlier_spending(pieces, population, calendar, tables, scratch))
    if population.after_leaving == "drop":
        pieces = scratch.keep(_until_leaving(pieces, population, calendar))
    if population.minimum_enrolment is not None:
        pieces = scratch.keep(_enrolled_enough(pieces, population, calendar, population.minimum_enrolment))
    if not population.last_year_of_life:
        pieces = _split(pieces, None, pieces["death"] - 365, "last year of life (sensitivity)")
    return pieces.select(*COLUMNS)


def _attribute(pieces: Any, population: Population, calendar: Calendar) -> Any:
    """Give the pieces of a person the unit of most baseline days; ties go to the later unit, then the first label."""
    positions = [calendar.position(label) for label in population.baseline]
    low, high = calendar.first[min(positions)], calendar.last[max(positions)]
    base = pieces.filter(pieces["code"] == COUNTED, pieces["lo"] <= high, pieces["hi"] >= low)
    for column, labels in (("practice", population.practices), ("insurer", population.insurers)):
        if labels is not None:
            base = base.filter(base[column].isin(labels))
    base = base.mutate(days=ibis.least(base["hi"], high) - ibis.greatest(base["lo"], low) + 1)
    totals = base.group_by("person", "unit").aggregate(days=base["days"].sum(), until=base["hi"].max())
    order = [totals["days"].desc(), totals["until"].desc(), totals["unit"]]
    ranked = totals.mutate(rank=ibis.row_number().over(ibis.window(group_by="person", order_by=order)))
    home = ranked.filter(ranked["rank"] == 0).select("person", home="unit")
    joined = pieces.left_join(home, "person").drop("person_right")
    # `practice` keeps the unit of each piece, so that leaving the home unit can be found.
    joined = joined.mutate(practice=joined["unit"], unit=joined["home"])
    return _mark(joined, joined["home"].isnull(), "not attributed in the baseline").select(*COLUMNS)


def _after_first_year(pieces: Any, tables: ClaimsTables) -> Any:
    starts = tables.enrolment.group_by("person").aggregate(first=epoch_day(tables.enrolment["start"]).min())
    joined = pieces.left_join(starts, "person").drop("person_right")
    newborn = joined["first"] < january_first(joined["birth_year"] + 1)
    first = ibis.greatest(joined["first"], january_first(joined["birth_year"]))
    return _split(joined, newborn.ifelse(first + 365, ibis.null("int64")), None, "first year of life").select(*COLUMNS)


def _by_earlier_spending(
    pieces: Any, population: Population, calendar: Calendar, tables: ClaimsTables, scratch: Scratch
) -> Any:
    """Cut pieces at anniversaries of the start, and mark persons whom the spending of the year before leaves out."""
    per_year, start = PER_YEAR[calendar.frequency], calendar.position(population.start)
    frame = pd.DataFrame({"p_first": calendar.first, "p_last": calendar.last})
    frame = frame.groupby((frame.index - start) // per_year).agg({"p_first": "min", "p_last": "max"})
    parts = overlap(pieces, ibis.memtable(frame.rename_axis("year").reset_index().astype("int64")))
    lo, hi = ibis.greatest(parts["lo"], parts["p_first"]), ibis.least(parts["hi"], parts["p_last"])
    parts = scratch.keep(parts.mutate(lo=lo, hi=hi).select(*COLUMNS, "year"))
    year = ((calendar.running(tables.claims["date"]) - start) / per_year).floor().cast("int64")
    money = sums(tables.claims.mutate(year=year, cents=cents(tables.claims["amount"])), ("person", "year"), "cents")
    whole_year = parts["year"] >= -(start // per_year)
    insured = parts.filter(parts["code"] == COUNTED, whole_year).select("person", "year").distinct()
    joined = insured.left_join(money, ["person", "year"])
    spent = joined.select("person", "year", cents=ibis.coalesce(joined["cents"], 0))
    ((side, share),) = population.earlier_spending.items()
    order = spent["cents"].desc() if side == "highest" else spent["cents"]
    before = ibis.rank().over(ibis.window(group_by="year", order_by=order))
    spent = spent.mutate(before=before, persons=spent.count().over(ibis.window(group_by="year")))
    chosen = spent.filter(spent["before"] < share * spent["persons"])
    chosen = chosen.select("person", year=chosen["year"] + 1, chosen=ibis.literal(value=True))
    marked = parts.left_join(chosen, ["person", "year"]).drop("person_right", "year_right")
    return _mark(marked, marked["chosen"].isnull(), "earlier spending outside the population").select(*COLUMNS)


def _until_leaving(pieces: Any, population: Population, calendar: Calendar) -> Any:
    high = max(calendar.last[calendar.position(label)] for label in population.baseline)
    away = pieces.filter(pieces["practice"] != pieces["unit"], pieces["hi"] > high)
    away = away.mutate(day=ibis.greatest(away["lo"], high + 1))
    leaving = away.group_by("person").aggregate(leaves=away["day"].min())
    joined = pieces.left_join(leaving, "person").drop("person_right")
    reason = "after leaving the practice of attribution"
    return _split(joined, None, joined["leaves"] - 1, reason).select(*COLUMNS)


def _enrolled_enough(pieces: Any, population: Population, calendar: Calendar, share: float) -> Any:
    low, high = calendar.first[calendar.position(population.start)], calendar.last[-1]
    after = pieces.filter(pieces["code"] == COUNTED, pieces["hi"] >= low)
    after = after.mutate(days=after["hi"] - ibis.greatest(after["lo"], low) + 1)
    days = after.group_by("person").aggregate(days=after["days"].sum())
    joined = pieces.left_join(days, "person").drop("person_right")
    too_little = ibis.coalesce(joined["days"], 0) < share * (high - low + 1)
    return _mark(joined, too_little, "enrolled too little (sensitivity)").select(*COLUMNS)
