"""Writes the report of a study: report.html, figures/*.svg and *.png, complete or not at all."""

import re
from collections.abc import Mapping
from pathlib import Path

from markupsafe import Markup, escape

from ssinfer.agreement.agreement import Agreement
from ssinfer.atomic import atomic_files
from ssinfer.errors import StudyError
from ssinfer.figures.svg import inline
from ssinfer.foreign import chosen
from ssinfer.language import speak
from ssinfer.report.agreement_page import write_agreement_pages
from ssinfer.report.analysis import analyse
from ssinfer.report.pictures import Picture, draw_pictures
from ssinfer.report.summarise import ReportData, assemble
from ssinfer.report.template import template
from ssinfer.study.result import StudyResult

_UNBROKEN = re.compile(r"(?<=€|±) (?=\d)|(?<=\b[A-Z]{3}) (?=\d)|(?<=\d) (?=±)")  # spaces inside an amount
MAX_HEAD = 90  # characters of the title above each printed page


def write_report(result: StudyResult, folder: Path, language: str | None = None, base: str = "") -> Path:
    """Write the report of a study, the same bytes for the same result, and return the path of ``report.html``.

    It is in the `language` with this tag, by default that of the study; one without a catalogue is a StudyError.
    `base` is the path from the report to the data files of the study, with a slash at the end if it is elsewhere.

    The HTML file is self-contained; its one script runs by its SHA-256. It and ``figures/`` in `folder` are replaced
    when both are complete; other files are kept. A `folder` that is a file is refused with a StudyError.
    """
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise StudyError(f"{folder} is a file, and the report needs a folder. Name another folder.")
    with speak(language or result.language, result.currency):
        data = assemble(analyse(result))
        pictures = draw_pictures(data)
        page = _render(data, pictures, base)
    with atomic_files(folder, last="report.html") as temporary:
        (temporary / "figures").mkdir()
        for picture in pictures.values():
            for name, document in picture.svg.items():
                (temporary / "figures" / f"{name}.svg").write_text(document, encoding="utf-8", newline="\n")
                (temporary / "figures" / f"{name}.png").write_bytes(picture.png[name])
        if result.agreement:
            write_agreement_pages(Agreement(result.agreement), temporary)
        (temporary / "report.html").write_text(page, encoding="utf-8", newline="\n")
    return folder / "report.html"


def _render(data: ReportData, pictures: Mapping[str, Picture], base: str = "") -> str:
    with speak(own=data.result.own_language):
        title = chosen(data.result.title)
        # the title as text of the style sheet, in which each sign is escaped
        head = "".join(sign if sign.isalnum() or sign == " " else f"\\{ord(sign):x} " for sign in title[1][:MAX_HEAD])
        live = any(getattr(item, "sliders", None) for section in data.sections for item in section.items)
        words = {"title": title, "live": live, "head": Markup(head)}  # noqa: S704  (letters, digits and escapes)
        page = template("report.html.j2").render(data=data, pictures=pictures, base=base, inline=_inline, **words)
    return _UNBROKEN.sub("\u00a0", page).replace("−€", "−\u2060€")


def _inline(document: str, name: str, title: str) -> Markup:
    return Markup(inline(document, name, str(escape(title))))  # noqa: S704  (matplotlib escapes)
