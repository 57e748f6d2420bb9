"""minimum_detectable_saving: threshold and detectable saving are two numbers (docs/method/thresholds.md, "power")."""

import numpy as np
import pytest
from scipy.stats import norm

from ssinfer.counterfactual import Counterfactual
from ssinfer.errors import NotSupportedError, ParameterError
from ssinfer.thresholds.detectable import KIND, minimum_detectable_saving, power_of_threshold

from_draws = Counterfactual.from_draws

CF = from_draws(100 + 1.5 * np.random.default_rng(1).standard_normal(400_000), "sampling")


@pytest.mark.parametrize("power", [0.8, 0.9])
@pytest.mark.parametrize(("side", "p"), [("one-sided", 0.95), ("two-sided", 0.975)])
def test_normal_case(power, side, p):
    saving = minimum_detectable_saving(CF, level=0.95, power=power, side=side)
    assert float(saving.gate) == pytest.approx(norm.ppf(p) * 0.015, rel=0.01)
    assert saving.detectable == pytest.approx((norm.ppf(p) + norm.ppf(power)) * 0.015, rel=0.01)
    assert saving.money == pytest.approx(100 * saving.detectable, rel=1e-3)


def test_power_at_the_detectable_saving_is_the_power_asked_for():
    # also without normality: skewed errors
    draws = 100 - np.random.default_rng(2).gamma(2.0, 1.0, 200_000)
    saving = minimum_detectable_saving(from_draws(draws, "sampling"), power=0.8)
    measured = (draws.mean() - draws) + saving.money
    assert (measured >= saving.gate.money).mean() == pytest.approx(0.8, abs=0.005)


def test_detectable_saving_used_as_threshold_pays_too_rarely():
    # docs/method/thresholds.md: 0.6% false payments at 5% / 80%
    saving = minimum_detectable_saving(CF, level=0.95, power=0.80)
    errors = CF.null_error() / CF.level
    assert (errors >= saving.detectable).mean() == pytest.approx(0.006, abs=0.001)
    assert (errors >= float(saving.gate)).mean() == pytest.approx(0.05, abs=0.001)


def test_a_posterior_has_power_too():
    draws = CF.benchmark.values.ravel()[:5_000]
    saving = minimum_detectable_saving(from_draws(draws, "posterior"))
    assert saving.detectable > float(saving.gate) > 0


@pytest.mark.parametrize("power", [0.5, 0.8, 0.95])
@pytest.mark.parametrize("side", ["one-sided", "two-sided"])
def test_power_of_a_threshold_is_the_inverse_of_the_detectable_saving(power, side):
    # skewed errors: the inverse does not depend on normality
    cf = from_draws(100 - np.random.default_rng(3).gamma(2.0, 1.0, 100_000), "sampling")
    saving = minimum_detectable_saving(cf, power=power, side=side)
    assert power_of_threshold(cf, saving.gate, saving.detectable) == pytest.approx(power, abs=1e-4)
    assert power_of_threshold(cf, saving.gate, 0.0) == pytest.approx(0.05 if side == "one-sided" else 0.025, abs=1e-4)


def test_power_of_any_threshold_in_the_normal_case():
    # P(N(s, SE^2) >= T); Monte Carlo error of 400,000 draws below 0.001
    for rate, saving in ((0.03, 0.0), (0.03, 0.03), (0.02, 0.05), (0.0, -0.01)):
        assert power_of_threshold(CF, rate, saving) == pytest.approx(norm.sf((rate - saving) / 0.015), abs=0.003)


@pytest.mark.parametrize(
    ("make", "error", "cure"),
    [
        (lambda: minimum_detectable_saving(CF, power=80), ParameterError, "power is 80, .* fraction: 0.8"),
        (lambda: minimum_detectable_saving(CF, level=0), ParameterError, "strictly between 0 and 1"),
        (lambda: minimum_detectable_saving(CF, side="both"), ParameterError, "Choose one"),
        (lambda: power_of_threshold(CF, 3.0, 0.02), ParameterError, "threshold is 3.0; .* 0.03 for 3%"),
        (lambda: power_of_threshold(CF, 0.03, 2), ParameterError, "saving is 2; allowed"),
        (
            lambda: power_of_threshold(from_draws(np.ones(1), "none"), 0.03, 0.0),
            NotSupportedError,
            "a point estimate",
        ),
        (
            lambda: minimum_detectable_saving(from_draws(np.ones(1), "none")),
            NotSupportedError,
            "a point estimate",
        ),
    ],
)
def test_refusals(make, error, cure):
    with pytest.raises(error, match=cure):
        make()


def test_placebos_have_the_detectable_saving_of_their_kept_null_errors():
    """Rows of 1,000 normal errors: (z(0.95) + z(0.80)) SD. Too few draws, or none, give no threshold."""
    quantiles = norm.ppf((np.arange(1000) + 0.5) / 1000)
    errors = np.stack([0.02 * quantiles, 0.05 * quantiles, np.where(np.arange(1000) < 100, quantiles, np.nan)])
    found = KIND.for_errors(errors.astype(np.float32), KIND.keys((0.95,))[0])
    np.testing.assert_allclose(
        found[:2], (norm.ppf(0.95) + norm.ppf(0.8)) * np.array([0.02, 0.05]), rtol=3e-3
    )  # of the grid
    assert np.isnan(found[2])
