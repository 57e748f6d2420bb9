"""The Bayesian synthetic control written out in PyMC: the readable definition, and the oracle of the fast sampler."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ssinfer.benchmarks.synthetic_control.kernels.simplex_posterior import MAX_RHO

if TYPE_CHECKING:
    from ssinfer.benchmarks.synthetic_control.bayes.posterior import WeightModel


def reference_model(model: WeightModel) -> Any:
    """Return a pymc.Model of one treated unit, in units of its own level.

    Variables: "strength" (tau), "w", "omega", "rho", "k", "volatility" (v, T0 + P); "y" is observed; "mean_ahead" and
    "y_ahead" (P,) are the performance periods without contract, the first without what is new in them: innovations of
    the shock and sampling noise.

    Parameters
    ----------
    model : WeightModel
    """
    import pymc as pm
    import pytensor.tensor

    pt: Any = pytensor.tensor

    baseline, performance, prior = model.baseline, model.performance, model.prior
    T, J = baseline.X.shape
    times = np.concatenate([baseline.times, performance.times])
    gaps = np.abs(times[:, None] - times[None, :])
    unit_noise = np.concatenate([baseline.noise, performance.noise])
    donor_noise = np.vstack([baseline.donor_noise, performance.donor_noise])
    with pm.Model() as out:
        tau = pm.LogNormal("strength", baseline.strength[0], baseline.strength[1])
        tilt = pt.dot(baseline.features, pm.Normal("b", shape=baseline.features.shape[1]))
        w = pm.Deterministic("w", pm.math.softmax(tilt + tau * pm.Normal("z", shape=J)))
        free = prior.mean + pt.dot(prior.factor, pm.Normal("zeta", shape=prior.mean.size))
        omega = pm.Deterministic("omega", pt.exp(free[0]))
        rho = pm.Deterministic("rho", MAX_RHO * pm.math.sigmoid(free[1]))
        k = pm.Deterministic("k", pt.exp(free[2]))
        v = pm.Deterministic("volatility", pt.exp(free[3:]))
        # level (integrated over mu ~ N(0, kappa^2)), stationary AR(1) shock, and sampling noise
        lasting = baseline.kappa**2 + omega**2 / (1 - rho**2) * pt.outer(v, v) * rho**gaps
        noise = k**2 * (unit_noise + pt.dot(donor_noise, w**2))
        before = lasting[:T, :T] + pt.diag(noise[:T])
        fitted = pt.dot(baseline.X, w)
        pm.MvNormal("y", fitted, cov=before, observed=baseline.y)
        gain = pt.linalg.solve(before, lasting[:T, T:], assume_a="pos").T
        mean = pm.Deterministic("mean_ahead", pt.dot(performance.X, w) + pt.dot(gain, baseline.y - fitted))
        ahead = lasting[T:, T:] - pt.dot(gain, lasting[:T, T:]) + pt.diag(noise[T:] + 1e-12 * omega**2)
        pm.Deterministic(
            "y_ahead", mean + pt.dot(pt.linalg.cholesky(ahead), pm.Normal("ahead_z", shape=len(performance.times)))
        )
    return out


def sample_reference(model: WeightModel, *, draws: int, chains: int, seed: int) -> Any:
    """Sample the written-out model by NUTS (nutpie) and return the DataTree."""
    import pymc as pm

    with reference_model(model):
        return pm.sample(
            draws=draws,
            tune=1000,
            chains=chains,
            cores=1,
            random_seed=seed,
            nuts_sampler="nutpie",
            target_accept=0.9,
            progressbar=False,
        )
