"""Tables of claims as they were known before a contract starts."""

import datetime as dt
from dataclasses import replace

import ibis

from ssinfer.claims.tables.tables import ClaimsTables


def tables_before(tables: ClaimsTables, start: dt.date, as_of: dt.date) -> tuple[ClaimsTables, bool]:
    """Return tables without what happened from `start` on or was paid after `as_of`, and whether there was any.

    Left out are lines of claims by date of care and by day of payment, lines without a date, spans of enrolment that
    begin later, deaths, programmes, and persons who are enrolled later only. A span that goes on ends the day before
    the start: nobody is insured later.
    """
    first, last = ibis.literal(start), ibis.literal(start - dt.timedelta(days=1))
    lines, spans = tables.claims, tables.enrolment
    known = lines["date"].cast("date") < first
    if "paid" in lines.columns:
        known &= lines["paid"].isnull() | (lines["paid"].cast("date") <= ibis.literal(as_of))
    present = bool(lines.filter(~known).limit(1).count().execute())
    present = present or bool(spans.filter(spans["start"].cast("date") >= first).count().execute())
    spans = spans.filter(spans["start"].cast("date") < first)
    spans = spans.mutate(end=ibis.least(ibis.coalesce(spans["end"].cast("date"), last), last))
    kept = {"claims": lines.filter(known), "enrolment": spans, "insured": tables.insured.semi_join(spans, "person")}
    for name, column in (("deaths", "date"), ("programmes", "start")):
        if (table := getattr(tables, name)) is not None:
            kept[name] = table.filter(table[column].cast("date") < first)
    return replace(tables, **kept), present
