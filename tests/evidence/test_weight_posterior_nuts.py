"""Authority: the model written out in PyMC, on three panels: its density, and NUTS (nutpie). Takes minutes."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from arviz_stats.base.array import array_stats
from weight_posterior_pymc import reference_model, sample_reference

import ssinfer as ss
from ssinfer.benchmarks.synthetic_control.bayes.posterior import WeightModel, sample_posterior
from ssinfer.benchmarks.synthetic_control.classic import SyntheticControl
from ssinfer.benchmarks.synthetic_control.fit_window import FitWindow
from ssinfer.benchmarks.synthetic_control.kernels.simplex_posterior import log_density
from ssinfer.datasets.prop99 import load_prop99
from ssinfer.simulation.panel import simulate_panel


def california(intercept):
    design = ss.Design(treated=["California"], baseline=range(1970, 1989), performance=range(1989, 2001))
    return WeightModel.of(FitWindow.of(SyntheticControl().prepare(load_prop99(), design), 0), intercept=intercept)


def simulated():
    """Sampling noise up to an unknown k, three performance years."""
    panel = simulate_panel(30, tuple(range(2008, 2018)), start=2016, seed=4, covid=False, person_correlation=0.0).panel
    design = ss.Design(treated=["treated"], baseline=range(2009, 2016), performance=[2016, 2017])
    return WeightModel.of(FitWindow.of(SyntheticControl().prepare(panel, design), 0), intercept=True)


CASES = ("california", "california demeaned", "simulated")


def model_of(case):
    return simulated() if case == "simulated" else california(case.endswith("demeaned"))


def quantile_mcse(draws, probability):
    """Monte Carlo error of a quantile of draws (chain, draw): a skewed tail is known less well than its mean."""
    return float(array_stats.mcse(draws, chain_axis=0, draw_axis=1, method="quantile", prob=probability))


def mcse(values):
    """Standard error of a mean over chains (chain, draw)."""
    return float(values.std() / np.sqrt(array_stats.ess(values, chain_axis=0, draw_axis=1, method="mean")))


@pytest.mark.evidence
@pytest.mark.usefixtures("data_dir")
@pytest.mark.parametrize("case", CASES)
def test_density_equals_that_of_pymc_up_to_a_constant(case):
    model = model_of(case)
    reference = reference_model(model)
    (J, F), P = model.baseline.features.shape, len(model.performance.X)
    pymc_log_density = reference.compile_logp(mode="FAST_COMPILE")
    unused = np.empty(model.size)
    rng = np.random.default_rng(0)
    differences = []
    for q in 0.7 * rng.standard_normal((6, model.size)):
        log_tau = model.baseline.strength @ [1.0, q[J + F]]
        point = {
            "z": q[:J], "b": q[J : J + F], "strength_log__": np.array(log_tau), "zeta": q[J + F + 1 :],
            "ahead_z": np.zeros(P),
        }  # fmt: skip
        differences.append(float(pymc_log_density(point)) - log_density(q, model.baseline, unused))
    assert np.ptp(differences) < 1e-6 * max(1.0, abs(differences[0]))


@pytest.mark.evidence
@pytest.mark.usefixtures("data_dir")
@pytest.mark.parametrize("case", CASES)
def test_posterior_means_and_quantiles_equal_those_of_nuts(case, evidence_share):
    if evidence_share < 1 and case != "california":
        pytest.skip("SSINFER_EVIDENCE=reduced compares one of the panels; set it to full for all")
    model = model_of(case)
    fast = sample_posterior(model, 4000, np.random.default_rng(1))
    assert not fast.failures
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        posterior = sample_reference(model, draws=2000, chains=2, seed=1)["posterior"]
    first_volatility = np.exp(model.prior.mean[3] + fast.q[:, :, -model.prior.mean.size :] @ model.prior.factor[3])
    pooling = model.performance.pooling
    pairs = {
        "tau": (fast.quantities["tau"], posterior["strength"].values),
        "omega": (fast.quantities["omega"], posterior["omega"].values),
        "rho": (fast.quantities["rho"], posterior["rho"].values),
        "k": (fast.quantities["k"], posterior["k"].values),
        "first volatility": (first_volatility, posterior["volatility"].values[:, :, 0]),
        "mean": (
            fast.expected @ pooling / model.level,
            posterior["mean_ahead"].values @ pooling,
        ),
        "predicted": (
            fast.paths @ pooling / model.level,
            posterior["y_ahead"].values @ pooling,
        ),
        "first donor": (fast.weights[:, :, 0], posterior["w"].values[:, :, 0]),
    }
    for name, (ssinfer_draws, nuts_draws) in pairs.items():
        if name == "k" and model.prior.covariance[2, 2] < 1e-6:
            continue
        difference, error = ssinfer_draws.mean() - nuts_draws.mean(), np.hypot(mcse(ssinfer_draws), mcse(nuts_draws))
        print(  # noqa: T201
            f"{case} {name}: ssinfer {ssinfer_draws.mean():.5g}, NUTS {nuts_draws.mean():.5g}, "
            f"z {difference / error:.2f}"
        )
        assert abs(difference) < 4 * error, name
        for probability in (0.05, 0.95):
            quantile_difference = np.quantile(ssinfer_draws, probability) - np.quantile(nuts_draws, probability)
            error = np.hypot(quantile_mcse(ssinfer_draws, probability), quantile_mcse(nuts_draws, probability))
            assert abs(quantile_difference) < 4 * error, (name, probability)
