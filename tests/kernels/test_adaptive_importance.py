"""Authority: the definition of each part. The posteriors themselves are tested in tests/evidence."""

from __future__ import annotations

import numpy as np

from ssinfer.kernels.adaptive_importance import pooled_density
from ssinfer.kernels.importance import Mixture


def test_pilot_rounds_count_by_their_size():
    mixtures = [Mixture(np.ones(1), np.full((1, 2), centre), np.eye(2)[None]) for centre in (0.0, 1.0, -2.0)]
    nodes = np.random.default_rng(3).normal(size=(6, 2))
    first, second, third = (np.exp(mixture.log_density(nodes)) for mixture in mixtures)
    np.testing.assert_allclose(np.exp(pooled_density(mixtures, nodes, (1, 2, 4))), (first + 2 * second + 4 * third) / 7)
