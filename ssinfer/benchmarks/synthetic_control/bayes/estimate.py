"""The Bayesian synthetic control as an Estimate: posterior draws beside the placebo law, diagnostics, sensitivity."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from ssinfer.benchmarks.synthetic_control.bayes.posterior import CHAINS, WeightModel, WeightPosterior, sample_posterior
from ssinfer.benchmarks.synthetic_control.fit_window import Window

if TYPE_CHECKING:
    from ssinfer.benchmarks.base import Estimate
    from ssinfer.benchmarks.problem import Problem
    from ssinfer.typing import Floats


FEWEST_DRAWS = 500  # of a chain, of which fewer may be handed on
POWERS = (0.5, 2.0)
LARGEST_SHIFT = 0.3  # of a pooled mean, in posterior predictive standard deviations
LARGEST_RATIO = 1.3  # of a pooled standard deviation
SUMMARISED = ("tau", "omega", "rho", "effective_donors")


def posterior_estimate(
    problem: Problem, placebo: Estimate, rng: np.random.Generator, *, intercept: bool, draws: int
) -> Estimate:
    """Return the posterior predictive of every treated unit, with the placebo law kept as `confidence`.

    Shocks and sampling noise of several treated units are drawn independently; the noise of donors that they share
    is not drawn jointly.
    """
    n_treated, P = problem.treated.size, problem.columns.size
    kept = draws // CHAINS
    length = max(kept, FEWEST_DRAWS)
    thin = np.linspace(0, length - 1, kept).round().astype(int)
    benchmark = np.zeros((CHAINS, kept, n_treated, P))
    expected = np.zeros_like(benchmark)
    weights = np.zeros((n_treated, problem.donors.size))
    checks: list[tuple[str, str, float, str]] = []
    parts: list[dict[str, float]] = []
    failures: list[str] = []
    prior_donors: list[Floats] = []
    samples: dict[str, list[Floats]] = {name: [] for name in SUMMARISED}
    for i in range(n_treated):
        window = Window.of(problem, i)
        model = WeightModel.of(window, intercept=intercept)
        found = sample_posterior(model, length, rng)
        place = np.searchsorted(problem.columns, window.post)
        benchmark[:, :, i, place] = found.paths[:, thin]
        expected[:, :, i, place] = found.expected[:, thin]
        columns = np.searchsorted(problem.donors, window.rows[window.others])
        weights[i, columns] = found.weights.mean(axis=(0, 1))
        prior = model.prior_effective_donors(rng)
        checks += _checks(window.name, model, found, prior)
        parts.append(_parts(model, found))
        failures += [f"{window.name}: {failure}" for failure in found.failures]
        prior_donors.append(prior)
        for name in SUMMARISED:
            samples[name].append(found.quantities[name][:, thin])
    index = pd.Index(problem.labels(problem.treated), name="unit")
    solver = placebo.solver
    if solver is not None:
        solver = solver.assign(effective_donors_posterior=[float(s.mean()) for s in samples["effective_donors"]])
    frame = pd.DataFrame(checks, columns=["check", "status", "figure", "message"])
    labels = {"chain": np.arange(CHAINS), "draw": np.arange(kept), "unit": index.to_numpy()}
    posterior = xr.Dataset(
        {name: (("chain", "draw", "unit"), np.stack(values, axis=-1)) for name, values in samples.items()},
        coords=labels,
    )
    before = xr.Dataset(
        {"effective_donors": (("chain", "draw", "unit"), np.stack(prior_donors, axis=-1)[None])},
        coords={"chain": [0], "draw": np.arange(prior_donors[0].size), "unit": labels["unit"]},
    )
    return replace(
        placebo,
        benchmark=benchmark,
        expected=expected,
        uncertainty="posterior",
        weights=weights,
        solver=solver,
        components=pd.DataFrame(parts, index=index),
        diagnostics=frame
        if placebo.diagnostics is None
        else pd.concat([frame, placebo.diagnostics], ignore_index=True),
        failures=tuple(failures),
        inference={"posterior": posterior, "prior": before},
    )


def _parts(model: WeightModel, found: WeightPosterior) -> dict[str, float]:
    """Return variances of the pooled benchmark by source, as shares of its square."""
    level = float(found.quantities["pooled"].mean() / model.level) ** 2
    return {
        "weights": float((found.quantities["pooled"] / model.level).var()) / level,
        "shock": float(found.quantities["shock"].mean()) / level,
        "sampling": float(found.quantities["sampling"].mean()) / level,
    }


def _checks(name: str, model: WeightModel, found: WeightPosterior, prior: Floats) -> list[tuple[str, str, float, str]]:
    """Return convergence, prior predictive and prior sensitivity as diagnostics rows."""

    def interval(values: Any) -> str:
        low, middle, high = np.quantile(values, [0.05, 0.5, 0.95])
        return f"median {middle:.3g}, 90% interval {low:.3g} to {high:.3g}"

    failed = "FAIL" if found.failures else "PASS"
    worst, least = max(found.r_hat.values()), min(found.ess.values())
    own = found.quantities["effective_donors"]
    J, F = model.features.shape
    ahead = ", ".join(f"{v:.2f}" for v in np.exp(model.prior.mean[3 + model.y.size :]))
    words = f"{name}: 1 / sum of squared weights, {interval(own)}; before the data {interval(prior)}"
    shocks = (
        f"{name}: relative to spending, {interval(found.quantities['omega'])}; persistence "
        f"{interval(found.quantities['rho'])}; performance periods {ahead} times as volatile as the ordinary one; "
        f"prior from {model.prior.placebos} donors"
    )
    return [
        ("r_hat", failed, worst, f"{name}: largest of pooled benchmark, strength, shock, effective donors"),
        ("effective_sample_size", failed, least, f"{name}: smallest bulk ESS of the same; {found.divergent} divergent"),
        ("effective_donors", "PASS", float(np.median(own)), words),
        ("shock_sd", "PASS", float(np.median(found.quantities["omega"])), shocks),
        *(
            _sensitivity(f"{name}: {words}", check, variables, model, found)
            for check, words, variables in (
                ("prior_sensitivity_weights", "strength tau and tilt of weights", slice(J, J + F + 1)),
                ("prior_sensitivity_shocks", "shock size, persistence and k", slice(J + F + 1, J + F + 4)),
            )
        ),
    ]


def _sensitivity(
    words: str, check: str, variables: slice, model: WeightModel, found: WeightPosterior
) -> tuple[str, str, float, str]:
    """Raise a part of the prior to a power, by importance weights, and return what the benchmark does."""
    pooled = (found.paths @ model.pooling).ravel()
    log_prior = -0.5 * (found.q[:, :, variables] ** 2).sum(axis=-1).ravel()
    spread = float(pooled.std())
    shift, ratio = 0.0, 1.0
    for power in POWERS:
        ratios = (power - 1.0) * log_prior
        mass = np.exp(ratios - ratios.max())
        mass /= mass.sum()
        mean = float(mass @ pooled)
        deviation = float(np.sqrt(mass @ (pooled - mean) ** 2))
        shift = max(shift, abs(mean - float(pooled.mean())) / spread)
        ratio = max(ratio, deviation / spread, spread / deviation)
    status = "PASS" if shift <= LARGEST_SHIFT and ratio <= LARGEST_RATIO else "FAIL"
    message = (
        f"{words}: with the prior to the powers {POWERS} the pooled benchmark moves by at most {shift:.2f} predictive "
        f"SDs and its SD by a factor of at most {ratio:.2f}"
    )
    return check, status, shift, message
