"""Mutants of panel files and design files: `ssinfer benchmark` refuses them, or reads what a strict reader reads."""

from __future__ import annotations

import json
import math
import random
import re
import sys
import warnings
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from file_mutants import CSV, PARQUET, SIGNS, Unreadable, parquet_mutant, read_csv_strictly, read_parquet_strictly

from ssinfer.errors import SsinferError
from ssinfer.plugins.exchange import benchmark_files, read_design, read_panel

pytestmark = pytest.mark.evidence
COLUMNS = {"covariates": ["need"]}
DESIGN = {
    "schema_version": 1,
    "treated": ["u00"],
    "baseline": [2011, 2012, 2013],
    "performance": [2014, 2015],
    "under_contract": ["u01"],
    "incomplete": "refuse",
    "levels": [0.9],
    "columns": COLUMNS,
}
NUMBERS = ("spending", "insured_years", "need")
# What pandas reads as a missing number, and as a number.
MISSING = {"", "#N/A", "#NA", "-NaN", "-nan", "<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"}
NUMBER = re.compile(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*", re.ASCII)


def frame():
    rng = np.random.default_rng(3)
    rows = [
        (f"u{j:02d}", t, round(3000 + 40 * j + 30 * (t - 2011) + rng.normal(0, 40), 2), int(rng.integers(3000, 9000)))
        for j in range(14)
        for t in range(2011, 2016)
    ]
    table = pd.DataFrame(rows, columns=["unit", "period", "spending", "insured_years"])
    return table.assign(need=np.round(rng.uniform(0.9, 1.1, len(table)), 3))


def design_mutant(rng, document):
    """Return the text of a design file with one change."""
    text = json.dumps(document)
    key, place = rng.choice(list(document)), rng.randrange(len(text))
    digit = rng.choice([k for k, sign in enumerate(text) if sign.isdigit()])
    values = [None, True, 0, -1, 2014, 2014.0, 10**30, "", "u02", "2014", "x\x1b", [], ["u02"], [2014], {}, {"x": 1}]
    changes = {
        "cut": lambda: text[: rng.randrange(len(text))],
        "value": lambda: json.dumps({**document, key: rng.choice(values)}),
        "key lost": lambda: json.dumps({name: value for name, value in document.items() if name != key}),
        "key renamed": lambda: text.replace(f'"{key}"', f'"{rng.choice([key[:-1], key.upper(), key + " "])}"'),
        "key twice": lambda: text[:-1] + f', "{key}": {json.dumps(rng.choice(values))}}}',
        "sign": lambda: text[:place] + rng.choice(SIGNS) + text[place:],
        "sign lost": lambda: text[:place] + text[place + 1 :],
        "digit": lambda: text[:digit] + rng.choice("0123456789") + text[digit + 1 :],
        "exchanged": lambda: json.dumps({**document, "baseline": document["performance"], "performance": [2011]}),
        "order": lambda: json.dumps(dict(rng.sample(list(document.items()), len(document))), indent=2),
        "depth": lambda: text[:-1] + ', "x": ' + "[" * rng.choice([5, 100, 10**5]) + "}",
        "constant": lambda: text.replace("0.9", rng.choice(["NaN", "Infinity", "1e999", "0.90", "9e-1", "90"])),
        "other text": lambda: rng.choice(["", "\ufeff" + text, text * 2, "[]", "null", text + "\n" * 5]),
    }
    return changes[rng.choice(list(changes))]().encode("utf-8", "surrogatepass")


def label(value):
    """Return a label as text, a whole float as a whole number."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        raise Unreadable("no label")
    text = str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
    if any(ord(sign) < 32 or sign == "\u202e" for sign in text):
        raise Unreadable("control character")
    return text


def number(value):
    if value is None or (isinstance(value, str) and value in MISSING):
        return math.nan
    if isinstance(value, str) and not NUMBER.fullmatch(value):
        if value.strip().lower().lstrip("+-") in ("inf", "infinity"):
            return float(value)
        raise Unreadable("no number")
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        raise Unreadable("no number") from None


def strict_cells(raw, suffix):
    """Return the cells (unit, period) of a panel file: spending, insured-years, need."""
    rows = read_csv_strictly(raw) if suffix == "csv" else read_parquet_strictly(raw)
    cells = {}
    try:
        for row in rows:
            period = row["period"]
            numeric = isinstance(period, str) and re.fullmatch(r"\s*\d+(\.0*)?\s*", period, re.ASCII)
            period = str(int(float(period))) if numeric else label(period)
            key = label(row["unit"]), period
            if key in cells:
                raise Unreadable("a cell twice")
            cells[key] = tuple(number(row[name]) for name in NUMBERS)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise Unreadable(str(error)) from None
    return cells


def same_cells(panel, cells):
    """Return whether a panel has these cells; a row that the file lacks is a missing cell."""
    unknown = np.full(panel.spending.shape, math.nan)  # a column without a value means unknown sizes
    years = unknown if panel.insured_years is None else panel.insured_years
    arrays = (panel.spending, years, panel.covariates["need"])
    held = {
        (unit, str(period)): tuple(float(array[row, column]) for array in arrays)
        for row, unit in enumerate(panel.units)
        for column, period in enumerate(panel.periods)
    }
    lacking = (math.nan,) * 3
    return cells.keys() <= held.keys() and all(
        np.allclose(values, cells.get(key, lacking), rtol=1e-12, atol=0, equal_nan=True) for key, values in held.items()
    )


def strict_design(raw):
    """Return treated, baseline, performance and under_contract of a design file, as text."""

    def once(pairs):
        if len({key for key, _ in pairs}) < len(pairs):
            raise Unreadable("a key twice")
        return dict(pairs)

    def refuse(constant):
        raise Unreadable(constant)

    try:
        document = json.loads(raw.decode("utf-8-sig"), object_pairs_hook=once, parse_constant=refuse)
        if document["schema_version"] not in (1, 2) or set(document) - set(DESIGN) - {"donors", "masked", "accept"}:
            raise Unreadable("a key that does not exist")
        listed = {key: document.get(key) or [] for key in ("treated", "baseline", "performance", "under_contract")}
        return {
            key: sorted(label(value) for value in (values if isinstance(values, list) else [values]))
            for key, values in listed.items()
        } | {"levels": document.get("levels")}
    except (UnicodeDecodeError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Unreadable(str(error)) from None


def run(folder, suffix):
    (path,) = benchmark_files(
        *(folder / f"panel.{suffix}", folder / "design.json", "AdministrativeBenchmark", folder / "out.json"),
        parameters='{"n_draws": 800, "chains": 2}',
    )
    return json.loads(path.read_text())


def outcome(folder, suffix, base):
    """Return what one mutant ends in: refused, equal, different, or a fault with its text."""
    for path in folder.glob("out*"):
        path.unlink()
    try:
        document = run(folder, suffix)
    except SsinferError as error:
        if "\n" in str(error) or not 10 < len(str(error)) <= 4000:
            return f"fault: not one line: {str(error)[:200]!r}"
        return "refused" if not list(folder.glob("*out*")) else "fault: refused, with a file"
    except Exception as error:  # noqa: BLE001
        return f"fault: traceback {type(error).__name__}: {str(error)[:200]}"
    request = read_design(folder / "design.json")
    try:
        design = strict_design((folder / "design.json").read_bytes())
        cells = strict_cells((folder / f"panel.{suffix}").read_bytes(), suffix)
    except Unreadable as error:
        return f"fault: read, although {error}"
    stated = {name: sorted(map(str, document["design"][name])) for name in list(design)[:4]}
    if stated != {name: design[name] for name in stated}:
        return f"fault: design {stated}, and the file says {design}"
    if not same_cells(read_panel(folder / f"panel.{suffix}", request), cells):
        return "fault: other cells than the strict reader's"
    summary, lacking = document["summary"], (math.nan,) * 3
    for unit, period, spending, years in zip(
        *(summary[k] for k in ("unit", "period", "spending", "insured_years")), strict=True
    ):
        told = [math.nan if value is None else value for value in (spending, years)]
        held = list(cells.get((unit, str(period)), lacking)[:2])
        if (unit, str(period)) not in cells:  # insured-years that are not known yet are the last known ones
            held[1] = told[1]
        if unit != "pooled" and not np.allclose(told, held, rtol=1e-12, equal_nan=True):
            return "fault: other spending of the treated unit"
    same = (design, cells) == base[:2]
    equal = np.allclose(document["draws"]["benchmark"], base[2], rtol=1e-9) if same else False
    return "fault: equal input, other draws" if same and not equal else "equal" if same else "different"


def test_mutants_of_exchange_files(tmp_path, evidence_share):
    """Fault R11: Fault R13: Fault R28: Fault R32: no traceback, and no number that the file does not hold."""
    rng = random.Random(19)  # noqa: S311
    table = frame()
    whole = {"panel.csv": table.to_csv(index=False).encode(), "panel.parquet": table.to_parquet(index=False)}
    whole["design.json"] = json.dumps(DESIGN).encode()
    for name, raw in whole.items():
        (tmp_path / name).write_bytes(raw)
    draws = run(tmp_path, "csv")["draws"]["benchmark"]
    base = strict_design(whole["design.json"]), strict_cells(whole["panel.csv"], "csv"), draws
    counts, faults = Counter(), {}
    for _ in range(4400 if evidence_share == 1 else 220):
        name = rng.choice(["panel.csv"] * 5 + ["panel.parquet"] * 3 + ["design.json"] * 2)
        kind = rng.choice(list(CSV if name == "panel.csv" else PARQUET if name == "panel.parquet" else ["design"]))
        raw = (
            CSV[kind](rng, whole[name])
            if name == "panel.csv"
            else parquet_mutant(rng, kind, table)
            if name == "panel.parquet"
            else design_mutant(rng, DESIGN)
        )
        (tmp_path / name).write_bytes(raw)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = outcome(tmp_path, "parquet" if name == "panel.parquet" else "csv", base)
        counts[result.partition(":")[0]] += 1
        if result.startswith("fault"):
            faults.setdefault(f"{name}, {kind}: {result}", raw)
        (tmp_path / name).write_bytes(whole[name])
    sys.stdout.write(f"{dict(counts)}\n")  # shown by pytest -s
    assert not faults, "\n".join([str(counts), *(f"{fault}: {raw[:60]!r}" for fault, raw in faults.items())])
    assert min(counts[name] for name in ("refused", "equal", "different")) > 0.02 * sum(counts.values())
