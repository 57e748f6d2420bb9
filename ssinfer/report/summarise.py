"""Summarises the result of a study as the plain data of its report."""

from ssinfer.drawing import FIGURES
from ssinfer.errors import PluginError, did_you_mean
from ssinfer.report.analysis import Analysis, analyse
from ssinfer.report.data import FigureFrame, ReportData, SectionData
from ssinfer.report.figure_frame import FRAMES, ReportFigure
from ssinfer.report.sections import SECTIONS, Section
from ssinfer.report.table import TABLES, NoTable, ReportTable, Table
from ssinfer.report.text.finding import finding_sentences
from ssinfer.study.result import StudyResult


def summarise(result: StudyResult) -> ReportData:
    """Return everything that the template prints."""
    return assemble(analyse(result))


def assemble(analysis: Analysis) -> ReportData:
    """Return the sentences, tables and figures of an analysed result.

    Raises
    ------
    PluginError
        A table or figure of another distribution names a section that does not exist.
    """
    result = analysis.result
    entries = sorted((*TABLES.entries(), *FRAMES.entries()), key=lambda entry: entry.order)
    names = [section.name for section in SECTIONS]
    for entry in entries:
        if entry.section not in names:
            raise PluginError(
                f"{entry.name!r} belongs to the section {entry.section!r} of the report, which does not exist. "
                f"{did_you_mean(entry.section, names)}"
            )
    sections = [_section(analysis, section, [e for e in entries if e.section == section.name]) for section in SECTIONS]
    return ReportData(
        title=result.title,
        note=result.note,
        question=result.question,
        data_label=result.data_label,
        finding=finding_sentences(analysis),
        sections=tuple(section for section in sections if section.sentences or section.items),
    )


def _section(analysis: Analysis, section: Section, entries: list[ReportTable | ReportFigure]) -> SectionData:
    """Return one section with its tables and figures; a figure without rows is left out."""
    items: list[Table | FigureFrame] = []
    reasons: dict[str, str] = {}
    for entry in entries:
        if isinstance(entry, ReportFigure):
            frame = entry.frame(analysis)
            if len(frame):
                items.append(FigureFrame(entry.name, FIGURES.find(entry.name).schema.conform(frame)))
            continue
        table = entry.build(analysis)
        if isinstance(table, NoTable):
            reasons[entry.name] = table.reason
        else:
            items.append(table)
    sentences = () if section.sentences is None else tuple(section.sentences(analysis))
    return SectionData(section.name, section.title, section.bullets, sentences, tuple(items), reasons)
