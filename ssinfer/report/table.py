"""ReportTable and ReportFigure: declare one table or figure of the report; Table: a table of printed cells."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from ssinfer.finding import Finding
from ssinfer.foreign import foreign, own
from ssinfer.language import currency_in_use
from ssinfer.printed import ABSENT, column_with_errors, money, plain, total
from ssinfer.registry import Registry
from ssinfer.report.analysis import Analysis
from ssinfer.sentences import say, sentence, word
from ssinfer.study.queries import Pair

#: How a cell is printed. "cell": text set flush right. "own": the user's words. "english": in every language. "word":
#: yes or no, or the word with the id ``cell.<column>.<value>``. "percent": of a fraction. "money": per insured-year.
#: "total": in millions from a million.
type Form = Literal["text", "cell", "own", "english", "word", "number", "percent", "money", "total"]

_TEXTS = ("text", "own", "english", "word")

#: All tables: module attributes TABLES in ``ssinfer.report.tables``, and entry points of ``ssinfer.report_tables``.
TABLES = Registry("report table", "ssinfer.report.tables", "TABLES", "ssinfer.report_tables")

#: All figures: module attributes FRAME in ``ssinfer.report.tables``, and entry points of ``ssinfer.report_figures``.
FRAMES = Registry("figure of the report", "ssinfer.report.tables", "FRAME", "ssinfer.report_figures")


@dataclass(frozen=True)
class Numbers:
    """The numbers of a column before they are printed; NaN: there is none."""

    form: Form
    values: tuple[float, ...]
    errors: tuple[float, ...] = ()  # standard errors that are printed behind them


@dataclass(frozen=True)
class Table:
    """A table of printed cells."""

    name: str
    caption: str
    names: tuple[str, ...]  # of the columns
    columns: tuple[str, ...]  # heads
    numeric: tuple[bool, ...]  # whether each column is set flush right
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()  # sentences below
    folded: bool = False
    sliders: Mapping[str, Any] | None = None  # above the table, for `explorer.js`; the cells are at the study's setting
    numbers: tuple[Numbers | None, ...] = ()  # of each column; None: its cells are texts

    def column(self, name: str) -> list[str]:
        """Return the cells of a column."""
        return [row[self.names.index(name)] for row in self.rows]


@dataclass(frozen=True)
class TableColumn:
    """One column of a report table, and how its cells are printed.

    Without `decimals` they follow from the standard errors: the column of the rows with this name and ``_se`` or
    ``_mcse``. Without standard errors, percentages have one decimal and other numbers none.
    """

    name: str  # column of the rows; one that the rows do not have is left out of the table
    form: Form = "text"
    decimals: int | None = None
    head: str = ""  # of a plug-in's column; others have the id ``table.<table>.<name>``, or else ``column.<name>``

    def cells(self, rows: pd.DataFrame) -> list[str]:
        """Return the printed cells of this column."""
        given = self.numbers(rows)
        if given is None:
            return [ABSENT if pd.isna(value) else self._text(value) for value in rows[self.name].tolist()]
        numbers = given.values
        if self.form == "money":
            return [money(number, currency_in_use(), self.decimals or 0) for number in numbers]
        if self.form == "total":
            return [total(number, currency_in_use()) for number in numbers]
        scale = 100.0 if self.form == "percent" else 1.0
        if given.errors:
            return column_with_errors(numbers, given.errors, scale)
        decimals = self.decimals if self.decimals is not None else int(self.form == "percent")
        return [plain(scale * number, decimals) for number in numbers]

    def numbers(self, rows: pd.DataFrame) -> Numbers | None:
        """Return the numbers of this column with the standard errors that are printed; None: its cells are texts."""
        if self.form in (*_TEXTS, "cell"):
            return None
        known = self.decimals is None and self.form in ("number", "percent")
        errors = [name for name in (f"{self.name}_se", f"{self.name}_mcse") if known and name in rows.columns]
        return Numbers(self.form, *(_numbers(rows[name]) for name in (self.name, *errors[:1])))

    def _text(self, value: Any) -> str:
        if self.form == "own":
            return own(value)
        if self.form == "word":
            return word(self.name, value)
        return foreign(value) if self.form == "english" else value if isinstance(value, str) else str(value)


def columns_of(declared: str) -> tuple[TableColumn, ...]:
    """Return columns declared by name, form and decimals.

    >>> columns_of("label bias:percent years:number:1")[2]
    TableColumn(name='years', form='number', decimals=1, head='')
    """
    parts = [each.split(":") for each in declared.split()]
    forms: Any = [(*part[1:2], *map(int, part[2:])) for part in parts]
    return tuple(TableColumn(part[0], *form) for part, form in zip(parts, forms, strict=True))


@dataclass(frozen=True, eq=False)
class ReportTable:
    """Declares one table of the report, in a module of ``ssinfer.report.tables`` or by an entry point.

    Its words have the ids ``table.<name>.caption`` (with the number of rows, n), ``table.<name>.note`` if there is one,
    and those of the columns.
    """

    name: str  # key of the table, and its identifier in the page
    section: str  # one of ``ssinfer.report.sections.SECTIONS``
    order: int  # position in the section, among tables and figures
    rows: Callable[[Analysis], pd.DataFrame | Finding]  # returns unprinted values, or the reason why there are none
    columns: str | tuple[TableColumn, ...]  # a text as in `columns_of`
    remarks: Callable[[Analysis, pd.DataFrame], Iterable[Finding | str]] | None = None  # sentences below the table
    folded: bool = False  # whether the page shows the table only after a click
    caption: str = ""  # of a plug-in's table
    note: str = ""  # of a plug-in's table
    sliders: Callable[[Analysis], Mapping[str, Any]] | None = None

    def build(self, analysis: Analysis) -> Table | str:
        """Return the printed table, or the reason why there is none; empty if it needs no mention."""
        rows = self.rows(analysis)
        if isinstance(rows, Finding) or not len(rows):
            return sentence(rows) if isinstance(rows, Finding) else ""
        currency, own = currency_in_use(), f"table.{self.name}"
        if "label" in rows.columns:  # a frame of pandas keeps no `lang`
            names = {str(name): name for name in map(analysis.label, analysis.pairs)}
            labels = [names.get(str(label), label) for label in rows["label"]]
            rows = rows.assign(label=pd.Series(labels, rows.index, object))
        columns = columns_of(self.columns) if isinstance(self.columns, str) else self.columns
        shown = [column for column in columns if column.name in rows.columns]
        heads = {each.name: say(f"column.{each.name}", each.head or each.name, currency=currency) for each in shown}
        notes = (say(f"{own}.note", self.note), *(() if self.remarks is None else self.remarks(analysis, rows)))
        return Table(
            name=self.name,
            caption=say(f"{own}.caption", self.caption, n=len(rows)),
            names=tuple(heads),
            columns=tuple(say(f"{own}.{name}", head, currency=currency) for name, head in heads.items()),
            numeric=tuple(column.form not in _TEXTS for column in shown),
            rows=tuple(zip(*(column.cells(rows) for column in shown), strict=True)),
            notes=tuple(sentence(note) for note in notes if note),
            folded=self.folded,
            sliders=self.sliders and self.sliders(analysis),
            numbers=tuple(column.numbers(rows) for column in shown),
        )


@dataclass(frozen=True, eq=False)
class ReportFigure:
    """Declares one figure of the report. It is left out if its frame is empty."""

    name: str  # of the figure in ``ssinfer.drawing.FIGURES``
    section: str  # one of ``ssinfer.report.sections.SECTIONS``
    order: int  # position in the section, among tables and figures
    frame: Callable[[Analysis], pd.DataFrame]  # returns the frame that the figure draws
    data: str = ""  # file of the study's folder with the data behind the figure, which its caption links


def by_pair(analysis: Analysis, record: Callable[[Pair], Mapping[str, Any] | None]) -> pd.DataFrame:
    """Return the record of every design and method that has one, with its label."""
    records = ((analysis.label(pair), record(pair)) for pair in analysis.pairs)
    return pd.DataFrame([{"label": label, **row} for label, row in records if row is not None])


def ranged(low: float, high: float, decimals: int) -> str:
    """Return an interval in print; none if an end is not known."""
    known = math.isfinite(low + high)
    return say("range", low=plain(low, decimals), high=plain(high, decimals)) if known else say("none")


def _numbers(values: pd.Series) -> tuple[float, ...]:
    return tuple(math.nan if pd.isna(value) else float(value) for value in values.tolist())
