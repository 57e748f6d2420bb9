"""How volatile each year was in Dutch municipalities, by the placebo contrasts of the Bayesian synthetic control.

`SSINFER_DATA_DIR=... python tests/evidence/period_volatility.py [last year]` prints what docs/decisions/0017 says of
2011 to 2015 (the default), before any year on which coverage is evaluated: the gain of log posterior density by a
volatility per year, and the volatilities with their errors. With 2019 it prints those of all years: nothing was chosen
by them.
"""

# ruff: noqa: T201
from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np

import ssinfer as ss
from ssinfer.benchmarks.synthetic_control.bayes.shock_prior import ShockPrior
from ssinfer.benchmarks.synthetic_control.classic import SyntheticControl
from ssinfer.benchmarks.synthetic_control.fit_window import FitWindow
from ssinfer.benchmarks.synthetic_control.kernels.simplex_posterior import MAX_RHO


def dutch_window(folder, last):
    """Window of the first municipality above 20,000 insured, performance in the last year."""
    panel = ss.datasets.load_vektis(range(2011, 2020), "core", folder=Path(folder) / "vektis")
    large = np.array(panel.units)[panel.insured_years.min(axis=1) >= 20_000].tolist()
    design = ss.Design(treated=[large[0]], baseline=range(2011, last), performance=[last], standard="expected")
    return FitWindow.of(SyntheticControl().prepare(panel.select(units=large), design), 0)


if __name__ == "__main__":
    window = dutch_window(os.environ["SSINFER_DATA_DIR"], int(sys.argv[1]) if len(sys.argv) > 1 else 2015)
    free = ShockPrior.learned(window)
    equal = ShockPrior.learned(window, volatility_log_sd=1e-6)
    gain = free.log_density - equal.log_density
    print(f"{free.placebos} donors; log posterior density gained by volatilities {gain:.1f}")
    for name, prior in (("equal", equal), ("volatile", free)):
        omega, rho, k = np.exp(prior.mean[0]), MAX_RHO / (1 + np.exp(-prior.mean[1])), np.exp(prior.mean[2])
        error = np.sqrt(np.diag(prior.covariance))[3:]
        years = " ".join(f"{v:.2f} ({v * e:.2f})" for v, e in zip(np.exp(prior.mean[3:]), error, strict=True))
        print(f"{name}: omega {omega:.4f}, rho {rho:.2f}, k {k:.2f}, volatilities {years}")
