"""Means of units of persons, and variances and covariances of their sampling errors: ratio estimators over persons.

n persons, T periods, m units. y: spending, w: insured-years, Y: the mean of the person's unit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ssinfer.cohort.columns import unit_sums

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ssinfer.typing import Floats

    Places = NDArray[np.intp]


def mean_and_variance(rows: Places, spending: Floats, insured_years: Floats) -> tuple[Floats, Floats, Floats]:
    """Return means, insured-years and sampling variances (m, T), as `Cohort.to_panel` defines them.

    Parameters
    ----------
    rows : array (n,)
        Per person the row of their unit: 0 to m - 1.
    spending, insured_years : array (n, T)
    """
    n_units = int(rows.max()) + 1
    years = unit_sums(rows, insured_years, n_units)
    money = unit_sums(rows, spending, n_units)
    persons = unit_sums(rows, (insured_years > 0).astype(np.float64), n_units)
    years[years == 0] = np.nan
    mean = money / years
    squares = unit_sums(rows, residuals_of_ratio(rows, spending, insured_years, mean) ** 2, n_units)
    variance = np.full(mean.shape, np.nan)
    np.divide(squares * persons, (persons - 1) * years**2, out=variance, where=persons > 1)
    # Rounding leaves a residual of 1e-16 where all spend alike: no variance was learned there.
    variance[~(variance > 1e-20 * mean**2)] = np.nan
    return mean, years, variance


def residuals_of_ratio(rows: Places, spending: Floats, insured_years: Floats, mean: Floats | None = None) -> Floats:
    """Return y - Y w (n, T); 0 where not insured. `mean`: Y (m, T), by default that of the persons themselves."""
    if mean is None:
        n_units = int(rows.max()) + 1
        years = unit_sums(rows, insured_years, n_units)
        money = unit_sums(rows, spending, n_units)
        mean = np.divide(money, years, out=np.zeros(years.shape), where=years > 0)
    residuals = spending - np.nan_to_num(mean)[rows] * insured_years
    return np.asarray(np.where(insured_years > 0, residuals, 0.0))


def residual_correlation(residuals: Floats, insured_years: Floats, *, same_persons: bool) -> Floats:
    """Return the correlation of residuals between periods (T, T), as `Cohort.correlation` defines it."""
    e = np.nan_to_num(residuals)
    products = e.T @ e
    if same_persons:
        here = (insured_years > 0).astype(np.float64)
        squares = (e**2).T @ here  # [t, s]: sum of squares in t over those insured in both
        scale = np.sqrt(squares * squares.T)
    else:
        scale = np.sqrt(np.outer(np.diag(products), np.diag(products)))
    return np.asarray(np.divide(products, scale, out=np.full(products.shape, np.nan), where=scale > 0))


def covariance_of_means(residuals: Floats, insured_years: Floats) -> Floats:
    """Return the covariance of one unit's means over periods (T, T); 0 where nobody is insured in both."""
    years = insured_years.sum(axis=0)
    here = (insured_years > 0).astype(np.float64)
    both = here.T @ here
    weights = np.outer(years, years)
    factor = np.divide(both, both - 1, out=np.full(both.shape, np.nan), where=both > 1)
    products = np.divide(residuals.T @ residuals, weights, out=np.full(both.shape, np.nan), where=weights > 0)
    return np.asarray(np.where(both == 0, 0.0, factor * products))
