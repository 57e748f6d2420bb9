"""Downloads the files of a publisher into the cache and checks their SHA-256."""

import logging
from collections.abc import Iterable
from pathlib import Path

import pooch
import requests

from ssinfer.arguments import Number, checked
from ssinfer.datasets.io.folders import CACHE_DIR, cache_folder
from ssinfer.datasets.vektis.sources import VEKTIS_FILES, VektisFile
from ssinfer.errors import DatasetError

FETCHABLE = ("vektis",)


def fetch(name: str, years: Iterable[int] | None = None) -> list[Path]:
    """Download a data set into the cache and return the paths of its files; DatasetError if that is not possible."""
    if str(name) not in FETCHABLE:
        raise DatasetError(
            f"Data set {name!r} cannot be fetched. Allowed: {', '.join(FETCHABLE)}. Next step: `ssinfer data list` "
            "names the source of each data set; put its files under SSINFER_DATA_DIR."
        )
    return fetch_vektis(years)


@checked(DatasetError, timeout=Number(0, 1e6, open="low"))
def fetch_vektis(
    years: Iterable[int] | None = None,
    folder: str | Path | None = None,
    *,
    base_url: str | None = None,
    timeout: float = 60.0,
) -> list[Path]:
    """Download the publisher's files on spending per municipality; return one path per year.

    A file with the right SHA-256 is not downloaded again. DatasetError: an unregistered year, an unreachable address, a
    cut connection, or bytes with another SHA-256. Earlier files stay; the failed file is removed.

    Parameters
    ----------
    years : years of spending; None: all registered ones
    folder : target folder; by default ``vektis`` in the cache, which `load_vektis` reads without ``SSINFER_DATA_DIR``
    base_url : address of a mirror with files such as ``vektis_2015_gemeente.csv``; None: the publisher
    timeout : seconds to wait for the server
    """
    asked = sorted(VEKTIS_FILES) if years is None else sorted(set(years))
    unknown = [year for year in asked if year not in VEKTIS_FILES]
    if unknown:
        raise DatasetError(
            f"Vektis: no address is registered for {', '.join(map(str, unknown))}. "
            f"Allowed: {min(VEKTIS_FILES)} to {max(VEKTIS_FILES)}. Next step: choose years from these."
        )
    target = Path(folder) if folder is not None else cache_folder() / "vektis"
    paths = []
    for year in asked:
        file = VEKTIS_FILES[year]
        url = file.url if base_url is None else f"{base_url.rstrip('/')}/{file.name}"
        paths.append(_retrieve(file, url, target, timeout))
    return paths


def _retrieve(file: VektisFile, url: str, folder: Path, timeout: float) -> Path:
    """Download a file; pooch renames it to its final name only if its SHA-256 is right."""
    pooch.get_logger().setLevel(logging.WARNING)
    downloader = pooch.HTTPDownloader(timeout=timeout)
    try:
        return Path(pooch.retrieve(url, f"sha256:{file.sha256}", file.name, folder, downloader=downloader))
    except requests.RequestException as error:
        what, cure = f"the download failed ({error})", "try again later, or download it by hand"
    except ValueError:
        what = f"the bytes there do not have the registered SHA-256 {file.sha256[:12]}..."
        cure = "the publisher may have revised the file: download it by hand and read it with verify=False"
    except OSError as error:
        what, cure = f"it cannot be written ({error})", f"set {CACHE_DIR} to a writable folder"
    raise DatasetError(
        f"{file.name} from {url}: {what}. Nothing of it was kept. Allowed: the publisher's file of {file.year} "
        f"({file.n_bytes:,} bytes). Next step: {cure}, as {folder / file.name}."
    )
