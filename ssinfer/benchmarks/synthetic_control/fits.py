"""Fits: donor weights of several units, with the solver's certificate."""

from dataclasses import dataclass

import numpy as np

from ssinfer.benchmarks.synthetic_control.kernels.simplex_least_squares import NOT_CONVERGED
from ssinfer.errors import ConvergenceError
from ssinfer.typing import Floats, Integers

ARRAYS = ("weights", "offset", "gap", "status", "iterations")


@dataclass(frozen=True, eq=False)
class Fits:
    """M fits of units by weighted donors: the benchmark of fit m in period t is ``offset[m, t] + weights[m] @ Y[t]``.

    Weights are (M, N), offsets (M, T). Gap, status and iterations (M,) are the solver's certificate (see kernel
    ``simplex_least_squares``). Notes hold further settings that a fit has chosen, one dict per fit, or nothing.
    """

    weights: Floats
    offset: Floats
    gap: Floats
    status: Integers
    iterations: Integers
    notes: tuple[dict[str, float], ...] = ()

    def require_converged(self, unit: str) -> None:
        """Refuse the weights of the first fit by a ConvergenceError if they did not converge."""
        if self.status[0] == NOT_CONVERGED:
            raise ConvergenceError(
                f"The weights of {unit} did not converge: KKT gap {self.gap[0]:.1e} after {int(self.iterations[0])} "
                "steps; at most 1e-9 is allowed. Look for nearly identical donors."
            )

    def predict(self, Y: Floats) -> Floats:
        """Return benchmarks (M, T) for outcomes Y (T, N)."""
        return np.asarray(self.offset + self.weights @ Y.T)

    def benchmark(self, Y: Floats) -> Floats:
        """Return the benchmark (T,) of the first fit; NaN in seasons whose intercept is unknown, as none is matched."""
        known = (self.offset[0] != 0.0) | (self.offset[0] == 0.0).all()
        return np.where(known, self.offset[0] + Y @ self.weights[0], np.nan)

    def take(self, rows: Integers) -> "Fits":
        """Return some of the fits."""
        notes = tuple(self.notes[m] for m in rows) if self.notes else ()
        arrays = {name: getattr(self, name)[rows] for name in ARRAYS}
        return Fits(**arrays, notes=notes)

    def replace(self, rows: Integers, fits: "Fits") -> "Fits":
        """Return a copy in which `fits` stand at `rows`."""
        arrays = {name: getattr(self, name).copy() for name in ARRAYS}
        for name, array in arrays.items():
            array[rows] = getattr(fits, name)
        notes = dict(enumerate(self.notes)) | dict(zip(rows.tolist(), fits.notes, strict=False))
        return Fits(**arrays, notes=tuple(notes.values()))
