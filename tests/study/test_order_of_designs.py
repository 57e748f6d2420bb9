"""The order of designs, blocks and methods changes no number of a study."""

import pandas as pd
import pytest

from ssinfer.simulation.panel import simulate_panel
from ssinfer.study import plan_study, run_study

HEAD = """
title = "order"
question = "which?"
seed = 4
[data]
source = "panel"
file = "panel.csv"
columns = { covariates = ["latitude", "longitude"] }
[case]
treated = ["treated"]
[windows]
baseline = { first = 2014, last = 2016 }
performance = [2017]
origins = [2017]
[backtest]
levels = [0.8]
injected = [0.0, 0.03]
"""
PARTS = """
[[population]]
name = "all"

[[population]]
name = "large"
at_least = 9000

[[comparison]]
name = "others"

[[comparison]]
name = "near"
within_km = 150

[[threshold]]
name = "80%"
level = 0.8

[[sharing]]
name = "half"
contract = "kerngezond-vlissingen"

[[method]]
method = "AdministrativeBenchmark"
name = "one"
settles = true
parameters = { n_draws = 200, history = 0 }

[[method]]
method = "AdministrativeBenchmark"
name = "two"
parameters = { n_draws = 200, history = 0, year_weights = [0.1, 0.3, 0.6] }

[[design]]
name = "a"
population = "all"
comparison = "others"
settles = true

[[design]]
name = "b"
population = "large"
comparison = "others"

[[design]]
name = "c"
population = "all"
comparison = "near"
"""
KEYS = [
    "design",
    "method",
    "scenario",
    "saving",
    "measure",
    "block",
    "entry",
    "unit",
    "origin",
    "kind",
    "level",
    "side",
    "party",
]


def tables_of(folder, parts):
    (folder / "study.toml").write_text(HEAD + "\n\n".join(parts), encoding="utf-8")
    tables = run_study(plan_study(folder / "study.toml"), n_jobs=1).tables
    return {name: table.sort_values([key for key in KEYS if key in table]) for name, table in tables.items()}


def test_the_order_of_designs_blocks_and_methods_changes_no_number(tmp_path):
    frame = simulate_panel(20, tuple(range(2011, 2018)), start=2017, saving=0.03, seed=4, covid=False).panel.to_frame()
    frame.drop(columns="sampling_variance").to_csv(tmp_path / "panel.csv", index=False)
    one, other = (tables_of(tmp_path, parts) for parts in (PARTS.split("\n\n"), PARTS.split("\n\n")[::-1]))
    assert {"designs.csv", "scenarios.csv", "effects.csv", "settlement.csv"} <= set(one) == set(other)
    assert one["designs.csv"]["population"].nunique() == one["designs.csv"]["comparison"].nunique() == 2
    for name, table in one.items():
        assert len(table) == len(other[name])
        columns = [column for column in table if column != "label"]  # of designs: lists blocks in their own order
        found = other[name][columns].reset_index(drop=True)
        pd.testing.assert_frame_equal(table[columns].reset_index(drop=True), found, rtol=1e-9, obj=name)
    shares = one["designs.csv"].set_index(["design", "method"])["share_of_persons"]
    assert shares.to_dict() == pytest.approx(dict.fromkeys(shares.index, 1.0))
