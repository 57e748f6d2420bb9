"""The report as a PDF file, set by Typst: it reads the outline as data, so that no text is ever taken as markup."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import typst

from ssinfer.figures.style import FONTS
from ssinfer.language import spoken
from ssinfer.report.formats.outline import Block, widths
from ssinfer.report.pictures import Picture
from ssinfer.report.summarise import ReportData
from ssinfer.report.table import Table
from ssinfer.report.template import TEMPLATES


def document(data: ReportData, blocks: Sequence[Block]) -> bytes:
    """Return the report as the bytes of a PDF file."""
    date = [data.date.year, data.date.month, data.date.day]
    content = {"title": data.title, "lang": spoken().tag, "date": date, "blocks": [*map(_block, blocks)]}
    with TemporaryDirectory() as folder:
        for picture in (block for block in blocks if isinstance(block, Picture)):
            for name, document in picture.svg.items():
                Path(folder, f"{name}.svg").write_text(document, encoding="utf-8")
        Path(folder, "report.json").write_text(json.dumps(content), encoding="utf-8")
        source = str(shutil.copy(TEMPLATES / "report.typ", folder))
        return typst.compile(source, root=folder, font_paths=[FONTS], ignore_system_fonts=True)


def _block(block: Block) -> dict[str, object]:
    if isinstance(block, Table):
        names = ("caption", "columns", "numeric", "rows", "notes")
        return {"style": "table", "widths": widths(block), **{name: getattr(block, name) for name in names}}
    if isinstance(block, Picture):
        return {"style": "picture", "title": block.title, "caption": block.caption, "files": [*block.svg]}
    return vars(block)
