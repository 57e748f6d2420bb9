"""minimum_detectable_saving: gate and detectable saving are two numbers (method.md 2, "power")."""

import numpy as np
import pytest
from scipy.stats import norm

from ssinfer.counterfactual import point_of
from ssinfer.errors import NotSupportedError, RefusalError
from ssinfer.thresholds.detectable import minimum_detectable_saving

CF = point_of(100 + 1.5 * np.random.default_rng(1).standard_normal(400_000), "sampling")


@pytest.mark.parametrize("power", [0.8, 0.9])
@pytest.mark.parametrize(("side", "p"), [("one-sided", 0.95), ("two-sided", 0.975)])
def test_normal_case(power, side, p):
    found = minimum_detectable_saving(CF, level=0.95, power=power, side=side)
    assert float(found.gate) == pytest.approx(norm.ppf(p) * 0.015, rel=0.01)
    assert found.detectable == pytest.approx((norm.ppf(p) + norm.ppf(power)) * 0.015, rel=0.01)
    assert found.money == pytest.approx(100 * found.detectable, rel=1e-3)


def test_power_at_the_detectable_saving_is_the_power_asked_for():
    # also without normality: skewed errors
    draws = 100 - np.random.default_rng(2).gamma(2.0, 1.0, 200_000)
    found = minimum_detectable_saving(point_of(draws, "sampling"), power=0.8)
    measured = (draws.mean() - draws) + found.money
    assert (measured >= found.gate.money).mean() == pytest.approx(0.8, abs=0.005)


def test_detectable_saving_used_as_gate_pays_too_rarely():
    # method.md 2: 0.6% false payments at 5% / 80%
    found = minimum_detectable_saving(CF, level=0.95, power=0.80)
    errors = CF.null_error() / CF.level
    assert (errors >= found.detectable).mean() == pytest.approx(0.006, abs=0.001)
    assert (errors >= float(found.gate)).mean() == pytest.approx(0.05, abs=0.001)


def test_a_posterior_has_power_too():
    draws = CF.benchmark.values.ravel()[:5_000]
    found = minimum_detectable_saving(point_of(draws, "posterior"))
    assert found.detectable > float(found.gate) > 0


@pytest.mark.parametrize(
    ("make", "error", "cure"),
    [
        (lambda: minimum_detectable_saving(CF, power=80), RefusalError, "power is 80, .* fraction: 0.8"),
        (lambda: minimum_detectable_saving(CF, level=0), RefusalError, "strictly between 0 and 1"),
        (lambda: minimum_detectable_saving(CF, side="both"), RefusalError, "State which"),
        (lambda: minimum_detectable_saving(point_of(np.ones(1), "none")), NotSupportedError, "a point estimate"),
    ],
)
def test_refusals(make, error, cure):
    with pytest.raises(error, match=cure):
        make()
