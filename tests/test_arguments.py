"""Arguments: every wrong type and value is refused by name; whole floats are read as whole numbers."""

import json
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pytest

import ssinfer as ss
from ssinfer.arguments import COUNT, FLAG, SEED, Choice, Number, Optional, check_arguments, declared_rules
from ssinfer.errors import ParameterError, StudyError
from ssinfer.plugins.discovery import make_method, providers
from ssinfer.study.config import read_study
from ssinfer.study.plan import make_methods

RULES = {
    "n_draws": Number(2, whole=True),
    "level": Number(0, 1, open=True),
    "side": Choice(("one-sided", "two-sided")),
    "demean": FLAG,
    "seed": Optional(COUNT),
}
GOOD = {"n_draws": 500.0, "level": 0.95, "side": "one-sided", "demean": True, "seed": None}


def test_good_values_are_read():
    assert check_arguments("M", RULES, GOOD) == {**GOOD, "n_draws": 500}
    assert check_arguments("M", {"n": COUNT}, {"n": np.int64(3)}) == {"n": 3}


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("n_draws", 1, "a whole number of at least 2"),
        ("n_draws", 2.5, "a whole number"),
        ("n_draws", "500", "a whole number"),
        ("n_draws", None, "a whole number"),
        ("n_draws", True, "a whole number"),
        ("n_draws", [500], "a whole number"),
        ("n_draws", float("nan"), "a whole number"),
        ("level", 1, "more than 0 and less than 1"),
        ("side", "one-side", r"'one-sided' or 'two-sided'\. Did you mean 'one-sided'"),
        ("demean", "false", "True or False"),
        ("demean", 1, "True or False"),
        ("seed", -1, "None or a whole number from 1 to 10,000,000"),
    ],
)
def test_bad_values_are_refused_by_name(name, value, allowed):
    with pytest.raises(ParameterError, match=rf"^M: {name} is .*; allowed: .*{allowed}"):
        check_arguments("M", RULES, {**GOOD, name: value})


def declared(
    flag: bool,
    count: int,
    size: "float",
    name: "str | None",
    kind: "Literal['a.b', 'c'] | None",
    names: "Sequence[str]",  # noqa: F821  (annotations are read as text)
    seed: int,
    other: object,
    side: Literal["left", "right"] | None,
    size_or_side: Literal["all"] | int,
):
    """Function whose annotations are classes, types and text."""


def test_rules_follow_declared_types():
    rules = declared_rules(declared)
    good = {"flag": np.True_, "count": 3.0, "size": 2, "name": None, "kind": "a.b", "names": ("x",), "seed": 0}
    good |= {"side": None, "size_or_side": 3}
    assert set(rules) == set(good)
    assert check_arguments("f", rules, good) == {**good, "flag": True}
    bad = {"flag": "false", "count": "3", "size": None, "name": 1, "kind": "a", "names": "x", "seed": -1}
    bad |= {"side": "middle", "size_or_side": "none"}
    for name, value in bad.items():
        with pytest.raises(ParameterError, match=f"^f: {name} is {value!r}; allowed: "):
            check_arguments("f", rules, {**good, name: value})


WRONG = ["500", None, [500], -500, 0.5, True]


@pytest.mark.parametrize("provider", [p for p in providers() if p.package == "ssinfer"], ids=lambda p: p.name)
def test_every_method_reads_its_parameters_by_declared_type(provider):
    """Fault C3: Fault W8: a wrong type is refused by name before data are read, in every method; 500.0 is 500."""
    members = (
        {"methods": [ss.AdministrativeBenchmark(), ss.SyntheticDiD()]} if provider.name == "StackedBenchmark" else {}
    )
    number = "placebos" if members else "n_draws"
    method = provider.method(**members, **{number: 500.0})
    method.check_parameters()
    assert repr(getattr(method, number)) == "500"
    for value in WRONG:
        with pytest.raises(ParameterError, match=rf"{provider.name}: {number} is .*; allowed: a whole number"):
            provider.method(**members, **{number: value}).check_parameters()
    flags = [name for name, rule in declared_rules(provider.method).items() if rule == FLAG]
    for flag in flags:
        for value in ("false", [False], None, 0):
            with pytest.raises(ParameterError, match=rf"{flag} is .*; allowed: True or False"):
                provider.method(**members, **{flag: value}).check_parameters()


@pytest.mark.parametrize("text", ['intercept = "false"', "intercept = [false]", 'n_draws = "500"', "n_draws = [500]"])
def test_python_and_toml_refuse_alike(tmp_path, text):
    """Fault C3: Fault W8: in a study, one line that names the method and the parameter."""
    study = (Path(__file__).parent / "study" / "study.toml").read_text(encoding="utf-8")
    study = study.replace('"AdministrativeBenchmark"', '"SyntheticControl"')
    study = study.replace("n_draws = 400, history = 0", text)
    (tmp_path / "study.toml").write_text(study, encoding="utf-8")
    name, value = text.split(" = ")
    with pytest.raises(StudyError, match=rf"SyntheticControl: {name} is .*; allowed: ") as raised:
        make_methods(read_study(tmp_path / "study.toml"))
    with pytest.raises(ParameterError) as python:
        make_method("SyntheticControl", {name: json.loads(value)}).check_parameters()
    assert str(python.value) in str(raised.value)


@pytest.mark.parametrize("seed", [-1, 1.5, "1", True, [1], np.random.RandomState(1)])
def test_what_is_no_seed_is_refused_by_every_method(null_panel, seed):
    """Fault C10: the message says what a seed is."""
    panel = null_panel(24, 5)
    design = ss.Design([panel.units[0]], panel.periods[:4], panel.periods[4:])
    for method in (ss.SyntheticControl(), ss.HierarchicalBenchmark(), ss.AdministrativeBenchmark()):
        with pytest.raises(ParameterError, match=r"seed is .*; allowed: a whole number of at least 0"):
            method.fit(panel, design, seed=seed)
    with pytest.raises(ParameterError, match=r"backtest: seed is .*; allowed: a whole number of at least 0"):
        ss.backtest(panel, design, ss.SyntheticControl(), seed=seed, n_jobs=1)
    with pytest.raises(ParameterError, match="simulate_panel: seed is"):
        ss.simulation.simulate_panel(seed=seed)


def test_a_whole_float_is_a_seed(null_panel):
    """Fault C10: 1.0 is 1, as everywhere."""
    panel = null_panel(24, 5)
    design = ss.Design([panel.units[0]], panel.periods[:4], panel.periods[4:])
    draws = [ss.SyntheticControl(n_draws=100).fit(panel, design, seed=seed).benchmark for seed in (1, 1.0)]
    np.testing.assert_array_equal(*draws)


def test_arguments_of_another_class_are_refused():
    """Fault A14: (of journey.md) what was received, and what to pass."""
    with pytest.raises(ParameterError, match=r"scenario is 20000; allowed: a Scenario"):
        ss.power_table(20000)
    with pytest.raises(ParameterError, match=r"placebos is 'cf'; allowed: .*rows of result\.placebos"):
        ss.placebo_threshold("cf")


def test_a_large_whole_number_is_read_to_the_last_digit():
    """Fault FZ2: seed = 9223372036854775807 was read as ...808."""
    assert SEED.read(2**63 - 1) == 2**63 - 1


FEW = ss.Counterfactual.from_draws(np.arange(100.0, 140.0), "posterior", insured_years=20_000, spending=98.0)
FRAME = pd.DataFrame({"unit": ["a", "b"], "savings_rate": [0.01, -0.01], "insured_years": [5000, 9000]})
SCENARIO = ss.Scenario(insured=20_000)
YEARS = {"benchmark": [100.0], "spending": [95.0], "insured_years": [10.0]}
PANEL = {"units": ("a",), "periods": (2010,), "spending": [[1.0]]}
DESIGN = {"treated": ["a"], "baseline": [2014], "performance": [2015]}
COHORT = {"person": [1], "unit": ["a"], "periods": (2018,), "spending": [[1.0]], "insured_years": [[1.0]]}
PUBLIC = {
    ss.Panel: (PANEL, {"units": [5, "x", {"a": 1}], "periods": [5, None], "covariates": [1.5, []], "cv": [-1, "x"]}),
    ss.Panel.from_frame: ({"frame": FRAME}, {"unit": [None, 5], "spending": [None], "periods_per_year": [0, 1.5]}),
    ss.Design: (DESIGN, {"baseline": [np.ones((1, 2)), 2014], "standard": [5], "starts": [5], "incomplete": ["drops"]}),
    ss.backtest: (
        {"data": ss.Panel(**PANEL), "designs": ss.Design(**DESIGN), "methods": ss.SyntheticDiD()},
        {
            "origins": [2016],
            "pairs": [["x"], [1]],
            "regions": [5],
            "progress": [len, 5],
            "keep": ["x"],
            "n_jobs": [1e300],
        },
    ),
    ss.Counterfactual.from_draws: (
        {"benchmark": [1.0, 2.0], "uncertainty": "posterior"},
        {"spending": ["x", []], "insured_years": [None, 0, -1]},
    ),
    ss.Scenario: ({"insured": 20_000}, {"years": [1e300, 0], "baseline_weights": [5, ["x"]], "share": [0, 1.5]}),
    ss.Prior: ({"name": "own", "mean": 0.0, "sd": 0.02}, {"mean": ["x"], "sd": [0, None]}),
    ss.Threshold: ({"rate": 0.02, "kind": "fixed"}, {"rate": [None, "x", True, 10**400, 10**5000], "kind": [5]}),
    ss.credible_threshold: ({"cf": FEW}, {"cf": [0], "interval": [np.ones(2), "hdi"]}),
    ss.expected_loss_threshold: ({"cf": FEW}, {"share": [0, 2], "sharing": ["all"]}),
    ss.power_of_threshold: ({"cf": FEW, "threshold": 0.02, "saving": 0.02}, {"threshold": ["x"], "saving": [2]}),
    ss.placebo_threshold: ({"placebos": FRAME}, {"placebos": ["x"], "standard_error": [-1]}),
    ss.schedule_threshold: ({"schedule": "mssp", "assigned": 5000}, {"assigned": ["x", 0], "benchmark": [0, "x"]}),
    ss.calibrate: ({"placebos": FRAME, "exclude": ["a"]}, {"n_draws": [1e300, 200_000_000], "exclude": ["a"]}),
    ss.noise_components: ({"placebos": FRAME}, {"replicates": [0, None, 1.5], "seed": [-1, "x"]}),
    ss.power_table: ({"scenario": SCENARIO}, {"simulated": [-1], "scenario": [20_000], "savings": [[3], "3"]}),
    ss.simulate_looks: ({"scenario": SCENARIO, "rng": np.random.default_rng(1)}, {"rng": [1], "looks": [0, 1e300]}),
    ss.settle: ({"contract": ss.load_contract("mssp-track-3"), **YEARS}, {"currency": [5, []], "deductions": [5]}),
    ss.settle_years: ({"contract": ss.load_contract("mssp-track-3"), **YEARS}, {"benchmark": [5], "by_year": [5]}),
    ss.rebased_benchmarks: (
        {"contract": ss.load_contract("mssp-track-3"), "benchmark": [100.0], "spending": [99.0]},
        {"benchmark": [5, ["x"]], "spending": [5], "baseline_benchmark": ["x"]},
    ),
    ss.simulation.simulate_panel: ({}, {"n_units": [1.5], "insured": [5], "season": [(1, 1)], "treated": ["treated"]}),
    ss.check_benchmark: ({"method": ss.SyntheticDiD()}, {"data": [5], "design": ["x"], "replicates": [-1, 1e300]}),
    ss.comparison.Within: ({"km": 50}, {"km": ["x"], "beyond": [-1]}),
    ss.comparison.comparison_of: ({"values": {}}, {"values": [5, "x"]}),
    ss.Cohort: (COHORT, {"person": [5, "ab"], "periods": [5, None, np.ones((1, 2))], "covariates": [5, []]}),
    ss.Cohort.from_frame: ({"frame": FRAME}, {"unit": [None, 5], "covariates": [5], "region": [5]}),
    ss.simulation.simulate_cohort: ({}, {"n_practices": [-1, 2**63], "persons": [5, (1,)], "start": [1, []]}),
    ss.placebo_test: (
        {"method": ss.SyntheticControl(), "panel": ss.Panel(**PANEL), "design": ss.Design(**DESIGN)},
        {"method": [None, ss.SyntheticControl, ss.AdministrativeBenchmark()], "design": ["a"], "statistic": ["x"]},
    ),
    ss.diagnostics.effective_donors: ({"cf": FEW}, {"cf": [None], "fewest": ["x", 1j]}),
    ss.datasets.load_dartmouth: ({"folder": "absent"}, {"folder": [5], "price_adjusted": ["false", 1]}),
    ss.datasets.load_vektis: ({"years": [2015]}, {"years": [2015, "2015"], "folder": [5], "verify": ["false"]}),
    ss.claims.pseudo_practices: ({"cohort": ss.Cohort(**COHORT), "kind": "random"}, {"cohort": [5], "size": [0, 1.5]}),
    FEW.draws: ({}, {"kind": ["x", np.ones(2)]}),
    SCENARIO.paid: ({}, {"saving": [None, 2, "x"]}),
    ss.Design(**DESIGN).on: ({"panel": ss.Panel(**PANEL)}, {"panel": [5, "x"]}),
}


@pytest.mark.parametrize(("function", "valid", "wrong"), [(name, *cases) for name, cases in PUBLIC.items()])
def test_public_functions_refuse_wrong_arguments_by_name(function, valid, wrong):
    """Fault R35: the argument, its value and what is allowed, before anything is computed."""
    for name, values in wrong.items():
        for value in values:
            with pytest.raises(ss.errors.SsinferError, match=rf"{name} is .*; allowed: ") as raised:
                function(**valid | {name: value})
            assert len(str(raised.value)) < 700
