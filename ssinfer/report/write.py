"""Writes the report of a study: report.html and figures/*.svg, complete or not at all."""

import re
from collections.abc import Mapping
from pathlib import Path

from markupsafe import Markup, escape

from ssinfer.agreement.agreement import Agreement
from ssinfer.atomic import atomic_files
from ssinfer.drawing import FIGURES
from ssinfer.errors import StudyError
from ssinfer.figures.svg import inline, svg_of
from ssinfer.foreign import chosen
from ssinfer.language import speak
from ssinfer.report.agreement_page import write_agreement_pages
from ssinfer.report.analysis import analyse
from ssinfer.report.summarise import ReportData, assemble
from ssinfer.report.table import FRAMES
from ssinfer.report.template import template
from ssinfer.study.result import StudyResult

MAX_HEAD = 90  # characters of the title above each printed page
_UNBROKEN = re.compile(r"(?<=€|±) (?=\d)|(?<=\b[A-Z]{3}) (?=\d)|(?<=\d) (?=±)")  # spaces inside an amount


def write_report(result: StudyResult, folder: Path, language: str | None = None, base: str = "") -> Path:
    """Write the report of a study, the same bytes for the same result, and return the path of ``report.html``.

    It is in the `language` with this tag, by default that of the study; one without a catalogue is a StudyError.
    `base` is the path from the report to the data files of the study, with a slash at the end if it is elsewhere.

    The HTML file is self-contained; its only script, that of the sliders, is allowed by its SHA-256. It and
    ``figures/`` in `folder` are replaced when both are complete; other files are kept. A `folder` that is a file is
    refused with a StudyError.
    """
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise StudyError(f"{folder} is a file, and the report needs a folder. Name another folder.")
    with speak(language or result.language, result.currency):
        data = assemble(analyse(result))
        pictures, documents = {}, dict[str, str]()
        for name, frame in data.figures.items():
            figure = FIGURES.find(name)
            title, caption = figure.heading, figure.caption_of(frame)
            drawn = [svg_of(figure.draw(part)) for part in figure.parts(frame)]
            files = {f"{name}-{k}" if k > 1 else name: document for k, document in enumerate(drawn, 1)}
            elements = [inline(document, file, str(escape(title))) for file, document in files.items()]
            element = Markup("\n".join(elements))  # noqa: S704  (matplotlib escapes)
            pictures[name] = {"name": name, "title": title, "caption": caption, "element": element}
            pictures[name]["data"] = FRAMES.find(name).data
            documents |= files
        page = _render(data, pictures, base)
    with atomic_files(folder, last="report.html") as temporary:
        (temporary / "figures").mkdir()
        for name, document in documents.items():
            (temporary / "figures" / f"{name}.svg").write_text(document, encoding="utf-8", newline="\n")
        if result.agreement:
            write_agreement_pages(Agreement(result.agreement), temporary)
        (temporary / "report.html").write_text(page, encoding="utf-8", newline="\n")
    return folder / "report.html"


def _render(data: ReportData, pictures: Mapping[str, Mapping[str, str]], base: str = "") -> str:
    with speak(own=data.result.own_language):
        title = chosen(data.result.title)
        # the title as text of the style sheet, in which each sign is escaped
        head = "".join(sign if sign.isalnum() or sign == " " else f"\\{ord(sign):x} " for sign in title[1][:MAX_HEAD])
        live = any(getattr(item, "sliders", None) for section in data.sections for item in section.items)
        words = {"title": title, "live": live, "head": Markup(head)}  # noqa: S704  (letters, digits and escapes)
        page = template("report.html.j2").render(data=data, pictures=pictures, base=base, **words)
    return _UNBROKEN.sub("\u00a0", page).replace("−€", "−\u2060€")
