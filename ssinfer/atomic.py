"""Writes folders and files that a reader finds complete or not at all."""

import ctypes
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from ssinfer.errors import StudyError
from ssinfer.lock import locked

AT_WORK = 10.0  # seconds in which a new temporary folder may not have its lock yet


@contextmanager
def output_folder(folder: Path, tell: Callable[[str], object] = lambda _line: None) -> Iterator[Path]:
    """Hold ``.DIR.lock`` beside a folder and yield it, links followed; what a killed run left is told and cleared."""
    target = folder.resolve()
    if target in (Path.cwd(), *Path.cwd().parents):
        raise StudyError(f"{folder} holds the working folder, which a result would replace. Name another folder.")
    if target.exists() and not target.is_dir():
        raise StudyError(f"{folder} is a file; name a folder.")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=f".{target.name}.failed-", dir=target.parent):
            pass  # the longest name that will be needed
    except OSError as error:
        raise StudyError(f"{folder} cannot be written: {error.strerror}. Name another folder.") from error
    with locked(target.parent / f".{target.name}.lock") as free:
        if not free:
            raise StudyError(f"Another process is writing {folder}. Wait for its end, or name another folder.")
        for line in _clear_dead(target.parent, f".{target.name}-", age=0.0):
            tell(line)
        yield target


@contextmanager
def atomic_folder(folder: Path) -> Iterator[Path]:
    """Yield a new folder that replaces `folder` when the block ends; after an error, `folder` is unchanged."""
    with output_folder(folder) as target, _new_and_old(target.parent, target.name) as (new, old):
        yield new
        if target.exists() and not _exchange(new, target):
            target.rename(old / target.name)
        if new.exists() and not target.exists():
            try:
                new.rename(target)
            except OSError:
                if (old / target.name).exists():
                    (old / target.name).rename(target)
                raise


@contextmanager
def atomic_files(folder: Path, *, last: str = "") -> Iterator[Path]:
    """Yield a temporary folder; without an error, its contents then replace those in `folder`, `last` after others."""
    folder.mkdir(parents=True, exist_ok=True)
    with _new_and_old(folder, "files") as (new, old):
        yield new
        for path in sorted(new.iterdir(), key=lambda path: path.name == last):
            target = folder / path.name
            if target.exists() and (target.is_dir() or path.is_dir()):
                target.rename(old / path.name)
            path.replace(target)


def write_csv(table: pd.DataFrame, path: Path, **options: Any) -> None:
    """Write a table as CSV; a text that a spreadsheet would take as a formula begins with an apostrophe."""

    def plain(cell: object) -> object:
        return f"'{cell}" if isinstance(cell, str) and cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell

    texts = {str(name): column.map(plain) for name, column in table.items() if column.dtype.kind not in "biufcmM"}
    table.assign(**texts).rename(columns=plain).to_csv(path, index=False, **options)


def owner_only(folder: Path) -> None:
    """Let only the owner read a folder and its files, whatever umask says."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o700 if path.is_dir() else 0o600)


@contextmanager
def temporary_folder(prefix: str, folder: Path) -> Iterator[Path]:
    """Yield a new folder that only this user may read, and remove it; after a kill, the next call removes it."""
    for _line in _clear_dead(folder, prefix, age=AT_WORK):
        pass
    with TemporaryDirectory(prefix=prefix, dir=folder, ignore_cleanup_errors=True) as temporary:
        path = Path(temporary)
        with locked(path):
            yield path


@contextmanager
def _new_and_old(folder: Path, name: str) -> Iterator[tuple[Path, Path]]:
    """Yield two empty folders, for new and for replaced files, on the file system of `folder`."""
    with temporary_folder(f".{name}-", folder) as temporary:
        new, old = temporary / "new", temporary / "old"
        new.mkdir()
        old.mkdir()
        yield new, old


def _clear_dead(folder: Path, prefix: str, *, age: float) -> Iterator[str]:
    """Remove temporary folders of this user whose process has ended, and say so; a result moved away is put back."""
    for path in sorted(folder.iterdir()):
        random = path.name.removeprefix(prefix)
        if random == path.name or len(random) != 8 or path.is_symlink() or not path.is_dir():
            continue
        state = path.stat()
        if state.st_uid != os.getuid() or time.time() - state.st_mtime < age:
            continue
        with locked(path, again=False) as free:
            if not free:
                continue
            for moved in (path / "old").iterdir() if (path / "old").is_dir() else ():
                if not (folder / moved.name).exists():
                    moved.rename(folder / moved.name)
                    yield f"{folder / moved.name} was put back: a run was ended while it replaced it."
            shutil.rmtree(path, ignore_errors=True)
            yield f"{path}, left by a run that was ended, was removed."


def _exchange(new: Path, target: Path) -> bool:
    """Exchange two folders in one step where the system can (Linux: renameat2); return whether it was done."""
    if sys.platform != "linux":
        return False
    exchange = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    at_fdcwd, rename_exchange = -100, 2
    return exchange is not None and exchange(at_fdcwd, bytes(new), at_fdcwd, bytes(target), rename_exchange) == 0
