"""Groups of the DataTree of a hierarchical benchmark: posterior, prior, prior predictive, log likelihood, weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from ssinfer.benchmarks.panel_reml import simulate_panel
from ssinfer.kernels.importance import resample

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ssinfer.benchmarks.panel_layout import Layout
    from ssinfer.benchmarks.panel_posterior import Posterior

    Floats = NDArray[np.float64]

PRIOR_DRAWS = 200


def groups(
    layout: Layout, posterior: Posterior, chains: int, draws: int, rng: np.random.Generator
) -> dict[str, xr.Dataset]:
    """Return ArviZ groups; parameters in the units of the model (log or relative spending).

    posterior, prior : the parameters by name;  sample_stats : log importance weight of each draw;
    prior_predictive : the treated units' performance cells, per insured-year.
    """
    # an independent stream: thresholds must not depend on how many groups are asked for
    own = rng.spawn(1)[0]
    picked = resample(posterior.weights, chains * draws, own)
    shape = (chains, draws)
    with np.errstate(divide="ignore"):
        log_weights = np.log(posterior.weights)[picked].reshape(shape)
    dims = ("chain", "draw")

    def named(x: Floats, form: tuple[int, int]) -> xr.Dataset:
        columns = {
            parameter.name: (dims, parameter.natural(x[:, j]).reshape(form))
            for j, parameter in enumerate(layout.model.parameters)
        }
        coords = {"chain": np.arange(form[0]), "draw": np.arange(form[1])}
        return xr.Dataset(columns, coords=coords)

    prior = own.standard_normal((PRIOR_DRAWS, layout.model.size))
    ahead = np.ix_(layout.treated, layout.ahead)
    scale = layout.model.period_scale
    predictive = np.stack(
        [
            simulate_panel(layout.model, x, own)[ahead] + scale * own.standard_normal(len(layout.ahead))[None]
            for x in prior
        ]
    )
    cells = ("chain", "draw", "unit", "period")
    return {
        "posterior": named(posterior.nodes[picked], shape),
        "sample_stats": xr.Dataset({"log_weight": (dims, log_weights)}),
        "prior": named(prior, (1, PRIOR_DRAWS)),
        "prior_predictive": xr.Dataset({"benchmark": (cells, layout.spending(predictive)[None])}),
    }
