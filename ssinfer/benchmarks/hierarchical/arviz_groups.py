r"""Groups of the DataTree of a hierarchical benchmark, made when they are first asked for.

posterior, prior
    The parameters by name, in the units of the model (log or relative spending). A draw of the posterior belongs to
    the draw of the benchmark with the same number.
sample_stats
    Log importance weight of each draw.
log_likelihood
    "fitted" (chain, draw, fitted_unit): log density of all fitted spending of a unit given the parameters and the
    common effects f, with the unit's own effects integrated out,

    .. math:: \log p(y_i \mid \theta, f) = \log N(y_i;\ Z_i f,\ S_i) - \sum_t \log |dx_{it} / dy_{it}|,

    x the spending per insured-year.

    Units are independent given (θ, f), so `arviz.loo` leaves out whole units; densities are of spending per
    insured-year on either scale, so `arviz.compare` may compare a log with an identity scale.
posterior_predictive, prior_predictive, observed_data
    "fitted" (..., fitted_cell): replicates of the fitted cells with new unit effects and kept common effects
    (a mixed predictive check: Marshall and Spiegelhalter 2003, doi 10.1002/sim.1403), and what was observed.
    Replicates are kept of at most `CELLS` cells, whole units at even distances.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from ssinfer.benchmarks.hierarchical.kernels.unit_terms import LOG_2PI
from ssinfer.benchmarks.hierarchical.posterior import safe_cholesky
from ssinfer.benchmarks.hierarchical.reml import simulate_panel

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from ssinfer.benchmarks.hierarchical.layout import Layout
    from ssinfer.kernels.adaptive_importance import Posterior
    from ssinfer.typing import Floats

    Places = NDArray[np.intp]

PRIOR_DRAWS = 200
CELLS = 1000
NAMES = (
    "posterior",
    "sample_stats",
    "log_likelihood",
    "posterior_predictive",
    "observed_data",
    "prior",
    "prior_predictive",
)
SAMPLE = ("chain", "draw")


class PanelGroups(Mapping[str, xr.Dataset]):
    """ArviZ groups of a fit by importance sampling, computed at the first look: a backtest never looks.

    Parameters
    ----------
    layout : Layout
    posterior : Posterior
    picked : (chains x draws,) the node of each draw
    chains : int
    labels : unit and period labels of the layout's rows and columns
    seed : of the draws that only these groups need
    """

    def __init__(
        self,
        layout: Layout,
        posterior: Posterior,
        picked: Places,
        chains: int,
        labels: tuple[Sequence[str], Sequence[object]],
        seed: np.random.SeedSequence,
    ) -> None:
        self._layout = layout
        self._posterior = posterior
        self._picked = picked
        self._shape = (chains, len(picked) // chains)
        self._labels = labels
        self._seed = seed

    def __getitem__(self, name: str) -> xr.Dataset:
        return self._groups[name]

    def __iter__(self) -> Iterator[str]:
        return iter(NAMES)

    def __len__(self) -> int:
        return len(NAMES)

    @cached_property
    def _groups(self) -> dict[str, xr.Dataset]:
        layout, (chains, draws) = self._layout, self._shape
        rng = np.random.default_rng(self._seed)
        labels = {"chain": np.arange(chains), "draw": np.arange(draws)}
        cells = self._cells()
        log_likelihood, replicates = unit_densities(layout, self._posterior.nodes, self._picked, cells, rng)
        with np.errstate(divide="ignore"):
            log_weights = np.log(self._posterior.weights)[self._picked].reshape(self._shape)
        prior = rng.standard_normal((PRIOR_DRAWS, layout.model.size))
        before = self._prior_panels(prior, rng)
        units, periods = self._labels
        fitted = {
            "fitted_cell": np.arange(len(cells)),
            "fitted_cell_unit": ("fitted_cell", np.array([units[i] for i, _ in cells])),
            "fitted_cell_period": ("fitted_cell", np.array([str(periods[t]) for _, t in cells])),
        }
        some = (*SAMPLE, "fitted_cell")
        at = tuple(cells.T)
        treated = {
            "unit": [units[i] for i in layout.treated],
            "period": [periods[t] for t in layout.ahead],
        }
        ahead = before[:, layout.treated][:, :, layout.ahead]
        return {
            "posterior": self._named(self._posterior.nodes[self._picked], labels),
            "sample_stats": xr.Dataset({"log_weight": (SAMPLE, log_weights)}, coords=labels),
            "log_likelihood": xr.Dataset(
                {"fitted": ((*SAMPLE, "fitted_unit"), log_likelihood.reshape(*self._shape, -1))},
                coords={**labels, "fitted_unit": np.array(units)},
            ),
            "posterior_predictive": xr.Dataset(
                {"fitted": (some, replicates.reshape(*self._shape, -1))}, coords={**labels, **fitted}
            ),
            "observed_data": xr.Dataset({"fitted": ("fitted_cell", layout.spending(layout.y[at]))}, coords=fitted),
            "prior": self._named(prior, {"chain": np.arange(1), "draw": np.arange(PRIOR_DRAWS)}),
            "prior_predictive": xr.Dataset(
                {
                    "benchmark": ((*SAMPLE, "unit", "period"), ahead[None]),
                    "fitted": (some, before[:, at[0], at[1]][None]),
                },
                coords={"chain": np.arange(1), "draw": np.arange(PRIOR_DRAWS), **fitted, **treated},
            ),
        }

    def _named(self, x: Floats, labels: Mapping[str, Places]) -> xr.Dataset:
        form = tuple(len(values) for values in labels.values())
        columns = {
            parameter.name: (SAMPLE, parameter.natural(x[:, j]).reshape(form))
            for j, parameter in enumerate(self._layout.model.parameters)
        }
        return xr.Dataset(columns, coords=labels)

    def _cells(self) -> Places:
        """Return (row, column) of the cells of which replicates are kept."""
        units, periods = self._layout.y.shape
        keep = np.unique(np.linspace(0, units - 1, min(units, max(1, CELLS // periods))).astype(np.intp))
        cells = np.argwhere(self._layout.seen > 0)
        return cells[np.isin(cells[:, 0], keep)]

    def _prior_panels(self, prior: Floats, rng: np.random.Generator) -> Floats:
        """Return panels (draw, N, T) from the prior, as spending."""
        model = self._layout.model
        panels = [
            simulate_panel(model, x, rng) + model.period_scale * rng.standard_normal(len(model.time))[None]
            for x in prior
        ]
        return self._layout.spending(np.stack(panels))


def unit_densities(
    layout: Layout, nodes: Floats, picked: Places, cells: Places, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Return log densities (draw, N) of each unit's fitted spending, and replicates (draw, cell) as spending.

    For each draw the common effects are drawn from their exact posterior at the draw's node.
    """
    model, y, seen = layout.model, layout.y, layout.seen
    width = model.loadings.shape[1]
    spending = layout.spending(y)
    slope = spending if layout.scale == "log" else np.full(y.shape, layout.unit)
    jacobian = (np.log(slope) * seen).sum(axis=1)
    kept = np.unique(cells[:, 0])
    place = np.searchsorted(kept, cells[:, 0])
    log_density = np.empty((len(picked), len(y)))
    replicates = np.empty((len(picked), len(cells)))
    for m in np.unique(picked):
        draws = np.flatnonzero(picked == m)
        whole, terms, at = model.marginal(nodes[m], y, seen)
        effects = whole.mean + rng.standard_normal((len(draws), whole.root.shape[1])) @ whole.root.T
        common = np.einsum("nr,drt->dnt", model.loadings, effects.reshape(len(draws), width, -1))
        turned = np.matmul(terms.inverse[None], common[..., None])[..., 0]
        quadratic = terms.quadratic + ((turned - 2 * terms.weighted) * common).sum(axis=2)
        log_density[draws] = -0.5 * (terms.cells * LOG_2PI + terms.log_determinant + quadratic) - jacobian
        root = safe_cholesky(at.shared + at.noise[kept][:, :, None] * np.eye(y.shape[1]))
        own = np.matmul(root[None], rng.standard_normal((len(draws), len(kept), y.shape[1], 1)))[..., 0]
        replicates[draws] = (common[:, kept] + own)[:, place, cells[:, 1]]
    return log_density, layout.spending(replicates)
