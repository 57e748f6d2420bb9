"""Fits: donor weights of several units, with the solver's certificate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ssinfer.typing import Floats, Integers


ARRAYS = ("weights", "offset", "gap", "status", "iterations")


@dataclass(frozen=True, eq=False)
class Fits:
    """M fits of units by weighted donors: the benchmark of fit m in period t is ``offset[m, t] + weights[m] @ Y[t]``.

    Attributes
    ----------
    weights, offset : arrays (M, N), (M, T)
    gap, status, iterations : arrays (M,), the certificate of the solver; see ``kernels.simplex_least_squares``
    notes : tuple of dict
        Further settings that a fit has chosen, such as the strength of its ridge; one per fit, or empty.
    """

    weights: Floats
    offset: Floats
    gap: Floats
    status: Integers
    iterations: Integers
    notes: tuple[dict[str, float], ...] = ()

    def predict(self, Y: Floats) -> Floats:
        """Return benchmarks (M, T) for outcomes Y (T, N)."""
        return np.asarray(self.offset + self.weights @ Y.T)

    def take(self, rows: Integers) -> Fits:
        """Return some of the fits."""
        notes = tuple(self.notes[m] for m in rows) if self.notes else ()
        arrays = {name: getattr(self, name)[rows] for name in ARRAYS}
        return Fits(**arrays, notes=notes)

    def replace(self, rows: Integers, fits: Fits) -> Fits:
        """Return a copy in which `fits` stand at `rows`."""
        arrays = {name: getattr(self, name).copy() for name in ARRAYS}
        for name, array in arrays.items():
            array[rows] = getattr(fits, name)
        notes = list(self.notes)
        for m, note in zip(rows, fits.notes, strict=False):
            notes[m] = note
        return Fits(**arrays, notes=tuple(notes))
