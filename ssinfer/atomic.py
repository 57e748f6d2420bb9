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
    """Yield a new folder that takes the place of `folder` when the block ends.

    After an error, an existing `folder` is as it was before, and nothing else is left.
    """
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
    """Yield a temporary folder; its contents are moved into `folder` when the block ends.

    Files and folders of the same name are replaced. Nothing else in `folder` is touched. After an error, nothing is
    moved.

    Parameters
    ----------
    folder : Path
        Made if it does not exist.
    last : str
        Name of the file that is moved last: when it is there, the others are there too.
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
