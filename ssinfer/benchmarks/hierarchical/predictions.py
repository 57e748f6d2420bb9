"""Predictions of placebo units without their own sealed cells, at each node, from one pass over the panel."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ssinfer.benchmarks.hierarchical.kernels.gaussian_panel import predict, predict_sealed
from ssinfer.benchmarks.hierarchical.kernels.node_predictions import predict_nodes
from ssinfer.benchmarks.hierarchical.layout import Layout
from ssinfer.benchmarks.hierarchical.model import PanelModel
from ssinfer.benchmarks.hierarchical.proposal import ridge_mixture
from ssinfer.kernels.adaptive_importance import (
    MULTIPLES,
    Posterior,
    Proposal,
    Rounds,
    adapt,
    pareto_smoothed_weights,
)
from ssinfer.typing import Floats, Positions

MAX_OWN_ROUNDS = 1  # units of a window for which rounds of their own cost less than a further round for all


@dataclass(frozen=True, eq=False)
class PlaceboPredictions:
    """Predictions of the P sealed cells of I units at M nodes, each without the unit's own sealed cells."""

    log_target: Floats  # (M, I): log posterior density of the nodes
    mean: Floats  # (M, I, 2 P): the expected part first, then the outcome
    covariance: Floats  # (M, I, 2 P, 2 P)
    log_all: Floats | None = None  # (M,): log posterior density given all cells

    def of(self, number: int) -> "PlaceboPredictions":
        """Return those of one unit."""
        one = slice(number, number + 1)
        return PlaceboPredictions(self.log_target[:, one], self.mean[:, one], self.covariance[:, one])

    @classmethod
    def joined(cls, parts: Sequence["PlaceboPredictions"]) -> "PlaceboPredictions":
        """Return the predictions at the nodes of all parts."""
        fields = ((part.log_target, part.mean, part.covariance) for part in parts)
        return cls(*(np.concatenate(arrays) for arrays in zip(*fields, strict=True)))


def predict_placebos(
    model: PanelModel,
    nodes: Floats,
    y: Floats,
    seen: Floats,
    rows: Positions,
    cells: Positions,
    near: Sequence[Positions] | None = None,
) -> PlaceboPredictions:
    """Predict sealed cells (P,) of units `rows` (I,) at `nodes` (M, d), from y and seen that may include them.

    Of each unit the same cells of the units `near` are left out as well.
    """
    # the prediction of a cell that is not seen is that of one which has any value and is left out
    filled = seen.copy()
    filled[np.ix_(rows, cells)] = 1.0
    if len(model.blocks) == 1 and near is None:
        panel = (model.sampling, filled, y, model.loadings[:, 0])
        value, mean, covariance = predict_nodes(model.nodes(nodes), panel, rows, cells)
        return _positive_variances(value + model.log_prior(nodes)[:, None], mean, covariance)
    width, count = 2 * len(cells), len(nodes)
    value, less = np.full(count, -np.inf), np.zeros((count, len(rows)))
    score = np.zeros((count, len(rows), width))
    precision = np.tile(np.eye(width), (count, len(rows), 1, 1))
    own, noise = np.zeros((count, 1, len(cells), len(cells))), np.ones((count, len(rows), len(cells)))
    for m, x in enumerate(nodes):
        with contextlib.suppress(np.linalg.LinAlgError):
            fit, at = model.marginal(x, y, filled)
            shock = (at.shared - at.structure)[:, cells]
            vectors = np.concatenate([np.eye(len(shock))[:, cells], shock], axis=1)
            less[m], score[m], precision[m] = fit.projections_without(rows, vectors, cells, near)
            own[m, 0], noise[m], value[m] = shock[cells], at.noise[np.ix_(rows, cells)], fit.log_likelihood
    change, mean, covariance = predict_sealed(score, precision, y[np.ix_(rows, cells)], own, noise)
    log_all = value + model.log_prior(nodes)
    return replace(_positive_variances(log_all[:, None] + less + change, mean, covariance), log_all=log_all)


def fitted_baseline(layout: Layout, x: Floats) -> Floats:
    """Return the mean spending (I, B) that the model expects of the treated units in the baseline, at parameters `x`.

    It is the posterior mean of common effects, level, trend and season given all seen cells, without shock and noise.
    """
    model, rows, cells = layout.model, layout.treated, layout.reported
    fit, at = model.marginal(x, layout.y, layout.seen)
    structure = (at.structure, at.shared, at.noise[rows], cells)
    effects, error = fit.mean[rows][:, :, None], fit.spread[rows]
    mean, covariance = predict(effects, error, fit.terms.of(rows), layout.y[rows], *structure)
    variance = np.einsum("icc->ic", covariance) if layout.scale == "log" else 0.0
    return layout.spending((mean[:, :, 0] + variance / 2)[:, : len(cells)])


def sample_placebos(
    model: PanelModel,
    y: Floats,
    seen: Floats,
    rows: Positions,
    cells: Positions,
    nodes: int,
    near: Sequence[Positions] | None = None,
) -> Iterator[tuple[Posterior, Floats, Floats]]:
    """Return the posterior without the cells (P,) of each unit in `rows`, and mean and covariance of these cells.

    Units share nodes, which are proposed for the posterior given all seen cells. A unit whose weights are not reliable
    gets further rounds of its own. Of each unit the cells of the units `near` are left out as well.
    """
    parts: list[PlaceboPredictions] = []
    sealed = not seen[np.ix_(rows, cells)].any()

    def log_target(x: Floats) -> Floats:
        parts.append(predict_placebos(model, x, y, seen, rows, cells, near))
        return parts[-1].log_target[:, 0] if sealed else np.asarray(parts[-1].log_all)

    def enough(rounds: Rounds) -> bool:
        units = PlaceboPredictions.joined(parts).log_target.T
        failed = (not replace(rounds, log_target=values).reliable() for values in units)
        return rounds.reliable() and sum(failed) <= MAX_OWN_ROUNDS

    start = ridge_mixture(model, y * seen, seen)
    shared = Rounds.of(log_target, start).until(enough, log_target, nodes)
    predictions = PlaceboPredictions.joined(parts)
    for number in range(len(rows)):
        own = [predictions.of(number)]

        def log_own(x: Floats, number: int = number, own: list[PlaceboPredictions] = own) -> Floats:
            one = rows[[number]], cells, None if near is None else [near[number]]
            own.append(predict_placebos(model, x, y, seen, *one))
            return own[-1].log_target[:, 0]

        rounds = replace(shared, log_target=own[0].log_target[:, 0]).until(Rounds.reliable, log_own, nodes)
        found = PlaceboPredictions.joined(own)
        yield rounds.posterior(), found.mean[:, 0], found.covariance[:, 0]


def reweight_for_placebo(
    model: PanelModel,
    proposal: Proposal,
    predictions: PlaceboPredictions,
    number: int,
    data: tuple[Floats, Floats, Positions, Positions],
    nodes: int,
) -> tuple[Posterior, Floats, Floats]:
    """Return the posterior without the sealed cells of placebo `number`, and mean and covariance of these cells.

    `data` are y and seen (N, T) without these cells, the placebo's row (1,) and the cells (P,).
    """
    posterior = pareto_smoothed_weights(predictions.log_target[:, number], proposal)
    for multiple in MULTIPLES:
        if not posterior.failures:
            break
        proposal = adapt(proposal, predictions.log_target[:, number], multiple * nodes)
        predictions, number = predict_placebos(model, proposal.nodes, *data), 0
        posterior = pareto_smoothed_weights(predictions.log_target[:, number], proposal)
    return posterior, predictions.mean[:, number], predictions.covariance[:, number]


def _positive_variances(log_target: Floats, mean: Floats, covariance: Floats) -> PlaceboPredictions:
    """Return the predictions. A node at which rounding made the variance of an outcome negative gets no weight."""
    outcomes = np.einsum("mikk->mik", covariance)[:, :, covariance.shape[-1] // 2 :]
    positive = (outcomes > 0.0).all(axis=2)
    covariance = np.where(positive[:, :, None, None], covariance, np.eye(covariance.shape[-1]))
    return PlaceboPredictions(np.where(positive, log_target, -np.inf), mean, covariance)
