"""Authority: NUTS (nutpie) on the calibration model written out in PyMC, on five placebo sets."""

# ruff: noqa: T201
from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

from ssinfer.convergence import convergence_checks, convergence_failures
from ssinfer.thresholds.calibrated_posterior import calibrate
from ssinfer.thresholds.placebo_rows import CalibrationPlacebos

SETS = {
    "4 origins, 150 units": {"n_units": 150, "n_origins": 4, "seed": 1},
    "1 origin, 60 units": {"n_units": 60, "n_origins": 1, "seed": 2},
    "1 row per unit, 3 origins, 60 units": {"n_units": 60, "n_origins": 3, "once": True, "common": 0.006, "seed": 3},
    "unequal sizes, 3 origins, 25 units": {
        "n_units": 25,
        "n_origins": 3,
        "spread": 1.5,
        "slope": 0.004,
        "common": 0.01,
        "seed": 4,
    },
    "no excess, no unit effect, 6 origins, 40 units": {
        "n_units": 40,
        "n_origins": 6,
        "excess": 0.0,
        "unit": 0.0,
        "scale": 1.0,
        "seed": 5,
    },
}


def placebos(
    n_units, n_origins, *, scale=0.7, excess=0.008, unit=0.006, common=0.0, spread=0.6, slope=0.0, once=False, seed
):
    """Placebo rows with known systematic error; `once` keeps one row per unit."""
    rng = np.random.default_rng(seed)
    size = np.exp(rng.normal(np.log(20_000), spread, n_units))
    ratio = size / np.exp(np.log(size).mean())
    persistent, shared = unit * rng.standard_normal(n_units), common * rng.standard_normal(n_origins)
    rows = []
    for origin in range(n_origins):
        s = 0.02 * np.sqrt(20_000 / size) * rng.uniform(0.5, 1.8, n_units)
        error = np.sqrt((scale * s) ** 2 + excess**2 / ratio) * rng.standard_normal(n_units)
        y = 0.006 + slope * np.log(ratio) + persistent + shared[origin] + error
        row = {"unit": np.arange(n_units), "origin": origin, "savings_rate": y, "standard_error": s, "assigned": size}
        frame = pd.DataFrame(row)
        rows.append(frame[np.arange(n_units) % n_origins == origin] if once else frame)
    return pd.concat(rows, ignore_index=True)


def by_nuts(data, draws, seed=1):
    """Sample the model by NUTS; origin effects are explicit, unit effects integrated out."""
    import pymc as pm

    unit_scale = float(data.y.std())
    y, s = data.y / unit_scale, data.s / unit_scale
    members = (np.arange(data.n_units)[:, None] == data.unit[None, :]).astype(float)
    with pm.Model():
        mean = pm.Normal("mean", 0.0, 0.5)
        slope = pm.Normal("slope", 0.0, 0.25)
        scale = pm.LogNormal("scale", 0.0, 0.35)
        excess = pm.HalfNormal("excess", 0.5)
        residual = y - mean - slope * np.log(data.ratio)
        if data.n_origins > 1:
            origin_sd = pm.HalfNormal("origin_sd", 0.5)
            effect = origin_sd * pm.Normal("origin", 0.0, 1.0, shape=data.n_origins)
            residual = residual - effect[data.origin]
        variance = (scale * s) ** 2 + excess**2 / data.ratio
        log_likelihood = -0.5 * pm.math.sum(pm.math.log(variance) + residual**2 / variance)
        if len(data.y) > data.n_units:
            unit_sd = pm.HalfNormal("unit_sd", 0.5)
            weight, weighted = pm.math.dot(members, 1 / variance), pm.math.dot(members, residual / variance)
            inflation = 1 + unit_sd**2 * weight
            log_likelihood -= 0.5 * pm.math.sum(pm.math.log(inflation) - (unit_sd * weighted) ** 2 / inflation)
        pm.Potential("log_likelihood", log_likelihood)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = pm.sample(
                draws=draws,
                tune=1000,
                chains=4,
                cores=1,
                random_seed=seed,
                nuts_sampler="nutpie",
                target_accept=0.99,
                progressbar=False,
            )
    return tree, unit_scale


@pytest.mark.evidence
@pytest.mark.parametrize("name", SETS)
def test_means_and_quantiles_equal_those_of_nuts(name, evidence_share):
    """Four Monte Carlo errors at most, of up to 24 figures per set; the errors of both sides count."""
    import arviz as az

    frame = placebos(**SETS[name])
    data = CalibrationPlacebos.of(frame, ["case"])
    tree, unit_scale = by_nuts(data, draws=10_000 if evidence_share == 1 else 2_000)
    names = [variable for variable in tree["posterior"].data_vars if variable != "origin"]
    r_hat, ess = az.rhat(tree, var_names=names), az.ess(tree, var_names=names)
    diverging = tree["sample_stats"]["diverging"]
    checks = convergence_checks(
        {variable: float(r_hat[variable]) for variable in names},
        {variable: float(ess[variable]) for variable in names},
        int(diverging.sum()),
        int(diverging.size),
    )
    assert not convergence_failures(checks)
    ours = calibrate(frame, exclude=["case"], n_draws=40_000)
    rows = []
    for variable in names:
        theirs = tree["posterior"][variable] * (1.0 if variable == "scale" else unit_scale)
        draws = ours.draws[variable]
        for figure, options in (
            ("mean", {"method": "mean"}),
            *((f"{p:.0%}", {"method": "quantile", "prob": p}) for p in (0.05, 0.5, 0.95)),
        ):
            error = float(az.mcse(theirs, **options))
            size = float(az.ess(theirs, **options))
            probability = options.get("prob")
            value, expected = (
                float(x.mean() if probability is None else np.quantile(x, probability)) for x in (draws, theirs.values)
            )
            our_error = error * np.sqrt(size / ours.effective)  # nodes count for no more than the ESS of their weights
            rows.append((variable, figure, value, expected, error, (value - expected) / np.hypot(error, our_error)))
    table = pd.DataFrame(rows, columns=["parameter", "figure", "exact", "NUTS", "error of NUTS", "z"])
    print(f"{name}: Pareto k {ours.pareto_k:.2f}, ESS {ours.effective:.0f}\n{table.round(5).to_string(index=False)}")
    assert table["z"].abs().max() < 4
