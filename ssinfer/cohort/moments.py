"""Means of units, and variances and covariances of their sampling errors, by ratio estimators over persons.

n persons, T periods, m units. y: spending, w: insured-years, Y: the mean of the person's unit.
"""

import numpy as np

from ssinfer.kernels.groups import group_sums
from ssinfer.typing import Floats, Positions

# Rounding leaves residuals of 1e-16 if all persons of a unit spend the same amount.
MIN_RELATIVE_VARIANCE = 1e-20


def mean_and_variance(rows: Positions, spending: Floats, insured_years: Floats) -> tuple[Floats, Floats, Floats]:
    r"""Return means :math:`Y = \sum y_i / \sum w_i`, insured-years and sampling variances of units (m, T).

    .. math:: V = \frac{p}{p-1} \frac{\sum_i (y_i - Y w_i)^2}{(\sum_i w_i)^2}

    over the p persons with insured-years w > 0 (Cochran 1977, Sampling Techniques, section 6.3); NaN if p < 2 or if all
    spent the same. There is no finite-population correction. `rows` (n,): row of each person's unit, 0 to m - 1.
    """
    n_units = int(rows.max()) + 1
    years = group_sums(rows, insured_years, n_units)
    money = group_sums(rows, spending, n_units)
    persons = group_sums(rows, (insured_years > 0).astype(np.float64), n_units)
    years[years == 0] = np.nan
    mean = money / years
    squares = group_sums(rows, residuals_of_ratio(rows, spending, insured_years, mean) ** 2, n_units)
    variance = np.full(mean.shape, np.nan)
    np.divide(squares * persons, (persons - 1) * years**2, out=variance, where=persons > 1)
    variance[~(variance > MIN_RELATIVE_VARIANCE * mean**2)] = np.nan
    return mean, years, variance


def residuals_of_ratio(rows: Positions, spending: Floats, insured_years: Floats, mean: Floats | None = None) -> Floats:
    """Return y - Y w (n, T), 0 for persons who are not insured; Y (m, T) is by default the mean of these persons."""
    if mean is None:
        n_units = int(rows.max()) + 1
        years = group_sums(rows, insured_years, n_units)
        money = group_sums(rows, spending, n_units)
        mean = np.divide(money, years, out=np.zeros(years.shape), where=years > 0)
    residuals = spending - np.nan_to_num(mean)[rows] * insured_years
    return np.asarray(np.where(insured_years > 0, residuals, 0.0))


def residual_correlation(residuals: Floats, insured_years: Floats, *, same_persons: bool) -> Floats:
    """Return the correlation of residuals between periods (T, T), as `Cohort.correlation` defines it."""
    e = np.nan_to_num(residuals)
    products = e.T @ e
    if same_persons:
        insured = (insured_years > 0).astype(np.float64)
        squares = (e**2).T @ insured  # [t, s]: sum of squares in t over persons insured in both
        scale = np.sqrt(squares * squares.T)
    else:
        scale = np.sqrt(np.outer(np.diag(products), np.diag(products)))
    return np.asarray(np.divide(products, scale, out=np.full(products.shape, np.nan), where=scale > 0))


def covariance_of_means(residuals: Floats, insured_years: Floats) -> Floats:
    """Return the covariance of one unit's means over periods (T, T); 0 if no person is insured in both periods."""
    years = insured_years.sum(axis=0)
    insured = (insured_years > 0).astype(np.float64)
    both = insured.T @ insured
    weights = np.outer(years, years)
    factor = np.divide(both, both - 1, out=np.full(both.shape, np.nan), where=both > 1)
    products = np.divide(residuals.T @ residuals, weights, out=np.full(both.shape, np.nan), where=weights > 0)
    return np.asarray(np.where(both == 0, 0.0, factor * products))
