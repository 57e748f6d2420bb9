"""Small files in the publisher's form, and a cache folder of the test's own."""

from __future__ import annotations

import gzip
import hashlib
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ssinfer.datasets.vektis import file as vektis_file
from ssinfer.datasets.vektis.columns import AGE_CLASSES, COUNTS, KEYS, SPENDING_PREFIX, care_types
from ssinfer.datasets.vektis.sources import VEKTIS_FILES, VektisFile

if TYPE_CHECKING:
    from pathlib import Path

UNITS = ("ALFA", "BETA", "GAMMA")


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch) -> Path:
    """No test reads or fills the user's cache."""
    cache = tmp_path / "cache"
    monkeypatch.setenv("SSINFER_CACHE_DIR", str(cache))
    return cache


def vektis_text(year: int, units: tuple[str, ...] = UNITS, *, case: str = "upper") -> str:
    """A file of `year` with every cell of `units`: cell totals are deterministic, the pooled row comes last."""
    rng = np.random.default_rng(year)
    names = [*KEYS, *COUNTS, *(SPENDING_PREFIX + care for care in care_types(year))]
    lines = [";".join(name.upper() if case == "upper" else name.lower() for name in names)]
    for sex in "MV":
        for position, age in enumerate(AGE_CLASSES):
            for unit in units:
                insured = 100 + 10 * position + len(unit)
                values = rng.gamma(2.0, 100.0 * (1 + position), size=len(care_types(year)))
                shown = ";".join(f"{value:.2f}" for value in values)
                lines.append(f"{sex};{age};{unit};{insured};{insured * 0.9:.2f};{shown}")
    lines.append(";;;50;45.5;" + ";".join("1000.25" for _ in care_types(year)))
    return "\n".join(lines)


def register(monkeypatch, year: int, raw: bytes) -> VektisFile:
    """Take `raw` for the publisher's bytes of `year`."""
    old = VEKTIS_FILES[year]
    file = VektisFile(year, old.folder, old.publisher_name, hashlib.sha256(raw).hexdigest(), len(raw))
    monkeypatch.setitem(vektis_file.VEKTIS_FILES, year, file)
    return file


@pytest.fixture
def write_vektis(tmp_path, monkeypatch):
    """Write a file of a year into a folder of the test's own; registered as genuine unless told otherwise."""
    folder = tmp_path / "vektis"
    folder.mkdir()

    def write(year: int, text: str | bytes | None = None, *, genuine: bool = False, compress: bool = False) -> Path:
        content = vektis_text(year) if text is None else text
        raw = content.encode() if isinstance(content, str) else content
        if genuine:
            register(monkeypatch, year, raw)
        name = VEKTIS_FILES[year].name
        path = folder / (f"{name}.gz" if compress else name)
        path.write_bytes(gzip.compress(raw) if compress else raw)
        return path

    write.folder = folder
    return write


@pytest.fixture
def vektis_text_of():
    """The writer of files in the publisher's form."""
    return vektis_text
