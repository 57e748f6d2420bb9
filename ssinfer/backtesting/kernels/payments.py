"""Payments of a threshold T to contracts: at a true saving s the contract is paid if r + s y >= T.

r is the measured rate, y = Y / Bbar the relative spending. The bonus is f max(r + s y, 0); f s y is due.
"""

import numpy as np

from ssinfer.kernels.compile import compiled
from ssinfer.typing import Floats


@compiled
def payment_columns(
    measured: tuple[Floats, ...], threshold: Floats, savings: Floats, due: Floats, share: float
) -> Floats:
    """Return the columns (R, 12 + D + U) that `_Payments.names` lists, for D `savings` detected and U savings `due`."""
    rate, relative, bbar, insured = measured
    n_detected, n_due = savings.size, due.size
    out = np.empty((rate.size, 12 + n_detected + n_due))
    for row in range(rate.size):
        limit = threshold[row]
        finite = np.isfinite(limit)
        out[row, 0] = limit if finite else np.nan
        out[row, 1] = limit * bbar[row] if finite else np.nan
        out[row, 2] = limit - rate[row] if finite else np.nan
        out[row, 3] = (limit - rate[row]) * bbar[row] if finite else np.nan
        out[row, 4] = 0.0 if finite else 1.0
        paid = rate[row] >= limit
        out[row, 5] = 1.0 if paid else 0.0
        for d in range(n_detected):
            out[row, 6 + d] = 1.0 if rate[row] + savings[d] * relative[row] >= limit else 0.0
        at = 6 + n_detected
        over = share * max(rate[row], 0.0) if paid else 0.0
        out[row, at] = over
        out[row, at + 1] = over * bbar[row]
        out[row, at + 2] = over * bbar[row] * insured[row]
        at += 3
        total = 0.0
        for u in range(n_due):
            with_saving = rate[row] + due[u] * relative[row]
            bonus = share * max(with_saving, 0.0) if with_saving >= limit else 0.0
            under = max(share * due[u] * relative[row] - bonus, 0.0)
            out[row, at + u] = under
            total += under
        at += n_due
        out[row, at] = total / n_due
        out[row, at + 1] = out[row, at] * bbar[row]
        out[row, at + 2] = out[row, at] * bbar[row] * insured[row]
    return out


@compiled
def replicate_means(
    measured: tuple[Floats, ...], thresholds: Floats, weights: Floats, savings: Floats, due: Floats, share: float
) -> Floats:
    """Return means (K, C) of the payment columns, by thresholds (K, R), NaN to leave a row out, and weights (K, R)."""
    n_replicates = thresholds.shape[0]
    means = np.zeros((n_replicates, 12 + savings.size + due.size))
    for k in range(n_replicates):
        columns = payment_columns(measured, thresholds[k], savings, due, share)
        count = 0.0
        for row in range(len(columns)):
            if weights[k, row] > 0.0 and not np.isnan(thresholds[k, row]):
                count += weights[k, row]
                for c in range(means.shape[1]):
                    means[k, c] += weights[k, row] * columns[row, c]
        for c in range(means.shape[1]):
            means[k, c] = means[k, c] / count if count > 0.0 else np.nan
    return means
