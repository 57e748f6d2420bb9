"""Proposal of the importance sampling: nodes for the posterior of a panel model, with defensive components."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ssinfer.benchmarks.hierarchical.model import MODE_BOUND
from ssinfer.kernels.adaptive_importance import build_proposal
from ssinfer.kernels.importance import Mixture
from ssinfer.kernels.optimise import maximise

if TYPE_CHECKING:
    from ssinfer.benchmarks.hierarchical.model import PanelModel
    from ssinfer.kernels.adaptive_importance import Proposal
    from ssinfer.typing import Booleans, Floats

DEFENSIVE_SHARES = {"shock": 0.15, "trend": 0.10}  # of the components without shock and without trend
BOUNDARY_QUANTILE = -1.5  # their centre in x: the 7% quantile of a deviation's prior


def build_panel_proposal(model: PanelModel, y: Floats, seen: Floats, count: int) -> Proposal:
    """Draw importance-sampling nodes for the posterior given the observed cells; the first proposal is at the mode.

    Parameters
    ----------
    model : PanelModel
    y, seen : array (N, T)
        Outcome, 0 where unseen; 1 where seen, else 0.
    count : int
        Least number of nodes. Two, four or eight times as many are drawn if the pilot rounds show that they are needed.
    """
    mode, root = model.mode(y, seen)
    start = Mixture(np.ones(1), mode[None], root[None])
    defensive = defensive_components(model, mode, root, y, seen)
    return build_proposal(lambda nodes: model.log_posteriors(nodes, y, seen), start, defensive, count)


def defensive_components(model: PanelModel, mode: Floats, root: Floats, y: Floats, seen: Floats) -> Mixture | None:
    """Return the components of a proposal where shocks, or trends, are almost zero; None for a model without them.

    A Student-t at the mode does not reach these regions, and Pareto k and ESS cannot reveal a region that no node has
    visited. Without shocks the likelihood does not depend on persistence and volatilities: they have their priors,
    standard normal in x, and the other parameters stay at the mode. Without trends the shocks are larger and last
    longer: the other parameters have their conditional mode. Shares are those in the complete proposal.

    Parameters
    ----------
    model : PanelModel
    mode, root : array (d,), (d, d)
        Mode of x, and the lower Cholesky factor of the covariance there.
    y, seen : array (N, T)
    """
    names = [parameter.name for parameter in model.parameters]
    centres: dict[str, Floats] = {}
    covariances: dict[str, Floats] = {}
    if "shock" in names:
        free = np.array([name in {"shock", "persistence"} or name in model.volatility for name in names])
        centres["shock"] = np.where(free, 0.0, mode)
        centres["shock"][names.index("shock")] = BOUNDARY_QUANTILE
        covariances["shock"] = _with_prior(root @ root.T, free)
    if "trend" in names:
        free = np.array([name == "trend" for name in names])
        centres["trend"] = _conditional_mode(model, mode, names.index("trend"), y, seen)
        covariances["trend"] = _with_prior(root @ root.T, free)
    if not centres:
        return None
    shares = np.array([DEFENSIVE_SHARES[name] for name in centres])
    roots = np.linalg.cholesky(np.array(list(covariances.values())))
    return Mixture(shares, np.array(list(centres.values())), roots)


def _with_prior(covariance: Floats, free: Booleans) -> Floats:
    """Return the covariance with the prior's variance 1 for the free coordinates, which are independent."""
    out = np.where(np.outer(free, free) | np.outer(free, ~free) | np.outer(~free, free), 0.0, covariance)
    out[free, free] = 1.0
    return np.asarray(out)


def _conditional_mode(model: PanelModel, mode: Floats, j: int, y: Floats, seen: Floats) -> Floats:
    """Return the mode given that coordinate j is at `BOUNDARY_QUANTILE`.

    A model with several loadings has no gradient. A search would take as long as the fit, so only coordinate j moves.
    """
    out = mode.copy()
    out[j] = BOUNDARY_QUANTILE
    if model.loadings.shape[1] > 1:
        return out
    others = np.arange(model.size) != j

    def gradient(z: Floats) -> tuple[float, Floats]:
        value, slope = model.log_posterior_gradient(np.insert(z, j, BOUNDARY_QUANTILE), y, seen)
        return value, slope[others]

    search = maximise(lambda z: gradient(z)[0], mode[others], MODE_BOUND, gradient, tolerance=1e-6)
    out[others] = np.round(search, 2)
    return out
