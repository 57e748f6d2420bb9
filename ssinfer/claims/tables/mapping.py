"""Reads the columns, units and values of a table of another database as those of the schema, on any backend."""

import re
from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.operations as ops
import pyarrow as pa

from ssinfer.claims.tables.schema import TABLES, Column
from ssinfer.claims.tables.table_mapping import FORMATS, SourceColumn, TableMapping, date_of
from ssinfer.errors import ClaimsError, did_you_mean
from ssinfer.look.words import column_of

MAX_TEXTS = 2_000_000  # of dates, which are parsed one by one
_MONEY = dt.Decimal(18, 2)
_BOUNDS = ("not", "from", "to")
_TYPES = MappingProxyType({"key": "string", "text": "string", "whole": "int64", "number": "float64", "date": "date"})


def map_table(name: str, table: Any, mapping: TableMapping) -> tuple[Any, list[str], bool]:
    """Return a table (Ibis) with the columns of the schema, all mistakes of its mapping, and whether it parses text."""
    schema, mistakes = TABLES[name], list[str]()
    extra = set(mapping.columns) - set(schema) if name == "insured" else set()  # covariates
    for key, columns in (("columns", mapping.columns), ("values", mapping.values)):
        for column in (column for column in columns if column not in schema and column not in extra):
            mistakes.append(f"{key} names {column!r}, which the table does not have. {did_you_mean(column, schema)}")
    rows = table.filter(
        [_kept(table, *rule, mistakes) for rule in mapping.filter.items()] or [ibis.literal(value=True)]
    )
    for column in (*schema, *sorted(extra)):
        part, spec = mapping.source(column), schema.get(column, Column("text"))
        source = part.column or column
        if part.value is None and source in table.columns and (spec.kind == "date" or part.format):
            kind = table[source].type()
            if kind.is_string() or kind.is_integer():
                rows = _with_dates(rows, f"date {column}", rows[source].cast("string"), part.format or FORMATS[0])
    made, read = dict[str, Any](), dict[str, tuple[Any, Any, str]]()
    for column in (*schema, *sorted(extra)):
        part, spec = mapping.source(column), schema.get(column, Column("text"))
        source = part.column or column
        if part.value is not None:
            made[column] = ibis.literal(part.value, type=_TYPES[spec.kind])
        elif source in table.columns:
            date = rows[f"date {column}"] if f"date {column}" in rows.columns else None
            made[column], wrong = _read(rows[source], date, part, spec)
            read |= {f"{column!r} (source {source!r})": (rows[source], made[column], wrong)} if wrong else {}
        elif column in mapping.columns or (spec.required and column in schema):
            guess = column_of(name, column, table.columns)
            cure = f"Did you mean {guess!r}?" if guess else did_you_mean(source, table.columns)
            mistakes.append(f"column {column!r}: the source has no column {source!r}. {cure}")
            made[column] = ibis.null(_TYPES[spec.kind])
        if source in table.columns and column in mapping.values:
            labels, text = mapping.values[column], made[column].cast("string")
            mistakes += _absent(rows, text, list(labels), f"values of {column!r} name")
            made[column] = text.cases(*labels.items(), else_=text)
    sources = {mapping.source(column).column or column for column in mapping.columns}
    others = [c for c in table.columns if name == "insured" and c not in sources and c not in made]
    return rows.select(*others, **made), mistakes + _unread(rows, read), bool(read)


def _read(raw: Any, date: Any, part: SourceColumn, spec: Column) -> tuple[Any, str]:
    """Return a column in the type and unit of the schema, and what a value that cannot be read is not.

    `date` holds the dates of a column that is text; None for others.
    """
    kind, text = raw.type(), raw.type().is_string()
    if date is not None:
        return (
            date.year().cast("int64") if spec.kind == "whole" else date
        ), f"are not of format {part.format or FORMATS[0]!r}"
    if spec.kind == "whole" and (kind.is_date() or kind.is_timestamp()):
        return raw.year().cast("int64"), ""
    if spec.kind == "number":
        if text and part.decimal is None:
            return ibis.null("float64"), "are text, and need a decimal mark"
        value = _number(raw, part.decimal or ".") if text else raw
        wrong = f"are not numbers with the decimal mark {part.decimal!r}" if text else ""
        return (_euros(value) if part.unit == "cents" else value), wrong
    if spec.kind in ("key", "whole") and kind.is_floating():
        return (raw == raw.floor()).ifelse(raw, ibis.null(kind)).cast("int64"), "are not whole numbers"
    if spec.kind == "whole" and text:
        return raw.re_search(r"^\d{1,9}$").ifelse(raw, ibis.null("string")).cast("int64"), "are not whole numbers"
    return raw, ""


def _with_dates(rows: Any, column: str, text: Any, layout: str) -> Any:
    """Return rows (Ibis) with a further column `column`: texts as dates; missing where there is no such day.

    Each text is parsed once, in Python: regular expressions on all rows take minutes per million lines on PostgreSQL.
    """
    texts = rows.select(text=text).distinct().limit(MAX_TEXTS + 1).to_pandas()["text"].dropna()
    if len(texts) > MAX_TEXTS:
        raise ClaimsError(
            f"Column {text.get_name()!r} has more than {MAX_TEXTS:,} texts of dates. Store dates as dates."
        )
    found = {each: date for each in texts if (date := date_of(each, layout)) is not None}
    dates = pa.array(list(found.values()), pa.date32())
    lookup = ibis.memtable(pa.table({f"{column} text": pa.array(list(found), pa.string()), column: dates}))
    return rows.left_join(lookup, text == lookup[f"{column} text"])


def _number(text: Any, decimal: str) -> Any:
    """Return text with a decimal mark as exact decimals; missing where it is not such a number."""
    other = "." if decimal == "," else ","
    plain = text.replace("€", "").replace("\u00a0", "").strip()
    pattern = rf"^[-+]?(\d+|\d{{1,3}}([{other}]\d{{3}})+)([{decimal}]\d{{1,6}})?$"
    fits = plain.re_search(pattern).ifelse(plain, ibis.null("string"))
    return fits.replace(other, "").replace(decimal, ".").cast("decimal(24, 6)")


def _euros(cents: Any) -> Any:
    """Return cents as exact decimals in euros; parts of a cent are rounded, halves up."""
    whole = cents if cents.type().is_integer() else (cents + 0.5).floor().cast("int64")
    return ops.Cast(whole.cast(_MONEY) * ibis.literal(Decimal("0.01"), type=_MONEY), to=_MONEY).to_expr()


def _kept(table: Any, column: str, rule: Any, mistakes: list[str]) -> Any:
    """Return the condition of a filter (Ibis); a mistake is noted, and keeps all rows."""
    if column not in table.columns:
        mistakes.append(f"filter: the source has no column {column!r}. {did_you_mean(column, table.columns)}")
        return ibis.literal(value=True)
    rules = rule if isinstance(rule, Mapping) else {"": rule}
    value, kept = table[column], ibis.literal(value=True)
    for key, given in rules.items():
        # an agreement has dates as text
        bound = ibis.literal(given, type="date") if isinstance(given, str) and value.type().is_temporal() else given
        if key in ("", "not"):
            labels = [str(label) for label in (given if isinstance(given, list) else [given])]
            text = value.cast("string")
            if absent := _absent(table, text, labels, f"filter of {column!r} names"):
                mistakes += absent
                continue
            kept &= text.isin(labels) if key == "" else ibis.coalesce(text.notin(labels), ibis.literal(value=True))
        elif key in _BOUNDS and value.type().is_string() == isinstance(bound, str):
            kept &= value >= bound if key == "from" else value <= bound
        else:
            allowed = "not, from and to" if key not in _BOUNDS else f"a bound of its type, which is {value.type()}"
            mistakes.append(f"filter of {column!r}: {key!r} = {given!r}. Allowed: {allowed}.")
    return kept


def _absent(table: Any, text: Any, labels: list[str], what: str) -> list[str]:
    """Return a mistake for each label that no row has."""
    rows = table.select(label=text)
    present = set(rows.filter(rows["label"].isin(labels)).distinct().to_pandas()["label"])
    absent = [label for label in labels if label not in present]
    known = rows.filter(rows["label"].notnull()).distinct().limit(1000).to_pandas()["label"] if absent else ()
    return [f"{what} {label!r}, which no row has. {did_you_mean(label, sorted(known))}" for label in absent]


def _unread(rows: Any, read: Mapping[str, tuple[Any, Any, str]]) -> list[str]:
    """Return a mistake for each column with values that cannot be read: their number, and the form of one of them."""
    counts: dict[str, Any] = {}
    for place, (raw, value, _) in enumerate(read.values()):
        bad = (raw.notnull() & (raw.cast("string").strip() != "")) & value.isnull()
        counts |= {f"n{place}": bad.sum(), f"x{place}": raw.cast("string").max(where=bad)}
    row = rows.aggregate(**counts).to_pandas().iloc[0] if counts else {}
    mistakes = []
    for place, (column, (_, _, wrong)) in enumerate(read.items()):
        if number := int(row[f"n{place}"] or 0):
            example = str(row[f"x{place}"])
            fits = [layout for layout in FORMATS if date_of(example, layout) is not None]
            cure = f"Give format = {fits[0]!r}." if fits and "format" in wrong else "Correct them at the source."
            if "mark" in wrong:
                cure = f"Give decimal = {',' if re.search(r',\d{1,2}$', example) else '.'!r}."
            form = re.sub(r"[^\W\d_]", "a", re.sub(r"\d", "9", example))[:30]
            mistakes.append(f"column {column}: {number:,} values {wrong}; one has the form {form!r}. {cure}")
    return mistakes
