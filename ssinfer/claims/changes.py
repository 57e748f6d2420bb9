"""Explains the difference between two deliveries of claims, exactly: one cause after another is brought up to date."""

from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import replace
from typing import Any

import pandas as pd

from ssinfer.claims import lines
from ssinfer.claims.backend.calendar import Calendar, day_of, epoch_day
from ssinfer.claims.backend.exact_cents import sums
from ssinfer.claims.backend.scratch import Scratch
from ssinfer.claims.enrolment import enrolment_pieces
from ssinfer.claims.population import Population
from ssinfer.claims.spending import Spending
from ssinfer.claims.tables.tables import ClaimsTables
from ssinfer.errors import ClaimsError

PERSONS = ("insured", "enrolment", "deaths")
CAUSES = ("persons", "corrected lines", "late lines", "prices")


def refuse_fewer_lines(then: ClaimsTables, now: ClaimsTables, day: Any) -> None:
    """Refuse a delivery that has fewer lines paid by the `day` of the previous extraction than that one had."""
    claims = (then.claims, now.claims)
    counts = [int(each.filter(epoch_day(each["paid"]) <= day_of(day)).count().to_pandas()) for each in claims]
    if counts[1] < counts[0]:
        raise ClaimsError(
            f"This delivery has {counts[1]:,} lines paid by {day}, and the previous one had {counts[0]:,}: lines are "
            "missing. Deliver all lines; a correction is a negative line. If lines were removed on purpose, write "
            'accept = ["fewer_lines"] in [data].'
        )


def explain_changes(
    tables: Mapping[str, ClaimsTables],
    definitions: Mapping[str, tuple[Population, Spending]],
    periods: Iterable[Any],
    performance: Iterable[Any],
    units: Iterable[str],
) -> pd.DataFrame:
    """Return lines and cents of `units` in `performance` that each cause changed: columns of changes.csv.

    `tables` and `definitions` are those of "then" and "now". In turn, persons (enrolment and attribution), lines that
    the previous extraction should have held (corrected), later lines, and prices (reference tariffs) are brought up to
    date. The rows "then" and "now" hold the counted lines and cents, before completion and truncation; the causes add
    up to their difference, exactly. `claimants` are persons with a change, `largest` the share of one in the changes.
    """
    then, now = tables["then"], tables["now"]
    (population, old), (new_population, new) = definitions["then"], definitions["now"]
    persons: dict[str, Any] = {}
    for name in PERSONS:
        if (table := getattr(now, name)) is not None:
            then.connection.con.register(f"now_{name}", table.to_pyarrow())
            persons[name] = then.connection.table(f"now_{name}")
    steps = [
        (then, population, [old]),
        (ClaimsTables(then.connection, **persons, claims=then.claims), new_population, [old]),
        (now, new_population, [old, replace(old, run_out=new.run_out), new]),
    ]
    calendar = Calendar.of(periods)
    columns = [calendar.position(label) for label in performance]
    counted = [frame for step in steps for frame in _by_person(*step, calendar, columns, {*units})]
    rows: list[dict[str, Any]] = []
    for cause, before, after in zip(CAUSES, counted, counted[1:], strict=False):
        change = after.sub(before, fill_value=0)
        size = change["cents"].abs()
        behind = {"claimants": int((change != 0).any(axis=1).sum()), "largest": float(size.max() / max(size.sum(), 1))}
        rows.append({"cause": cause, **change.sum().astype(int), **behind})
    ends = [{"cause": when, **part.sum().astype(int)} for when, part in (("then", counted[0]), ("now", counted[-1]))]
    return pd.DataFrame([*rows, *ends])


def _by_person(
    tables: ClaimsTables,
    population: Population,
    spendings: list[Spending],
    calendar: Calendar,
    columns: list[int],
    units: set[str],
) -> Iterable[pd.DataFrame]:
    """Give lines and cents (repriced) per person of some units in some periods, by each definition of spending."""
    with closing(Scratch(tables.connection)) as scratch:
        pieces, names = enrolment_pieces(tables, population, calendar, scratch)
        numbers = [number for number, name in enumerate(names) if name in units]
        for spending in spendings:
            counted = lines.count_lines(tables, spending, pieces, calendar, scratch, reference=False)
            inside = counted["t"].isin(columns) & counted["unit"].isin(numbers)
            rows = counted.filter(counted["code"] == lines.COUNTED, inside).select("person", "lines", cents="used")
            frame: pd.DataFrame = sums(rows, ("person",), "lines", "cents").to_pandas()
            yield frame.set_index("person").astype("int64")
