"""Independent sampler of the hierarchical model with Student-t shocks: Gibbs over scale mixtures, without gradients.

The innovations of a shock are z = sqrt((df - 2) / df / g) N(0, 1), g ~ Gamma(df / 2, df / 2). Given all g the panel is
Gaussian. Parameters move by random-walk Metropolis on the likelihood with every effect integrated out. Then effects are
drawn given the parameters, and g given the innovations. All chains move together, with dense numpy algebra only.
"""

from __future__ import annotations

import numpy as np

UNSEEN = 1e8  # noise variance of a cell that was not seen


class Panel:
    """Data and constants, and the covariances at given parameters and mixing weights; C chains, N units, T periods."""

    def __init__(self, layout):
        self.model, self.y = layout.model, layout.y * layout.seen
        self.unseen = layout.seen == 0
        self.time = self.model.time - self.model.time.mean()
        self.kinds = self.model.parameters

    def values(self, x):
        return {p.name: p.natural(x[:, j]) for j, p in enumerate(self.kinds)}

    def loadings(self, value):
        """F (C, T, 2 + T): of level, trend and the standardised innovations of the shock, times their SDs."""
        count, periods = len(value["level"]), len(self.time)
        out = np.zeros((count, periods, 2 + periods))
        out[:, :, 0] = value["level"][:, None]
        out[:, :, 1] = value["trend"][:, None] * self.time
        kept = value["persistence"][:, None, None]
        lag = np.subtract.outer(np.arange(periods), np.arange(periods))
        carried = np.where(lag >= 0, kept ** np.maximum(lag, 0), 0.0)
        fresh = np.where(np.arange(periods) == 0, 1.0, np.sqrt(1 - value["persistence"][:, None] ** 2))
        volatility = np.stack([value[name] for name in self.model.volatility], axis=1)
        out[:, :, 2:] = volatility[:, :, None] * carried * (value["shock"][:, None] * fresh)[:, None, :]
        return out

    def variance(self, value):
        """Sampling variance (C, N, T)."""
        return np.where(self.unseen, UNSEEN, value["noise"][:, None, None] ** 2 * self.model.sampling)

    def inverse(self, loadings, prior, variance):
        """Return the inverse (C, N, T, T) of each unit's covariance and its log determinant (C, N)."""
        covariance = np.einsum("ctk,cnk,csk->cnts", loadings, prior, loadings, optimize=True)
        covariance[..., range(len(self.time)), range(len(self.time))] += variance
        return np.linalg.inv(covariance), np.linalg.slogdet(covariance)[1]

    def collapse(self, inverse, determinant):
        """Return the log likelihood (C,) without effects, and mean and covariance of the period effects."""
        precision = inverse.sum(axis=1) + np.eye(len(self.time)) / self.model.period_scale**2
        score = np.einsum("cnts,ns->ct", inverse, self.y)
        covariance = np.linalg.inv(precision)
        mean = np.einsum("cts,cs->ct", covariance, score)
        quadratic = np.einsum("nt,cnts,ns->c", self.y, inverse, self.y, optimize=True) - (score * mean).sum(axis=1)
        return -0.5 * (determinant.sum(axis=1) + np.linalg.slogdet(precision)[1] + quadratic), mean, covariance


def sample(layout, start, root, rounds, seed, degrees=4.0, warm=500):
    """Return kept parameters x (K, C, d) and predictions "y_ahead" (K, C, I, P) from chains started at `start` (C, d).

    With infinite `degrees` shocks are normal. `root` is the lower Cholesky factor of the covariance by which the
    random walk steps.
    """
    panel, rng = Panel(layout), np.random.default_rng(seed)
    chains, size = start.shape
    units, periods = panel.y.shape
    x, mixing = start.copy(), np.ones((chains, units, periods))
    unit = (degrees - 2) / degrees if np.isfinite(degrees) else 1.0
    kept, ahead = [], []

    def prior_of(mixing):
        return np.concatenate([np.ones((chains, units, 2)), unit / mixing], axis=2)

    def target(x, mixing):
        value = panel.values(x)
        loadings, variance = panel.loadings(value), panel.variance(value)
        inverse, determinant = panel.inverse(loadings, prior_of(mixing), variance)
        log, mean, covariance = panel.collapse(inverse, determinant)
        return log - 0.5 * (x**2).sum(axis=1), (value, loadings, variance, inverse, mean, covariance)

    for step in range(rounds):
        now, at = target(x, mixing)
        for scale in (0.4, 1.0):
            proposal = x + scale * 2.38 / np.sqrt(size) * rng.standard_normal(x.shape) @ root.T
            there, other = target(proposal, mixing)
            moves = np.log(rng.random(chains)) < there - now
            x, now = np.where(moves[:, None], proposal, x), np.where(moves, there, now)
            at = (
                {name: np.where(moves, other[0][name], each) for name, each in at[0].items()},
                *(
                    np.where(moves.reshape(-1, *[1] * (each.ndim - 1)), new, each)
                    for each, new in zip(at[1:], other[1:], strict=True)
                ),
            )
        value, loadings, variance, inverse, mean, covariance = at
        period = mean + np.einsum("cts,cs->ct", np.linalg.cholesky(covariance), rng.standard_normal(mean.shape))
        prior = prior_of(mixing)
        # effects given parameters: a draw from the prior, corrected by the data
        effects = np.sqrt(prior) * rng.standard_normal(prior.shape)
        noise = np.sqrt(variance) * rng.standard_normal(variance.shape)
        error = panel.y - period[:, None, :] - np.einsum("ctk,cnk->cnt", loadings, effects) - noise
        effects += prior * np.einsum("ctk,cnts,cns->cnk", loadings, inverse, error, optimize=True)
        if np.isfinite(degrees):
            mixing = rng.gamma((degrees + 1) / 2, 2 / (degrees + effects[:, :, 2:] ** 2 / unit))
        if step >= warm:
            cells = np.ix_(range(chains), layout.treated, layout.ahead)
            expected = period[:, None, :] + np.einsum("ctk,cnk->cnt", loadings, effects)
            deviation = (value["noise"][:, None, None] * np.sqrt(panel.model.sampling))[cells]
            kept.append(x.copy())
            ahead.append(expected[cells] + deviation * rng.standard_normal(deviation.shape))
    return np.array(kept), np.array(ahead)
