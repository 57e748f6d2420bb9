"""Keep a frame that is costly to build as Parquet in the cache folder, keyed by the bytes it was built from."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from ssinfer.datasets.io.folders import cache_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd

# raise when the readers change what they make of the same files
LAYOUT = 1


def cached_frame(name: str, inputs: Sequence[Path], options: object, build: Callable[[], pd.DataFrame]) -> pd.DataFrame:
    """Return the frame kept for these inputs and options, or build and keep it.

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
    beside = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, beside = tempfile.mkstemp(dir=path.parent, suffix=".part")
        os.close(handle)
        frame.to_parquet(beside, compression="zstd", index=False)
        Path(beside).replace(path)
    except OSError:
        if beside is not None:
            with contextlib.suppress(OSError):
                Path(beside).unlink(missing_ok=True)
