"""Mutants of panel files: refused by name, or read as an independent reader of the bytes reads them."""

from __future__ import annotations

import csv
import io
import random
import re
import sys
import unicodedata

import fuzzing as fz
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ssinfer.benchmarks.administrative.method import AdministrativeBenchmark
from ssinfer.datasets.io.panel_file import read_panel_file
from ssinfer.design import Design
from ssinfer.panel import Panel

pytestmark = pytest.mark.evidence
SEPARATORS = (",", ";", "\t", "|")
NAMES = ["unit", "period", "spending", "insured_years", "ses"]
UNITS, YEARS = [f"u{number:02d}" for number in range(1, 13)], list(range(2011, 2017))
MISSING = {"", "#N/A", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null", "<NA>", "-nan", "-NaN", "#NA"}
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
GROUPED = re.compile(
    r"[+-]?[1-9]\d{0,2}([,' \u00a0])\d{3}(\1\d{3})*(\.\d*)?", re.ASCII
)  # thousands, as all other cells
LETTERS = str.maketrans({other: latin for latin, other in fz.LOOKALIKE.items()})
METHOD = AdministrativeBenchmark(n_draws=400, history=0)
DESIGN = Design(treated=["u01"], baseline=[2013, 2014, 2015], performance=[2016])


def base_rows() -> list[list[str]]:
    """Return the rows of a panel of 12 units and 6 years as text."""
    rng = np.random.default_rng(193)
    levels, sizes = rng.normal(2800, 150, 12), rng.integers(4000, 20_000, 12)
    return [
        [
            unit,
            str(year),
            f"{levels[i] * 1.02**t * (1 + 0.01 * rng.standard_normal()):.2f}",
            f"{sizes[i] + 10 * t}",
            f"{ses:.3f}",
        ]
        for i, unit in enumerate(UNITS)
        for ses in [rng.normal()]
        for t, year in enumerate(YEARS)
    ]


def to_csv(rows, header=NAMES, separator=",", end="\n") -> str:
    """Return rows as a CSV text."""
    return "".join(separator.join(row) + end for row in [header, *rows])


def number(text: str) -> float | None:
    """Return the number that a field holds, NaN for a missing one; None if it is no plain finite number."""
    if text.strip(" \t") in MISSING:
        return np.nan
    plain = text.strip(" \t").removeprefix("€").lstrip(" ")
    plain = re.sub(r"[,' \u00a0]", "", plain) if GROUPED.fullmatch(plain) else plain
    value = float(plain) if NUMBER.fullmatch(plain) else np.inf
    return None if np.isinf(value) else value


def folded(label: str) -> str:
    """Return a label without case, blanks, invisible signs and lookalikes of other alphabets."""
    plain = unicodedata.normalize("NFKC", label.translate(LETTERS)).casefold()
    return "".join(sign for sign in plain if unicodedata.category(sign) not in ("Cf", "Cc", "Zs", "Zl", "Zp"))


def decoded(raw: bytes) -> str:
    """Return a text: UTF-16 by its mark, UTF-8, or cp1252 if nothing in it is UTF-8."""
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return raw.decode("utf-16")
    try:
        return raw.decode()
    except UnicodeDecodeError:
        if any("\x7f" < sign != "\ufffd" for sign in raw.decode(errors="replace")):
            raise
        return raw.decode("cp1252")


def read(raw: bytes) -> dict | None:
    """Return the cells of a CSV file by unit and year, read by hand; None if no reader should take it."""
    try:
        text = decoded(raw).lstrip("\ufeff")
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        if not text.endswith("\n") or any(
            unicodedata.category(sign) == "Cc" for sign in text.replace("\n", "").replace("\t", "")
        ):
            return None
        lines = text.split("\n")
        while len(lines) > 1 and len(lines[0].split(",")) == 1 and set(NAMES) <= set(lines[1].split(",")):
            lines.pop(0)  # a title
        separator = next((sign for sign in SEPARATORS if set(NAMES) <= set(re.split(f'[{sign}"]', lines[0]))), ",")
        text = "\n".join(lines)
        table = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True) if row]
    except (UnicodeDecodeError, csv.Error):
        return None
    if not table or any(len(row) != len(table[0]) for row in table) or any(table[0].count(name) != 1 for name in NAMES):
        return None
    places = [table[0].index(name) for name in NAMES]
    return cells_of([[row[place] for place in places] for row in table[1:]])


def cells_of(rows) -> dict | None:
    """Return the cells of rows of text by unit and year; None if they are no panel."""
    cells = {}
    for label, period, *fields in rows:
        year, values = number(str(period)), [number(field) for field in fields]
        if label == "" or year is None or not 1000 <= year <= 9999 or not year.is_integer() or None in values:
            return None
        if (label, int(year)) in cells or (not np.isnan(values[0]) and not values[1] > 0) or values[1] <= 0:
            return None
        cells[label, int(year)] = values
    units = {unit for unit, _ in cells}
    years = {unit: sorted(year for name, year in cells if name == unit) for unit in units}
    known = sorted({year for _, year in cells})
    if not cells or len({folded(unit) for unit in units}) < len(units) or len(known) != known[-1] - known[0] + 1:
        return None
    if any(len(own) != own[-1] - own[0] + 1 for own in years.values()):
        return None
    return cells


def mutant_csv(rng, rows) -> tuple[str, bytes, tuple[str, ...], bool]:
    """Return the kind of a mutation, the bytes, words of a refusal, and whether the meaning stays."""
    rows, header = [list(row) for row in rows], list(NAMES)
    kind = rng.choice(("damage", "damage", "cell", "cell", "label", "header", "order", "rows", "format", "periods"))
    row, column = rng.randrange(len(rows)), rng.randrange(len(NAMES))
    if kind == "damage":
        damage, raw = fz.mangled(to_csv(rows).encode(), rng)
        return damage, raw, (), False
    if kind == "cell":
        column, old = rng.choice((2, 3)), rows[row][rng.choice((2, 3))]
        whole = old.split(".")[0]
        grouped = (
            f"{whole[:1]},{whole[1:]}",
            f'"{whole[:1]},{whole[1:]}.50"',
            f"{whole[:1]}.{whole[1:]},50",
            f"{whole[:1]} {whole[1:]}",
        )
        hostile = (
            "",
            "NA",
            "nan",
            "inf",
            "-inf",
            "-5",
            "0",
            "1e400",
            "1e-320",
            "9" * 30,
            "9" * 400,
            "0x10",
            "1_000",
            "True",
            "１２３",
        )
        hostile = (
            *hostile,
            "=1+1",
            "'5",
            "5%",
            "€5",
            "1e3",
            " 3000",
            "3000 ",
            "3000\u00a0",
            "-",
            "?",
            "2000.5.1",
            "1d3",
            "+3000",
            "1,5",
        )
        rows[row][column] = rng.choice((*grouped, *hostile, old, str(float(old) * 1.01)))
        return kind, to_csv(rows, header).encode(), (NAMES[column], f"line {row + 2}", "line", "separator"), False
    if kind == "label":
        rows[row][0] = rng.choice(
            (fz.misspelt(rows[row][0], rng), rng.choice(UNITS), "", "NA", "None", "007", "1e5", "=cmd|x", "a\x1bb")
        )
        return kind, to_csv(rows).encode(), ("Unit", "unit", "Label"), False
    if kind == "header":
        wrong = rng.choice(
            (fz.misspelt(header[column], rng), rng.choice(NAMES), "", header[column].upper(), f" {header[column]}")
        )
        same, name = wrong == header[column], header[column]
        header[column] = wrong
        return kind, to_csv(rows, header).encode(), (name, wrong, "column", "Column", "rows"), same
    if kind == "order":
        order = rng.sample(range(5), 5)
        rng.shuffle(rows)
        return (
            kind,
            to_csv([[line[place] for place in order] for line in rows], [header[place] for place in order]).encode(),
            (),
            True,
        )
    if kind == "rows":
        other = rng.randrange(len(rows))
        which = rng.choice(("cells", "values", "double", "drop", "double and change", "total"))
        if which == "cells":
            rows[row][2], rows[row][3] = rows[row][3], rows[row][2]
        elif which == "values":
            rows[row][2:], rows[other][2:] = rows[other][2:], rows[row][2:]
        elif which == "drop":
            del rows[row : row + rng.randrange(1, 8)]
        else:
            rows.insert(other, [*rows[row][:2], "3000" if "change" in which else rows[row][2], *rows[row][3:]])
        return kind, to_csv(rows).encode(), ("Unit", "unit", "Periods"), False
    if kind == "format":
        which = rng.choice(
            ("semicolon", "tab", "decimal comma", "quoted", "blank lines", "trailing comma", "comment", "crlf", "bar")
        )
        text = to_csv(rows)
        texts = {
            "semicolon": to_csv(rows, separator=";"),
            "tab": to_csv(rows, separator="\t"),
            "bar": to_csv(rows, separator="|"),
            "decimal comma": to_csv([[field.replace(".", ",") for field in line] for line in rows]),
            "quoted": to_csv([[f'"{field}"' for field in line] for line in rows], [f'"{name}"' for name in header]),
            "blank lines": text.replace("\n", "\n\n", rng.randrange(1, 9)),
            "trailing comma": text.replace("\n", ",\n"),
            "comment": f"# made by hand\n{text}",
            "crlf": text.replace("\n", "\r\n"),
        }
        return (
            kind,
            texts[which].encode(),
            ("separator", "line", "column", "first line"),
            which not in ("decimal comma", "trailing comma"),
        )
    which = rng.choice(("one", "one", "shift", "blank", "text", "fraction"))
    if which == "one":
        rows[row][1] = rng.choice(
            (
                *map(str, range(2009, 2019)),
                "2012Q1",
                "12",
                "2012-01-01",
                "x",
                "",
                "20112",
                "2012.5",
                "2012.0",
                "２０１２",
            )
        )
    changes = {
        "shift": lambda year: str(int(year) + 3),
        "blank": lambda year: f" {year}",
        "fraction": lambda year: f"{year}.0",
    }
    if which in changes:
        for line in rows:
            line[1] = changes[which](line[1])
    return kind, to_csv(rows).encode(), ("period", "Period", "year", "row"), which in ("blank", "fraction", "text")


def panel_of(path):
    """Return the panel of a file, as a study reads it."""
    return Panel.from_frame(read_panel_file(path, "unit"), covariates=["ses"])


def compared(panel, cells, base, meaning_stays) -> tuple[str, str]:
    """Return the end of a file that was read: every cell must be the one that was read by hand."""
    if cells is None:
        return fz.WRONG, "accepted, but no reader should take it"
    units, years = {unit for unit, _ in cells}, {year for _, year in cells}
    if set(panel.units) != units or {int(float(str(label).strip())) for label in panel.periods} != years:
        return fz.WRONG, f"units or periods differ: {sorted(units ^ set(panel.units))[:3]}, {panel.periods}"
    for row, unit in enumerate(panel.units):
        for column, label in enumerate(panel.periods):
            got = [panel.spending[row, column], panel.insured_years[row, column], panel.covariates["ses"][row, column]]
            wanted = cells.get((unit, int(float(str(label).strip()))), [np.nan] * 3)
            if not np.allclose(got, wanted, rtol=1e-14, atol=0, equal_nan=True):
                return fz.WRONG, f"cell {unit} {label}: read {got}, by hand {wanted}"
    same = panel.fingerprint() == base.fingerprint()
    if meaning_stays and not same and panel.periods == base.periods:
        return fz.WRONG, "what carries no meaning changed the panel"
    return (fz.EQUAL if same else fz.DIFFERENT), ""


def mutant_parquet(rng, table: pa.Table, raw: bytes) -> tuple[str, bytes, object]:
    """Return the kind of a mutation, the bytes of a Parquet file, and what it means: a column, or a word."""
    kind = rng.choice(
        ("parquet cut", "parquet bits", "parquet bits", "parquet types", "parquet types", "parquet columns")
    )
    if kind == "parquet cut":
        return kind, raw[: rng.randrange(len(raw))], "refused"
    if kind == "parquet bits":
        damaged = bytearray(raw)
        for _ in range(rng.choice((1, 1, 5))):
            damaged[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)
        return kind, bytes(damaged), "same or refused"
    frame = table.to_pandas()
    if kind == "parquet columns":
        name = rng.choice(NAMES)
        which = rng.choice(("drop", "rename", "order", "index"))
        frame = {
            "drop": lambda: frame.drop(columns=name),
            "rename": lambda: frame.rename(columns={name: fz.misspelt(name, rng)}),
            "order": lambda: frame.sample(frac=1, random_state=rng.randrange(99))[rng.sample(NAMES, 5)],
            "index": lambda: frame.set_index(["unit", "period"]),
        }[which]()
        return kind, parquet(pa.Table.from_pandas(frame)), "refused" if which in ("drop", "rename") else "same"
    name, kind_of = (
        rng.choice(NAMES[2:]),
        rng.choice(("text", "date", "list", "bool", "decimal", "category", "missing", "struct", "inf")),
    )
    values = frame[name]
    arrays = {
        "text": lambda: pa.array([str(value) for value in values]),
        "date": lambda: pa.array([int(abs(value) * 100) for value in values], pa.timestamp("s")),
        "list": lambda: pa.array([[value] for value in values]),
        "bool": lambda: pa.array([value > 0 for value in values]),
        "decimal": lambda: pa.array([round(value, 3) for value in values]).cast(pa.decimal128(12, 3)),
        "category": lambda: pa.array(values).dictionary_encode(),
        "missing": lambda: pa.array([None] * len(values), pa.float64()),
        "struct": lambda: pa.array([{"x": value} for value in values]),
        "inf": lambda: pa.array([np.inf, *values[1:]]),
    }
    new = table.set_column(NAMES.index(name), name, arrays[kind_of]())
    meaning = {"decimal": "same", "category": "same", "text": "same or refused", "bool": (name, values > 0)}
    if name != "insured_years":
        meaning["missing"] = (name, values * np.nan)
    return kind, parquet(new), meaning.get(kind_of, "refused")


def parquet(table: pa.Table) -> bytes:
    """Return a table as Parquet with a checksum per page."""
    sink = io.BytesIO()
    pq.write_table(table, sink, write_page_checksum=True)
    return sink.getvalue()


def fitted(panel) -> tuple[float, float]:
    """Return benchmark and spending of u01 in 2016."""
    cf = METHOD.fit(panel, DESIGN, seed=1)
    return float(cf.level), float(cf.savings().pooled().spending.item())


def test_mutants_of_csv_panels(evidence_share, tmp_path):
    """2,600 mutants of a CSV panel; of some that are read, the treated unit's spending and the sealed benchmark."""
    rng, table, rows, path = random.Random(193), fz.Table(), base_rows(), tmp_path / "panel.csv"  # noqa: S311
    path.write_text(to_csv(rows), encoding="utf-8")
    base, text = panel_of(path), to_csv(rows)
    benchmark, _ = fitted(base)
    for turn in range(2600 if evidence_share == 1 else 130):
        kind, raw, names, stays = mutant_csv(rng, rows)
        path.write_bytes(raw)
        panel = fz.attempt(lambda: panel_of(path))
        if isinstance(panel, Exception):
            end = fz.refusal_end(panel, names or ("line", "olumn", "nit", "eriod", "Label", "panel.csv"))
            end = (fz.WRONG, f"refused, but the meaning stays: {panel}"[:200]) if stays and not names else end
        else:
            cells = read(raw)
            end = compared(panel, cells, base, stays)
            if turn % 8 == 0 and end[0] == fz.DIFFERENT and {("u01", year) for year in YEARS[2:]} <= set(cells):
                fit = fz.attempt(lambda panel=panel: fitted(panel))
                if isinstance(fit, Exception):
                    end = fz.refusal_end(fit, ("u", "20", "donor", "unit"))
                elif fit[1] != pytest.approx(cells["u01", 2016][0], rel=1e-12):
                    end = fz.WRONG, f"spending {fit[1]}, by hand {cells['u01', 2016][0]}"
        table.add(kind, *end, fz.difference(raw, text))
    for percent in (50, -20):  # a change of the sealed cell changes spending, and no benchmark
        cell = next(line for line in rows if line[:2] == ["u01", "2016"])
        new = [
            line if line is not cell else [*cell[:2], str(float(cell[2]) * (1 + percent / 100)), *cell[3:]]
            for line in rows
        ]
        path.write_text(to_csv(new), encoding="utf-8")
        assert fitted(panel_of(path)) == (benchmark, pytest.approx(float(cell[2]) * (1 + percent / 100)))
    sys.stdout.write(f"\nCSV panels\n{table.text()}\n")
    assert not table.bad, table.told()


def test_mutants_of_parquet_panels(evidence_share, tmp_path):
    """1,000 mutants of a Parquet panel: cut files, flipped bits, other types, other columns."""
    rng, counts, path = random.Random(194), fz.Table(), tmp_path / "panel.parquet"  # noqa: S311
    frame = pd.DataFrame(base_rows(), columns=NAMES).astype({"period": int, **dict.fromkeys(NAMES[2:], float)})
    table = pa.Table.from_pandas(frame, preserve_index=False)
    raw = parquet(table)
    path.write_bytes(raw)
    base = panel_of(path)
    for _ in range(1000 if evidence_share == 1 else 60):
        kind, mutant, meaning = mutant_parquet(rng, table, raw)
        path.write_bytes(mutant)
        panel = fz.attempt(lambda: panel_of(path))
        if isinstance(panel, Exception):
            end = fz.refusal_end(panel, ("panel.parquet", "olumn", "insured_years", "pending", "ses"))
            end = (fz.WRONG, f"refused, but the meaning stays: {panel}"[:200]) if meaning == "same" else end
        else:
            same = panel.fingerprint() == base.fingerprint()
            right = same and meaning in ("same", "same or refused")
            if isinstance(meaning, tuple):  # the column as it should be; the rows are sorted by unit and year
                column = panel.to_frame()[meaning[0]].to_numpy()
                right = np.array_equal(column, meaning[1].to_numpy(dtype=float), equal_nan=True)
            end = (fz.EQUAL if right and same else fz.DIFFERENT if right else fz.WRONG, f"read, but {meaning}")
        counts.add(kind, *end, repr(mutant[:1]))
    sys.stdout.write(f"\nParquet panels\n{counts.text()}\n")
    assert not counts.bad, counts.told()
