"""Whose performance cells carry the benchmark of a treated unit, and what it is without those of near units.

A contract whose hospitals or doctors also treat the neighbours changes their spending too. A benchmark that learns from
neighbours of the same period then hides a part of the saving. No fit is repeated: cells are left out at the nodes of
the posterior, whose weights change by the ratio of the likelihoods.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from scipy.special import softmax

from ssinfer.benchmarks.hierarchical.draws import draw_single
from ssinfer.benchmarks.hierarchical.predictions import predict_placebos
from ssinfer.kernels.importance import effective_size, resample

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ssinfer.benchmarks.hierarchical.layout import Layout
    from ssinfer.kernels.adaptive_importance import Posterior
    from ssinfer.typing import Floats

DISTANCES_KM = (8.0, 12.0, 16.0, 20.0, 30.0)
NODES = 400  # of the posterior, at most
DRAWS = 4000
MOST_CARRIERS = 20


def donut(layout: Layout, posterior: Posterior, kilometres: Floats, weights: Floats) -> xr.Dataset:
    """Return the benchmark of a treated unit without the performance cells of units within each distance.

    `weights` (P,) are its insured-years in the performance periods, over which the benchmark is pooled, in EUR per
    insured-year. Distance 0 leaves out the unit's own cells alone.
    """
    numbers, counts = np.unique(resample(posterior.weights, NODES, np.random.default_rng(0)), return_counts=True)
    row, cells, seen = layout.treated[0], layout.ahead, layout.seen
    left_out = [np.flatnonzero((kilometres < far) & seen[:, cells].any(axis=1)) for far in (0.0, *DISTANCES_KM)]
    left_out = [units[units != row] for units in left_out]
    found = predict_placebos(
        layout.model, posterior.nodes[numbers], layout.y, seen, np.full(len(left_out), row), cells, left_out
    )
    rows = []
    for number in range(len(left_out)):
        rng = np.random.default_rng(0)  # the same for each distance, so that differences are not noise
        weight = softmax(np.log(counts) + found.log_target[:, number] - found.log_target[:, 0])
        draws = draw_single(found.mean[:, number], found.covariance[:, number], resample(weight, DRAWS, rng), rng)
        pooled = layout.spending(draws[:, len(cells) :]) @ (weights / weights.sum())
        rows.append((len(left_out[number]), pooled.mean(), pooled.std(), effective_size(weight)))
    names = ("n_left_out", "benchmark", "benchmark_sd", "effective_nodes")
    columns = {name: ("km", np.array(values)) for name, values in zip(names, zip(*rows, strict=True), strict=True)}
    return xr.Dataset(columns, coords={"km": [0.0, *DISTANCES_KM]})


def carriers(layout: Layout, posterior: Posterior, units: Sequence[str], weights: Floats) -> xr.Dataset:
    """Return the units whose performance cells carry the benchmark most, and the weight of each.

    The weight is the rise of the log benchmark per rise of the unit's log spending in all performance periods, at the
    posterior mean of the parameters: the sum over periods of -P_BB⁻¹ P_Bj, with B the treated unit's sealed cells and P
    the inverse covariance of all cells.
    """
    row, cells = layout.treated[0], layout.ahead
    seen = layout.seen.copy()
    seen[row, cells] = 1.0
    fit, at = layout.model.marginal(posterior.weights @ posterior.nodes, layout.y, seen)
    _, inner, whitened = fit.projections(np.arange(len(seen)), np.eye(len(at.shared))[:, cells])
    cross = -np.tensordot(whitened[:, :, row], whitened, axes=(0, 0))  # (P, P, N)
    share = -np.linalg.solve(inner[row], cross.sum(axis=1)).T @ (weights / weights.sum())
    share[row] = 0.0
    share[~seen[:, cells].any(axis=1)] = 0.0
    first = np.argsort(-np.abs(share), kind="stable")[:MOST_CARRIERS]
    return xr.Dataset({"weight": ("carrier", share[first])}, coords={"carrier": [units[i] for i in first]})
