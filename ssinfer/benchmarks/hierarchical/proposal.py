"""Proposal of the importance sampling: nodes for the posterior of a panel model, with defensive components."""

import numpy as np

from ssinfer.benchmarks.hierarchical.model import MODE_BOUND, PanelModel
from ssinfer.kernels.adaptive_importance import Proposal, build_proposal
from ssinfer.kernels.importance import Mixture
from ssinfer.kernels.optimise import maximise
from ssinfer.typing import Booleans, Floats

DEFENSIVE_SHARES = {"shock": 0.15, "trend": 0.10}  # of the components without shock and without trend
BOUNDARY_QUANTILE = -1.5  # their centre in x: the 7% quantile of a deviation's prior


def build_panel_proposal(model: PanelModel, y: Floats, seen: Floats, count: int) -> Proposal:
    """Draw at least `count` importance-sampling nodes for the posterior given the observed cells."""
    mode, root = model.mode(y, seen)
    start = Mixture(np.ones(1), mode[None], root[None])
    defensive = defensive_components(model, mode, root, y, seen)
    return build_proposal(lambda nodes: model.log_posteriors(nodes, y, seen), start, defensive, count)


def defensive_components(model: PanelModel, mode: Floats, root: Floats, y: Floats, seen: Floats) -> Mixture | None:
    """Return the components of a proposal where shocks, or trends, are almost zero; None for a model without them.

    A Student-t at the `mode` does not reach these regions, and Pareto k cannot reveal that. Without shocks, persistence
    and volatilities have their priors, the others the mode. Without trends, the others have their conditional mode.
    """
    names = [parameter.name for parameter in model.parameters]
    shares, centres, covariances = [], [], []
    if "shock" in names:
        free = np.isin(names, ["shock", "persistence", *model.volatility])
        shares.append(DEFENSIVE_SHARES["shock"])
        centres.append(np.where(free, 0.0, mode))
        centres[0][names.index("shock")] = BOUNDARY_QUANTILE
        covariances.append(_with_prior(root @ root.T, free))
    if "trend" in names:
        shares.append(DEFENSIVE_SHARES["trend"])
        centres.append(_conditional_mode(model, mode, names.index("trend"), y, seen))
        covariances.append(_with_prior(root @ root.T, np.isin(names, ["trend"])))
    if not shares:
        return None
    return Mixture(np.array(shares), np.array(centres), np.linalg.cholesky(np.array(covariances)))


def _with_prior(covariance: Floats, free: Booleans) -> Floats:
    """Return the covariance with the prior's variance 1 for the free coordinates, which are independent."""
    out = np.where(np.logical_or.outer(free, free), 0.0, covariance)
    out[free, free] = 1.0
    return np.asarray(out)


def _conditional_mode(model: PanelModel, mode: Floats, j: int, y: Floats, seen: Floats) -> Floats:
    """Return the mode given that coordinate j is at `BOUNDARY_QUANTILE`."""
    out = mode.copy()
    out[j] = BOUNDARY_QUANTILE
    if model.loadings.shape[1] > 1:  # there is no gradient, and a search without it would take as long as the fit
        return out
    others = np.arange(model.size) != j

    def gradient(z: Floats) -> tuple[float, Floats]:
        value, slope = model.log_posterior_gradient(np.insert(z, j, BOUNDARY_QUANTILE), y, seen)
        return value, slope[others]

    search = maximise(lambda z: gradient(z)[0], mode[others], MODE_BOUND, gradient, tolerance=1e-6)
    out[others] = np.round(search, 2)
    return out
