"""Schema of a frame: column, dtype, unit and meaning. Headers do not depend on the rows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal

from ssinfer.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

type Dtype = Literal["text", "label", "float", "int", "bool"]

_EMPTY = {"text": "str", "label": "object", "float": "float64", "int": "int64", "bool": "bool"}


@dataclass(frozen=True)
class Column:
    """A column of a written or returned frame.

    Attributes
    ----------
    name : str
        Name in the header. A part in braces stands for a setting, as in ``coverage_{level}``.
    dtype : "text", "label", "float", "int" or "bool"
        A label is a period or unit as the data give it.
    unit : str
        For example "EUR per insured-year" or "fraction"; empty for text.
    meaning : str
        One sentence.
    old_name : str
        Name in version 0.1.0 before the change; empty if the name did not change.
    optional : bool
        Whether a frame may lack the column.
    """

    name: str
    dtype: Dtype
    unit: str
    meaning: str
    old_name: str = ""
    optional: bool = False

    def matches(self, name: str) -> bool:
        """Return whether a header is this column, with any setting in the place of the braces."""
        return _pattern(self.name).fullmatch(name) is not None

    @property
    def depends_on_settings(self) -> bool:
        """Whether the name holds a setting in braces."""
        return "{" in self.name


@cache
def _pattern(name: str) -> re.Pattern[str]:
    """Return the pattern of the headers that a column's name stands for."""
    return re.compile(re.sub(r"\\\{\w+\\\}", ".+", re.escape(name)))


@dataclass(frozen=True)
class FrameSchema:
    """The columns of a frame.

    Attributes
    ----------
    name : str
        Name of the frame or file, for messages and documentation.
    row : str
        What one row is, such as "one row per design and method".
    columns : tuple of Column
    """

    name: str
    row: str
    columns: tuple[Column, ...]

    def empty(self) -> pd.DataFrame:
        """Return a frame without rows. Its columns are those that every frame has and whose name holds no setting."""
        import pandas as pd  # noqa: PLC0415  (the schema itself needs no pandas)

        fixed = [column for column in self.columns if not column.depends_on_settings and not column.optional]
        return pd.DataFrame({column.name: pd.Series(dtype=_EMPTY[column.dtype]) for column in fixed})

    def conform(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the frame with the declared columns in the declared order.

        A frame without columns gets the header of the schema.

        Raises
        ------
        DataError
            A declared column is missing, or a column is not declared.
        """
        if not len(frame.columns):
            return self.empty()
        names = [str(name) for name in frame.columns]
        order: list[str] = []
        for column in self.columns:
            if column.depends_on_settings:
                order += [name for name in names if column.matches(name) and name not in order]
            elif column.name in names:
                order.append(column.name)
            elif not column.optional:
                raise DataError(f"{self.name} lacks the column {column.name!r}; it has {names[:12]}.")
        unknown = [name for name in names if name not in order]
        if unknown:
            raise DataError(f"{self.name} has the column {unknown[0]!r}, which its schema does not declare.")
        return frame if order == names else frame[order]

    def to_markdown(self) -> str:
        """Return the schema as a Markdown table, for the documentation of the output folder."""
        lines = ["| column | type | unit | meaning |", "|---|---|---|---|"]
        for column in self.columns:
            old = f" Before: `{column.old_name}`." if column.old_name else ""
            lines.append(f"| `{column.name}` | {column.dtype} | {column.unit} | {column.meaning}{old} |")
        return "\n".join(lines)
