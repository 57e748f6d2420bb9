"""Mutants of study files: refused by name, or planned and evaluated as an independent reading of the file says."""

from __future__ import annotations

import datetime as dt
import math
import random
import sys
import tomllib
import unicodedata

import fuzzing as fz
import numpy as np
import pandas as pd
import pytest

from ssinfer.contracts.contract import shipped_contracts
from ssinfer.simulation.panel import simulate_panel
from ssinfer.study import plan_study, run_study

pytestmark = pytest.mark.evidence
UNITS = ["treated", *(f"group {number:02d}" for number in range(1, 14))]
YEARS = list(range(2011, 2018))
BASE = {
    "title": "A small study",
    "question": "Which design?",
    "currency": "EUR",
    "seed": 5,
    "suppress_below": 10,
    "data": {
        "source": "panel",
        "file": "panel.csv",
        "columns": {"covariates": ["latitude", "longitude", "ses"]},
        "plausible": [500, 20000],
        "spending_is": "per insured-year",
        "periods_per_year": 1,
        "accept": ["jump"],
    },
    "population": {"treated": ["treated"], "at_least": 1000, "ratio": 50.0, "ses": "ses", "size_edges": [10000, 20000]},
    "windows": {"baseline": {"first": 2014, "last": 2016}, "performance": [2017], "masked": [2020], "origins": [2016]},
    "comparison": [
        {"name": "all", "label": "all others", "incomplete": "refuse", "at_least": 100, "ratio": 100},
        {"name": "few", "donors": UNITS[1:9], "baseline": [2015, 2016], "spending_within": 0.9},
        {"name": "near", "within_km": 400, "beyond_km": 0},
    ],
    "method": [
        {
            "method": "AdministrativeBenchmark",
            "name": "equal",
            "parameters": {"n_draws": 400, "chains": 4, "history": 0, "year_weights": [0.5, 0.5]},
            "comparisons": ["few"],
        }
    ],
    "threshold": {
        "levels": [0.90],
        "injected": [0.0, 0.03],
        "kind": "confidence",
        "level": 0.9,
        "side": "one-sided",
        "calibrate": False,
    },
    "sharing": {"contract": "kerngezond-vlissingen", "share": 0.5},
}


def number(low=-math.inf, high=math.inf, *, whole=False, ends=True):
    """Return the rule of a number between two limits; `ends`: the limits are allowed."""

    def rule(value):
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            return False
        inside = low <= value <= high if ends else low < value < high
        return inside and (not whole or float(value).is_integer())

    return rule


def one_of(*allowed):
    """Return the rule of fixed words."""
    return lambda value: any(type(value) is type(word) and value == word for word in allowed)


def several(rule, least=0):
    """Return the rule of a list whose parts follow a rule."""
    return lambda value: isinstance(value, list) and len(value) >= least and all(map(rule, value))


def text(value):
    """Return whether a value is a text that can be printed on one line."""
    return isinstance(value, str) and not any(unicodedata.category(sign) in ("Cc", "Cs") for sign in value)


def named(value):
    """Return whether a value is a text that is not blank."""
    return text(value) and bool(value.strip())


def periods(value):
    """Return whether a value names periods of the panel."""
    if isinstance(value, dict):
        return set(value) == {"first", "last"} and all(map(year, value.values())) and value["first"] <= value["last"]
    return isinstance(value, list) and bool(value) and all(map(year, value)) and len(set(value)) == len(value)


def year(value):
    """Return whether a value is a year of the panel."""
    return type(value) is int and value in YEARS


def unit(value):
    """Return whether a value names a unit of the panel; blanks at its ends do not count."""
    return isinstance(value, str) and value.strip() in UNITS


def covariate(value):
    """Return whether a value names a covariate of the panel; blanks at its ends do not count."""
    return isinstance(value, str) and value.strip() in ("latitude", "longitude", "ses")


#: What each key allows, by its path without positions in lists.
ALLOWED = {
    "title": text,
    "question": text,
    "currency": named,
    "seed": number(0, 2**63 - 1, whole=True),
    "suppress_below": number(2, 2**63 - 1, whole=True),
    "data.source": one_of("panel"),
    "data.separator": one_of(","),
    "data.decimal": one_of("."),
    "data.encoding": one_of("utf-8", "utf-8-sig", "cp1252"),
    "data.header": one_of(1),
    "data.wide": lambda value: value is False,
    "data.sheet": named,
    "data.file": one_of("panel.csv", "../study/panel.csv", "./panel.csv"),
    "data.columns.covariates": several(one_of("latitude", "longitude", "ses", "insured_years", "spending", "period")),
    "data.plausible": lambda value: several(number())(value) and len(value) == 2 and value[0] <= value[1],
    "data.spending_is": one_of("per insured-year", "per insured-period", "total"),
    "data.periods_per_year": one_of(1),
    "data.accept": several(
        one_of("jump", "similar_names", "total_row", "thousands", "nonpositive", "few_lines", "standard")
    ),
    "population.treated": lambda value: several(unit, 1)(value) and len(set(value)) == len(value),
    "population.placebos": lambda value: several(unit, 1)(value) and len(set(value)) == len(value),
    "population.placebos_at_most": number(20, whole=True),
    "population.at_least": number(0),
    "population.ratio": number(1, ends=False),
    "population.ses": covariate,
    "population.under_contract": several(unit),
    "population.size_edges": several(number(0, ends=False)),
    "windows.baseline": periods,
    "windows.performance": periods,
    "windows.masked": lambda value: (
        value == [] or periods(value) or several(lambda part: type(part) in (int, str))(value)
    ),
    "windows.origins": periods,
    "comparison.name": named,
    "comparison.label": text,
    "comparison.donors": several(unit, 1),
    "comparison.within_km": number(0),
    "comparison.beyond_km": number(0),
    "comparison.at_least": number(0),
    "comparison.ratio": number(1, ends=False),
    "comparison.spending_within": number(0, 1, ends=False),
    "comparison.standard": covariate,
    "comparison.incomplete": one_of("refuse", "drop"),
    "comparison.baseline": periods,
    "comparison.origins": periods,
    "method.method": one_of("AdministrativeBenchmark", "SyntheticControl", "AugmentedSyntheticControl", "SyntheticDiD"),
    "method.name": text,
    "method.time_limit": number(0),
    "method.comparisons": several(one_of("all", "few", "near")),
    "method.parameters.n_draws": number(1, 1e9, whole=True),
    "method.parameters.chains": number(1, 1e6, whole=True),
    "method.parameters.covariates": several(covariate),
    "method.parameters.history": number(0, 1e6, whole=True),
    "threshold.levels": several(number(0, 1, ends=False)),
    "threshold.injected": several(number(0, 1)),
    "threshold.kind": one_of("placebo", "confidence", "credible", "expected loss", "power"),
    "threshold.level": number(0, 1, ends=False),
    "threshold.side": one_of("one-sided", "two-sided"),
    "threshold.calibrate": lambda value: isinstance(value, bool),
    "sharing.contract": one_of(*shipped_contracts()),
    "sharing.year": number(2000, 2030, whole=True),
    "sharing.share": number(0, 1),
    "sharing.quality": number(0, 100),
}
OPTIONAL = [name for name in ALLOWED if name not in ("data.source", "windows.baseline", "windows.performance")]
OLD = {"gate": "kind", "level_within": "spending_within"}  # names of keys that are still read


def faults(document) -> list[str]:
    """Return the keys of a document whose values no reader of this table would allow."""
    found = [
        key
        for key in ("title", "question", "data", "population", "windows", "comparison", "method")
        if key not in document
    ]
    found += [] if periods(document.get("windows", {}).get("baseline")) else ["windows.baseline"] if not found else []

    def walk(value, path):
        name = ".".join(path)
        if name in ALLOWED:
            found.extend([] if ALLOWED[name](value) else [name])
        elif name == "method.parameters.year_weights":
            found.extend([] if several(number(0))(value) else [name])
        elif name in ("data.columns", "method.parameters") or (len(path) <= 1 and isinstance(value, dict)):
            for key, part in value.items() if isinstance(value, dict) else ():
                walk(part, (*path, OLD.get(key, key)))
            found.extend([] if isinstance(value, dict) else [name])
        elif name in ("comparison", "method"):
            for table in value if isinstance(value, list) and value else (None,):
                if not isinstance(table, dict):
                    found.append(name)
                    continue
                for key, part in table.items():
                    walk(part, (name, OLD.get(key, key)))
        else:
            found.append(name)

    walk(document, ())
    return found


def same(given, read) -> bool:
    """Return whether the value that was read is the one given; lists of names and of words have no order."""
    if isinstance(given, dict):
        return isinstance(read, dict) and all(same(part, read.get(OLD.get(key, key))) for key, part in given.items())
    if isinstance(given, list) and isinstance(read, list | tuple):
        if all(isinstance(part, str) for part in given):
            return sorted(given) == sorted(read)
        return len(given) == len(read) and all(map(same, given, read))
    if isinstance(given, dt.date):
        return str(given) == str(read)
    return (
        (type(given) is int and type(read) is float and float(given) == read)
        or (type(given) in (int, float) and given == read)
        or (type(given) is type(read) and given == read)
    )


def mutant(rng):
    """Return the kind of a mutation, the bytes of a study file, and words of which a refusal must hold one."""
    kind = rng.choice(
        ("damage", "value", "value", "value", "key", "word", "deep", "added", "doubled", "deleted", "moved")
    )
    path = rng.choice(list(fz.places(BASE)))
    key = next(part for part in reversed(path) if isinstance(part, str))
    names = tuple(str(part) for part in path if isinstance(part, str))
    if kind == "damage":
        damage, raw = fz.mangled(fz.to_toml(BASE).encode(), rng)
        return damage, raw, ()
    value = fz.at(BASE, path)
    if kind == "word" and isinstance(value, str):
        return kind, fz.to_toml(fz.changed(BASE, path, fz.misspelt(value, rng))).encode(), (*names, value)
    if kind == "key" and isinstance(path[-1], str):
        wrong = fz.misspelt(path[-1], rng)
        return kind, fz.to_toml(fz.changed(BASE, path, None, key=wrong)).encode(), (wrong, ascii(wrong)[1:-1], *names)
    if kind == "deep":
        for _ in range(rng.choice((1, 2, 46, 60, 150))):
            value = [value] if rng.random() < 0.5 else {"x": value}
        return kind, fz.to_toml(fz.changed(BASE, path, value)).encode(), (*names, "inside one another")
    if kind == "added":
        name = rng.choice(OPTIONAL)
        table, word = (path[0] if isinstance(fz.at(BASE, path), dict) else "", name.rsplit(".", 1)[-1])
        owner = rng.choice([path for path in fz.places(BASE) if isinstance(fz.at(BASE, path), dict)])
        del table
        return (
            kind,
            fz.to_toml(fz.changed(BASE, (*owner, word), rng.choice(fz.VALUES))).encode(),
            (word, *map(str, owner)),
        )
    if kind == "doubled":
        lines = fz.to_toml(BASE).splitlines(keepends=True)
        wanted = next((place for place, line in enumerate(lines) if line.split("=")[0].strip() == key), 0)
        return kind, "".join([*lines[: wanted + 1], *lines[wanted:]]).encode(), (key, "line")
    if kind == "deleted":
        new = fz.changed(BASE, path, None)
        del fz.at(new, path[:-1])[path[-1]]
        return kind, fz.to_toml(new).encode(), names
    if kind == "moved":
        other = rng.choice(list(fz.places(BASE)))
        if path[: len(other)] != other and other[: len(path)] != path:
            new = fz.changed(fz.changed(BASE, path, fz.at(BASE, other)), other, value)
            return kind, fz.to_toml(new).encode(), (*names, *map(str, other))
    return "value", fz.to_toml(fz.changed(BASE, path, rng.choice(fz.VALUES))).encode(), names


#: How messages name a key in other words.
WORDS = {
    "columns": ("column", "covariate"),
    "covariates": ("column", "covariate", "names"),
    "parameters": ("parameter",),
}
WORDS |= {
    "masked": ("baseline", "Period"),
    "periods_per_year": ("period",),
    "windows": ("period",),
    "donors": ("donor",),
    "ses": ("covariate",),
}
ANY = ("TOML", "line", "UTF-8", "key", "comparison", "method", "has no", "'", "needs")


def as_written(read):
    """Return what was read in the form of a file of the first edition: one population, threshold and sharing rule."""
    designs = {design["comparison"]: design for design in read["design"]}
    comparison = [
        {**designs.get(part["name"], {}), **{k: v for k, v in part.items() if k != "label"}}
        for part in read["comparison"]
    ]
    one = {"population": read["case"], "threshold": read["backtest"] | read["threshold"][0], "comparison": comparison}
    return read | one | {"sharing": (read["sharing"] or [{}])[0]}


def end_of(raw, names, folder, base, frame) -> tuple[str, str]:
    """Return the end of one mutant."""
    (folder / "study.toml").write_bytes(raw)
    plan = fz.attempt(lambda: plan_study(folder / "study.toml"))
    if isinstance(plan, Exception):
        return fz.refusal_end(plan, [*names, *(word for name in names for word in WORDS.get(name, ()))] or ANY)
    document = tomllib.loads(raw.decode("utf-8-sig"))
    if wrong := faults(document):
        return fz.WRONG, f"accepted, but not allowed: {wrong}"
    if not same(document, as_written(plan.config.model_dump(mode="json"))):
        return fz.WRONG, "what was read is not what is written"
    if plan.study_hash == base.study_hash:
        return fz.EQUAL, ""
    parts = ("backtest", "evaluate") if sum(raw) % 12 == 0 else ("evaluate",)
    result = fz.attempt(lambda: run_study(plan, parts=parts, n_jobs=1))
    if isinstance(result, Exception):
        return fz.INSIDE, f"run after plan: {fz.refusal_end(result, ANY)[1] or result}"
    windows = document["windows"]["performance"]
    years = range(windows["first"], windows["last"] + 1) if isinstance(windows, dict) else windows
    masked = document["windows"].get("masked", [])
    masked = range(masked["first"], masked["last"] + 1) if isinstance(masked, dict) else masked
    cells = frame[
        frame["unit"].isin(document["population"]["treated"]) & frame["period"].isin(set(years) - set(masked))
    ]
    spending = np.average(cells["spending"], weights=cells["insured_years"])
    for row in result.savings.to_dict("records"):
        if row["status"] == "ok" and not np.isclose(row["spending"], spending, rtol=1e-9):
            return fz.WRONG, f"spending {row['spending']}, by hand {spending}"
        if row["status"] == "ok" and not np.isclose(row["insured_years"], cells["insured_years"].sum(), rtol=1e-9):
            return fz.WRONG, f"insured-years {row['insured_years']}, by hand {cells['insured_years'].sum()}"
    if document.get("sharing", {}).get("contract") == "kerngezond-vlissingen":  # half of a saving from the threshold on
        saved = result.savings[result.savings["status"] == "ok"].set_index(["design", "method"])
        paid = result.settlement[result.settlement["party"] == "providers"]
        for row in paid.to_dict("records"):
            case = saved.loc[(row["design"], row["method"])]
            total = (case["benchmark"] - spending) * cells["insured_years"].sum()
            due = (
                0.5 * total
                if total > 0 and total / (case["benchmark"] * cells["insured_years"].sum()) >= row["threshold"]
                else 0
            )
            if abs(row["amount"] - due) > 0.02:
                return fz.WRONG, f"{row['amount']} is paid, by hand {due}"
    return fz.DIFFERENT, ""


def test_mutants_of_study_files(evidence_share, tmp_path):
    """2,700 mutants of a study: its plan is read independently, its spending is computed by hand."""
    folder = tmp_path / "study"
    folder.mkdir()
    simulated = simulate_panel(14, tuple(YEARS), start=2017, saving=0.03, seed=4, covid=False)
    simulated.panel.to_frame().drop(columns="sampling_variance").to_csv(folder / "panel.csv", index=False)
    frame = pd.read_csv(folder / "panel.csv")
    assert sorted(frame["unit"].unique()) == sorted(UNITS)
    (folder / "study.toml").write_text(fz.to_toml(BASE), encoding="utf-8")
    base = plan_study(folder / "study.toml")
    assert faults(BASE) == []
    rng, table = random.Random(192), fz.Table()  # noqa: S311
    for _ in range(2700 if evidence_share == 1 else 130):
        kind, raw, names = mutant(rng)
        table.add(kind, *end_of(raw, names, folder, base, frame), fz.difference(raw, fz.to_toml(BASE)))
    sys.stdout.write(f"\nStudy files\n{table.text()}\n")
    assert not table.bad, table.told()
