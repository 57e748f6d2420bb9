"""Donors in the treated unit's place: their paths less the others' mean, and what weights can reproduce of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ssinfer.benchmarks.synthetic_control.fit_window import Window
    from ssinfer.typing import Floats


MOST_PLACEBOS = 300
SHORTEST_BASELINE = 3
SMALLEST_FACTOR = 1e-12  # sum of squares of relative paths below which donors do not differ
SHORTEST_WITH_FACTOR = 5  # periods from which a common factor is told apart from level, shocks and noise
LOOSE = 1.0  # variance of a level or a loading, in units of the donor's own level


@dataclass(frozen=True, eq=False)
class PlaceboPaths:
    """m donors over the T periods of baseline and performance, each in units of its own level.

    Attributes
    ----------
    residual : (m, T) donor less the mean of the others, each in units of its own level
    noise : (m, T) sampling variance of residuals, up to k^2
    loose : (m, T, T) level and leading common factor with variance 1: what weights are meant to reproduce
    times : (T,)
    """

    residual: Floats
    noise: Floats
    loose: Floats
    times: Floats

    @classmethod
    def of(cls, window: Window) -> PlaceboPaths:
        """Lay the donors of a window out, at most 300, evenly spaced by size (by level where no size is known).

        Relative paths: a donor whose level is higher by a fifth and which grows as all do has no contrast. The common
        factor is that of the *other* donors, noisier ones counting less (`loose_directions`); it is left out with fewer
        than five periods, three baseline periods or three donors.
        """
        used = np.concatenate([window.pre, window.post])
        paths = window.Y[np.ix_(used, window.others)].T  # (J, T)
        J = len(paths)
        level = np.sqrt((paths[:, : window.pre.size] ** 2).mean(axis=1))
        noise = np.zeros_like(paths) if window.noise is None else window.noise[np.ix_(used, window.others)].T
        relative_noise = (noise / level[:, None] ** 2).mean(axis=1)
        order = np.lexsort((level, relative_noise))
        places = order[np.unique(np.linspace(0, J - 1, min(J, MOST_PLACEBOS)).round().astype(int))]
        paths, noise = paths / level[:, None], noise / level[:, None] ** 2
        others = paths.sum(axis=0) - paths[places]
        others_noise = noise.sum(axis=0) - noise[places]
        return cls(
            residual=paths[places] - others / (J - 1),
            noise=noise[places] + others_noise / (J - 1) ** 2,
            loose=loose_directions(paths, relative_noise, places, window.pre.size),
            times=used.astype(np.float64),
        )


def loose_directions(relative: Floats, noise: Floats, places: NDArray[np.intp], before: int) -> Floats:
    """Return 11' + f_j f_j' (m, T, T), f_j the factor of the donors (J, T) other than j, of mean square one before.

    Weights are fitted on the first `before` periods: there f_j is the leading principal component, and in the others
    what the donors do in proportion to their loadings on it. A shock of the performance periods alone is no factor.
    """
    J, T = relative.shape
    loose = np.full((places.size, T, T), LOOSE)
    if T < SHORTEST_WITH_FACTOR or before < SHORTEST_BASELINE or J < 3:
        return loose
    typical = float(np.median(noise))
    masses = 1.0 / (1.0 + noise / typical) if typical > 0 else np.ones(J)
    centred = relative - relative[:, :before].mean(axis=1, keepdims=True)
    centred = centred - masses @ centred / masses.sum()
    own = centred[places]
    products = (centred * masses[:, None]).T @ centred
    without = products - masses[places, None, None] * own[:, :, None] * own[:, None, :]
    values, vectors = np.linalg.eigh(without[:, :before, :before])
    leading, size = vectors[:, :, -1], values[:, -1]
    if size.min() <= SMALLEST_FACTOR:
        return loose
    factor = np.einsum("jts,js->jt", without[:, :, :before], leading) / size[:, None] * np.sqrt(before)
    return np.asarray(loose + LOOSE * factor[:, :, None] * factor[:, None, :])


def donor_features(X: Floats) -> Floats:
    """Return two standardised features (J, 2) of donors over the baseline (T0, J): level and loading.

    The loading is that on the leading principal component of the demeaned paths. Values beyond three standard
    deviations are moved there; a feature in which donors do not differ is zero.
    """
    level = X.mean(axis=0)
    centred = X - level
    centred = centred - centred.mean(axis=1, keepdims=True)
    loading = np.linalg.eigh(centred @ centred.T)[1][:, -1] @ centred
    features = np.column_stack([level - level.mean(), loading])
    spread = features.std(axis=0)
    differs = spread > 1e-9 * np.abs(X).max()
    scaled = np.where(differs, features / np.where(differs, spread, 1.0), 0.0)
    return np.ascontiguousarray(np.clip(scaled, -3.0, 3.0))
