"""Payments of a threshold to contracts that saved nothing, or had a saving injected: one row of numbers per placebo.

Let r be the measured rate, y = Y / Bbar the relative spending and T the threshold. At a true saving s the contract is
paid if r + s y >= T. The bonus is f max(r + s y, 0); f s y is due.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ssinfer.kernels.compile import compiled

if TYPE_CHECKING:
    from ssinfer.typing import Floats


@compiled
def payment_columns(
    rate: Floats,
    relative: Floats,
    bbar: Floats,
    insured: Floats,
    threshold: Floats,
    savings: Floats,
    due: Floats,
    share: float,
) -> Floats:
    """Return columns (R, 12 + D + U) of R placebos, D savings detected and U savings due.

    Columns: threshold; in money; less the placebo's own saving; that in money (NaN where the threshold is infinite);
    whether the threshold is infinite; whether a contract that saved nothing is paid; D detections; overpayment, in
    money, in total; U underpayments; their mean, in money, in total.

    Parameters
    ----------
    rate, relative, bbar, insured, threshold : (R,)
    savings : (D,) true savings whose detection is wanted
    due : (U,) true savings over which underpayment is averaged
    share : sharing rate f, first-dollar
    """
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
            measured = rate[row] + due[u] * relative[row]
            bonus = share * max(measured, 0.0) if measured >= limit else 0.0
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
    rate: Floats,
    relative: Floats,
    bbar: Floats,
    insured: Floats,
    thresholds: Floats,
    weights: Floats,
    savings: Floats,
    due: Floats,
    share: float,
) -> Floats:
    """Return weighted means of the payment columns (K, C) over replicates.

    A row whose threshold is NaN in a replicate is left out of it. A mean over no row is NaN.

    Parameters
    ----------
    rate, relative, bbar, insured : (R,) as of :func:`payment_columns`
    thresholds : (K, R) thresholds in every replicate
    weights : (K, R) how often each row is drawn
    savings, due, share : as of :func:`payment_columns`
    """
    n_replicates = thresholds.shape[0]
    means = np.zeros((n_replicates, 12 + savings.size + due.size))
    for k in range(n_replicates):
        columns = payment_columns(rate, relative, bbar, insured, thresholds[k], savings, due, share)
        count = 0.0
        for row in range(rate.size):
            if weights[k, row] > 0.0 and not np.isnan(thresholds[k, row]):
                count += weights[k, row]
                for c in range(means.shape[1]):
                    means[k, c] += weights[k, row] * columns[row, c]
        for c in range(means.shape[1]):
            means[k, c] = means[k, c] / count if count > 0.0 else np.nan
    return means
