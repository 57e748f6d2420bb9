"""Coordinates of Dutch municipalities (Statistics Netherlands), matched to the names that Vektis uses."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from ssinfer.arguments import checked
from ssinfer.datasets.io.catalogue import CENTROIDS
from ssinfer.datasets.io.csv import read_published
from ssinfer.errors import DatasetError

CENTROID_DIVISION = 2023

# names of Statistics Netherlands that differ from those of Vektis in more than accents, hyphens and case
_OTHER_NAMES = {
    "DEN HAAG": "S GRAVENHAGE",
    "DEN BOSCH": "S HERTOGENBOSCH",
    "BERGEN L": "BERGEN LB",
    "NUENEN C A": "NUENEN CA",
    "NUENEN GERWEN EN NEDERWETTEN": "NUENEN CA",
}


def plain_name(name: str) -> str:
    """Return a municipality's name without accents, hyphens, points and case, for matching."""
    without_accents = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    words = re.sub(r"[^A-Z0-9]+", " ", without_accents.upper()).strip()
    return _OTHER_NAMES.get(words, words)


@checked(DatasetError)
def municipality_centroids(units: Iterable[str], folder: str | Path | None = None) -> pd.DataFrame:
    """Return code ("GM0718"), latitude and longitude (degrees) per municipality, indexed by the names given.

    `units` are names as Vektis writes them, on the borders of 2023. The default folder is ``SSINFER_DATA_DIR/cbs``.
    DatasetError: the file is absent, lacks a column, or has no row for some unit (all are named).
    """
    table = read_cbs(CENTROIDS, ["municipality", "code", "latitude", "longitude"], folder)
    table.index = table["municipality"].map(plain_name)
    names = list(units)
    unmatched = [name for name in names if plain_name(name) not in table.index]
    if unmatched:
        raise DatasetError(
            f"{CENTROIDS} has no municipality named {', '.join(unmatched)}. Allowed: the {len(table)} municipalities "
            f"of {CENTROID_DIVISION}. Next step: borders={CENTROID_DIVISION}, or leave out the covariates from there."
        )
    matched = table.loc[[plain_name(name) for name in names], ["code", "latitude", "longitude"]]
    return matched.set_axis(names, axis=0).rename_axis("unit")


def read_cbs(file_name: str, columns: Sequence[str], folder: str | Path | None = None) -> pd.DataFrame:
    """Return columns of a file of Statistics Netherlands; "." and empty fields are missing values."""
    return read_published("cbs", file_name, folder, columns=columns, missing=["."])[list(columns)]
