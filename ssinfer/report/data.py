"""What a report holds, as plain data: texts, tables of printed cells, and the numbers that figures draw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ssinfer.figures.data import CasePanel, Earnings, LovePlot, PaymentDot, PlaceboRow, SizeCurve, SizeMarker


@dataclass(frozen=True)
class Table:
    """A table of printed cells.

    Attributes
    ----------
    name : identifier in the page
    caption : what it shows, a sentence
    columns : heads, with units
    numeric : whether each column holds numbers (set flush right)
    rows : printed cells
    notes : sentences below the table
    """

    name: str
    caption: str
    columns: tuple[str, ...]
    numeric: tuple[bool, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Figures:
    """The numbers behind each figure; a figure that cannot be drawn is None or empty."""

    placebos: tuple[PlaceboRow, ...]
    payments: tuple[PaymentDot, ...]
    earnings: Earnings | None
    curves: tuple[SizeCurve, ...]
    marker: SizeMarker | None
    case: CasePanel | None
    balance: tuple[LovePlot, ...] = ()


@dataclass(frozen=True, eq=False)
class ReportData:
    """Everything the template prints.

    Attributes
    ----------
    absent : sentences about parts that this study does not have, each with its reason
    """

    title: str
    note: str
    question: str
    data_label: str
    finding: tuple[str, ...]
    sampling: tuple[str, ...]
    which: tuple[str, ...]
    transport: tuple[str, ...]
    counting: tuple[str, ...]
    attrition: Table | None
    truncation: Table | None
    truth: Table | None
    intact: tuple[str, ...]
    intact_groups: Table | None
    designs: Table
    scores: Table | None
    payments: Table | None
    sizes: Table | None
    kinds: Table | None
    kinds_by_size: Table | None
    pareto: Table | None
    specifications: Table | None
    thresholds: Table | None
    savings: Table | None
    settlement: Table | None
    refusals: Table | None
    provenance: Table
    methods: tuple[str, ...]
    absent: tuple[str, ...]
    figures: Figures
    balance: Table | None = None
    intervals: Table | None = None
