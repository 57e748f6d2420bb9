"""The rule of refusal for samplers: one divergence in thousands is allowed, NaN is not."""

from __future__ import annotations

import numpy as np
import pytest

from ssinfer.convergence import convergence_checks, convergence_failures


@pytest.mark.parametrize(
    ("r_hat", "ess", "divergent", "named"),
    [
        (1.004, 1200.0, 0, ()),
        (1.004, 1200.0, 1, ()),
        (1.004, 1200.0, 30, ()),
        (1.004, 1200.0, 31, ("divergences is 31",)),
        (1.011, 1200.0, 0, ("r_hat is 1.011",)),
        (1.004, 399.0, 0, ("effective_sample_size is 399",)),
        (np.nan, np.nan, 0, ("r_hat is nan", "effective_sample_size is nan")),
    ],
)
def test_refusal_names_what_failed(r_hat, ess, divergent, named):
    checks = convergence_checks({"mean": 1.0, "tau": r_hat}, {"mean": 5000.0, "tau": ess}, divergent, 6000)
    failures = convergence_failures(checks)
    assert len(failures) == len(named)
    for failure, start in zip(failures, named, strict=True):
        assert failure.startswith(start)
    assert "of tau" in checks[0].message or r_hat == 1.0
