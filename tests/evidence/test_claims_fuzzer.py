"""Mutants of files of claims: refused in one line without values, or counted as a strict reader counts."""

from __future__ import annotations

import datetime as dt
import gzip
import math
import random
import re
import sys
import warnings
from collections import Counter
from decimal import Decimal, InvalidOperation

import pandas as pd
import pytest
from file_mutants import CSV, PARQUET, Unreadable, parquet_mutant, read_csv_strictly, read_parquet_strictly

from ssinfer.claims import ClaimsTables, extract
from ssinfer.claims.tables.schema import TABLES
from ssinfer.errors import SsinferError

pytestmark = pytest.mark.evidence
YEARS = (2018, 2019)
PERSONS = [987_650_000 + number for number in range(8)]
PRIVATE = re.compile(r"98765000\d|psychiatry|77\.13")  # values of persons, which no message may hold


def frames():
    """Return small tables: eight persons, two practices, a mover, a death, lines outside every year."""
    day = dt.date
    return {
        "insured": pd.DataFrame(
            {
                "person": PERSONS,
                "birth_year": [1950, 1961, 1972, 1983, 1994, 2005, 1940, 2018],
                "sex": ["V", "M"] * 4,
                "region": ["x", "x", "y", "y"] * 2,
            }
        ),
        "enrolment": pd.DataFrame(
            {
                "person": [*PERSONS, PERSONS[0]],
                "insurer": ["A", "B", "A"] * 3,
                "practice": ["p", "p", "p", "p", "q", "q", "q", "q", "q"],
                "start": [day(2017, 1, 1)] * 7 + [day(2018, 3, 4), day(2019, 2, 1)],
                "end": [day(2019, 1, 31), None, day(2018, 6, 30), *[day(2019, 12, 31)] * 5, None],
            }
        ),
        "claims": pd.DataFrame(
            {
                "person": [PERSONS[number % 8] for number in range(20)],
                "date": [day(2017 + number % 3, 1 + number % 12, 1 + number) for number in range(20)],
                "category": ["gp", "hospital", "psychiatry", "drugs"] * 5,
                "amount": [round(77.13 + 11.17 * number, 2) for number in range(20)],
            }
        ),
        "deaths": pd.DataFrame({"person": [PERSONS[6]], "date": [day(2019, 5, 5)]}),
    }


def _date(value):
    if isinstance(value, dt.datetime):
        return value.date()
    if not isinstance(value, str):
        return value
    text = value.strip()
    try:
        return dt.date.fromisoformat(text) if re.fullmatch(r"\d{4}-\d\d-\d\d", text) else dt.date.fromisoformat("")
    except ValueError:
        raise Unreadable("no date") from None


def _whole(value):
    if isinstance(value, bool) or (isinstance(value, float) and not value.is_integer()):
        raise Unreadable("no whole number")
    try:
        return int(value)
    except (ValueError, TypeError):
        raise Unreadable("no whole number") from None


def _amount(value):
    try:
        amount = Decimal(value.strip()) if isinstance(value, str) else Decimal(str(value))
    except (InvalidOperation, ValueError):
        raise Unreadable("no amount") from None
    if not amount.is_finite():
        raise Unreadable("no finite amount")
    return amount


def _key(value):
    try:
        return _whole(value)
    except Unreadable:
        if isinstance(value, str):
            return value
        raise


READ = {"key": _key, "text": str, "whole": _whole, "number": _amount, "date": _date}


def strict_tables(folder):
    """Return the rows of each table by a strict reader; Unreadable if a file or a value is none."""
    tables = {}
    for name, columns in TABLES.items():
        files = [path for path in folder.glob(f"{name}*") if path.is_file()]
        files += [path for path in folder.glob(f"{name}/*") if path.name[0] not in "._"]
        rows = []
        for path in files:
            raw = path.read_bytes()
            if path.suffix == ".gz":
                try:
                    raw = gzip.decompress(raw)
                except (EOFError, OSError) as error:
                    raise Unreadable(str(error)) from None
            rows += read_parquet_strictly(raw) if path.suffix == ".parquet" else read_csv_strictly(raw)
        tables[name] = []
        for row in rows:
            values = {}
            for column, spec in columns.items():
                if spec.required and column not in row:
                    raise Unreadable(f"no column {column}")
                value = row.get(column)
                missing = (
                    value is None or value == "" or value is pd.NaT or (isinstance(value, float) and math.isnan(value))
                )
                if missing and not spec.missing and (spec.required or column != "region"):
                    raise Unreadable(f"{column} is missing")
                values[column] = None if missing else READ[spec.kind](value)
            tables[name].append(values)
    return tables


def strict_count(tables):
    """Return lines, cents and insured days of all lines and of the counted ones, by the rules of `extract`."""
    born = {row["person"]: row["birth_year"] for row in tables["insured"]}
    died = {row["person"]: row["date"] for row in tables["deaths"]}
    if len(born) < len(tables["insured"]) or len(died) < len(tables["deaths"]):
        raise Unreadable("a person twice")
    first, last = dt.date(YEARS[0], 1, 1), dt.date(YEARS[-1], 12, 31)
    days = set()
    for row in tables["enrolment"]:
        person, end = row["person"], row["end"] or last
        if end < row["start"]:
            raise Unreadable("a span ends before it starts")
        if person in born:
            low = max(row["start"], first, dt.date(min(max(born[person], 1), 9999), 1, 1))
            high = min(end, last, died.get(person, last))
            days |= {(person, low + dt.timedelta(k)) for k in range((high - low).days + 1)}
    lines = [(row["person"], row["date"], round(row["amount"] * 100)) for row in tables["claims"]]
    counted = [cents for person, date, cents in lines if (person, date) in days]
    return [len(lines), sum(line[2] for line in lines), len(counted), sum(counted), len(days)]


def mutate(rng, folder, tables):
    """Write the tables into a folder in one format, change one file or add one; return what was done."""
    suffix = rng.choice([".csv"] * 4 + [".csv.gz"] + [".parquet"] * 3)
    name = rng.choice(["claims"] * 4 + ["insured", "enrolment", "enrolment", "deaths"])
    for table, frame in tables.items():
        raw = frame.to_parquet(index=False) if suffix == ".parquet" else frame.to_csv(index=False).encode()
        (folder / f"{table}{suffix}").write_bytes(gzip.compress(raw, mtime=0) if suffix == ".csv.gz" else raw)
    path = folder / f"{name}{suffix}"
    whole = path.read_bytes()
    if rng.random() < 0.15:
        stray = rng.choice(
            [
                f"._{path.name}",
                f"{name}.bak{suffix}",
                f"{name}.csv",
                f"{name}.parquet",
                f"{name}_old{suffix}",
                name,
                "x.csv",
            ]
        )
        if stray == name:  # a folder of parts, in one or two files
            path.unlink()
            (folder / name).mkdir()
            (folder / name / f"part{suffix}").write_bytes(whole)
            (folder / name / rng.choice(["_SUCCESS", ".part.crc", f"part2{suffix}", "notes.txt"])).write_bytes(
                rng.choice([b"", whole])
            )
        else:
            (folder / stray).write_bytes(rng.choice([whole, b"", b"x\n"]))
        return f"stray {stray}"
    if suffix == ".csv.gz" and rng.random() < 0.5:
        place = rng.randrange(len(whole))
        path.write_bytes(rng.choice([whole[:place], whole[:place] + b"\x00" + whole[place + 1 :], whole + b"x"]))
        return f"{path.name}: gzip"
    if suffix == ".parquet":
        kind = rng.choice(PARQUET)
        path.write_bytes(parquet_mutant(rng, kind, tables[name]))
    else:
        kind = rng.choice(list(CSV))
        raw = CSV[kind](rng, tables[name].to_csv(index=False).encode())
        path.write_bytes(gzip.compress(raw, mtime=0) if suffix == ".csv.gz" else raw)
    return f"{path.name}: {kind}"


def outcome(folder, base, tables):
    """Return what one mutant ends in: refused, equal, different, or a fault with its text."""
    try:
        opened = ClaimsTables.open(folder, threads=1)
        result = extract(opened, periods=YEARS)
    except SsinferError as error:
        text = str(error).replace(str(folder), "")
        if "\n" in text or len(text) > 4000 or PRIVATE.search(text):
            return f"fault: not one line without values: {text[:300]!r}"
        return "refused"
    except Exception as error:  # noqa: BLE001
        return f"fault: traceback {type(error).__name__}: {str(error)[:200]}"
    every, counted = result.attrition.iloc[0], result.attrition.iloc[-1]
    found = [int(n) for n in (every["lines"], every["cents"], *counted[["lines", "cents", "insured_days"]])]
    try:
        expected = strict_count(tables(folder))
    except Unreadable as error:
        return "equal" if found == base else f"fault: read, although {error}"
    if found != expected:
        return f"fault: counted {found}, and the files hold {expected}"
    return "equal" if found == base else "different"


def test_mutants_of_claims_files(tmp_path, evidence_share, monkeypatch):
    """Fault R11: Fault R13: Fault R15: Fault R16: Fault R17: Fault R18: no traceback, no value, no other sum."""
    rng, whole = random.Random(19), frames()  # noqa: S311
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "scratch"))
    counts, faults = Counter(), {}
    clean = tmp_path / "clean"
    clean.mkdir()
    for name, frame in whole.items():
        frame.to_csv(clean / f"{name}.csv", index=False)
    base = strict_count(strict_tables(clean))
    assert outcome(clean, base, strict_tables) == "equal"
    for number in range(600 if evidence_share == 1 else 30):
        folder = tmp_path / str(number)
        folder.mkdir()
        done = mutate(rng, folder, whole)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = outcome(folder, base, strict_tables)
        counts[result.partition(":")[0]] += 1
        if result.startswith("fault"):
            faults.setdefault(f"{done}: {result}", number)
    sys.stdout.write(f"{dict(counts)}\n")  # shown by pytest -s
    assert not faults, "\n".join([str(counts), *(f"{number}: {fault}" for fault, number in faults.items())])
    assert min(counts[name] for name in ("refused", "equal", "different")) > 0.02 * sum(counts.values())
