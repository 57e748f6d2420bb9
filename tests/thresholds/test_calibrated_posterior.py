"""Empirical calibration on placebos with known systematic error."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import multivariate_normal, norm

from ssinfer.counterfactual import Counterfactual
from ssinfer.design import Design
from ssinfer.errors import DataError, ParameterError, RefusalError
from ssinfer.thresholds.calibrated_posterior import calibrate
from ssinfer.thresholds.kernels.placebo_likelihood import marginal_likelihoods
from ssinfer.thresholds.placebo_posterior import DEVIATION, MEAN_SD, SCALE_SD, SLOPE_SD, PlaceboPosterior
from ssinfer.thresholds.placebo_rows import CalibrationPlacebos


def placebos(n_units=150, n_origins=4, bias=0.006, scale=0.7, excess=0.008, unit=0.006, seed=1):
    rng = np.random.default_rng(seed)
    size = np.exp(rng.normal(np.log(20_000), 0.6, n_units))
    persistent = unit * rng.standard_normal(n_units)
    typical = np.exp(np.log(size).mean())
    rows = []
    for origin in range(n_origins):
        s = 0.02 * np.sqrt(20_000 / size) * rng.uniform(0.5, 1.8, n_units)
        sd = np.sqrt((scale * s) ** 2 + excess**2 * typical / size)
        y = bias + persistent + sd * rng.standard_normal(n_units)
        rows.append(
            pd.DataFrame(
                {
                    "unit": [f"u{i}" for i in range(n_units)],
                    "origin": 2010 + origin,
                    "savings_rate": y,
                    "standard_error": s,
                    "assigned": size,
                }
            )
        )
    return pd.concat(rows, ignore_index=True)


@pytest.fixture(scope="session")
def calibration():
    return calibrate(placebos(100, 3), exclude=["unit"])


def test_known_systematic_error_is_recovered(calibration):
    truth = {"mean": 0.006, "scale": 0.7, "excess": 0.008, "unit_sd": 0.006}
    table = calibration.summary().set_index("parameter")
    for name, value in truth.items():
        assert abs(table.loc[name, "mean"] - value) < 3.5 * table.loc[name, "sd"], name


def test_threshold_moves_by_the_bias_and_carries_the_excess(calibration):
    rng = np.random.default_rng(2)
    cf = Counterfactual.from_draws(2000 * (1 + 0.02 * rng.standard_normal(20_000)), "sampling", insured_years=20_000)
    threshold = calibration.threshold(cf, 0.95, seed=3)
    spread = np.sqrt((0.7 * 0.02) ** 2 + 0.008**2 + 0.006**2)
    assert threshold.rate == pytest.approx(0.006 + 1.645 * spread, abs=0.006)
    assert threshold.money == pytest.approx(threshold.rate * cf.level)
    rate, money = calibration.expected_systematic_error(cf)
    assert 0.004 < rate < 0.015
    assert money == pytest.approx(rate * cf.level)


def test_the_tested_group_is_never_in_its_own_set(calibration):
    from dataclasses import replace

    cf = Counterfactual.from_draws(np.array([99.0, 101.0]), "sampling", insured_years=20_000)
    other = replace(cf, design=Design(treated=["u3"], baseline=["b"], performance=["p"]))
    with pytest.raises(RefusalError, match=r"exclude=\['u3'\]"):
        calibration.threshold(other)


@pytest.mark.parametrize(
    ("change", "error", "cure"),
    [
        (lambda f: f.drop(columns="standard_error"), DataError, "standard_error"),
        (lambda f: f[f["unit"].isin([f"u{i}" for i in range(10)])], RefusalError, "at least 19"),
        (lambda f: f.assign(savings_rate=0.01), RefusalError, "are equal"),
        (lambda f: f.assign(method=f["origin"].astype(str)), DataError, "one method first"),
    ],
)
def test_bad_placebos(change, error, cure):
    with pytest.raises(error, match=cure):
        calibrate(change(placebos()), exclude=["unit"])


def test_exclude_must_name_the_judged_group():
    with pytest.raises(RefusalError, match="exclude is empty"):
        calibrate(placebos(), exclude=[])


def written_out(data, values):
    """Covariance of the placebos with everything but the variances integrated out, and the design of mean, slope."""
    scale, excess, unit, origin = values
    y, s = data.y / data.y.std(), data.s / data.y.std()
    design = np.column_stack([np.ones(len(y)), np.log(data.ratio)])
    covariance = np.diag((scale * s) ** 2 + excess**2 / data.ratio)
    covariance += unit**2 * (data.unit[:, None] == data.unit)
    covariance += origin**2 * (data.origin[:, None] == data.origin)
    return y, design, covariance


KINDS = {
    "several origins": {"n_units": 30, "n_origins": 3},
    "one origin": {"n_units": 30, "n_origins": 1},
    "one row per unit": {"n_units": 30, "n_origins": 3, "once": True},
    "a unit twice in one origin": {"n_units": 30, "n_origins": 2, "relabel": True},
}


def data_of(n_units, n_origins, *, once=False, relabel=False):
    frame = placebos(n_units, n_origins)
    if once:
        frame = frame[np.arange(len(frame)) % n_origins == frame["origin"] - 2010]
    if relabel:
        frame = frame.assign(origin=np.where(np.arange(len(frame)) % 3 == 0, 2010, 2011))
    return CalibrationPlacebos.of(frame, ["case"])


@pytest.mark.parametrize("kind", KINDS)
def test_likelihood_mean_and_slope_are_those_of_the_whole_covariance_matrix(kind):
    """Authority: the same model as one multivariate normal, in SciPy and by generalised least squares."""
    data = data_of(**KINDS[kind])
    model = PlaceboPosterior.of(data, float(data.y.std()))
    nodes = np.random.default_rng(1).standard_normal((5, len(model.names)))
    values = np.stack(list(model.natural(nodes).values()), axis=1)
    log_likelihood, centre, root = marginal_likelihoods(values**2, *model.rows)
    prior = np.diag([MEAN_SD**2, SLOPE_SD**2])
    expected = []
    for value, ours, factor in zip(values, centre, root, strict=True):
        y, design, covariance = written_out(data, value)
        expected.append(multivariate_normal(cov=covariance + design @ prior @ design.T).logpdf(y))
        precision = design.T @ np.linalg.solve(covariance, design) + np.linalg.inv(prior)
        np.testing.assert_allclose(ours, np.linalg.solve(precision, design.T @ np.linalg.solve(covariance, y)))
        lower = np.array([[factor[0], 0.0], [factor[1], factor[2]]])
        np.testing.assert_allclose(lower @ lower.T, precision, rtol=1e-9)
    np.testing.assert_allclose(np.diff(log_likelihood), np.diff(expected), rtol=1e-9)


def test_without_a_source_of_variance_the_limit_is_reached():
    """Standard deviations of zero are allowed: the likelihood there is the limit, not NaN."""
    data = data_of(**KINDS["several origins"])
    model = PlaceboPosterior.of(data, float(data.y.std()))
    tiny = marginal_likelihoods(np.array([[1.0, 1e-14, 1e-14, 1e-14]]), *model.rows)[0]
    zero = marginal_likelihoods(np.array([[1.0, 0.0, 0.0, 0.0]]), *model.rows)[0]
    np.testing.assert_allclose(zero, tiny, rtol=1e-9)


def test_priors_are_those_of_the_docstring():
    """Quantiles of x at Φ(x): lognormal scale, half-normal standard deviations."""
    data = data_of(**KINDS["several origins"])
    model = PlaceboPosterior.of(data, float(data.y.std()))
    x = np.array([-1.0, 0.0, 2.0])
    parameters = model.natural(np.repeat(x[:, None], 4, axis=1))
    np.testing.assert_allclose(parameters["scale"], np.exp(SCALE_SD * x))
    for name in ("excess", "unit_sd", "origin_sd"):
        np.testing.assert_allclose(parameters[name], DEVIATION * norm.ppf((1 + norm.cdf(x)) / 2))


@pytest.mark.parametrize("kind", KINDS)
def test_weights_are_dependable_and_the_integral_is_that_of_a_grid(kind):
    """Authority: posterior means of scale and excess by a sum over a grid of x, 17 to 61 points per direction."""
    data = data_of(**KINDS[kind])
    model = PlaceboPosterior.of(data, float(data.y.std()))
    posterior = model.integrate()
    assert posterior.pareto_k < 0.7
    assert posterior.effective > 3000
    size = len(model.names)
    line = np.linspace(-4.5, 4.5, {2: 61, 3: 31, 4: 17}[size])
    grid = np.stack(np.meshgrid(*[line] * size, indexing="ij"), axis=-1).reshape(-1, size)
    log_density = model.log_posterior(grid)
    density = np.exp(log_density - log_density.max())
    density /= density.sum()
    for name in model.names:
        on_grid, at_nodes = model.natural(grid)[name], model.natural(posterior.nodes)[name]
        mean = density @ on_grid
        sd = np.sqrt(density @ (on_grid - mean) ** 2)
        assert abs(posterior.weights @ at_nodes - mean) < 0.04 * sd, name


def test_draws_depend_on_data_and_seed_alone():
    frame = placebos(30, 2)
    first, again = (calibrate(frame, exclude=["case"], seed=7) for _ in range(2))
    shuffled = calibrate(frame.sample(frac=1, random_state=1), exclude=["case"], seed=7)
    other = calibrate(frame, exclude=["case"], seed=8)
    for name, draws in first.draws.items():
        assert draws.shape == (6000,)
        assert draws.tobytes() == again.draws[name].tobytes()
        np.testing.assert_allclose(shuffled.draws[name].mean(), draws.mean(), rtol=1e-3, atol=1e-4)
        assert not np.array_equal(draws, other.draws[name])


def test_draws_scale_with_the_savings_rates():
    """Savings rates and standard errors times ten: every draw but the scale is ten times as large."""
    frame = placebos(30, 2)
    more = frame.assign(savings_rate=10 * frame["savings_rate"], standard_error=10 * frame["standard_error"])
    plain, larger = (calibrate(rows, exclude=["case"]) for rows in (frame, more))
    for name, draws in plain.draws.items():
        np.testing.assert_allclose(larger.draws[name], draws * (1 if name == "scale" else 10), rtol=1e-5, atol=1e-9)


def test_chains_divide_the_draws():
    frame = placebos(30, 1)
    with pytest.raises(ParameterError, match="chains=3 must divide n_draws=1000"):
        calibrate(frame, exclude=["case"], n_draws=1000, chains=3)
