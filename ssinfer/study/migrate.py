"""Writes a study file of the first edition in the second."""

import tempfile
from pathlib import Path

import tomlkit

from ssinfer.documents import read_text
from ssinfer.errors import StudyError
from ssinfer.study.config import read_study
from ssinfer.study.first_edition import is_first_edition, second_edition


def migrate_study(path: str | Path, out: str | Path | None = None) -> tuple[Path, ...]:
    """Write a study in the second edition (without `out` in its place; the old file is kept), and return the files."""
    path = Path(path)
    settings = read_study(path).fingerprint()
    text = read_text(path, "the study file", StudyError, "Pass the path of a TOML file.")
    document = tomlkit.parse(text.removeprefix("\ufeff"))
    if not is_first_edition(document):
        raise StudyError(f"{path} is of the second edition. It needs no change.")
    kept = path.with_suffix(f".first-edition{path.suffix}")
    target = kept if out is None else Path(out)
    if target.exists():
        raise StudyError(f"{target} exists. Move it, or name a new file with --out.")
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".ssinfer-") as folder:
        new = Path(folder) / path.name
        new.write_text(tomlkit.dumps(second_edition(document)), encoding="utf-8")
        if read_study(new).fingerprint() != settings:
            raise StudyError(f"{path} cannot be written in the second edition without a change of its settings.")
        if out is None:
            path.rename(kept)
        new.rename(path if out is None else target)
    return (path, kept) if out is None else (target,)
