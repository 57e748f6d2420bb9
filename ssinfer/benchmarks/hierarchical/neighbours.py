"""Neighbours: the loadings of the effects that units share with their neighbours, and the choice whether they do.

``spatial="auto"`` compares two models of the cells before the performance period, with and without neighbours, both
with unit_effect="pooled", by their marginal likelihood in Laplace's approximation at the mode x of d parameters,

    log p(y) = log p(y | x) + log p(x) + d/2 log 2π + 1/2 log det H⁻¹,      H minus the Hessian at x.

No cell of a performance period is read, so all placebos of a window have one choice.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from ssinfer.check import Check, Status
from ssinfer.comparison import distances
from ssinfer.errors import DataError, SsinferError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ssinfer.benchmarks.hierarchical.layout import Layout
    from ssinfer.benchmarks.hierarchical.method import HierarchicalBenchmark
    from ssinfer.benchmarks.problem import Problem
    from ssinfer.panel import Panel
    from ssinfer.typing import Floats, Positions

COORDINATES = ("latitude", "longitude")
ROUNDING = 1e-8  # of eigenvalues, relative to the largest


def neighbour_loadings(problem: Problem, rows: Positions, options: HierarchicalBenchmark) -> list[Floats]:
    """Return the loadings (N,) of the effects that neighbours share; DataError: the panel or the matrix has none."""
    panel, spatial = problem.panel, options.spatial
    if spatial is None:
        return []
    if isinstance(spatial, pd.DataFrame):
        return _leading(given_correlation(spatial, [panel.units[row] for row in rows]), options.rank)
    if spatial == "distance":
        kilometres = np.array([distances(panel, panel.units[row])[rows] for row in rows])
        if not np.isfinite(kilometres).all():
            row = rows[int(np.argwhere(~np.isfinite(kilometres).any(axis=1))[0][0])]
            raise DataError(
                f"{panel.units[row]!r} has no latitude or longitude; spatial='distance' needs both for every unit. "
                "Complete the covariates, or leave the unit out of the donors."
            )
        if not kilometres.any():
            raise DataError(
                "All units are at one place, so no distance tells neighbours. Give spatial=None, or regions."
            )
        return _leading(np.exp(-kilometres / options.range_km), options.rank)
    labels = panel.covariate(spatial)[rows][:, problem.baseline]
    if not (labels == labels[:, :1]).all():
        raise DataError(f"Region {spatial!r} changes or is missing in the baseline. Give one per unit.")
    regions = np.unique(labels[:, 0])
    return [(labels[:, 0] == region).astype(np.float64) for region in regions]


def _leading(correlation: Floats, rank: int) -> list[Floats]:
    """Return the leading eigenvectors of a correlation (N, N), times the roots of their eigenvalues."""
    values, vectors = np.linalg.eigh(correlation)
    if values[0] < -ROUNDING * values[-1]:
        raise DataError(
            f"spatial: the matrix has a negative eigenvalue ({values[0]:.3g}), so it is no correlation. Give "
            "shares with a diagonal of zero, which are made into one, or exp(-kilometres / range)."
        )
    leading = np.argsort(values)[::-1][: min(rank, len(values) - 1)]
    return list((vectors[:, leading] * np.sqrt(np.maximum(values[leading], 0.0))).T)


def given_correlation(matrix: pd.DataFrame, units: list[str]) -> Floats:
    """Return the correlation (N, N) that a given matrix W means for the units.

    With a diagonal of zero, W holds adjacency or shares that units have in common, and the correlation is
    I + D^-1/2 W D^-1/2, D being the row sums. Otherwise it is W_ij / sqrt(W_ii W_jj).
    """
    named = matrix.set_axis(matrix.index.astype(str), axis=0).set_axis(matrix.columns.astype(str), axis=1)
    for what, names in (("rows", named.index), ("columns", named.columns)):
        absent = [unit for unit in units if unit not in names]
        if absent or not names.is_unique:
            problem = f"lack {', '.join(absent[:5])}" if absent else "name a unit twice"
            raise DataError(
                f"spatial: the {what} of the matrix {problem}. Give one row and one column per unit, by name."
            )
    values = named.loc[units, units].apply(pd.to_numeric, errors="coerce").to_numpy(dtype=np.float64)
    if not (np.isfinite(values).all() and (values >= 0.0).all() and np.allclose(values, values.T)):
        raise DataError("spatial: the matrix must be symmetric, with finite values of at least 0. Correct its cells.")
    diagonal = np.diag(values)
    if not diagonal.any():
        sums = values.sum(axis=1)
        root = np.sqrt(np.where(sums > 0.0, sums, 1.0))
        return np.asarray(np.eye(len(units)) + values / np.outer(root, root))
    if not (diagonal > 0.0).all():
        raise DataError(
            "spatial: some cells of the diagonal are zero. Give all of them (similarity), or none (adjacency)."
        )
    return np.asarray(values / np.sqrt(np.outer(diagonal, diagonal)))


@dataclass(frozen=True)
class NeighbourChoice:
    """Whether neighbours are used, and by how much the log marginal likelihood prefers them."""

    spatial: Literal["distance"] | None
    gain: float = float("nan")
    reason: str = ""

    @classmethod
    def of(cls, problem: Problem, method: HierarchicalBenchmark, lay_out: Callable[..., Layout]) -> NeighbourChoice:
        """Return the choice for the window of a problem."""
        if not located(problem.panel):
            return cls(None, reason="some units have no latitude or longitude")
        try:
            gain = _evidence(problem, method, "distance", lay_out) - _evidence(problem, method, None, lay_out)
        except (SsinferError, np.linalg.LinAlgError) as error:
            return cls(None, reason=str(error))
        return cls("distance" if gain > 0.0 else None, gain)

    def check(self) -> Check:
        """Return the choice as a diagnostic."""
        status: Status = "PASS" if np.isfinite(self.gain) else "NOT EVALUATED"
        of = "log marginal likelihood with neighbours minus that without, cells before the performance period"
        return Check("neighbours", status, self.gain, f"spatial={self.spatial!r} is taken: {self.reason or of}")


def located(panel: Panel) -> bool:
    """Return whether every unit has coordinates."""
    return all(
        name in panel.covariates and np.isfinite(panel.covariate(name)).any(axis=1).all() for name in COORDINATES
    )


def _evidence(
    problem: Problem, method: HierarchicalBenchmark, spatial: str | None, lay_out: Callable[..., Layout]
) -> float:
    """Return the log marginal likelihood of the cells before the performance period, by Laplace."""
    layout = lay_out(problem, replace(method, spatial=spatial, unit_effect="pooled"))
    before = np.tile(layout.baseline.astype(float), (len(layout.rows), 1)) * layout.seen
    mode, root = layout.model.mode(layout.y * before, before)
    value = layout.model.log_posterior(mode, layout.y * before, before)
    return value + 0.5 * len(mode) * float(np.log(2 * np.pi)) + float(np.log(np.diag(root)).sum())
