"""Estimate of the Bayesian synthetic control: posterior draws, convergence and sensitivity to the prior."""

from dataclasses import replace

import numpy as np
import pandas as pd
import xarray as xr

from ssinfer.benchmarks.base import Estimate
from ssinfer.benchmarks.problem import Problem
from ssinfer.benchmarks.synthetic_control.bayes.posterior import CHAINS, WeightModel, WeightPosterior, sample_posterior
from ssinfer.benchmarks.synthetic_control.donor_weighting import MIN_EFFECTIVE_DONORS
from ssinfer.benchmarks.synthetic_control.fit_window import FitWindow
from ssinfer.check import Check, tabulate
from ssinfer.later import made
from ssinfer.typing import Floats

MIN_DRAWS_PER_CHAIN = 500  # the output may be thinned further
PRIOR_POWERS = (0.5, 2.0)
MAX_SHIFT = 0.3  # of a pooled mean, in posterior predictive standard deviations
MAX_SD_RATIO = 1.3  # of a pooled standard deviation
SUMMARISED = ("tau", "omega", "rho", "effective_donors")


def posterior_estimate(
    problem: Problem, placebo: Estimate, rng: np.random.Generator, *, intercept: bool, n_draws: int
) -> Estimate:
    """Return the posterior predictive of every treated unit; the estimate `placebo` stays as `confidence`.

    `n_draws` is the total number of draws, from four chains. Shocks and sampling noise of several treated units are
    drawn independently; the noise of donors that they share is not drawn jointly.
    """
    n_treated, P = problem.treated.size, problem.performance_columns.size
    kept = n_draws // CHAINS
    length = max(kept, MIN_DRAWS_PER_CHAIN)
    thin = np.linspace(0, length - 1, kept).round().astype(int)
    benchmark = np.zeros((CHAINS, kept, n_treated, P))
    expected = np.zeros_like(benchmark)
    weights, fitted = np.zeros((n_treated, problem.donors.size)), np.zeros((n_treated, problem.baseline.size))
    checks: list[Check] = []
    components: list[dict[str, float]] = []
    failures: list[str] = []
    prior_donors: list[Floats] = []
    samples: dict[str, list[Floats]] = {name: [] for name in SUMMARISED}
    for i in range(n_treated):
        window = FitWindow.of(problem, i)
        model = WeightModel.of(window, intercept=intercept)
        posterior = sample_posterior(model, length, rng)
        columns = np.searchsorted(problem.performance_columns, window.post)
        benchmark[:, :, i, columns] = posterior.paths[:, thin]
        expected[:, :, i, columns] = posterior.expected[:, thin]
        mean_weights = posterior.weights.mean(axis=(0, 1))
        weights[i, np.searchsorted(problem.donors, window.rows[window.others])] = mean_weights
        path = window.Y[:, window.others] @ mean_weights
        level = (window.Y[:, window.treated] - path)[window.pre].mean() if intercept else 0.0
        fitted[i] = (path + level)[problem.baseline]
        prior_donors.append(model.prior_effective_donors(rng))
        checks += _checks(window.name, model, posterior, prior_donors[-1])
        components.append(_components(model, posterior))
        failures += [f"{window.name}: {failure}" for failure in posterior.failures]
        for name in SUMMARISED:
            samples[name].append(posterior.quantities[name][:, thin])
    index = pd.Index(problem.labels(problem.treated), name="unit")
    solver = made(placebo.solver)
    if solver is not None:
        solver = solver.assign(effective_donors_posterior=[float(s.mean()) for s in samples["effective_donors"]])
    diagnostics = tabulate(checks)
    if placebo.diagnostics is not None:
        diagnostics = pd.concat([diagnostics, made(placebo.diagnostics)], ignore_index=True)
    draws = {name: np.stack(values, axis=-1) for name, values in samples.items()}
    prior_draws = {"effective_donors": np.stack(prior_donors, axis=-1)[None]}
    return replace(
        placebo,
        benchmark=benchmark,
        expected=expected,
        uncertainty="posterior",
        fitted=fitted,
        weights=weights,
        solver=solver,
        components=pd.DataFrame(components, index=index),
        diagnostics=diagnostics,
        failures=tuple(failures),
        inference={"posterior": _dataset(draws, index), "prior": _dataset(prior_draws, index)},
    )


def _dataset(draws: dict[str, Floats], units: pd.Index) -> xr.Dataset:
    """Return a Dataset of arrays (chain, draw, unit)."""
    chains, count, _ = next(iter(draws.values())).shape
    return xr.Dataset(
        {name: (("chain", "draw", "unit"), values) for name, values in draws.items()},
        coords={"chain": np.arange(chains), "draw": np.arange(count), "unit": units.to_numpy()},
    )


def _components(model: WeightModel, posterior: WeightPosterior) -> dict[str, float]:
    """Return variances of the pooled benchmark by source, as shares of its square."""
    pooled = posterior.quantities["pooled"]
    squared_benchmark = float(pooled.mean() / model.level) ** 2
    return {
        "weights": float((pooled / model.level).var()) / squared_benchmark,
        "shock": float(posterior.quantities["shock"].mean()) / squared_benchmark,
        "sampling": float(posterior.quantities["sampling"].mean()) / squared_benchmark,
    }


def _checks(name: str, model: WeightModel, posterior: WeightPosterior, prior_donors: Floats) -> list[Check]:
    """Return convergence, effective donors, shock size and sensitivity to the prior of one treated unit."""

    def interval(values: Floats) -> str:
        low, middle, high = np.quantile(values, [0.05, 0.5, 0.95])
        return f"median {middle:.3g}, 90% interval {low:.3g} to {high:.3g}"

    def check(row: str, figure: float, message: str) -> Check:
        return Check(row, "PASS", figure, f"{name}: {message}")

    quantities = posterior.quantities
    donors, omega = quantities["effective_donors"], quantities["omega"]
    J, F = model.baseline.features.shape
    volatility = ", ".join(f"{v:.2f}" for v in np.exp(model.prior.mean[3 + model.baseline.y.size :]))
    pooled = posterior.paths @ model.performance.pooling
    strength, shocks = posterior.q[:, :, J : J + F + 1], posterior.q[:, :, J + F + 1 : J + F + 4]
    effective = check(
        "effective_donors",
        float(np.median(donors)),
        f"1 / sum of squared weights, {interval(donors)}; before the data {interval(prior_donors)}",
    )
    few = effective.figure < MIN_EFFECTIVE_DONORS
    return [
        *(replace(check, message=f"{name}: {check.message}") for check in posterior.convergence),
        replace(effective, status="WARN" if few else "PASS", limit=MIN_EFFECTIVE_DONORS),
        check(
            "shock_sd",
            float(np.median(omega)),
            f"relative to spending, {interval(omega)}; persistence {interval(quantities['rho'])}; performance periods "
            f"{volatility} times as volatile as the ordinary one; prior from {model.prior.placebos} donors",
        ),
        _sensitivity("prior_sensitivity_weights", f"{name}: strength tau and tilt of weights", strength, pooled),
        _sensitivity("prior_sensitivity_shocks", f"{name}: shock size, persistence and k", shocks, pooled),
    ]


def _sensitivity(check: str, label: str, q: Floats, pooled: Floats) -> Check:
    """Return how far the pooled benchmark (chain, draw) moves if the prior of the unknowns `q` is raised to a power."""
    pooled = pooled.ravel()
    log_prior = -0.5 * (q**2).sum(axis=-1).ravel()
    sd = float(pooled.std())
    shift, ratio = 0.0, 1.0
    for power in PRIOR_POWERS:
        log_ratios = (power - 1.0) * log_prior
        mass = np.exp(log_ratios - log_ratios.max())
        mass /= mass.sum()
        mean = float(mass @ pooled)
        power_sd = float(np.sqrt(mass @ (pooled - mean) ** 2))
        shift = max(shift, abs(mean - float(pooled.mean())) / sd)
        ratio = max(ratio, power_sd / sd, sd / power_sd)
    message = (
        f"{label}: with the prior to the powers {PRIOR_POWERS} the pooled benchmark moves by at most {shift:.2f} "
        f"predictive SDs and its SD by a factor of at most {ratio:.2f}"
    )
    return Check(
        check, "PASS" if shift <= MAX_SHIFT and ratio <= MAX_SD_RATIO else "FAIL", shift, message, limit=MAX_SHIFT
    )
