"""Too few draws: a quantile needs 20 draws beyond it."""

import numpy as np
import pytest
from scipy.signal import lfilter

from ssinfer.counterfactual import Counterfactual
from ssinfer.errors import RefusalError
from ssinfer.thresholds.confidence import confidence_threshold
from ssinfer.thresholds.credible import credible_threshold
from ssinfer.thresholds.detectable import minimum_detectable_saving
from ssinfer.thresholds.expected_loss import expected_loss_threshold
from ssinfer.thresholds.null_error import draws_needed, quantile_mcse, quantiles_by_fit, spread_mcse

DRAWS = 100 + np.random.default_rng(1).standard_normal(800)


@pytest.mark.parametrize(("share", "needed"), [(0.95, 400), (0.975, 800), (0.9, 200), (0.99, 2000), (0.05, 400)])
def test_number_of_draws(share, needed):
    assert draws_needed(share) == needed


@pytest.mark.parametrize("threshold", [confidence_threshold, credible_threshold, minimum_detectable_saving])
@pytest.mark.parametrize(("side", "needed"), [("one-sided", 400), ("two-sided", 800)])
def test_too_few_draws_are_refused(threshold, side, needed):
    """Fault R31: of 4 draws the 95% threshold was 0.29%, of 4,000 it was 3.44%."""
    uncertainty = "posterior" if threshold is credible_threshold else "sampling"
    threshold(Counterfactual.from_draws(DRAWS[:needed], uncertainty), 0.95, side=side)
    with pytest.raises(RefusalError, match=f"needs {needed} draws, of which 20 lie beyond it; there are {needed - 1}"):
        threshold(Counterfactual.from_draws(DRAWS[: needed - 1], uncertainty), 0.95, side=side)


def test_too_few_draws_have_no_expected_loss_and_no_informed_threshold():
    few = Counterfactual.from_draws(DRAWS[:399], "posterior")
    for threshold in (expected_loss_threshold, lambda cf: credible_threshold(cf, side="one-sided", prior="sceptical")):
        with pytest.raises(RefusalError, match="needs 400 draws"):
            threshold(few)


def test_fits_with_too_few_draws_have_no_threshold():
    out = quantiles_by_fit([DRAWS, DRAWS[:400], DRAWS[:4], None], [0.95, 0.975])
    assert np.isnan(out).tolist() == [[False, False], [False, True], [True, True], [True, True]]


@pytest.mark.parametrize(("n_draws", "share"), [(400, 0.95), (4000, 0.975), (4000, 0.05)])
@pytest.mark.parametrize("law", ["normal", "skewed", "dependent"])
def test_the_monte_carlo_error_of_a_threshold_is_its_spread_over_seeds(n_draws, share, law):
    """Authority: SD over 120 seeds, known to 7%. Draws of a chain that depend on each other have a larger error."""
    rng = np.random.default_rng(n_draws)
    quantiles, errors, spreads, of_spreads = [], [], [], []
    for _ in range(120):
        normal = rng.standard_normal(n_draws)
        if law == "dependent":  # autocorrelation 0.5
            normal = lfilter([0.75**0.5], [1.0, -0.5], normal)
        draws = np.exp(normal / 2) if law == "skewed" else normal
        quantiles.append(np.quantile(draws - draws.mean(), share))
        errors.append(quantile_mcse(draws - draws.mean(), share))
        spreads.append(draws.std())
        of_spreads.append(spread_mcse(draws))
    assert 0.8 < np.std(spreads) / np.mean(of_spreads) < 1.25  # a placebo threshold is a multiple of the SD
    assert 0.8 < np.std(quantiles) / np.mean(errors) < 1.25


def test_thresholds_tell_their_monte_carlo_error():
    cf = Counterfactual.from_draws(DRAWS, "posterior", confidence=DRAWS)
    for threshold in (confidence_threshold(cf, 0.95), credible_threshold(cf, 0.95, "two-sided")):
        assert threshold.detail["rate_mcse"] == quantile_mcse(DRAWS.mean() - DRAWS, 0.975) / DRAWS.mean()
    assert "rate_mcse" not in credible_threshold(cf, prior="sceptical").detail
