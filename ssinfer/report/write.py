"""write_report: a study's result as report.html and figures/*.svg, complete or absent."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from ssinfer.errors import StudyError
from ssinfer.report.render import pictures, render
from ssinfer.report.summarise import summarise

if TYPE_CHECKING:
    from ssinfer.study.result import StudyResult


def write_report(result: StudyResult, folder: Path) -> Path:
    """Write the report of a study.

    One self-contained HTML file (figures and style inside, no script, nothing loaded), and the same figures as SVG
    files. Both are written beside their place first and moved there when complete. The same result gives the same
    bytes.

    Parameters
    ----------
    result : StudyResult
    folder : Path
        Made where it does not exist; ``report.html`` and ``figures/`` in it are replaced, nothing else is touched.

    Returns
    -------
    Path
        Of ``report.html``.

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
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".report-", dir=folder) as beside:
        new = Path(beside) / "figures"
        new.mkdir()
        for name, picture in drawn.items():
            (new / f"{name}.svg").write_text(picture.document, encoding="utf-8", newline="\n")
        (Path(beside) / "report.html").write_text(page, encoding="utf-8", newline="\n")
        figures = folder / "figures"
        if figures.is_dir():
            figures.replace(Path(beside) / "old figures")
        elif figures.exists():
            figures.unlink()
        new.replace(figures)
        shutil.move(Path(beside) / "report.html", folder / "report.html")
    return folder / "report.html"
