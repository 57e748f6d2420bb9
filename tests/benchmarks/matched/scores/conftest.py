"""Fixture of the tests of scores: a small confounded population."""

from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture(scope="session")
def population():
    """Return covariates x and z, and treatment that depends on both."""

    def make(seed=0, n=400):
        rng = np.random.default_rng(seed)
        x, z = rng.normal(size=n), rng.integers(0, 2, n).astype(float)
        treated = rng.random(n) < 1 / (1 + np.exp(1 - 0.8 * x - 0.3 * z))
        return {"x": x, "z": z}, treated

    return make
