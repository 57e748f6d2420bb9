"""Proposition 99 with the persistence of shocks held: why the demeaned posterior is far from its point estimate.

`SSINFER_DATA_DIR=... python tests/evidence/california_persistence.py` prints the figures of
docs/bayesian_synthetic_control.md: posterior mean of the effect (spending less benchmark, packs per head and year) at
held and at learned persistence. Where it is held the prior of log omega is widened by an SD of 1.5, since a shock
without persistence has to be larger to be as large after years.
"""

# ruff: noqa: T201
from __future__ import annotations

from dataclasses import replace

import numpy as np

import ssinfer as ss
from ssinfer.benchmarks.synthetic_control.bayes.posterior import WeightModel, sample_posterior
from ssinfer.benchmarks.synthetic_control.classic import SyntheticControl
from ssinfer.benchmarks.synthetic_control.fit_window import FitWindow
from ssinfer.benchmarks.synthetic_control.kernels.simplex_posterior import MAX_RHO
from ssinfer.datasets.prop99 import load_prop99

DESIGN = ss.Design(treated=["California"], baseline=range(1970, 1989), performance=range(1989, 2001))
WIDENED = 1.5


def held(model, rho):
    """The model with persistence held at rho."""
    mean, covariance = model.prior.mean.copy(), model.prior.covariance.copy()
    mean[1] = np.log(rho / (MAX_RHO - rho))
    covariance[1, :] = covariance[:, 1] = 0.0
    covariance[1, 1] = 1e-8
    covariance[0, 0] += WIDENED**2
    prior = replace(model.prior, mean=mean, covariance=covariance)
    return replace(model, prior=prior, baseline=model.baseline._replace(mean=mean, factor=prior.factor))


if __name__ == "__main__":
    panel = load_prop99()
    window = FitWindow.of(SyntheticControl().prepare(panel, DESIGN), 0)
    spent = panel.spending[panel.units.index("California")][window.post] @ window.pooling
    learned = WeightModel.of(window, intercept=True)
    for name, model in {"0.001": held(learned, 0.001), "0.5": held(learned, 0.5), "learned": learned}.items():
        posterior = sample_posterior(model, 500, np.random.default_rng(1))
        effect = spent - float((posterior.paths @ model.performance.pooling).mean())
        print(
            f"persistence {name} (posterior mean {posterior.quantities['rho'].mean():.3f}): effect {effect:.1f}, "
            f"largest R-hat {max(posterior.r_hat.values()):.3f}, failures {posterior.failures}"
        )
