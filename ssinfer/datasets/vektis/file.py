"""Reads a publisher's file on spending per municipality; a damaged file is refused with the reason."""

import hashlib
from pathlib import Path
from typing import Any

import pandas as pd

from ssinfer.datasets.io.csv import damaged, plain_lines, read_bytes, read_delimited
from ssinfer.datasets.io.folders import find_file
from ssinfer.datasets.vektis.baskets import baskets_touched
from ssinfer.datasets.vektis.columns import AGE_CLASSES, COUNTS, KEYS, SEXES, SPENDING_PREFIX, care_types, known_names
from ssinfer.datasets.vektis.sources import VEKTIS_FILES, vektis_file
from ssinfer.errors import DatasetError, did_you_mean

FETCH_AGAIN = "fetch the file again with `ssinfer data fetch vektis`, or download it again from the publisher"


def vektis_path(year: int, folder: str | Path | None = None) -> Path:
    """Return the path of the file of `year`, plain or ``.gz``; a missing file is refused with the next step."""
    later = year in range(max(VEKTIS_FILES) + 1, 2100)
    if year not in VEKTIS_FILES and not later:
        allowed = f"{min(VEKTIS_FILES)} to {max(VEKTIS_FILES)}, and a later file in the folder with verify=False"
        raise DatasetError(
            f"Vektis has no file for {year!r} here. Allowed: {allowed}. Next step: choose years from these."
        )
    file = vektis_file(year) if later else VEKTIS_FILES[year]
    return find_file("vektis", file.name, folder, fetchable=not later, also=(file.publisher_name,))


def read_vektis_file(year: int, folder: str | Path | None = None, *, verify: bool = True) -> pd.DataFrame:
    """Return the file of `year` as a checked frame, one row per municipality, sex and age class.

    The columns are unit, sex, age_class, insured (persons), insured_years, and one per care type of that year (EUR).
    The pooled row of small cells is kept, with missing keys. `verify` refuses a file whose SHA-256 is not registered.
    """
    path = vektis_path(year, folder)
    raw = read_bytes(path, FETCH_AGAIN)
    digest = hashlib.sha256(raw).hexdigest()
    for other in VEKTIS_FILES.values():
        if other.sha256 == digest and other.year != year:
            problem = f" is named as the file of {year}, but its bytes are the publisher's file of {other.year}"
            raise damaged(path, problem, f"rename it to {other.name}, and {FETCH_AGAIN}", f"the file of {year}")
    header = plain_lines(raw).lstrip(b"\n").partition(b"\n")[0].decode(errors="replace")
    names = [name.strip().strip('"').upper() for name in header.split(";")]
    names = [known[0] if len(known := known_names(name)) == 1 else name for name in names]
    types = {**dict.fromkeys(names, "float64"), **dict.fromkeys(KEYS, "str")}
    missing = {name: [""] for name in names}
    if len(names) > 1:  # another separator is refused by the reader
        _check_columns(path, year, names)
    options: dict[str, Any] = {"dtype": types, "keep_default_na": False, "na_values": missing}
    ended = raw + b"\n"  # the publisher's files have no last line end; their SHA-256 shows whether they are whole
    frame = read_delimited(path, ended, FETCH_AGAIN, separator=";", header=0, names=names, **options)
    _check_rows(path, frame)
    if verify and (year not in VEKTIS_FILES or digest != VEKTIS_FILES[year].sha256):
        _refuse_bytes(path, year, digest, len(raw))
    return _labelled(path, frame)


def _columns_of(year: int) -> list[str]:
    return [*KEYS, *COUNTS, *(SPENDING_PREFIX + care for care in care_types(year))]


def _check_columns(path: Path, year: int, names: list[str]) -> None:
    wanted = _columns_of(year)
    missing = [name for name in wanted if name not in names]
    unknown = [name for name in names if name not in wanted]
    twice = sorted({name for name in names if names.count(name) > 1})
    if missing or unknown or twice:
        fitting = [other for other in VEKTIS_FILES if sorted(names) == sorted(_columns_of(other))]
        of_year = f" These are the columns of {', '.join(map(str, fitting))}." if fitting else ""
        hint = f" {did_you_mean(missing[0], unknown)}" if missing and unknown else ""
        cure = f"check the year in the file name, or {FETCH_AGAIN}"
        for name in unknown:
            known = known_names(name)
            if len(known) > 1:
                hint += f" {name} may be {' or '.join(known)}, cut off: write the full name, and use verify=False."
            elif not known and name.startswith(SPENDING_PREFIX):
                touched = ", ".join(baskets_touched(name))
                hint += f" {name} is in no earlier file: it may belong to the baskets {touched}."
                if not missing:
                    cure = f"leave out {year}; or delete the column, and use verify=False and a basket without it"
        raise DatasetError(
            f"{path}: the columns are not those of {year}. Missing: {', '.join(missing) or 'none'}. "
            f"Not expected, or twice: {', '.join([*unknown, *twice]) or 'none'}.{of_year}{hint} "
            f"Allowed: the publisher's columns of {year}. Next step: {cure}."
        )


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
    for bad, problem in problems:
        if bad.any():
            line = int(bad.to_numpy().argmax()) + 2
            raise damaged(path, f", line {line} {problem}", FETCH_AGAIN, "one full row per cell")
    if pooled.sum() != 1:
        problem = f" has {int(pooled.sum())} rows with blank keys (they pool the cells with fewer than 10 insured)"
        raise damaged(path, f"{problem}: the file is truncated", FETCH_AGAIN, "exactly one")


def _refuse_bytes(path: Path, year: int, digest: str, n_bytes: int) -> None:
    if year not in VEKTIS_FILES:
        cure = "compare it with the publisher's page, and read it with verify=False"
        raise damaged(path, f": no SHA-256 of {year} is registered here", cure, f"years up to {max(VEKTIS_FILES)}")
    registered = VEKTIS_FILES[year]
    problem = (
        f" is not the publisher's file of {year}: SHA-256 {digest[:12]}..., registered {registered.sha256[:12]}... "
        f"({n_bytes:,} bytes, the registered file {registered.n_bytes:,}); it is probably "
        f"{'truncated' if n_bytes < registered.n_bytes else 'changed'}"
    )
    cure = f"{FETCH_AGAIN}; or, for a version that the publisher has revised, verify=False"
    raise damaged(path, problem, cure, "the registered bytes, plain or compressed")


def _labelled(path: Path, frame: pd.DataFrame) -> pd.DataFrame:
    sexes = frame["GESLACHT"].map(SEXES)
    ages = frame["LEEFTIJDSKLASSE"].map(AGE_CLASSES | {" ".join(age.split()): AGE_CLASSES[age] for age in AGE_CLASSES})
    for got, column, allowed in ((sexes, "GESLACHT", SEXES), (ages, "LEEFTIJDSKLASSE", AGE_CLASSES)):
        unknown = frame.loc[got.isna() & frame[column].notna(), column]
        if len(unknown):
            problem = f": {column} holds {unknown.iloc[0]!r}"
            raise damaged(path, problem, FETCH_AGAIN, ", ".join(map(repr, allowed)))
    care = {name: name.removeprefix(SPENDING_PREFIX) for name in frame.columns if name.startswith(SPENDING_PREFIX)}
    names = {"GEMEENTENAAM": "unit", "AANTAL_BSN": "insured", "AANTAL_VERZEKERDEJAREN": "insured_years", **care}
    labelled = frame.rename(columns=names).assign(
        sex=pd.Categorical(sexes, categories=list(SEXES.values())),
        age_class=pd.Categorical(ages, categories=list(AGE_CLASSES.values()), ordered=True),
    )
    return labelled[["unit", "sex", "age_class", "insured", "insured_years", *care.values()]]
