"""Locks of one process on a file or folder: they end with the process, also when it is killed."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ssinfer.errors import NotSupportedError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_HELD: set[Path] = set()  # by this process, which may take each of them again


@contextmanager
def locked(path: Path, *, again: bool = True) -> Iterator[bool]:
    """Hold the lock of a folder or file; yield False if it is taken, or, unless `again`, if this process holds it."""
    if fcntl is None:
        raise NotSupportedError(
            "Writing results", "Windows, which has no file locks of POSIX", "Use Linux, macOS or WSL."
        )
    if path in _HELD:
        yield again
        return
    is_folder = path.is_dir()
    handle = os.open(path, os.O_RDONLY if is_folder else os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            free = path.exists() and os.path.samestat(os.fstat(handle), path.stat())  # not removed by its last holder
        except BlockingIOError:
            free = False
        if not free:
            yield False
            return
        _HELD.add(path)
        try:
            yield True
        finally:
            _HELD.discard(path)
            if not is_folder:
                path.unlink(missing_ok=True)
    finally:
        os.close(handle)
