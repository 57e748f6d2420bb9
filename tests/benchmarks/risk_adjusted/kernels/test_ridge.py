"""Ridge from moments. Authority: scikit-learn's Ridge with sample weights, and refits with one person changed."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from ssinfer.benchmarks.risk_adjusted.kernels.ridge import (
    influence_coefficients,
    ridge_coefficients,
    unit_moments,
)

RNG = np.random.default_rng(3)
X = np.column_stack([np.ones(200), RNG.normal(size=(200, 5))])
W = RNG.uniform(0.1, 1.0, 200)
Y = W * (X @ [5.0, 1, -2, 0, 3, 0.5] + RNG.normal(size=200))


def moments(y=Y):
    return unit_moments(X, W, np.array([0, 80, 200])).sum(axis=0, dtype=float), (y @ X)[None]


@pytest.mark.parametrize("penalty", [0.01, 10.0, 1e4])
def test_coefficients_are_those_of_scikit_learn_and_calibrated_on_the_training_persons(penalty):
    b = ridge_coefficients(*moments(), penalty)[0]
    theirs = Ridge(alpha=penalty).fit(X[:, 1:], Y / W, sample_weight=W)
    assert b[1:] == pytest.approx(theirs.coef_, rel=1e-4, abs=1e-5)
    assert b[0] == pytest.approx(theirs.intercept_, rel=1e-5)
    assert (W * (X @ b)).sum() == pytest.approx(Y.sum(), rel=1e-5)  # trap 3


def test_influence_is_the_change_of_the_prediction():
    target = np.array([1.0, 0.3, -1, 2, 0, 1])
    influence = X @ influence_coefficients(moments()[0], 10.0, target)
    for person in (0, 77, 150):
        changed = Y.copy()
        changed[person] += 2.0
        first, second = (ridge_coefficients(*moments(y), 10.0)[0] @ target for y in (Y, changed))
        assert second - first == pytest.approx(2 * influence[person], rel=1e-5)
