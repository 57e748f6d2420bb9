"""PlaceboPaths: donors in the treated unit's position, less the mean of the others."""

from dataclasses import dataclass

import numpy as np

from ssinfer.benchmarks.synthetic_control.fit_window import FitWindow
from ssinfer.typing import Floats, Positions

MAX_PLACEBOS = 300
MIN_PERIODS, MIN_BASELINE, MIN_DONORS = 5, 3, 3  # with fewer a common factor is not told apart from level and shocks
MIN_EIGENVALUE = 1e-12  # sum of squares of relative paths below which donors do not differ
LOOSE_VARIANCE = 1.0  # of a level or a loading, in units of the donor's own level
MAX_FEATURE = 3.0  # standard deviations
MIN_SPREAD = 1e-9  # standard deviation of a feature relative to spending, below which donors do not differ in it


@dataclass(frozen=True, eq=False)
class PlaceboPaths:
    """m donors over the T periods of baseline and performance, each in units of its own level.

    `residual` (m, T) is the donor less the mean of the others, `noise` (m, T) its sampling variance up to k^2, and
    `loose` (m, T, T) the covariance of level and leading common factor, which weights are meant to reproduce.
    """

    residual: Floats
    noise: Floats
    loose: Floats
    times: Floats

    @classmethod
    def of(cls, window: FitWindow) -> "PlaceboPaths":
        """Take at most 300 donors of a window, evenly spaced by size (by level without sizes), as relative paths."""
        used = np.concatenate([window.pre, window.post])
        paths = window.Y[np.ix_(used, window.others)].T  # (J, T)
        J = len(paths)
        level = np.sqrt((paths[:, : window.pre.size] ** 2).mean(axis=1))
        noise = np.zeros_like(paths) if window.noise is None else window.noise[np.ix_(used, window.others)].T
        relative_noise = (noise / level[:, None] ** 2).mean(axis=1)
        order = np.lexsort((level, relative_noise))
        chosen = order[np.unique(np.linspace(0, J - 1, min(J, MAX_PLACEBOS)).round().astype(int))]
        paths, noise = paths / level[:, None], noise / level[:, None] ** 2
        others = paths.sum(axis=0) - paths[chosen]
        others_noise = noise.sum(axis=0) - noise[chosen]
        return cls(
            residual=paths[chosen] - others / (J - 1),
            noise=noise[chosen] + others_noise / (J - 1) ** 2,
            loose=loose_directions(paths, relative_noise, chosen, window.pre.size),
            times=used.astype(np.float64),
        )


def loose_directions(relative: Floats, noise: Floats, chosen: Positions, n_baseline: int) -> Floats:
    """Return the covariance 11' + f_j f_j' of each `chosen` donor, with f_j the leading factor of the other donors.

    The paths `relative` (J, T) begin with the baseline. In it, where weights are fitted, f_j is the leading principal
    component, with mean square one; donors count less by their mean sampling variance `noise` (J,). In the performance
    periods f_j is what the donors do in proportion to their loadings on it, so a shock of the performance periods alone
    is no factor. It is left out with fewer than five periods, three baseline periods or three donors.
    """
    J, T = relative.shape
    loose = np.full((chosen.size, T, T), LOOSE_VARIANCE)
    if T < MIN_PERIODS or n_baseline < MIN_BASELINE or J < MIN_DONORS:
        return loose
    typical = float(np.median(noise))
    masses = 1.0 / (1.0 + noise / typical) if typical > 0 else np.ones(J)
    centred = relative - relative[:, :n_baseline].mean(axis=1, keepdims=True)
    centred = centred - masses @ centred / masses.sum()
    own = centred[chosen]
    products = (centred * masses[:, None]).T @ centred
    without = products - masses[chosen, None, None] * own[:, :, None] * own[:, None, :]
    values, vectors = np.linalg.eigh(without[:, :n_baseline, :n_baseline])
    leading, size = vectors[:, :, -1], values[:, -1]
    if size.min() <= MIN_EIGENVALUE:
        return loose
    factor = np.einsum("jts,js->jt", without[:, :, :n_baseline], leading) / size[:, None] * np.sqrt(n_baseline)
    return np.asarray(loose + LOOSE_VARIANCE * factor[:, :, None] * factor[:, None, :])


def donor_features(X: Floats) -> Floats:
    """Return the donors' level and main loading (J, 2) over the baseline (T0, J), standardised, at most three SDs."""
    level = X.mean(axis=0)
    centred = X - level
    centred = centred - centred.mean(axis=1, keepdims=True)
    loading = np.linalg.eigh(centred @ centred.T)[1][:, -1] @ centred
    features = np.column_stack([level - level.mean(), loading])
    spread = features.std(axis=0)
    differs = spread > MIN_SPREAD * np.abs(X).max()
    scaled = np.where(differs, features / np.where(differs, spread, 1.0), 0.0)
    return np.ascontiguousarray(np.clip(scaled, -MAX_FEATURE, MAX_FEATURE))
