"""ReportData: the contents of a report as plain data: sentences, tables of printed cells, and frames of figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ssinfer.report.table import Table

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class FigureFrame:
    """The name of a figure, and the frame that it draws."""

    name: str
    frame: pd.DataFrame


@dataclass(frozen=True, eq=False)
class SectionData:
    """One section of the page.

    Attributes
    ----------
    name : str
        Identifier in the page.
    title : str
    sentences : tuple of str
    items : tuple of Table or FigureFrame
        Tables and figures, in their order.
    reasons : mapping of str to str
        The reason why a table does not apply, by the name of the table; empty if there is nothing to say.
    bullets : bool
        Whether the sentences are a list.
    """

    name: str
    title: str
    sentences: tuple[str, ...]
    items: tuple[Table | FigureFrame, ...]
    reasons: dict[str, str]
    bullets: bool = False

    @property
    def remarks(self) -> list[str]:
        """The reasons that no sentence of the section gives already."""
        return [reason for reason in dict.fromkeys(self.reasons.values()) if reason and reason not in self.sentences]

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to show."""
        return not self.sentences and not self.items


@dataclass(frozen=True, eq=False)
class ReportData:
    """Everything that the template prints.

    Attributes
    ----------
    title, note, question, data_label : str
    finding : tuple of str
        The sentences at the top.
    sections : tuple of SectionData
        The sections that have contents.
    """

    title: str
    note: str
    question: str
    data_label: str
    finding: tuple[str, ...]
    sections: tuple[SectionData, ...]

    @property
    def tables(self) -> dict[str, Table]:
        """The tables of all sections by name."""
        return {item.name: item for section in self.sections for item in section.items if isinstance(item, Table)}

    @property
    def figures(self) -> dict[str, pd.DataFrame]:
        """The frames of the figures of all sections by name."""
        items = [item for section in self.sections for item in section.items if isinstance(item, FigureFrame)]
        return {item.name: item.frame for item in items}
