"""The frequentist twin: REML of the same panel model and the parametric-bootstrap distribution of its predictions.

Parameters are estimated by maximising the marginal likelihood with the period effects (and the levels of covariates)
given a variance large enough to be flat, which is restricted maximum likelihood. Plug-in intervals leave out that the
parameters are estimated; here panels are simulated at the estimate, the model is refitted to each, and

    prediction + (y*_ahead - prediction* )

over the simulated panels is a draw of the confidence distribution (Beran 1990, doi 10.1080/01621459.1990.10474928).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ssinfer.benchmarks.hierarchical.model import REACH
from ssinfer.benchmarks.hierarchical.posterior import draw_joint, predict_placebos
from ssinfer.kernels.adaptive_importance import Posterior
from ssinfer.kernels.optimise import maximise

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ssinfer.benchmarks.hierarchical.model import PanelModel
    from ssinfer.typing import Floats

    Places = NDArray[np.intp]

REFIT = 1e-7  # tolerance of a refit: at 1e-6 a few end short of the maximum
NEAR = 1.5  # refits start no further out than this, in standard deviations of the prior
FLAT = 100.0  # times the prior SD of period effects and of covariates' levels


def flatten(model: PanelModel) -> PanelModel:
    """Return the model with period effects and covariates' levels as good as fixed effects."""
    return replace(model, period_scale=FLAT * model.period_scale, level_scale=FLAT * model.level_scale)


def restricted_maximum(
    model: PanelModel, y: Floats, seen: Floats, start: Floats | None = None, tolerance: float = 1e-9
) -> Floats:
    """Return the parameters x at the maximum of the restricted likelihood of the cells `seen`.

    The volatility of a period is no parameter but a random effect of known law, which stays in the likelihood: the
    shock's SD and the volatilities would otherwise share one scale.
    """
    free = np.array([parameter.kind != "factor" for parameter in model.parameters])

    def prior(x: Floats) -> float:
        return -0.5 * float((x[free] ** 2).sum())

    def restricted(x: Floats) -> float:
        return model.log_posterior(x, y, seen) - prior(x)

    def slope(x: Floats) -> tuple[float, Floats]:
        value, gradient = model.log_posterior_slope(x, y, seen)
        return value - prior(x), gradient + np.where(free, x, 0.0)

    first = np.zeros(model.size) if start is None else start
    return maximise(restricted, first, REACH, slope if model.loadings.shape[1] == 1 else None, tolerance)


def simulate_panel(model: PanelModel, x: Floats, rng: np.random.Generator) -> Floats:
    """Return y (N, T) drawn at the parameters x, with period effects and covariates' levels at zero."""
    at = model.covariances(x)
    units, periods = at.noise.shape
    size = np.trace(at.shared) / periods
    root = np.linalg.cholesky(at.shared + 1e-12 * size * np.eye(periods))
    y = rng.standard_normal((units, periods)) @ root.T + rng.standard_normal(at.noise.shape) * np.sqrt(at.noise)
    fields = slice(1, 1 + model.neighbours)
    effects = np.matmul(at.common[fields], rng.standard_normal((model.neighbours, periods, 1)))[:, :, 0]
    return np.asarray(y + model.loadings[:, fields] @ effects)


def bootstrap_errors(
    model: PanelModel,
    estimate: Floats,
    learned: Floats,
    seen: Floats,
    rows: Places,
    cells: Places,
    count: int,
) -> Floats:
    """Return how far predictions at refitted parameters lie from those at the estimate, on simulated panels.

    Panels are the same for every design (a fixed stream, as for the nodes of the posterior).

    Parameters
    ----------
    learned : (N, T) cells from which parameters are refitted;  seen : (N, T) cells from which effects are predicted

    Returns
    -------
    array (count, I, P)
        Prediction at the truth less prediction at the refit.
    """
    rng = np.random.default_rng(20_130_102)
    # off the bounds, where the likelihood is flat: an estimate of zero must not keep the refits at zero
    start = np.clip(estimate, -NEAR, NEAR)
    out = np.zeros((count, len(rows), len(cells)))
    for b in range(count):
        y = simulate_panel(model, estimate, rng)
        refit = restricted_maximum(model, y * learned, learned, start, REFIT)
        found = predict_placebos(model, np.array([estimate, refit]), y * seen, seen, rows, cells)
        means = found.mean[:, :, len(cells) :]
        out[b] = means[0] - means[1]
    return out


def confidence_draws(
    model: PanelModel,
    estimate: Floats,
    errors: Floats,
    data: tuple[Floats, Floats],
    rows: Places,
    cells: Places,
    count: int,
    rng: np.random.Generator,
) -> Floats:
    """Return draws (count, I, P) of the confidence distribution, jointly over treated units and periods.

    Each is the prediction at the estimate, the error that estimating the parameters makes (one of `errors`), and the
    Gaussian error of effects, shocks and sampling at the estimate.
    """
    at_estimate = Posterior(estimate[None], np.ones(1), 0.0, float(count))
    draws = draw_joint(model, at_estimate, np.zeros(count, dtype=np.intp), data, rows, cells, rng)
    picked = rng.permutation(np.resize(np.arange(len(errors)), count))
    return np.asarray(draws[:, :, len(cells) :] + errors[picked])
