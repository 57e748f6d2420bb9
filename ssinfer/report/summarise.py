"""ReportData: sentences, tables of printed cells and frames of figures, summarised from the result of a study."""

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pandas as pd

from ssinfer.drawing import FIGURES
from ssinfer.errors import PluginError, did_you_mean
from ssinfer.foreign import own
from ssinfer.language import speak
from ssinfer.report.analysis import Analysis
from ssinfer.report.first_page import first_page
from ssinfer.report.sections import SECTIONS, Section
from ssinfer.report.table import FRAMES, TABLES, ReportFigure, ReportTable, Table
from ssinfer.report.tables.methods import found
from ssinfer.report.text.context import glossary, published
from ssinfer.report.text.finding import finding_sentences
from ssinfer.sentences import in_words, say, sentence
from ssinfer.study.result import StudyResult


@dataclass(frozen=True, eq=False)
class FigureFrame:
    """The name of a figure, and the frame that it draws."""

    name: str
    frame: pd.DataFrame


@dataclass(frozen=True, eq=False)
class SectionData:
    """One section of the page: sentences, tables and figures, and the reasons for tables that do not apply."""

    name: str
    title: str
    bullets: bool  # whether the sentences are a list
    sentences: tuple[str, ...]
    items: tuple[Table | FigureFrame, ...]
    reasons: dict[str, str]  # by name of the table; empty if it needs no mention


@dataclass(frozen=True, eq=False)
class ReportData:
    """Everything that a report prints; `first` is of `first_page`, and `finding` the verdict in full."""

    result: StudyResult
    note: str  # whether the data are real
    title: str
    meta: tuple[str, ...]  # what the contract is
    made: str  # date, version and study
    question: str
    first: SimpleNamespace
    finding: tuple[str, ...]
    scope: str  # what rates are of, and the data
    sections: tuple[SectionData, ...]
    published: tuple[tuple[str, str, str], ...]
    glossary: tuple[tuple[str, str, str], ...]

    @property
    def date(self) -> dt.date:
        """The date of the report; of a study without one, the first that a ZIP file can have."""
        return dt.date.fromisoformat(str(self.result.manifest.get("date") or "1980-01-01"))

    @property
    def figures(self) -> dict[str, pd.DataFrame]:
        """The frames of the figures of all sections by name."""
        items = [item for section in self.sections for item in section.items if isinstance(item, FigureFrame)]
        return {item.name: item.frame for item in items}


def assemble(analysis: Analysis) -> ReportData:
    """Return everything that a report prints, from an analysed result."""
    names = [section.name for section in SECTIONS]
    entries = sorted((*TABLES.entries(), *FRAMES.entries()), key=lambda entry: entry.order)
    for entry in entries:
        if entry.section not in names:
            raise PluginError(
                f"{entry.name!r} belongs to the section {entry.section!r} of the report, which does not exist. "
                f"{did_you_mean(entry.section, names)}"
            )
    with speak(currency=analysis.result.currency, own=analysis.result.own_language):
        parts = (_section(analysis, part, [e for e in entries if e.section == part.name]) for part in SECTIONS)
        shown = tuple(each for each in parts if each.sentences or each.items or any(each.reasons.values()))
        finding = (*finding_sentences(analysis), *map(in_words, found(analysis, first_page=True)))
        result, first = analysis.result, first_page(analysis)
        note, label = sentence(result.note), result.data_label
        note = note[:1].upper() + note[1:]
        return ReportData(
            result=result,
            note=own(note) if isinstance(result.note, str) else note,
            title=own(result.title),
            meta=tuple(map(sentence, first.meta)),
            made=" ".join(_made(result.manifest)),
            question=own(result.question),
            first=first,
            finding=finding,
            scope=say("page.scope", label=own(label) if isinstance(label, str) else label),
            sections=shown,
            published=published(),
            glossary=glossary(),
        )


def _made(manifest: Mapping[str, Any]) -> Iterator[str]:
    """Return the date of the report, the version and the study."""
    if date := manifest.get("date"):
        yield say("page.date_stated" if manifest["study"]["date"] else "page.date_last_day", date=date)
    yield say("page.version", version=manifest["ssinfer"])
    yield say("page.study", hash=manifest["study_hash"][:12])


def _section(analysis: Analysis, section: Section, entries: list[ReportTable | ReportFigure]) -> SectionData:
    """Return one section with its tables and figures; a figure without rows is left out."""
    items: list[Table | FigureFrame] = []
    reasons: dict[str, str] = {}
    for entry in entries:
        if isinstance(entry, ReportFigure):
            frame = entry.frame(analysis)
            if len(frame):
                items.append(FigureFrame(entry.name, FIGURES.find(entry.name).schema.conform(frame)))
        elif isinstance(table := entry.build(analysis), str):
            reasons[entry.name] = table
        else:
            items.append(table)
    sentences = () if section.findings is None else tuple(map(in_words, section.findings(analysis)))
    title = say(f"section.{section.name}")
    return SectionData(section.name, title, section.bullets, sentences, tuple(items), reasons)
