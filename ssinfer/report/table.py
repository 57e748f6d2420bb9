"""ReportTable: declares one table of the report; Table: a table of printed cells."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from ssinfer.printed import ABSENT, column_with_errors, money, plain, total
from ssinfer.registry import Registry
from ssinfer.report.analysis import Analysis

#: How a cell is printed. "cell": text set flush right. "percent": of a fraction. "money": per insured-year. "total":
#: money, in millions from a million.
type Form = Literal["text", "cell", "yes or no", "number", "percent", "money", "total"]

#: All tables: module attributes TABLES in ``ssinfer.report.tables``, and entry points of ``ssinfer.report_tables``.
TABLES = Registry("report table", "ssinfer.report.tables", "TABLES", "ssinfer.report_tables")


@dataclass(frozen=True)
class Table:
    """A table of printed cells."""

    name: str
    caption: str
    columns: tuple[str, ...]  # heads
    numeric: tuple[bool, ...]  # whether each column is set flush right
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()  # sentences below
    folded: bool = False

    def column(self, head: str) -> list[str]:
        """Return the cells below a head."""
        return [row[self.columns.index(head)] for row in self.rows]


@dataclass(frozen=True)
class TableColumn:
    """One column of a report table, and how its cells are printed.

    Without `decimals` they follow from the standard errors: the column of the rows with this name and ``_se`` or
    ``_mcse``. Without standard errors, percentages have one decimal and other numbers none.
    """

    head: str  # with its unit; ``{currency}`` stands for the currency of the study
    name: str  # column of the rows; one that the rows do not have is left out of the table
    form: Form = "text"
    decimals: int | None = None

    def cells(self, rows: pd.DataFrame, currency: str) -> list[str]:
        """Return the printed cells of this column."""
        values = rows[self.name].tolist()
        if self.form in ("text", "cell"):
            return [ABSENT if _missing(value) else str(value) for value in values]
        if self.form == "yes or no":
            return [ABSENT if _missing(value) else "yes" if value else "no" for value in values]
        numbers = _numbers(values)
        if self.form == "money":
            return [money(number, currency, self.decimals or 0) for number in numbers]
        if self.form == "total":
            return [total(number, currency) for number in numbers]
        scale = 100.0 if self.form == "percent" else 1.0
        errors = [name for name in (f"{self.name}_se", f"{self.name}_mcse") if name in rows.columns]
        if self.decimals is None and errors:
            return column_with_errors(numbers, _numbers(rows[errors[0]].tolist()), scale)
        decimals = self.decimals if self.decimals is not None else int(self.form == "percent")
        return [plain(scale * number, decimals) for number in numbers]


LABEL = TableColumn("Design", "label")
FALSE_PAYMENT_RATE = TableColumn("False payment rate (%)", "false_payment_rate", "percent")
DETECTION_RATE = TableColumn("Detection rate at a true saving of 3% (%)", "detection_rate_3", "percent")


@dataclass(frozen=True)
class NoTable:
    """The reason why a table does not apply to a study; empty if it needs no mention."""

    reason: str = ""


@dataclass(frozen=True, eq=False)
class ReportTable:
    """Declares one table of the report, in a module of ``ssinfer.report.tables`` or by an entry point."""

    name: str  # key of the table, and its identifier in the page
    section: str  # one of ``ssinfer.report.sections.SECTIONS``
    order: int  # position in the section, among tables and figures
    caption: str  # ``{n_rows}`` stands for the number of rows
    columns: tuple[TableColumn, ...]
    rows: Callable[[Analysis], pd.DataFrame | NoTable]  # returns unprinted values; without rows there is no table
    notes: str | tuple[str, ...] = ()  # sentences below the table
    remarks: Callable[[Analysis, pd.DataFrame], Iterable[str]] | None = None  # further ones, which depend on the study
    folded: bool = False  # whether the page shows the table only after a click

    def build(self, analysis: Analysis) -> Table | NoTable:
        """Return the printed table, or the reason why there is none."""
        rows = self.rows(analysis)
        if isinstance(rows, NoTable) or not len(rows):
            return rows if isinstance(rows, NoTable) else NoTable()
        notes = (self.notes,) if isinstance(self.notes, str) else self.notes
        currency = analysis.result.currency
        shown = [column for column in self.columns if column.name in rows.columns]
        cells = [column.cells(rows, currency) for column in shown]
        return Table(
            name=self.name,
            caption=self.caption.format(n_rows=len(rows)),
            columns=tuple(column.head.format(currency=currency) for column in shown),
            numeric=tuple(column.form not in ("text", "yes or no") for column in shown),
            rows=tuple(zip(*cells, strict=True)),
            notes=(*notes, *(() if self.remarks is None else self.remarks(analysis, rows))),
            folded=self.folded,
        )


def _missing(value: Any) -> bool:
    return value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value))


def _numbers(values: list[Any]) -> list[float]:
    return [math.nan if _missing(value) else float(value) for value in values]
