"""Draws of a risk-adjusted benchmark: its posterior, and the sampling distribution of the same quantity."""

from typing import NamedTuple

import numpy as np

from ssinfer.benchmarks.risk_adjusted.fit import Fit
from ssinfer.benchmarks.risk_adjusted.kernels.ridge import resampled_errors
from ssinfer.benchmarks.risk_adjusted.kernels.unit_effects import Draws, draw_effects
from ssinfer.kernels.skewed_noise import skewed_noise
from ssinfer.typing import Floats

MAX_SKEWNESS = 10.0  # of a unit's mean: beyond, a few persons make all of its noise


class Predictive(NamedTuple):
    """Draws (D, I, P) of the benchmark, of it without shocks and noise, and of the log of its level."""

    benchmark: Floats
    expected: Floats
    level: Floats
    effects: Draws


def posterior_draws(fit: Fit, n_draws: int, rng: np.random.Generator) -> Predictive:
    """Draw from the posterior predictive distribution."""
    effects = draw_effects(fit.grid, fit.unseen, own_noise(fit, n_draws, rng), n_draws, rng)
    values, vectors = np.linalg.eigh(fit.model_error)
    error = rng.standard_normal((n_draws, len(values))) @ (vectors * np.sqrt(np.maximum(values, 0.0))).T
    return _predictive(fit, effects, error)


def sampling_draws(fit: Fit, n_draws: int, rng: np.random.Generator) -> Floats:
    """Draw (n_draws, I, P) from the sampling distribution at the estimated variances, with practices resampled."""
    own = own_noise(fit, n_draws, rng)
    effects = draw_effects(fit.plug_in, fit.unseen, own, n_draws, rng, sampling=True)
    return _predictive(fit, effects, resampled_errors(fit.donor_influence, n_draws, rng)).benchmark


def own_noise(fit: Fit, n_draws: int, rng: np.random.Generator) -> Floats:
    """Draw the noise of the treated units' persons (n_draws, I, Q + P), relative to the predictions."""
    unseen = fit.unseen
    third = np.zeros(unseen.noise.shape[:2])
    third[:, unseen.residuals.shape[1] :] = fit.persons.third[fit.problem.treated] / fit.predicted**3
    sd = np.sqrt(np.diagonal(unseen.noise, axis1=1, axis2=2))
    skewness = np.clip(np.divide(third, sd**3, out=np.zeros_like(third), where=sd > 0), -MAX_SKEWNESS, MAX_SKEWNESS)
    return skewed_noise(unseen.noise, skewness, n_draws, rng)


def _predictive(fit: Fit, effects: Draws, error: Floats) -> Predictive:
    """Put the effect, the shocks, the noise and the error of the predictions (D, I * P) together."""
    lasting = effects.effect[:, :, None] * fit.carry[:, None]
    level = lasting + (effects.level - effects.effect[:, :, None]) / fit.relative
    error = error.reshape(len(error), *fit.rate.shape)
    benchmark = fit.rate * (np.exp(level) + effects.noise) + error
    return Predictive(benchmark, fit.rate * np.exp(lasting) + error, level, effects)
