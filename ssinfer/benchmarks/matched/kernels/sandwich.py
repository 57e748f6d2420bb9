"""Covariances of weighted least squares that hold under heteroscedasticity and within clusters."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ssinfer.kernels.groups import dense_codes, group_sums

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ssinfer.typing import Floats

    Codes = NDArray[np.int64]


class LeastSquares(NamedTuple):
    """Weighted least squares: coefficients (p,), residuals (n,), inverse of X'WX (p, p), and X, w as used."""

    coefficients: Floats
    residuals: Floats
    bread: Floats
    design: Floats
    weights: Floats


def weighted_least_squares(y: Floats, X: Floats, weights: Floats | None = None) -> LeastSquares:
    """Minimise sum w (y - X b)²; collinear columns give the minimum-norm solution."""
    w = np.ones(len(y)) if weights is None else weights
    bread = np.linalg.pinv((X * w[:, None]).T @ X, hermitian=True)
    coefficients = bread @ (X.T @ (w * y))
    return LeastSquares(coefficients, y - X @ coefficients, bread, X, w)


def _cluster_meat(fit: LeastSquares, clusters: Codes) -> tuple[Floats, int]:
    scores = fit.design * (fit.weights * fit.residuals)[:, None]
    codes, count = dense_codes(clusters)
    sums = group_sums(codes, scores, count)
    return sums.T @ sums, count


def cluster_covariance(fit: LeastSquares, clusters: Codes) -> Floats:
    r"""Return the cluster-robust covariance (p, p), HC1 x G/(G-1).

    .. math:: \frac{n-1}{n-p} \frac{G}{G-1} B \Bigl(\sum_g s_g s_g'\Bigr) B, \quad s_g = \sum_{i \in g} w_i e_i x_i

    Parameters
    ----------
    fit : LeastSquares
    clusters : (n,) int
        Codes of the clusters, in any numbering.
    """
    n, p = fit.design.shape
    meat, count = _cluster_meat(fit, clusters)
    return np.asarray((n - 1) / (n - p) * count / (count - 1) * fit.bread @ meat @ fit.bread)


def two_way_covariance(fit: LeastSquares, first: Codes, second: Codes) -> Floats:
    """Return V(first) + V(second) - V(first x second), each as in :func:`cluster_covariance`.

    The difference need not be positive definite; negative eigenvalues are set to zero.

    References
    ----------
    Cameron, A. C., Gelbach, J. B. and Miller, D. L. (2011). Robust inference with multiway clustering.
    Journal of Business & Economic Statistics 29, 238-249. doi:10.1198/jbes.2010.07136
    """
    a, _ = dense_codes(first)
    b, count = dense_codes(second)
    both = a * count + b
    total = cluster_covariance(fit, a) + cluster_covariance(fit, b) - cluster_covariance(fit, both)
    values, vectors = np.linalg.eigh((total + total.T) / 2)
    return np.asarray((vectors * np.maximum(values, 0.0)) @ vectors.T)


def hc3_covariance(fit: LeastSquares) -> Floats:
    """Return the jackknife-like HC3: residuals divided by one minus their leverage.

    References
    ----------
    MacKinnon, J. G. and White, H. (1985). Journal of Econometrics 29, 305-325. doi:10.1016/0304-4076(85)90158-7
    """
    leverage = fit.weights * np.einsum("ij,jk,ik->i", fit.design, fit.bread, fit.design)
    scores = fit.design * (fit.weights * fit.residuals / (1 - leverage))[:, None]
    return np.asarray(fit.bread @ (scores.T @ scores) @ fit.bread)
