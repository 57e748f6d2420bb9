"""Compiles kernels with numba, and keeps the machine code on disk."""

from __future__ import annotations

import os
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numba

if TYPE_CHECKING:
    from collections.abc import Callable


def cache_folder(source: str = __file__) -> Path | None:
    """Return the folder in which numba keeps the machine code of a source file; None if no folder is writable.

    It is NUMBA_CACHE_DIR, or `__pycache__` in the folder of the source file.
    """
    target = Path(os.environ.get("NUMBA_CACHE_DIR", Path(source).resolve().parent / "__pycache__"))
    return target if _is_writable(target) else None


@cache
def _is_writable(target: Path) -> bool:
    try:
        target.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=target):
            return True
    except OSError:
        return False


def compiled[F: Callable[..., Any]](function: F) -> F:
    """Compile `function` with numba, and keep the machine code on disk if a folder is writable.

    numba's ``cache=True`` raises at import if no cache folder is writable (a read-only installation, a locked-down
    container). The function is then compiled again in each process. The GIL is released, so kernels may run in threads.
    ``fastmath`` is off: it would let the compiler reorder sums and change results.
    """
    has_folder = cache_folder(function.__code__.co_filename) is not None
    return cast("F", numba.njit(cache=has_folder, nogil=True)(function))


def inlined[F: Callable[..., Any]](function: F) -> F:
    """Copy `function` into the compiled functions that call it, which takes less time than to compile it alone.

    For a part of one long kernel.
    """
    return cast("F", numba.njit(inline="always")(function))


def threads() -> int:
    """Return the number of threads that a kernel may use: NUMBA_NUM_THREADS, or the number of processors."""
    return int(os.environ.get("NUMBA_NUM_THREADS", os.cpu_count() or 1))
