"""Schema of a frame: column, dtype, unit and meaning. Headers do not depend on the rows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING, Any, Literal

from ssinfer.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pandas as pd

type Dtype = Literal["text", "label", "float", "int", "bool"]

_EMPTY = {"text": "str", "label": "object", "float": "float64", "int": "int64", "bool": "bool"}


@dataclass(frozen=True)
class Column:
    """A column of a written or returned frame."""

    name: str  # a part in braces stands for a setting, as in ``selected_{trait}``; ``{level:g}`` for a number
    dtype: Dtype  # a label is a period or unit as the data give it
    unit: str  # such as "EUR per insured-year" or "fraction"; empty for text
    meaning: str  # one sentence
    old_name: str = ""  # before version 0.1.0; empty if the name did not change
    optional: bool = False  # whether a frame may lack the column

    def matches(self, name: str) -> bool:
        """Return whether a header is this column, with any setting for the braces."""
        return _pattern(self.name).fullmatch(name) is not None

    @property
    def setting(self) -> str:
        """Name of the setting in braces; empty without one."""
        braces = re.search(r"\{(\w+)", self.name)
        return braces[1] if braces else ""


@cache
def _pattern(name: str) -> re.Pattern[str]:
    """Return the pattern of the headers that a column's name stands for."""
    settings = re.compile(r"\\\{\w+(:g)?\\\}")
    return re.compile(settings.sub(lambda braces: r"[\d.]+" if braces[1] else ".+", re.escape(name)))


@dataclass(frozen=True, init=False)
class FrameSchema:
    """The columns of a frame: ``FrameSchema(name, row, column, column, ...)``."""

    name: str  # of the frame or its file
    row: str  # such as "one row per design and method"
    columns: tuple[Column, ...]

    def __init__(self, name: str, row: str, *columns: Column) -> None:
        vars(self).update(name=name, row=row, columns=columns)

    def header(self, **settings: Iterable[object]) -> dict[str, Column]:
        """Return the columns that every frame has, by name; one per value of a setting.

        >>> names = ("score_{level:g}", "score_{level:g}_se")
        >>> schema = FrameSchema("scores", "one row", *(Column(name, "float", "", "") for name in names))
        >>> list(schema.header(level=[50, 90]))
        ['score_50', 'score_50_se', 'score_90', 'score_90_se']
        """
        names: dict[str, Column] = {}
        always = (column for column in self.columns if not column.optional)
        for setting, columns in groupby(always, key=lambda column: column.setting):
            together = list(columns)
            for value in settings.get(setting, ()) if setting else ("",):
                names |= {column.name.format(**{setting: value}): column for column in together}
        return names

    def empty(self, **settings: Iterable[object]) -> pd.DataFrame:
        """Return a frame without rows, with the columns of :meth:`header`."""
        import pandas as pd  # noqa: PLC0415  (the schema itself needs no pandas)

        header = self.header(**settings)
        return pd.DataFrame({name: pd.Series(dtype=_EMPTY[column.dtype]) for name, column in header.items()})

    def frame(self, rows: Sequence[Mapping[str, Any]], **settings: Iterable[object]) -> pd.DataFrame:
        """Return rows as a frame whose header depends on the settings only; a column missing from a row is NaN."""
        import pandas as pd  # noqa: PLC0415  (the schema itself needs no pandas)

        header = self.header(**settings)
        unknown = [name for row in rows for name in row if name not in header]
        if unknown:
            raise DataError(f"{self.name} has the column {unknown[0]!r}, which its schema does not declare.")
        return pd.DataFrame(rows, columns=list(header)) if rows else self.empty(**settings)

    def conform(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the columns in the declared order; missing and undeclared ones are refused. No columns: the header."""
        if not len(frame.columns):
            return self.empty()
        names = tuple(str(name) for name in frame.columns)
        order = _order(self, names)
        return frame if order == names else frame[list(order)]


@cache
def _order(schema: FrameSchema, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the columns of a frame in the declared order, or refuse them."""
    fixed = {column.name: column for column in schema.columns if not column.setting}
    absent = [name for name, column in fixed.items() if name not in names and not column.optional]
    if absent:
        raise DataError(f"{schema.name} lacks the column {absent[0]!r}; it has {list(names[:12])}.")
    order: list[str] = []
    for by_settings, columns in groupby(schema.columns, key=lambda column: bool(column.setting)):
        declared = list(columns)
        if by_settings:  # neighbours, such as a figure and its standard error, stay in the order of the frame
            others = [name for name in names if name not in fixed and name not in order]
            order += [name for name in others if any(column.matches(name) for column in declared)]
        else:
            order += [column.name for column in declared if column.name in names]
    unknown = [name for name in names if name not in order]
    if unknown:
        raise DataError(f"{schema.name} has the column {unknown[0]!r}, which its schema does not declare.")
    return tuple(order)
