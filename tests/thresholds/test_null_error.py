"""Too few draws: a quantile needs 20 draws beyond it."""

import numpy as np
import pytest

from ssinfer.counterfactual import Counterfactual
from ssinfer.errors import RefusalError
from ssinfer.thresholds.confidence import confidence_threshold
from ssinfer.thresholds.credible import credible_threshold
from ssinfer.thresholds.detectable import minimum_detectable_saving
from ssinfer.thresholds.expected_loss import expected_loss_threshold
from ssinfer.thresholds.null_error import draws_needed, quantiles_by_fit

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
