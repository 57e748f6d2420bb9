"""ReportData: the contents of a report as plain data: sentences, tables of printed cells, and frames of figures."""

from dataclasses import dataclass

import pandas as pd

from ssinfer.report.table import Table


@dataclass(frozen=True, eq=False)
class FigureFrame:
    """The name of a figure, and the frame that it draws."""

    name: str
    frame: pd.DataFrame


@dataclass(frozen=True, eq=False)
class SectionData:
    """One section of the page: sentences, tables and figures, and the reasons for tables that do not apply.

    `bullets` tells whether the sentences are a list. A reason is empty if it needs no mention.
    """

    name: str
    title: str
    bullets: bool
    sentences: tuple[str, ...]
    items: tuple[Table | FigureFrame, ...]
    reasons: dict[str, str]

    @property
    def remarks(self) -> list[str]:
        """The reasons that no sentence of the section gives already."""
        return [reason for reason in dict.fromkeys(self.reasons.values()) if reason and reason not in self.sentences]


@dataclass(frozen=True, eq=False)
class ReportData:
    """Everything that the template prints; `finding` has the sentences at the top."""

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
