"""Valid calls of every public function, class and method; public names without one stand in EXCEPTIONS."""

from __future__ import annotations

import datetime as dt
import inspect
from pathlib import Path

import numpy as np
import pandas as pd

import ssinfer as ss


def frame(seed=1, units=24, first=2010, last=2017):
    rng = np.random.default_rng(seed)
    grid = pd.MultiIndex.from_product([[f"u{j:02d}" for j in range(units)], range(first, last + 1)])
    table = pd.DataFrame(index=grid.set_names(["unit", "period"])).reset_index()
    return table.assign(spending=rng.normal(3000, 60, len(table)), insured_years=rng.integers(3000, 9000, len(table)))


PANEL = ss.Panel.from_frame(frame())
DESIGN = ss.Design(treated=["u00"], baseline=[2014, 2015, 2016], performance=[2017])
DRAWS = 100 + np.random.default_rng(1).standard_normal(4000)
CF = ss.Counterfactual.from_draws(DRAWS, "posterior", insured_years=20_000, spending=98.0)
SAMPLING = ss.Counterfactual.from_draws(DRAWS, "sampling", insured_years=20_000, spending=98.0)
METHOD = ss.AdministrativeBenchmark(n_draws=400, chains=2)
PLACEBOS = ss.backtest(PANEL, DESIGN, METHOD, n_jobs=1, origins=[2017]).placebos
SCENARIO = ss.Scenario(insured=20_000)
COHORT_FRAME = pd.DataFrame(
    {"person": range(40), "unit": list("abcd") * 10, "age": range(20, 60), "sex": ["m", "v"] * 20}
)
COHORT = ss.Cohort.from_frame(
    COHORT_FRAME.merge(pd.DataFrame({"period": [2017, 2018]}), how="cross").assign(spending=5.0, insured_years=1.0),
    covariates=["age", "sex"],
)
MANY = ss.simulation.simulate_cohort(40, persons=(15, 20), seed=1)
PLACED_PANEL = ss.simulation.simulate_panel(8, periods=range(2010, 2018), start=2016, seed=1)
PLACED = PLACED_PANEL.panel
ONES = [[1.0], [1.0]]
CONTROL = ss.SyntheticControl(n_draws=400)
WEIGHTED = CONTROL.fit(PANEL, DESIGN, seed=1)
OBSERVED = {"method": CONTROL, "panel": PANEL.select(PANEL.units[:8]), "design": DESIGN}
CELLS = pd.DataFrame({"unit": ["A", "B"], "year": 2015, "sex": "f", "age_class": "0-4", "insured_years": 9.0})
CELLS = CELLS.assign(spending=[90.0, 80.0])
HERE, ABSENT = Path(__file__).parent, Path(__file__).parent / "absent"
METHODS = {
    name: getattr(ss, name)
    for name in (
        *("AdministrativeBenchmark", "HierarchicalBenchmark", "PropensityMatching", "StackedBenchmark"),
        "RiskAdjustedBenchmark",
        *("SyntheticControl", "AugmentedSyntheticControl", "SyntheticDiD"),
    )
}
#: Name -> (callable, valid arguments). Arguments with a default are taken from the signature.
CALLS = {
    **{
        name: (method, {"methods": ["AdministrativeBenchmark"]} if "Stacked" in name else {})
        for name, method in METHODS.items()
    },
    "AdministrativeBenchmark.fit": (METHOD.fit, {"data": PANEL, "design": DESIGN, "seed": 1}),
    "backtest": (
        ss.backtest,
        {
            "data": PANEL,
            "designs": DESIGN,
            "methods": METHOD,
            "n_jobs": 1,
            "origins": [2017],
            "placebos": ["u01", "u02"],
        },
    ),
    "advise": (ss.advise, {"result": None}),
    "AdviceRule": (ss.AdviceRule, {"target_saving": 0.03}),
    "Design": (ss.Design, {"treated": ["u00"], "baseline": [2014], "performance": [2017]}),
    "Panel": (ss.Panel, {"units": ("a",), "periods": (2010,), "spending": [[1.0]]}),
    "Panel.from_frame": (ss.Panel.from_frame, {"frame": frame()}),
    "Counterfactual.from_draws": (ss.Counterfactual.from_draws, {"benchmark": DRAWS, "uncertainty": "posterior"}),
    "Scenario": (ss.Scenario, {"insured": 20_000}),
    "Prior": (ss.Prior, {"mean": 0.0, "sd": 0.02, "name": "own"}),
    "Threshold": (ss.Threshold, {"rate": 0.02, "money": 60.0, "kind": "fixed"}),
    "confidence_threshold": (ss.confidence_threshold, {"cf": SAMPLING}),
    "credible_threshold": (ss.credible_threshold, {"cf": CF}),
    "expected_loss_threshold": (ss.expected_loss_threshold, {"cf": CF}),
    "minimum_detectable_saving": (ss.minimum_detectable_saving, {"cf": CF}),
    "power_of_threshold": (ss.power_of_threshold, {"cf": CF, "threshold": 0.02, "saving": 0.02}),
    "placebo_threshold": (ss.placebo_threshold, {"placebos": PLACEBOS}),
    "schedule_threshold": (ss.schedule_threshold, {"schedule": "mssp", "assigned": 20_000}),
    "compare_thresholds": (ss.compare_thresholds, {"cf": CF}),
    "compare_fits": (ss.compare_fits, {"fits": {"own": CF}}),
    "print_fits": (ss.print_fits, {"table": ss.compare_fits(CF)}),
    "calibrate": (ss.calibrate, {"placebos": PLACEBOS, "exclude": ["u00"]}),
    "power_table": (ss.power_table, {"scenario": SCENARIO}),
    "insured_needed": (ss.insured_needed, {"scenario": SCENARIO, "saving": 0.02}),
    "simulate_looks": (
        ss.simulate_looks,
        {"scenario": SCENARIO, "rng": np.random.default_rng(1), "contracts": 100},
    ),
    "noise_components": (ss.noise_components, {"placebos": PLACEBOS}),
    "load_contract": (ss.load_contract, {"name": "mssp-track-3"}),
    "settle": (
        ss.settle,
        {
            "contract": ss.load_contract("mssp-track-3"),
            "benchmark": 3000.0,
            "spending": 2900.0,
            "insured_years": 20_000.0,
        },
    ),
    "datasets.simulate_panel": (ss.simulation.simulate_panel, {}),
    "check_benchmark": (ss.check_benchmark, {"method": METHOD, "replicates": 0}),
    "comparison.Within": (ss.comparison.Within, {"km": 50}),
    "comparison.SimilarSize": (ss.comparison.SimilarSize, {}),
    "comparison.SimilarSpending": (ss.comparison.SimilarSpending, {"within": 0.1}),
    "calibrated_threshold": (ss.calibrated_threshold, {"cf": SAMPLING, "placebos": PLACEBOS}),
    "expected_from_cells": (
        ss.expected_from_cells,
        {
            "panel": ss.Panel(("a",), (2018,), [[9.0]], [[5.0]]),
            "cells": pd.DataFrame({"unit": ["a"], "period": 2018, "age": "old", "insured_years": 5.0, "spending": 9.0}),
            "by": ["age"],
            "periods": [2018],
        },
    ),
    "expected_from_covariates": (
        ss.expected_from_covariates,
        {
            "panel": ss.Panel(PANEL.units, (2017,), PANEL.spending[:, -1:], covariates={"old": PANEL.spending[:, :1]}),
            "covariates": ["old"],
            "periods": [2017],
        },
    ),
    "rebased_benchmarks": (
        ss.rebased_benchmarks,
        {"contract": ss.load_contract("mssp-track-3"), "benchmark": [3000.0], "spending": [2900.0]},
    ),
    "settle_years": (
        ss.settle_years,
        {
            "contract": ss.load_contract("mssp-track-3"),
            "benchmark": [3000.0],
            "spending": [2900.0],
            "insured_years": [20_000.0],
        },
    ),
    "Cohort": (
        ss.Cohort,
        {"person": [1, 2], "unit": ["a", "b"], "periods": (2018,), "spending": [[1.0], [2.0]], "insured_years": ONES},
    ),
    "Cohort.from_frame": (ss.Cohort.from_frame, {"frame": COHORT.to_frame(), "covariates": ["age", "sex"]}),
    "Cohort.columns": (COHORT.columns, {"labels": [2018]}),
    "Cohort.correlation": (COHORT.correlation, {}),
    "Cohort.covariate": (COHORT.covariate, {"name": "age"}),
    "Cohort.sampling_covariance": (COHORT.sampling_covariance, {"unit": "a"}),
    "Cohort.select": (COHORT.select, {}),
    "Cohort.to_panel": (COHORT.to_panel, {"outside": ["a"], "before": 2018}),
    "Cohort.with_units": (COHORT.with_units, {"unit": COHORT.unit}),
    "Contract": (ss.Contract, {"name": "half", "rule_year": 2024}),
    "Contract.from_mapping": (ss.Contract.from_mapping, {"given": {"name": "half", "rule_year": 2024}}),
    "Contract.from_toml": (ss.Contract.from_toml, {"path": "absent.toml"}),
    "Counterfactual.draws": (CF.draws, {}),
    "Counterfactual.field_of": (CF.field_of, {"kind": "benchmark"}),
    "Counterfactual.interval": (CF.interval, {}),
    "Counterfactual.null_error": (CF.null_error, {}),
    "Counterfactual.pooled": (CF.pooled, {}),
    "Design.baseline_columns": (DESIGN.baseline_columns, {"panel": PANEL}),
    "Design.donor_rows": (DESIGN.donor_rows, {"panel": PANEL}),
    "Design.on": (DESIGN.on, {"panel": PANEL}),
    "Design.replace": (DESIGN.replace, {"baseline": [2014], "masked": [2015], "standard": None}),
    "Design.treated_rows": (DESIGN.treated_rows, {"panel": PANEL}),
    "Panel.columns": (PANEL.columns, {"labels": [2017]}),
    "Panel.covariate": (PANEL.covariate, {"name": "x"}),
    "Panel.rows": (PANEL.rows, {"labels": ["u01"]}),
    "Panel.select": (PANEL.select, {}),
    "Prior.literature": (ss.Prior.literature, {}),
    "Prior.sceptical": (ss.Prior.sceptical, {}),
    "Savings.summary": (CF.savings().summary, {}),
    **{f"Scenario.{name}": (getattr(SCENARIO, name), {}) for name in ("detectable", "expected_bonus", "paid")},
    "Scenario.threshold_at": (SCENARIO.threshold_at, {"standard_error": 0.01}),
    "Settlement.explain": (
        ss.settle(ss.load_contract("mssp-track-3"), benchmark=3e3, spending=2.9e3, insured_years=2e4).explain,
        {},
    ),
    "conformal_interval": (ss.conformal_interval, {**OBSERVED, "level": 0.8}),
    **{name: (getattr(ss, name), OBSERVED) for name in ("conformal_p_value", "placebo_test", "leave_two_out_test")},
    "power_of_gate": (ss.power_of_gate, {"cf": CF, "threshold": 0.02, "saving": 0.02}),
    "shipped_contracts": (ss.shipped_contracts, {}),
    "claims.Population": (ss.claims.Population, {}),
    "claims.RunOut": (ss.claims.RunOut, {"extracted": dt.date(2020, 1, 1), "months": 6}),
    "claims.Spending": (ss.claims.Spending, {}),
    "claims.Truncation": (ss.claims.Truncation, {"percentile": 0.99}),
    "claims.expected_spending": (ss.claims.expected_spending, {"cohort": COHORT, "periods": [2018]}),
    "claims.intact_group_ratio": (
        ss.claims.intact_group_ratio,
        {"cohort": MANY, "size": 40, "windows": [([2015], [2016])], "repeats": 2},
    ),
    "claims.pseudo_practices": (ss.claims.pseudo_practices, {"cohort": MANY, "kind": "bundles", "size": 100}),
    "comparison.distances": (ss.comparison.distances, {"panel": PLACED, "unit": "treated"}),
    "comparison.Apart": (ss.comparison.Apart, {"units": ("u01",)}),
    "comparison.Listed": (ss.comparison.Listed, {"units": ("u01",)}),
    "comparison.Every": (ss.comparison.Every, {"rules": (ss.comparison.SimilarSize(),)}),
    "comparison.comparison_of": (ss.comparison.comparison_of, {"values": {"within_km": 50}}),
    "datasets.available": (ss.datasets.available, {}),
    "datasets.expected_spending": (ss.datasets.expected_spending, {"cells": CELLS}),
    "datasets.fetch": (ss.datasets.fetch, {"name": "vektis", "years": [1900]}),
    "datasets.fetch_vektis": (
        ss.datasets.fetch_vektis,
        {"years": [2015], "folder": ABSENT, "base_url": "http://127.0.0.1:9", "timeout": 0.1},
    ),
    **{
        f"datasets.{name}": (getattr(ss.datasets, name), {"folder": ABSENT})
        for name in ("load_dartmouth", "load_mssp", "load_prop99")
    },
    **{
        f"datasets.{name}": (getattr(ss.datasets, name), {"years": [2015], "folder": ABSENT})
        for name in ("load_vektis", "national_vektis", "vektis_cells")
    },
    **{
        f"datasets.{name}": (getattr(ss.datasets, name), {"units": ["VEERE"], "folder": ABSENT})
        for name in ("municipality_centroids", "municipality_covariates")
    },
    "datasets.SimulatedClaims.load": (ss.datasets.SimulatedClaims.load, {"folder": ABSENT}),
    "datasets.SimulatedPanel.design": (PLACED_PANEL.design, {}),
    "datasets.SimulatedPanel.true_rate": (PLACED_PANEL.true_rate, {"unit": "treated", "periods": [2017]}),
    "datasets.simulate_claims": (
        ss.datasets.simulate_claims,
        {"folder": HERE, "n_insured": 2000, "insured_under_contract": 400, "seed": 1},
    ),
    "datasets.simulate_cohort": (ss.datasets.simulate_cohort, {"n_practices": 6, "persons": (5, 6)}),
    "datasets.simulate_kerngezond_vlissingen": (ss.datasets.simulate_kerngezond_vlissingen, {"n_groups": 6}),
    "diagnostics.convex_hull": (ss.diagnostics.convex_hull, {"panel": PANEL, "design": DESIGN}),
    "diagnostics.effective_donors": (ss.diagnostics.effective_donors, {"cf": WEIGHTED}),
    **{
        f"diagnostics.{name}": (getattr(ss.diagnostics, name), {"method": CONTROL, "data": PANEL, "design": DESIGN})
        for name in ("held_out_fit", "leave_one_donor_out")
    },
    "diagnostics.placebo_in_time": (ss.diagnostics.placebo_in_time, OBSERVED),
}
RULE = {"donors": ["u01"], "within_km": 50, "beyond_km": 5, "at_least": 100, "ratio": 3, "spending_within": 0.1}
CALLS["values of comparison_of"] = (lambda **values: ss.comparison.comparison_of(values), RULE)
#: Public names that are not called with wrong values -> the reason. "*.name": a method of every class.
EXCEPTIONS = {
    **dict.fromkeys(
        (
            *("*.estimate", "*.estimate_many", "*.label", "*.parameter_error", "*.prepare", "*.require_equal_chains"),
            *("*.fit_window", "*.no_inference", "*.predictive_errors", "*.solve", "*.compare", "*.admits"),
        ),
        "a part of a method or rule: called by fit and backtest, which are fuzzed",
    ),
    "comparison.with_spillover": "called by Problem.of with the rule of a checked design",
    "comparison.named_apart": "called with the rule of a checked design",
    "Counterfactual": "made by methods, whose results the guard checks; from_draws makes one from Python",
    "*.fit_many": "called by backtest and the diagnostics, which are fuzzed",
    "*.fit": "one method of one class is fuzzed: all have the same function",
    **dict.fromkeys(
        (
            *("Counterfactual.plot", "Counterfactual.plot_balance", "Counterfactual.plot_diagnostics"),
            *("Counterfactual.plot_weights", "Design.plot", "Savings.plot", "Scenario.plot"),
        ),
        "draws an object that is fuzzed; wrong values of its two arguments stand in tests/figures/test_plots.py",
    ),
    "*.set_params": "keywords only: read by the rules of the constructor when the method fits",
    "*.set_fit_request": "a function of scikit-learn",
    "comparison.comparison_group": "puts the comparison group of a design, which is fuzzed, into words for the report",
    **dict.fromkeys(("Benchmark", "Benchmark.get_params", "comparison.ComparisonRule"), "a protocol: never called"),
    **dict.fromkeys(
        (
            *("Savings", "Settlement", "claims.Extract", "datasets.Basket", "datasets.DatasetEntry", "datasets.Mssp"),
            *("datasets.VektisNotes", "datasets.SimulatedClaims", "datasets.SimulatedPanel"),
        ),
        "a result: made by functions that are fuzzed",
    ),
    **dict.fromkeys(
        (
            *("claims.ClaimsTables", "claims.ClaimsTables.from_connection", "claims.ClaimsTables.from_frames"),
            *("claims.ClaimsTables.open", "claims.Extract.cohort", "claims.Extract.design", "claims.extract"),
            "claims.Extract.elasticity",
            *("claims.known_saving", "datasets.SimulatedClaims.true_rates", "claims.SourceColumn"),
            *("claims.TableMapping", "claims.TableMapping.source"),
        ),
        "needs tables of claims: files and tables of strangers have their own tests",
    ),
    **dict.fromkeys(
        ("datasets.Basket.check_comparable", "datasets.Basket.columns", "datasets.Basket.comparable_spans"),
        "takes years that the loaders have read",
    ),
    **dict.fromkeys(
        ("Cohort.take", "Counterfactual.require_dependable", "Counterfactual.values"),
        "between parts of the package: takes positions, names of fields, or a part of a sentence",
    ),
    **dict.fromkeys(
        (
            *(f"errors.{name}" for name in ("shorten", "shown", "error_id", "traceback_without_values")),
            *(f"errors.{name}" for name in ("did_you_mean", "raised_as", "refuse_unknown")),
        ),
        "makes messages: takes any value",
    ),
}


def public_callables():
    """Return the names of all public functions, classes and methods with arguments: "Panel.rows", "claims.extract"."""
    found = {name: getattr(ss, name) for name in ss.__all__ if callable(getattr(ss, name))}
    for module in (name for name in ss.__all__ if inspect.ismodule(getattr(ss, name))):
        parts = vars(getattr(ss, module))
        own = [name for name, part in parts.items() if getattr(part, "__module__", "").startswith(f"ssinfer.{module}")]
        for name in parts.get("__all__", own):
            part = getattr(getattr(ss, module), name)
            if callable(part) and not name.startswith("_") and part not in found.values():
                found[f"{module}.{name}"] = part
    classes = {name: part for name, part in found.items() if isinstance(part, type)}
    errors = {name for name, part in classes.items() if issubclass(part, Exception)}
    methods = {
        f"{name}.{method}"
        for name, part in classes.items()
        if name not in errors
        for owner in part.__mro__
        if owner.__module__.startswith("ssinfer.")
        for method, function in vars(owner).items()
        if not method.startswith("_") and takes_arguments(function)
    }
    return {*found, *methods} - errors


def takes_arguments(function) -> bool:
    """Return whether a member of a class is a method with arguments."""
    function = getattr(function, "__func__", function)
    if not inspect.isfunction(function):
        return False
    code = inspect.unwrap(function).__code__  # much faster than a signature
    several = code.co_flags & (inspect.CO_VARARGS | inspect.CO_VARKEYWORDS)
    return bool(several) or code.co_argcount + code.co_kwonlyargcount > 1
