"""Caches a frame as Parquet, keyed by the input files and options."""

import contextlib
import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from ssinfer.atomic import atomic_files
from ssinfer.datasets.io.folders import cache_folder
from ssinfer.errors import NotSupportedError

# raise it if the readers return another frame for the same files
LAYOUT = 1


def cached_frame(name: str, inputs: Sequence[Path], options: object, build: Callable[[], pd.DataFrame]) -> pd.DataFrame:
    """Return the cached frame for these inputs and options, or build it and cache it if the cache is writable."""
    parts = [(str(path.resolve()), path.stat().st_size, path.stat().st_mtime_ns) for path in inputs]
    key = hashlib.sha256(repr((LAYOUT, parts, options)).encode()).hexdigest()[:24]
    path = cache_folder() / "frames" / f"{name}-{key}.parquet"
    with contextlib.suppress(Exception):  # absent, unreadable or damaged: built again
        return pd.read_parquet(path)
    frame = build()
    with contextlib.suppress(OSError, NotSupportedError), atomic_files(path.parent) as temporary:
        frame.to_parquet(temporary / path.name, compression="zstd", index=False)
    return frame
