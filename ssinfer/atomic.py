"""Writes folders and files that a reader finds complete or not at all."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def atomic_folder(folder: Path) -> Iterator[Path]:
    """Yield a new folder that replaces `folder` when the block ends; after an error, `folder` is unchanged."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _temporary(folder.parent, folder.name) as (new, old):
        yield new
        if folder.exists():
            folder.rename(old / folder.name)
        try:
            new.rename(folder)
        except OSError:
            if (old / folder.name).exists():
                (old / folder.name).rename(folder)
            raise


@contextmanager
def atomic_files(folder: Path, *, last: str = "") -> Iterator[Path]:
    """Yield a temporary folder; its contents are moved into `folder` when the block ends, and not after an error.

    Files and folders of the same name are replaced. When the file `last` is there, the others are there too.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with _temporary(folder, "files") as (new, old):
        yield new
        for path in sorted(new.iterdir(), key=lambda path: path.name == last):
            target = folder / path.name
            if target.exists() and (target.is_dir() or path.is_dir()):
                target.rename(old / path.name)
            path.replace(target)


@contextmanager
def _temporary(folder: Path, name: str) -> Iterator[tuple[Path, Path]]:
    """Yield two empty folders, for new and for replaced files, on the file system of `folder`."""
    with TemporaryDirectory(prefix=f".{name}-", dir=folder, ignore_cleanup_errors=True) as temporary:
        new, old = Path(temporary) / "new", Path(temporary) / "old"
        new.mkdir()
        old.mkdir()
        yield new, old
