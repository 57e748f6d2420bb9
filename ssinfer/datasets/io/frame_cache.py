"""Caches a frame as Parquet, keyed by the input files and options."""

from __future__ import annotations

import contextlib
import hashlib
from typing import TYPE_CHECKING

from ssinfer.atomic import atomic_files
from ssinfer.datasets.io.folders import cache_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import pandas as pd

# raise it if the readers return another frame for the same files
LAYOUT = 1


def cached_frame(name: str, inputs: Sequence[Path], options: object, build: Callable[[], pd.DataFrame]) -> pd.DataFrame:
    """Return the cached frame for these inputs and options, or build and cache it.

    The key holds each input's path, size and time of change, the options and the layout. The file is written beside
    and renamed, so that a reader never sees half of it; without a writable cache folder the frame is built each time.
    """
    parts = [(str(path.resolve()), path.stat().st_size, path.stat().st_mtime_ns) for path in inputs]
    key = hashlib.sha256(repr((LAYOUT, parts, options)).encode()).hexdigest()[:24]
    path = cache_folder() / "frames" / f"{name}-{key}.parquet"
    kept = _read(path)
    if kept is not None:
        return kept
    frame = build()
    _write(frame, path)
    return frame


def _read(path: Path) -> pd.DataFrame | None:
    import pandas as pd  # noqa: PLC0415
    import pyarrow as pa  # noqa: PLC0415

    try:
        return pd.read_parquet(path)
    except (OSError, pa.ArrowException):
        return None  # absent, unreadable or damaged: built again


def _write(frame: pd.DataFrame, path: Path) -> None:
    """Keep the frame; without a writable folder nothing is kept."""
    with contextlib.suppress(OSError), atomic_files(path.parent) as temporary:
        frame.to_parquet(temporary / path.name, compression="zstd", index=False)
