"""Sums over the units of a panel at many nodes, in O(T²) per unit, if the shock is Markov.

    S_i = U U' + E R E + D_i,      (E R E + D_i)⁻¹ = I - I E Z E I,      Z = (P + E I E)⁻¹,      I = D_i⁻¹

U (T, Q) contains level, trend and season. E is diag(e). R is the correlation of an AR(1) process; its inverse P is
tridiagonal. D_i = diag(d_i) is sampling noise; I is zero in unseen cells. Z follows from LDL' factors by the recurrence
of Takahashi, Fagan and Chin (1973), and the identity of Sherman and Morrison adds the columns of U one by one.
``unit_terms`` factors S_i itself, in O(T³).
"""

from dataclasses import dataclass

import numpy as np

from ssinfer.kernels.compile import compiled
from ssinfer.typing import Booleans, Floats, Positions


@dataclass(frozen=True, eq=False)
class Markov:
    """Components of the shared covariance at M nodes."""

    kept: Floats  # (M, T): correlation of the shock in t with that in t - 1, 0 in the first period
    spread: Floats  # (M, T): e
    low: Floats  # (M, T, Q): U

    def of(self, chosen: Positions | Booleans | slice) -> "Markov":
        """Return the chosen nodes."""
        return Markov(self.kept[chosen], self.spread[chosen], self.low[chosen])


MAX_RATIO = 1e6  # of shock to noise variance, and of 1 / (1 - persistence²): six of sixteen digits are then lost


def well_conditioned(markov: Markov, noise: Floats, scale: Floats) -> Booleans:
    """Return the nodes (M,) at which the noise is not so small that the Markov sums lose digits."""
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        ratio = (markov.spread**2 / noise.min(axis=0)).max(axis=1) / scale
        return (ratio < MAX_RATIO) & (1.0 / (1.0 - (markov.kept**2).max(axis=1)) < MAX_RATIO)


@compiled
def markov_sums(
    kept: Floats, spread: Floats, low: Floats, noise: Floats, scale: Floats, seen: Floats, y: Floats, loading: Floats
) -> tuple[Floats, Floats, Floats, Floats]:
    """Sum log |S| (M,), u² S⁻¹ (M, T, T), u S⁻¹ y (M, T) and y' S⁻¹ y (M,) over units; d_i = scale (M,) noise_i."""
    nodes, periods, width = low.shape
    log_determinant, quadratic = np.zeros(nodes), np.zeros(nodes)
    precision, score = np.zeros((nodes, periods, periods)), np.zeros((nodes, periods))
    information, turned, row = np.empty(periods), np.empty(periods), np.empty(periods)  # turned is e I, row is u² Z e I
    pivot, below, work = np.empty(periods), np.zeros(periods), np.empty(periods)  # below is -l
    of_noise = (seen * np.log(noise)).sum()
    right, solved = np.empty((width + 1, periods)), np.empty((width + 1, periods))  # the columns of U, then y
    for m in range(nodes):
        fresh = 1.0 / (1.0 - kept[m] ** 2)
        moved, total = kept[m] * fresh, np.zeros((periods, periods))
        right[:width] = low[m].T
        log_determinant[m] = of_noise + seen.sum() * np.log(scale[m]) - len(y) * np.log(fresh).sum()
        for i in range(len(y)):
            # LDL' of P + E I E
            for t in range(periods):
                information[t] = seen[i, t] / (scale[m] * noise[i, t])
                turned[t] = spread[m, t] * information[t]
                pivot[t] = fresh[t] + spread[m, t] * turned[t]
                if t + 1 < periods:
                    pivot[t] += kept[m, t + 1] * moved[t + 1]
                if t > 0:
                    below[t] = moved[t] / pivot[t - 1]
                    pivot[t] -= moved[t] * below[t]
                log_determinant[m] += np.log(pivot[t])
                right[width, t] = seen[i, t] * y[i, t]
            # x -> I x - I E Z E I x
            for q in range(width + 1):
                for t in range(periods):
                    work[t] = turned[t] * right[q, t]
                    if t > 0:
                        work[t] += below[t] * work[t - 1]
                for t in range(periods - 1, -1, -1):
                    work[t] /= pivot[t]
                    if t + 1 < periods:
                        work[t] += below[t + 1] * work[t + 1]
                    solved[q, t] = information[t] * right[q, t] - turned[t] * work[t]
            # each column of U changes those after it, and y
            for q in range(width):
                size = 1.0
                for t in range(periods):
                    size += right[q, t] * solved[q, t]
                log_determinant[m] += np.log(size)
                for r in range(q + 1, width + 1):
                    share = 0.0
                    for t in range(periods):
                        share += solved[q, t] * right[r, t]
                    for t in range(periods):
                        solved[r, t] -= share / size * solved[q, t]
                for t in range(periods):
                    factor = loading[i] ** 2 * solved[q, t] / size
                    for s in range(t + 1):
                        total[t, s] -= factor * solved[q, s]
            # Z_ts = -l_t+1 Z_t+1,s, from the last period on
            variance = 0.0
            for t in range(periods - 1, -1, -1):
                ahead = below[t + 1] if t + 1 < periods else 0.0
                variance = 1.0 / pivot[t] + ahead * ahead * variance
                row[t] = loading[i] ** 2 * variance * turned[t]
                total[t, t] += loading[i] ** 2 * information[t] - row[t] * turned[t]
                for s in range(t + 1, periods):
                    row[s] *= ahead
                    total[s, t] -= row[s] * turned[t]
                score[m, t] += loading[i] * solved[width, t]
                quadratic[m] += right[width, t] * solved[width, t]
        precision[m] = total + total.T
        for t in range(periods):
            precision[m, t, t] = total[t, t]
    return log_determinant, precision, score, quadratic
