"""TableMapping: what the columns, units and values of a table of another database mean."""

import datetime as dt
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from ssinfer.errors import ClaimsError

TOKENS = ("%Y", "%m", "%d", "%H", "%M", "%S")  # parts of the format of a date
MIN_SIGNS = dict.fromkeys(("%Y%m%d", "%d%m%Y", "%m%d%Y"), 8)  # without separators, each part is whole
FORMATS = ("%Y-%m-%d", "%d-%m-%Y", "%Y%m%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%Y/%m/%d", "%Y-%m-%d %H:%M:%S")


def check_format(layout: str) -> str:
    """Return a format of dates, or raise a ClaimsError."""
    parts = re.findall("%.?", layout)
    if not {"%Y", "%m", "%d"} <= {*parts} <= {*TOKENS} or len(parts) > len({*parts}):
        raise ClaimsError(f"format is {layout!r}; allowed: %d, %m and %Y once each, also %H, %M and %S: '%d-%m-%Y'")
    return layout


def date_of(text: str, layout: str) -> dt.date | None:
    """Return the date that a text of a format is; None if it is of another one, or there is no such day."""
    if len(text.strip()) < MIN_SIGNS.get(layout, 0):
        return None
    with suppress(ValueError):
        return dt.datetime.strptime(text.strip(), layout).date()  # noqa: DTZ007  (a date has no zone)
    return None


@dataclass(frozen=True)
class SourceColumn:
    """Where a column of the schema comes from.

    Parameters
    ----------
    column : name in the source; None: that of the schema
    format : of dates that are text or whole numbers, of %d, %m, %Y, %H, %M and %S: "%d-%m-%Y"
    unit : "euro" or "cents"
    decimal : decimal mark of numbers that are text, "," or "."; the other one separates thousands
    value : the same value in all rows, in place of a column
    """

    column: str | None = None
    format: str | None = None
    unit: str = "euro"
    decimal: str | None = None
    value: str | int | None = None

    def __post_init__(self) -> None:
        if self.format is not None:
            check_format(self.format)
        for name, allowed in (("unit", ("euro", "cents")), ("decimal", (None, ",", "."))):
            if getattr(self, name) not in allowed:
                raise ClaimsError(f"{name} is {getattr(self, name)!r}; allowed: {' or '.join(map(repr, allowed))}")


@dataclass(frozen=True)
class TableMapping:
    """How a table of another database is read as one of :class:`ssinfer.claims.ClaimsTables`.

    Parameters
    ----------
    file : path, optional. File, folder or pattern of the table, in the folder that is opened.
    table : str, optional. Name in a database, also "schema.name".
    columns : mapping of columns of the schema to names, or to :class:`SourceColumn`
        A column that is not named has the same name in the source.
    filter : mapping of columns of the source to a value or list of values of the rows to keep, or to a mapping with
        "not" (values to leave out), "from" and "to" (bounds, both included). Rows fulfil all of them.
    values : mapping of columns of the schema to new values by those of the source; others stay as they are

    Examples
    --------
    >>> from ssinfer.claims import SourceColumn, TableMapping
    >>> TableMapping(columns={"person": "pseudo_bsn", "amount": SourceColumn("bedrag", unit="cents")}).source("person")
    SourceColumn(column='pseudo_bsn', format=None, unit='euro', decimal=None, value=None)
    """

    file: str | None = None
    table: str | None = None
    columns: Mapping[str, str | SourceColumn] = field(default_factory=dict)
    filter: Mapping[str, Any] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def source(self, column: str) -> SourceColumn:
        """Return where a column of the schema comes from."""
        given = self.columns.get(column, column)
        return SourceColumn(given) if isinstance(given, str) else given
