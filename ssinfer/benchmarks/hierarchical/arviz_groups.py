"""Groups of the DataTree of a hierarchical benchmark.

"fitted" in log_likelihood (chain, draw, fitted_unit) is the log density of all fitted spending x of a unit, given
parameters θ and common effects f. The unit's own effects are integrated out:

    log p(y_i | θ, f) = log N(y_i; Z_i f, S_i) - Σ_t log |dx_it / dy_it|

Units are independent given (θ, f), so `arviz.loo` leaves out complete units. "fitted" in posterior_predictive are
replicates of fitted cells with new unit effects and the same common effects (a mixed predictive check: Marshall and
Spiegelhalter 2003, doi 10.1002/sim.1403), of at most `MAX_CELLS` cells, of complete units at even distances.
"fitted_cell_unit" and "fitted_cell_period" in constant_data say which cells these are.

With neighbours and one treated unit there are two more groups, "carriers" and "donut" (module donut).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import xarray as xr

from ssinfer.benchmarks.hierarchical.donut import carriers, donut
from ssinfer.benchmarks.hierarchical.draws import safe_cholesky
from ssinfer.benchmarks.hierarchical.kernels.unit_terms import LOG_2PI
from ssinfer.benchmarks.hierarchical.layout import Layout
from ssinfer.benchmarks.hierarchical.reml import simulate_panel
from ssinfer.kernels.adaptive_importance import Posterior
from ssinfer.typing import Floats, Positions

PRIOR_DRAWS = 200
MAX_CELLS = 1000
NAMES = (
    "posterior",
    "sample_stats",
    "log_likelihood",
    "posterior_predictive",
    "observed_data",
    "constant_data",
    "prior",
    "prior_predictive",
)
SAMPLE = ("chain", "draw")


@dataclass(frozen=True, eq=False, repr=False)
class PanelGroups(Mapping[str, xr.Dataset]):
    """ArviZ groups of a fit by importance sampling. They are computed at first access, so a backtest skips them."""

    layout: Layout
    posterior: Posterior
    picked: Positions  # (chains x draws,): node of each draw
    chains: int
    labels: tuple[Sequence[str], Sequence[object]]  # of the layout's rows and columns
    seed: np.random.SeedSequence  # of the draws that only these groups need
    weights: Floats  # (P,): insured-years of the treated unit, if there is one
    kilometres: Floats | None  # (N,): to the treated unit, where the panel has coordinates

    def __getitem__(self, name: str) -> xr.Dataset:
        return self._of_neighbours[name] if name in self._names[len(NAMES) :] else self._groups[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    @property
    def _names(self) -> tuple[str, ...]:
        if not self.layout.model.neighbours or len(self.layout.treated) > 1:
            return NAMES
        return (*NAMES, "carriers") if self.kilometres is None else (*NAMES, "carriers", "donut")

    @cached_property
    def _of_neighbours(self) -> dict[str, xr.Dataset]:
        groups = {"carriers": carriers(self.layout, self.posterior, self.labels[0], self.weights)}
        if self.kilometres is not None:
            groups["donut"] = donut(self.layout, self.posterior, self.kilometres, self.weights)
        return groups

    @cached_property
    def _groups(self) -> dict[str, xr.Dataset]:
        layout, model, chains = self.layout, self.layout.model, self.chains
        shape = (chains, len(self.picked) // chains)
        rng = np.random.default_rng(self.seed)
        labels = {"chain": np.arange(chains), "draw": np.arange(shape[1])}
        cells = self._cells()
        log_likelihood, replicates = unit_densities(layout, self.posterior.nodes, self.picked, cells, rng)
        with np.errstate(divide="ignore"):
            log_weights = np.log(self.posterior.weights)[self.picked].reshape(shape)
        prior = rng.standard_normal((PRIOR_DRAWS, model.size))
        prior_labels = {"chain": np.arange(1), "draw": np.arange(PRIOR_DRAWS)}
        panels = [
            simulate_panel(model, x, rng) + model.period_scale * rng.standard_normal(len(model.time)) for x in prior
        ]
        prior_panels = layout.spending(np.stack(panels))  # (draw, N, T), EUR per insured-year
        units, periods = self.labels
        parts = np.array([(units[i], str(periods[t])) for i, t in cells])
        fitted = {"fitted_cell": [", ".join(part) for part in parts]}
        owners = {f"fitted_cell_{name}": ("fitted_cell", parts[:, j]) for j, name in enumerate(("unit", "period"))}
        dims = (*SAMPLE, "fitted_cell")
        at = tuple(cells.T)
        treated = {"unit": [units[i] for i in layout.treated], "period": [periods[t] for t in layout.ahead]}
        benchmark = prior_panels[:, layout.treated][:, :, layout.ahead]
        return {
            "posterior": self._named(self.posterior.nodes[self.picked], labels),
            "sample_stats": xr.Dataset({"log_weight": (SAMPLE, log_weights)}, coords=labels),
            "log_likelihood": xr.Dataset(
                {"fitted": ((*SAMPLE, "fitted_unit"), log_likelihood.reshape(*shape, -1))},
                coords={**labels, "fitted_unit": np.array(units)},
            ),
            "posterior_predictive": xr.Dataset(
                {"fitted": (dims, replicates.reshape(*shape, -1))}, coords={**labels, **fitted}
            ),
            "observed_data": xr.Dataset({"fitted": ("fitted_cell", layout.spending(layout.y[at]))}, coords=fitted),
            "constant_data": xr.Dataset(owners, coords=fitted),
            "prior": self._named(prior, prior_labels),
            "prior_predictive": xr.Dataset(
                {
                    "benchmark": ((*SAMPLE, "unit", "period"), benchmark[None]),
                    "fitted": (dims, prior_panels[:, at[0], at[1]][None]),
                },
                coords={**prior_labels, **fitted, **treated},
            ),
        }

    def _named(self, x: Floats, labels: Mapping[str, Positions]) -> xr.Dataset:
        shape = tuple(len(values) for values in labels.values())
        columns = {
            parameter.name: (SAMPLE, parameter.natural(x[:, j]).reshape(shape))
            for j, parameter in enumerate(self.layout.model.parameters)
        }
        return xr.Dataset(columns, coords=labels)

    def _cells(self) -> Positions:
        """Return (row, column) of the cells that have replicates."""
        units, periods = self.layout.y.shape
        rows = np.unique(np.linspace(0, units - 1, min(units, max(1, MAX_CELLS // periods))).astype(np.intp))
        cells = np.argwhere(self.layout.seen > 0)
        return cells[np.isin(cells[:, 0], rows)]


def unit_densities(
    layout: Layout, nodes: Floats, picked: Positions, cells: Positions, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Return log densities (S, N) of units' fitted spending, and replicates (S, K) of `cells` (K, 2) as spending."""
    model, y, seen = layout.model, layout.y, layout.seen
    spending = layout.spending(y)
    slope = spending if layout.scale == "log" else np.full(y.shape, layout.unit)
    jacobian = (np.log(slope) * seen).sum(axis=1)
    rows = np.unique(cells[:, 0])
    position = np.searchsorted(rows, cells[:, 0])
    log_density = np.empty((len(picked), len(y)))
    replicates = np.empty((len(picked), len(cells)))
    for m in np.unique(picked):
        draws = np.flatnonzero(picked == m)
        fit, at = model.marginal(nodes[m], y, seen)  # with the exact posterior of the common effects
        terms = fit.terms
        common = fit.draws(rng.standard_normal((len(draws), len(fit.half))).T).transpose(2, 0, 1)
        weighted = np.matmul(terms.inverse[None], common[..., None])[..., 0]
        quadratic = terms.quadratic + ((weighted - 2 * terms.weighted) * common).sum(axis=2)
        log_density[draws] = -0.5 * (terms.cells * LOG_2PI + terms.log_determinant + quadratic) - jacobian
        root = safe_cholesky(at.shared + at.noise[rows][:, :, None] * np.eye(y.shape[1]))
        effects = np.matmul(root[None], rng.standard_normal((len(draws), len(rows), y.shape[1], 1)))[..., 0]
        replicates[draws] = (common[:, rows] + effects)[:, position, cells[:, 1]]
    return log_density, layout.spending(replicates)
