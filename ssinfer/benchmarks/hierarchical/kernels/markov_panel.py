"""Sums over the units of a panel at many nodes, in O(T²) per unit, if the shock is Markov.

    S_i = U U' + E R E + D_i,      (E R E + D_i)⁻¹ = I - I E Z E I,      Z = (P + E I E)⁻¹,      I = D_i⁻¹

U (T, Q) contains level, trend and season. E is diag(e). R is the correlation of an AR(1) process; its inverse P is
tridiagonal. D_i = diag(d_i) is sampling noise; I is zero in unseen cells. Z follows from LDL' factors by the recurrence
of Takahashi, Fagan and Chin (1973), and Woodbury's identity adds U U'. ``unit_terms`` factors S_i itself, in O(T³).
"""

from dataclasses import dataclass

import numpy as np

from ssinfer.benchmarks.hierarchical.kernels.unit_terms import LANES
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
    units = len(y)
    log_determinant, quadratic = np.zeros(nodes), np.zeros(nodes)
    precision, score = np.zeros((nodes, periods, periods)), np.zeros((nodes, periods))
    total, gram = np.zeros((periods, periods, LANES)), np.zeros((width, width, LANES))
    information, outcome, work = np.zeros((periods, LANES)), np.zeros((periods, LANES)), np.zeros((periods, LANES))
    turned, pivot, below = np.zeros((periods, LANES)), np.zeros((periods, LANES)), np.zeros((periods, LANES))
    solved = np.zeros((width + 1, periods, LANES))  # of U, then of y; turned is e I, below is -l
    weight, square, step = np.zeros(LANES), np.zeros(LANES), np.zeros(LANES)
    cells, of_noise = 0.0, 0.0
    for i in range(units):
        for t in range(periods):
            if seen[i, t] > 0.0:
                cells += 1.0
                of_noise += np.log(noise[i, t])
    diagonal, off_diagonal = np.zeros(periods), np.zeros(periods)
    for m in range(nodes):
        log_determinant[m] = of_noise + cells * np.log(scale[m])
        for t in range(periods):
            fresh = 1.0 / (1.0 - kept[m, t] ** 2)
            diagonal[t] = fresh
            off_diagonal[t] = -kept[m, t] * fresh
            log_determinant[m] -= units * np.log(fresh)  # log |R|, each unit
            if t > 0:
                diagonal[t - 1] += kept[m, t] ** 2 * fresh
        total[:] = 0.0
        for start in range(0, units, LANES):
            inside = min(LANES, units - start)
            information[:] = 0.0
            outcome[:] = 0.0
            weight[:] = 0.0
            for b in range(inside):
                weight[b] = loading[start + b]
                for t in range(periods):
                    if seen[start + b, t] > 0.0:
                        information[t, b] = 1.0 / (scale[m] * noise[start + b, t])
                        outcome[t, b] = y[start + b, t]
            for b in range(LANES):
                square[b] = weight[b] * weight[b]
            # LDL' of P + E I E
            for t in range(periods):
                e = spread[m, t]
                for b in range(LANES):
                    turned[t, b] = e * information[t, b]
                    pivot[t, b] = diagonal[t] + e * turned[t, b]
                if t > 0:
                    for b in range(LANES):
                        below[t, b] = -off_diagonal[t] / pivot[t - 1, b]
                        pivot[t, b] += off_diagonal[t] * below[t, b]
            # one logarithm per 32 pivots: none exceeds a few MAX_RATIO, so their product does not overflow
            step[:] = 1.0
            for t in range(periods):
                for b in range(LANES):
                    step[b] *= pivot[t, b]
                if t % 32 == 31 or t == periods - 1:
                    for b in range(inside):
                        log_determinant[m] += np.log(step[b])
                    step[:] = 1.0
            # solve for the columns of U and for y: x -> I x - I E Z E I x
            for q in range(width + 1):
                for t in range(periods):
                    if q < width:
                        solved[q, t] = low[m, t, q]
                    else:
                        solved[q, t] = outcome[t]
                    for b in range(LANES):
                        work[t, b] = turned[t, b] * solved[q, t, b]
                    if t > 0:
                        for b in range(LANES):
                            work[t, b] += below[t, b] * work[t - 1, b]
                for back in range(periods):
                    t = periods - 1 - back
                    for b in range(LANES):
                        work[t, b] /= pivot[t, b]
                    if back > 0:
                        for b in range(LANES):
                            work[t, b] += below[t + 1, b] * work[t + 1, b]
                    for b in range(LANES):
                        solved[q, t, b] = information[t, b] * solved[q, t, b] - turned[t, b] * work[t, b]
            for t in range(periods):
                for b in range(LANES):
                    quadratic[m] += outcome[t, b] * solved[width, t, b]
            # Cholesky factor of I + U' M⁻¹ U, and the columns of M⁻¹ U turned by it
            for q in range(width):
                for r in range(q + 1):
                    gram[q, r] = 1.0 if q == r else 0.0
                    for t in range(periods):
                        for b in range(LANES):
                            gram[q, r, b] += low[m, t, q] * solved[r, t, b]
            for q in range(width):
                for r in range(q):
                    for k in range(r):
                        for b in range(LANES):
                            gram[q, r, b] -= gram[q, k, b] * gram[r, k, b]
                    for b in range(LANES):
                        gram[q, r, b] /= gram[r, r, b]
                        gram[q, q, b] -= gram[q, r, b] ** 2
                for b in range(LANES):
                    gram[q, q, b] = np.sqrt(gram[q, q, b]) if gram[q, q, b] > 0.0 else np.nan
                for b in range(inside):
                    log_determinant[m] += 2.0 * np.log(gram[q, q, b])
            for q in range(width):
                for t in range(periods):
                    for r in range(q):
                        for b in range(LANES):
                            solved[q, t, b] -= gram[q, r, b] * solved[r, t, b]
                    for b in range(LANES):
                        solved[q, t, b] /= gram[q, q, b]
            for q in range(width):
                step[:] = 0.0
                for t in range(periods):
                    for b in range(LANES):
                        step[b] += solved[q, t, b] * outcome[t, b]
                for b in range(LANES):
                    quadratic[m] -= step[b] * step[b]
                for t in range(periods):
                    for b in range(LANES):
                        solved[width, t, b] -= step[b] * solved[q, t, b]
            for t in range(periods):
                for b in range(LANES):
                    score[m, t] += weight[b] * solved[width, t, b]
            # u² S⁻¹, column by column upwards from the diagonal: Z_ts = -l_t+1 Z_t+1,s; `work` is the diagonal of Z
            for back in range(periods):
                t = periods - 1 - back
                for b in range(LANES):
                    work[t, b] = 1.0 / pivot[t, b]
                if back > 0:
                    for b in range(LANES):
                        work[t, b] += below[t + 1, b] ** 2 * work[t + 1, b]
            for s in range(periods):
                for b in range(LANES):
                    step[b] = -square[b] * turned[s, b] * work[s, b]
                    total[s, s, b] += square[b] * information[s, b]
                for back in range(s + 1):
                    t = s - back
                    if back > 0:
                        for b in range(LANES):
                            step[b] *= below[t + 1, b]
                    for b in range(LANES):
                        total[t, s, b] += step[b] * turned[t, b]
            for q in range(width):
                for s in range(periods):
                    for b in range(LANES):
                        step[b] = square[b] * solved[q, s, b]
                    for t in range(s + 1):
                        for b in range(LANES):
                            total[t, s, b] -= step[b] * solved[q, t, b]
        for s in range(periods):
            for t in range(s + 1):
                precision[m, t, s] = precision[m, s, t] = total[t, s].sum()
    return log_determinant, precision, score, quadratic
