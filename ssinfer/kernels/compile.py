"""Compiles kernels with numba, and keeps the machine code on disk."""

import os
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, cast

import numba


def cache_folder(source: str = __file__) -> Path | None:
    """Return NUMBA_CACHE_DIR, or `__pycache__` next to the source file; None if the folder is not writable."""
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
    """Compile `function` with numba, and keep the machine code on disk if a folder is writable."""
    has_folder = cache_folder(function.__code__.co_filename) is not None
    # cache=True raises without a folder; fastmath is off, because it would reorder sums and change results
    return cast("F", numba.njit(cache=has_folder, nogil=True)(function))


def inlined[F: Callable[..., Any]](function: F) -> F:
    """Copy `function`, a part of one long kernel, into it: that compiles faster than the function alone."""
    return cast("F", numba.njit(inline="always")(function))


def threads() -> int:
    """Return the number of threads that a kernel may use: NUMBA_NUM_THREADS, or the number of processors."""
    return int(os.environ.get("NUMBA_NUM_THREADS", os.cpu_count() or 1))
