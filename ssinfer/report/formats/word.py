"""The report as a Word document: headings, captions, tables, and pictures with a text alternative."""

import datetime as dt
from collections.abc import Sequence
from io import BytesIO
from typing import Any
from zipfile import ZipFile

import docx
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Mm, Pt, RGBColor

from ssinfer.language import spoken
from ssinfer.report.formats.outline import Block, printable, widths
from ssinfer.report.pictures import Picture
from ssinfer.report.summarise import ReportData
from ssinfer.report.table import Table
from ssinfer.structure import zipped

STYLES = {"kind": "Subtitle", "title": "Title", "meta": "BodyText3", "heading1": "Heading1", "heading2": "Heading2"}
STYLES |= {
    "verdict": "IntenseQuote",
    "text": "Normal",
    "bullet": "ListBullet",
    "note": "BodyText3",
    "caption": "Caption",
}
WIDTH, MARGIN, HIGHEST = Mm(174), Mm(18), Mm(215)  # of a page of A4, and of a picture
CELL_MARGIN = {qn("w:w"): "60", qn("w:type"): "dxa"}  # twentieths of a point


def document(data: ReportData, blocks: Sequence[Block]) -> bytes:
    """Return the report as the bytes of a .docx file."""
    whole, date = docx.Document(), dt.datetime.combine(data.date, dt.time())
    properties = {"title": printable(data.title), "author": "ssinfer", "last_modified_by": "ssinfer", "comments": ""}
    for name, value in (properties | {"created": date, "modified": date, "language": spoken().tag}).items():
        setattr(whole.core_properties, name, value)
    for element in whole.styles.element.xpath("w:docDefaults//w:lang"):
        element.set(qn("w:val"), {"en": "en-GB"}.get(spoken().tag, f"{spoken().tag}-{spoken().tag.upper()}"))
    for name in ("Normal", "Caption", "Title", "Heading 1", "Heading 2"):
        font: Any = whole.styles[name].font
        font.name, font.color.rgb = "Arial", RGBColor(0x22, 0x22, 0x22)
        for attribute in ("w:asciiTheme", "w:hAnsiTheme"):  # of the template, which overrule the name
            font.element.rPr.rFonts.attrib.pop(qn(attribute), None)
    caption: Any = whole.styles["Caption"]
    whole.styles["Normal"].font.size, caption.font.bold, caption.paragraph_format.space_before = Pt(10), False, Pt(10)
    section: Any = whole.sections[0]
    section.left_margin = section.right_margin = section.top_margin = section.bottom_margin = MARGIN
    section.page_width, section.page_height = WIDTH + 2 * MARGIN, Mm(297)
    for block in blocks:
        if isinstance(block, Picture):
            _picture(whole, block)
        elif isinstance(block, Table):
            _table(whole, block)
        else:
            _paragraph(whole, block.style, block.text)
    whole.save(stream := BytesIO())
    with ZipFile(stream) as archive:
        return zipped({name: archive.read(name) for name in archive.namelist()})


def _paragraph(whole: Any, style: str, text: str) -> Any:
    paragraph = whole.add_paragraph(printable(text))
    paragraph._p.style = STYLES[style]  # noqa: SLF001  (`add_paragraph` would search all styles each time)
    return paragraph


def _picture(whole: Any, picture: Picture) -> None:
    _paragraph(whole, "heading2", picture.title)
    for content in picture.png.values():
        shown = whole.add_picture(BytesIO(content), width=WIDTH)
        if shown.height > HIGHEST:
            shown.width, shown.height = int(shown.width * HIGHEST / shown.height), HIGHEST
        shown._inline.docPr.set("descr", printable(f"{picture.title}. {picture.caption}"))  # noqa: SLF001
        whole.paragraphs[-1].paragraph_format.keep_with_next = True
    _paragraph(whole, "caption", picture.caption)


def _table(whole: Any, table: Table) -> None:
    caption = _paragraph(whole, "caption", table.caption)
    caption.runs[0].bold = caption.paragraph_format.keep_with_next = True
    shown = whole.add_table(1 + len(table.rows), len(table.columns), "Light Shading")
    shown.autofit, margins = False, OxmlElement("w:tblCellMar")
    for side in ("w:left", "w:right"):
        margins.append(element := OxmlElement(side))
        element.attrib.update(CELL_MARGIN)
    shown._tblPr.append(margins)  # noqa: SLF001
    size, shares = Pt(max(6, 10.5 - 0.4 * len(table.columns))), [round(share * WIDTH) for share in widths(table)]
    for column, share in zip(shown.columns, shares, strict=True):
        column.width = share
    cells = iter(shown._cells)  # noqa: SLF001  (`cell` would list all cells again for each)
    for row in (table.columns, *table.rows):
        for text, numeric, share in zip(row, table.numeric, shares, strict=True):
            (cell := next(cells)).width = share
            paragraph = cell.paragraphs[0]
            paragraph.add_run(printable(text)).font.size = size
            paragraph.paragraph_format.space_after = Pt(0)
            paragraph.alignment = WD_ALIGN_PARAGRAPH.RIGHT if numeric else None
    for number, row in enumerate(shown.rows):
        for name in ("w:cantSplit", *(() if number else ("w:tblHeader",))):
            row._tr.get_or_add_trPr().append(OxmlElement(name))  # noqa: SLF001
    for note in table.notes:
        _paragraph(whole, "note", note)
