"""Writes the report of a finished folder again, for example in another language, without a fit."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from ssinfer._version import __version__
from ssinfer.atomic import atomic_files, owner_only
from ssinfer.documents import parse_json, read_text
from ssinfer.errors import StudyError
from ssinfer.structure import unpack
from ssinfer.study.report_data import CLASSES, REPORT_DATA
from ssinfer.study.result import MANIFEST, SUMS, StudyResult, seal, sha256

AGAIN = "Run the study again with `ssinfer run STUDY.toml --out DIR`."
REPORT, FIGURES = "report.html", "figures"


def rewrite_report(
    folder: Path,
    report: Callable[[StudyResult, Path, str | None, str], Any],
    language: str | None = None,
    out: Path | None = None,
    form: str = "html",
) -> Path:
    """Write the report of a folder of `ssinfer run` again with `report`, and return its path.

    Parameters
    ----------
    folder : finished folder of the same version of ssinfer, without small groups
    report : writes the report of a result into a folder, in the language with a tag, such as `write_report`
    language : tag of the language; None: that of the run
    out : file elsewhere, HTML with links to the folder; None: HTML replaces its report, its figures and their hashes,
        and another format, which users edit, stands beside the folder as ``FOLDER.<form>``
    form : format that `report` writes, as ``report.<form>``

    Raises
    ------
    StudyError : the folder is of another version, damaged or confidential; `language` has no catalogue
    """
    if out is None and form != "html":
        out = folder.resolve().with_name(f"{folder.resolve().name}.{form}")
    if out is not None and (out.is_dir() or folder.resolve() in out.resolve().parents):
        raise StudyError(
            f"--out {out} is a folder, or a file in {folder}, which holds listed files only. Name another file."
        )
    result, manifest = _read(folder)
    base = "" if out is None else Path(os.path.relpath(folder.resolve(), out.parent.resolve())).as_posix() + "/"
    with atomic_files(folder if out is None else out.parent, last=MANIFEST) as new:
        report(result, new, language, base)
        if out is None:
            files, changed = manifest["files"], (REPORT, FIGURES, SUMS)
            kept = {name: digest for name, digest in files.items() if not name.startswith(changed)}
            written = [new / REPORT, *(new / FIGURES).iterdir()]
            seal(new, manifest, kept | {path.relative_to(new).as_posix(): sha256(path) for path in written})
        else:
            shutil.rmtree(new / FIGURES, ignore_errors=True)
            (new / f"report.{form}").rename(new / out.name)
        if not folder.stat().st_mode & 0o077:
            owner_only(new)
    return out or folder / REPORT


def _read(folder: Path) -> tuple[StudyResult, dict[str, Any]]:
    """Return what a report needs of the result in a folder, and the manifest."""
    path, place = folder / REPORT_DATA, folder / MANIFEST
    read = parse_json(read_text(place, "the manifest", StudyError, AGAIN), place, StudyError, AGAIN)
    manifest: dict[str, Any] = read if isinstance(read, dict) else {}
    if (version := manifest.get("ssinfer")) != __version__:
        raise StudyError(f"{folder} is of ssinfer {version}; {__version__} reads no other. Use {version}. Or: {AGAIN}")
    if manifest.get("confidential"):
        raise StudyError(
            f"{folder} is confidential; a report is written again only of a folder without small groups. Run the study "
            "again with --confidential and --language."
        )
    sums = read_text(folder / SUMS, "the hashes", StudyError, AGAIN)
    if not path.is_file() or f"{sha256(path)}  {REPORT_DATA}\n" not in sums:
        raise StudyError(f"{path} is missing or damaged: its SHA-256 must be that in {SUMS}. {AGAIN}")
    try:
        return StudyResult(**unpack(path.read_bytes(), CLASSES)), manifest
    except (ValueError, TypeError, LookupError, AttributeError, BadZipFile) as error:
        raise StudyError(f"{path} does not hold a result of ssinfer {version}: {error}. {AGAIN}") from error
