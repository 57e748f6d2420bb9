"""Writes the report of a study: report.html and figures/*.svg, complete or not at all."""

from pathlib import Path

from ssinfer.atomic import atomic_files
from ssinfer.errors import StudyError
from ssinfer.report.render import pictures, render
from ssinfer.report.summarise import summarise
from ssinfer.study.result import StudyResult


def write_report(result: StudyResult, folder: Path) -> Path:
    """Write the report of a study.

    The HTML file is self-contained: figures and style are inside, it has no script, and it loads nothing. The same
    figures are written as SVG files. Files are written to a temporary folder first and moved when they are complete.
    The same result gives the same bytes.

    Parameters
    ----------
    result : StudyResult
    folder : Path
        Folder of the report, which is made if it does not exist. ``report.html`` and ``figures/`` in it are replaced;
        other files are kept.

    Returns
    -------
    Path
        Path of ``report.html``.

    Raises
    ------
    StudyError
        `folder` is a file.
    """
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise StudyError(f"{folder} is a file, and the report needs a folder. Name another folder.")
    data = summarise(result)
    drawn = pictures(data)
    page = render(data, drawn)
    with atomic_files(folder, last="report.html") as temporary:
        (temporary / "figures").mkdir()
        for name, picture in drawn.items():
            (temporary / "figures" / f"{name}.svg").write_text(picture.document, encoding="utf-8", newline="\n")
        (temporary / "report.html").write_text(page, encoding="utf-8", newline="\n")
    return folder / "report.html"
