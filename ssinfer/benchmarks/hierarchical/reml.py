"""Frequentist version of the panel model: REML, and the parametric-bootstrap distribution of its predictions.

Parameters maximise the marginal likelihood with flat period effects and levels of covariates. Panels are simulated at
the estimate, and the model is refitted to each. A draw of the confidence distribution (Beran 1990, doi
10.1080/01621459.1990.10474928) is then

    prediction + (y*_ahead - prediction*)
"""

from dataclasses import dataclass, replace

import numpy as np

from ssinfer.benchmarks.hierarchical.draws import draw_joint
from ssinfer.benchmarks.hierarchical.layout import Layout
from ssinfer.benchmarks.hierarchical.model import MODE_BOUND, PanelModel
from ssinfer.benchmarks.hierarchical.parameters import FLAT
from ssinfer.benchmarks.hierarchical.predictions import predict_placebos
from ssinfer.kernels.adaptive_importance import Posterior
from ssinfer.kernels.optimise import maximise
from ssinfer.typing import Floats, Positions

REFIT_TOLERANCE = 1e-7  # at 1e-6 some refits end before the maximum
MAX_START = 1.5  # of a refit, in standard deviations of the prior
SEED = 20_130_102  # of the simulated panels, the same for every design


@dataclass(frozen=True, eq=False)
class BootstrapFit:
    """REML fit of a model with flat period effects, with its bootstrap errors."""

    model: PanelModel
    estimate: Floats  # (d,): parameters
    errors: Floats  # (B, I, P): errors that the estimation of the parameters adds to the predictions

    @classmethod
    def of(
        cls, layout: Layout, data: tuple[Floats, Floats], fitted: Floats, rows: Positions, count: int
    ) -> "BootstrapFit | None":
        """Fit the model and refit it to `count` simulated panels, if any; `data` are y and seen (N, T)."""
        if not count:
            return None
        y, seen = data
        flat = flatten(layout.model)
        estimate = restricted_maximum(flat, y * fitted, fitted)
        return cls(flat, estimate, bootstrap_errors(flat, estimate, fitted, seen, rows, layout.ahead, count))

    def draws(self, layout: Layout, count: int, rng: np.random.Generator) -> Floats:
        """Return `count` draws (S, I, P) of the confidence distribution, jointly over treated units and periods."""
        at_estimate = Posterior(self.estimate[None], np.ones(1), 0.0, float(count))
        draws = draw_joint(self.model, layout, at_estimate, np.zeros(count, dtype=np.intp), rng)
        replicate = rng.permutation(np.resize(np.arange(len(self.errors)), count))
        return np.asarray(draws[:, :, len(layout.ahead) :] + self.errors[replicate])


def flatten(model: PanelModel) -> PanelModel:
    """Return the model with nearly flat priors of period effects and covariates' levels, as if they were fixed."""
    return replace(model, period_scale=FLAT * model.period_scale, level_scale=FLAT * model.level_scale)


def restricted_maximum(
    model: PanelModel, y: Floats, seen: Floats, start: Floats | None = None, tolerance: float = 1e-9
) -> Floats:
    """Return the parameters x at the maximum of the restricted likelihood of a model with flat period effects."""
    # volatilities are random effects: without their distribution, the shock's SD and they would share one scale
    free = np.array([parameter.kind != "factor" for parameter in model.parameters])

    def prior(x: Floats) -> float:
        return -0.5 * float((x[free] ** 2).sum())

    def restricted(x: Floats) -> float:
        return model.log_posterior(x, y, seen) - prior(x)

    def gradient(x: Floats) -> tuple[float, Floats]:
        value, slope = model.log_posterior_gradient(x, y, seen)
        return value - prior(x), slope + np.where(free, x, 0.0)

    first = np.zeros(model.size) if start is None else start
    return maximise(restricted, first, MODE_BOUND, gradient, tolerance)


def simulate_panel(model: PanelModel, x: Floats, rng: np.random.Generator) -> Floats:
    """Return y (N, T) drawn at the parameters x, with period effects and covariates' levels at zero."""
    at = model.covariances(x)
    units, periods = at.noise.shape
    size = np.trace(at.shared) / periods
    root = np.linalg.cholesky(at.shared + 1e-12 * size * np.eye(periods))
    y = rng.standard_normal((units, periods)) @ root.T + rng.standard_normal(at.noise.shape) * np.sqrt(at.noise)
    if model.neighbours:
        y = y + model.blocks[1].loadings @ rng.standard_normal((model.neighbours, periods)) @ at.common[1].T
    return np.asarray(y)


def bootstrap_errors(
    model: PanelModel, estimate: Floats, fitted: Floats, seen: Floats, rows: Positions, cells: Positions, count: int
) -> Floats:
    """Return predictions of `cells` at the estimate minus those at refitted parameters (count, I, P), by simulation."""
    rng = np.random.default_rng(SEED)
    # the likelihood is flat at the bounds: a refit that starts there would stay there
    start = np.clip(estimate, -MAX_START, MAX_START)
    out = np.zeros((count, len(rows), len(cells)))
    for b in range(count):
        y = simulate_panel(model, estimate, rng)
        refit = restricted_maximum(model, y * fitted, fitted, start, REFIT_TOLERANCE)
        predictions = predict_placebos(model, np.array([estimate, refit]), y * seen, seen, rows, cells)
        means = predictions.mean[:, :, len(cells) :]
        out[b] = means[0] - means[1]
    return out
