"""Posterior of the parameters of a panel model, by importance sampling."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ssinfer.benchmarks.hierarchical.predictions import predict_placebos
from ssinfer.kernels.adaptive_importance import MULTIPLES, adapt, pareto_smoothed_weights, weight_until_reliable

if TYPE_CHECKING:
    from ssinfer.benchmarks.hierarchical.model import PanelModel
    from ssinfer.benchmarks.hierarchical.predictions import PlaceboPredictions
    from ssinfer.kernels.adaptive_importance import Posterior, Proposal
    from ssinfer.typing import Floats, Positions


def sample_posterior(model: PanelModel, proposal: Proposal, y: Floats, seen: Floats, nodes: int) -> Posterior:
    """Return the posterior given the observed cells.

    Parameters
    ----------
    model : PanelModel
    proposal : Proposal
        Nodes to be weighted. If the weights are not reliable, more nodes are drawn.
    y, seen : array (N, T)
        Outcome, 0 where unseen; 1 where seen, else 0.
    nodes : int
        Number of nodes, of which `MULTIPLES` are drawn.
    """
    return weight_until_reliable(lambda x: model.log_posteriors(x, y, seen), proposal, nodes)


def reweight_for_placebo(
    model: PanelModel,
    proposal: Proposal,
    predictions: PlaceboPredictions,
    number: int,
    data: tuple[Floats, Floats, Positions, Positions],
    nodes: int,
) -> tuple[Posterior, Floats, Floats]:
    """Return the posterior without the sealed cells of one placebo, and the predictions of these cells.

    Parameters
    ----------
    model : PanelModel
    proposal : Proposal
        Shared by the placebos of a fold.
    predictions : PlaceboPredictions
        Of all placebos of the fold, at the nodes of the proposal.
    number : int
        Number of the placebo in `predictions`.
    data : tuple
        y and seen (N, T) without the placebo's sealed cells, its row (1,), the cells (P,).
    nodes : int
        Number of nodes, of which `MULTIPLES` are drawn if the weights are not reliable.

    Returns
    -------
    posterior : Posterior
    mean, covariance : array (M, 2 P), (M, 2 P, 2 P)
        Predictions at its nodes.
    """
    posterior = pareto_smoothed_weights(predictions.log_target[:, number], proposal)
    for multiple in MULTIPLES:
        if not posterior.failures:
            break
        proposal = adapt(proposal, predictions.log_target[:, number], multiple * nodes)
        predictions, number = predict_placebos(model, proposal.nodes, *data), 0
        posterior = pareto_smoothed_weights(predictions.log_target[:, number], proposal)
    return posterior, predictions.mean[:, number], predictions.covariance[:, number]
