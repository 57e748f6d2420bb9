"""Reads a publisher's file on spending per municipality; a damaged file is refused with the reason."""

from __future__ import annotations

import hashlib
import io
from typing import TYPE_CHECKING

from ssinfer.datasets.io.csv import read_bytes
from ssinfer.datasets.io.folders import find_file
from ssinfer.datasets.vektis.columns import AGE_CLASSES, COUNTS, KEYS, SEXES, SPENDING_PREFIX, care_types
from ssinfer.datasets.vektis.sources import VEKTIS_FILES
from ssinfer.errors import DatasetError, did_you_mean

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

SEPARATOR = ";"
FETCH_AGAIN = "fetch the file again with `ssinfer data fetch vektis`, or download it again from the publisher"


def vektis_path(year: int, folder: str | Path | None = None) -> Path:
    """Return the path of the file of `year`, plain or ``.gz``; a missing file is refused with the next step."""
    if year not in VEKTIS_FILES:
        allowed = f"{min(VEKTIS_FILES)} to {max(VEKTIS_FILES)}"
        message = f"Vektis has no file for {year!r} here. Allowed: {allowed}. Next step: choose years from these."
        raise DatasetError(message)
    file = VEKTIS_FILES[year]
    return find_file("vektis", file.name, folder, fetchable=True, also=(file.publisher_name,))


def read_vektis_file(year: int, folder: str | Path | None = None, *, verify: bool = True) -> pd.DataFrame:
    """Return the file of `year` as a checked frame, one row per municipality, sex and age class.

    The pooled row (blank keys: cells with fewer than 10 insured) is kept, with missing keys.

    Parameters
    ----------
    year
        Year of spending.
    folder
        Folder of the files; by default ``SSINFER_DATA_DIR/vektis`` or the cache.
    verify
        Refuse a file with another SHA-256 than the registered one. False reads a version that the publisher has
        revised.

    Returns
    -------
    DataFrame
        unit, sex ("male", "female"), age_class ("0-4" to "90+"), insured (persons), insured_years, and a column per
        care type of that year (EUR).

    Raises
    ------
    DatasetError
        A file that is absent, truncated, of another year, separated by something else than ``;``, with decimal
        commas, with columns missing or unknown, or whose bytes are not the publisher's.
    """
    path = vektis_path(year, folder)
    raw = read_bytes(path, FETCH_AGAIN)
    digest = hashlib.sha256(raw).hexdigest()
    genuine = digest == VEKTIS_FILES[year].sha256
    if not genuine:
        _refuse_other_year(path, year, digest)
    lines = _text(path, raw).split("\n")
    names = _header(path, year, lines[0])
    if not genuine:
        _check_lines(path, lines, len(names))
    frame = _parse(path, raw, names)
    _check_rows(path, frame)
    if verify and not genuine:
        _refuse_bytes(path, year, digest, len(raw))
    return _labelled(path, frame)


def _refuse_other_year(path: Path, year: int, digest: str) -> None:
    for other in VEKTIS_FILES.values():
        if other.sha256 == digest:
            message = (
                f"{path} is named as the file of {year}, but its bytes are the publisher's file of {other.year}. "
                f"Allowed: the file of {year} under that name. Next step: rename it to {other.name}, and "
                f"{FETCH_AGAIN}."
            )
            raise DatasetError(message)


def _text(path: Path, raw: bytes) -> str:
    try:
        return raw.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        message = (
            f"{path} is not UTF-8 (byte {error.start}): another program has saved it. Allowed: the publisher's own "
            f"file, byte for byte. Next step: {FETCH_AGAIN}."
        )
        raise DatasetError(message) from error


def _header(path: Path, year: int, header: str) -> list[str]:
    if SEPARATOR not in header:
        got = next((name for sign, name in ((",", "a comma"), ("\t", "a tab"), ("|", "a bar")) if sign in header), None)
        message = (
            f"{path} has {got or 'no'} separator in its first line {header[:60]!r}. Allowed: columns separated by ';'. "
            f"Next step: {FETCH_AGAIN}."
        )
        raise DatasetError(message)
    names = [name.strip().strip('"').upper() for name in header.split(SEPARATOR)]
    wanted = [*KEYS, *COUNTS, *(SPENDING_PREFIX + care for care in care_types(year))]
    missing = [name for name in wanted if name not in names]
    unknown = [name for name in names if name not in wanted]
    if missing or unknown or len(set(names)) < len(names):
        fitting = [other for other in VEKTIS_FILES if _columns_fit(names, other)]
        of_year = f" These are the columns of {', '.join(map(str, fitting))}." if fitting else ""
        hint = f" {did_you_mean(missing[0], unknown)}" if missing and unknown else ""
        message = (
            f"{path}: the columns are not those of {year}. Missing: {', '.join(missing) or 'none'}. "
            f"Not expected, or twice: {', '.join(unknown) or 'none'}.{of_year}{hint} "
            f"Allowed: the publisher's columns of {year}. Next step: check the year in the file name, or {FETCH_AGAIN}."
        )
        raise DatasetError(message)
    return names


def _columns_fit(names: list[str], year: int) -> bool:
    wanted = [*KEYS, *COUNTS, *(SPENDING_PREFIX + care for care in care_types(year))]
    return sorted(names) == sorted(wanted)


def _check_lines(path: Path, lines: list[str], n_columns: int) -> None:
    rows = lines[1:-1] if lines[-1] == "" else lines[1:]
    if not rows:
        message = f"{path} has a header and no rows: it is truncated. Allowed: a whole file. Next step: {FETCH_AGAIN}."
        raise DatasetError(message)
    for number, row in enumerate(rows, start=2):
        fields = row.count(SEPARATOR) + 1
        if fields != n_columns:
            what = "the file is truncated" if number == len(rows) + 1 else "the row is damaged"
            message = (
                f"{path}, line {number}: {fields} fields, the header has {n_columns}: {what}. "
                f"Allowed: whole rows. Next step: {FETCH_AGAIN}."
            )
            raise DatasetError(message)
        if "," in row:
            value = next(part for part in row.split(SEPARATOR) if "," in part)
            message = (
                f"{path}, line {number}: {value!r} is written with a decimal comma (a spreadsheet saved the file "
                f"again). Allowed: decimal points, as the publisher writes. Next step: {FETCH_AGAIN}."
            )
            raise DatasetError(message)


def _parse(path: Path, raw: bytes, names: list[str]) -> pd.DataFrame:
    import pandas as pd  # noqa: PLC0415

    numbers = dict.fromkeys(names[len(KEYS) :], "float64")
    try:
        return pd.read_csv(
            io.BytesIO(raw),
            sep=SEPARATOR,
            encoding="utf-8-sig",
            header=0,
            names=names,
            dtype={**numbers, **dict.fromkeys(KEYS, "str")},
            keep_default_na=False,
            na_values={name: [""] for name in names},
        )
    except (ValueError, pd.errors.ParserError) as error:
        message = f"{path} cannot be read: {error}. Allowed: numbers with a decimal point. Next step: {FETCH_AGAIN}."
        raise DatasetError(message) from error


def _check_rows(path: Path, frame: pd.DataFrame) -> None:
    keys = list(KEYS)
    blank = frame[keys].isna()
    pooled = blank.all(axis=1)
    problems = (
        (blank.any(axis=1) & ~pooled, "has a blank sex, age class or municipality, but not all three"),
        (frame.drop(columns=keys).isna().any(axis=1), "has an empty number"),
        (frame["AANTAL_VERZEKERDEJAREN"] <= 0, "has no insured-years"),
        (frame.duplicated(keys), "repeats the municipality, sex and age class of an earlier row"),
    )
    for bad, what in problems:
        if bad.any():
            line = int(bad.to_numpy().argmax()) + 2
            message = f"{path}, line {line} {what}. Allowed: one full row per cell. Next step: {FETCH_AGAIN}."
            raise DatasetError(message)
    if pooled.sum() != 1:
        message = (
            f"{path} has {int(pooled.sum())} rows with blank keys (they pool the cells with fewer than 10 insured): "
            f"the file is truncated. Allowed: exactly one. Next step: {FETCH_AGAIN}."
        )
        raise DatasetError(message)


def _refuse_bytes(path: Path, year: int, digest: str, n_bytes: int) -> None:
    registered = VEKTIS_FILES[year]
    size = f"{n_bytes:,} bytes, the registered file {registered.n_bytes:,}"
    likely = "truncated" if n_bytes < registered.n_bytes else "changed"
    message = (
        f"{path} is not the publisher's file of {year}: SHA-256 {digest[:12]}..., registered "
        f"{registered.sha256[:12]}... ({size}); it is probably {likely}. Allowed: the registered bytes, plain or "
        f"compressed. Next step: {FETCH_AGAIN}; or, for a version that the publisher has revised, verify=False."
    )
    raise DatasetError(message)


def _labelled(path: Path, frame: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd  # noqa: PLC0415

    sexes = frame["GESLACHT"].map(SEXES)
    ages = frame["LEEFTIJDSKLASSE"].map(AGE_CLASSES)
    for got, column, allowed in ((sexes, "GESLACHT", SEXES), (ages, "LEEFTIJDSKLASSE", AGE_CLASSES)):
        unknown = frame.loc[got.isna() & frame[column].notna(), column]
        if len(unknown):
            message = (
                f"{path}: {column} holds {unknown.iloc[0]!r}. Allowed: {', '.join(map(repr, allowed))}. "
                f"Next step: {FETCH_AGAIN}."
            )
            raise DatasetError(message)
    care = {name: name.removeprefix(SPENDING_PREFIX) for name in frame.columns if name.startswith(SPENDING_PREFIX)}
    keys = pd.DataFrame(
        {
            "unit": frame["GEMEENTENAAM"],
            "sex": pd.Categorical(sexes, categories=list(SEXES.values())),
            "age_class": pd.Categorical(ages, categories=list(AGE_CLASSES.values()), ordered=True),
            "insured": frame["AANTAL_BSN"],
            "insured_years": frame["AANTAL_VERZEKERDEJAREN"],
        }
    )
    return pd.concat([keys, frame[list(care)].rename(columns=care)], axis=1)
