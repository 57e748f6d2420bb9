"""The one place where numba is asked to compile."""

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
    """Return where numba keeps what it compiles of a source file: beside it or in NUMBA_CACHE_DIR; None if nowhere."""
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
    """Compile `function` with numba once, and keep the machine code on disk if a folder is writable.

    numba's ``cache=True`` raises at import when no cache folder is writable (a read-only
    installation, a locked-down container); then the function is compiled afresh in each process.
    The GIL is released, so kernels may run in threads. ``fastmath`` stays off: results must not
    depend on the compiler's liberty to reorder sums.
    """
    kept = cache_folder(function.__code__.co_filename) is not None
    return cast("F", numba.njit(cache=kept, nogil=True)(function))


def threads() -> int:
    """Return how many threads a kernel may use: the processors, or what NUMBA_NUM_THREADS says."""
    return int(os.environ.get("NUMBA_NUM_THREADS", os.cpu_count() or 1))
