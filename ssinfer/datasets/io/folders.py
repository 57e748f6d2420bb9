"""Folders of data sets: `SSINFER_DATA_DIR`, or the cache that `ssinfer data fetch` fills."""

import os
from pathlib import Path

from ssinfer.errors import DatasetError

DATA_DIR = "SSINFER_DATA_DIR"
CACHE_DIR = "SSINFER_CACHE_DIR"
FOUND: dict[str, Path] = {}  # files of published data, by name, that were found since the last `clear`


def cache_folder() -> Path:
    """Return the cache folder: `SSINFER_CACHE_DIR`, or the platform's own cache folder for ssinfer."""
    chosen = os.environ.get(CACHE_DIR)
    if chosen:
        return Path(chosen).expanduser()
    import pooch  # noqa: PLC0415

    return Path(pooch.os_cache("ssinfer"))


def data_folder(name: str, folder: str | Path | None = None) -> Path:
    """Return the folder of a data set: `folder` if given, else under `SSINFER_DATA_DIR`, else in the cache."""
    if folder is not None:
        return Path(folder)
    chosen = os.environ.get(DATA_DIR)
    return (Path(chosen).expanduser() if chosen else cache_folder()) / name


def find_file(
    name: str, file_name: str, folder: str | Path | None = None, *, fetchable: bool, also: tuple[str, ...] = ()
) -> Path:
    """Return the path of a file, plain or with ``.gz``, under its name or one of `also`; a missing file is refused."""
    searched = data_folder(name, folder)
    for known in (file_name, *also):
        for candidate in (searched / known, searched / f"{known}.gz"):
            if candidate.is_file():
                FOUND[candidate.name] = candidate
                return candidate
    how = (
        f"`ssinfer data fetch {name}` (which fills {cache_folder() / name}, read when {DATA_DIR} is unset)"
        if fetchable
        else "download it from the publisher (`ssinfer data list` names the source)"
    )
    setting = "" if folder is not None else f" ({DATA_DIR} is {os.environ.get(DATA_DIR) or 'unset'})"
    raise DatasetError(
        f"Data set {name!r}: the file {file_name} is not in {searched}{setting}. Allowed: the publisher's file, plain "
        f"or compressed as {file_name}.gz. Next step: put it there, or {how}."
    )
