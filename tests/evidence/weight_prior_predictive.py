"""Effective number of donors before the data: the table of docs/bayesian_synthetic_control.md.

Run `python tests/evidence/weight_prior_predictive.py`. Donors differ by noise alone, so that neither level nor loading
stands out; 4,000 draws of tau, tilt and scatter each.
"""

# ruff: noqa: T201
from __future__ import annotations

import numpy as np

from ssinfer.benchmarks.synthetic_control.bayes.placebo_paths import donor_features
from ssinfer.benchmarks.synthetic_control.bayes.posterior import STRENGTH

DRAWS, PERIODS = 4000, 8
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def effective_donors(J, rng):
    """Draws of 1 / sum w^2 of J donors, w = softmax(A b + tau z) written down directly."""
    features = donor_features(1 + 0.01 * rng.standard_normal((PERIODS, J)))
    tau = np.exp(STRENGTH[0] + STRENGTH[1] * rng.standard_normal((DRAWS, 1)))
    logits = rng.standard_normal((DRAWS, 2)) @ features.T + tau * rng.standard_normal((DRAWS, J))
    w = np.exp(logits - logits.max(axis=1, keepdims=True))
    return w.sum(axis=1) ** 2 / (w**2).sum(axis=1)


if __name__ == "__main__":
    for count in (10, 20, 38, 100, 266):
        ends = np.quantile(effective_donors(count, np.random.default_rng(1)), QUANTILES)
        print(count, " ".join(f"{end:.3g}" for end in ends))
