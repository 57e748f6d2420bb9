"""Formats of a report besides HTML, one file per format: documents of the same data in the same order."""

from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path

from ssinfer.errors import StudyError, refuse_unknown
from ssinfer.language import speak
from ssinfer.report.analysis import analyse
from ssinfer.report.formats.outline import outline
from ssinfer.report.pictures import draw_pictures
from ssinfer.report.summarise import assemble
from ssinfer.report.write import write_report
from ssinfer.study.result import StudyResult

FORMATS = {  # file of this folder, whose `document` returns the bytes; the package that it needs, and its extra
    "docx": ("word", "docx", "word"),
    "xlsx": ("excel", "xlsxwriter", "excel"),
    "pdf": ("pdf", "typst", "pdf"),
    "tex": ("latex", "ssinfer", ""),
}
PICTURES = ("docx", "pdf")  # formats that show the figures


def writer_of(form: str) -> Callable[[StudyResult, Path, str | None, str], Path]:
    """Return what writes a report into a folder as ``report.<form>``.

    An unknown format, or one of which the package is not installed, is a StudyError.
    """
    refuse_unknown([form], ["html", *FORMATS], "--format is", StudyError)
    if form == "html":
        return write_report
    _, package, extra = FORMATS[form]
    try:
        import_module(package)
    except ImportError:
        raise StudyError(
            f"--format {form} needs the package {package!r}, which is not installed. Install it: "
            f'pip install "ssinfer[{extra}]"'
        ) from None
    return partial(_write, form)


def _write(form: str, result: StudyResult, folder: Path, language: str | None = None, _base: str = "") -> Path:
    document = import_module(f"{__name__}.{FORMATS[form][0]}").document
    with speak(language or result.language, result.currency, result.own_language):
        data = assemble(analyse(result))
        content = document(data, [*outline(data, draw_pictures(data) if form in PICTURES else {})])
    (folder / f"report.{form}").write_bytes(content)
    return folder / f"report.{form}"
