"""Expected-loss thresholds against brute-force simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from ssinfer.counterfactual import Counterfactual
from ssinfer.errors import ParameterError, RefusalError
from ssinfer.thresholds.expected_loss import KIND, Payment, expected_loss_threshold
from ssinfer.thresholds.kind import PlaceboFit
from ssinfer.thresholds.prior import Prior

CF = Counterfactual.from_draws(100 + 2 * norm.ppf((np.arange(4000) + 0.5) / 4000), "posterior")


@pytest.mark.parametrize("sharing", ["first_dollar", "excess"])
def test_loss_curve_agrees_with_simulation(sharing):
    prior = Prior("p", 0.01, 0.02)
    errors = CF.null_error() / CF.level
    curve = Payment(share=0.5, overpaid=2.0, underpaid=1.0, sharing=sharing).losses(errors, prior)
    rng = np.random.default_rng(1)
    d = prior.mean + prior.sd * rng.standard_normal(300_000)
    m = d + 0.02 * rng.standard_normal(300_000)
    for number in (0, 100, 200, 300):
        threshold = curve.thresholds[number]
        base = m if sharing == "first_dollar" else m - threshold
        gap = np.where(m >= threshold, 0.5 * np.maximum(base, 0), 0.0) - 0.5 * np.maximum(d, 0)
        loss = np.where(gap > 0, 2 * gap, -gap).mean()
        assert curve.losses[number] == pytest.approx(loss, rel=0.02)
    assert curve.never == pytest.approx(0.5 * np.maximum(d, 0).mean(), rel=0.01)
    best = expected_loss_threshold(CF, sharing=sharing)
    assert best.detail["loss"] == best.detail["losses"].min()


def test_dearer_overpayment_raises_the_threshold():
    thresholds = [expected_loss_threshold(CF, overpaid=weight).rate for weight in (0.2, 2.0, 3.0)]
    assert thresholds == sorted(thresholds)
    assert thresholds[0] < thresholds[-1]
    with pytest.raises(RefusalError, match="less than never paying"):
        expected_loss_threshold(CF, overpaid=5.0)


@pytest.mark.parametrize(
    ("change", "cure"),
    [
        ({"prior": "flat"}, "proper prior"),
        ({"share": 1.5}, "more than 0 and at most 1"),
        ({"overpaid": -1.0}, "negative"),
        ({"sharing": "all"}, "'excess'"),
    ],
)
def test_impossible_losses(change, cure):
    with pytest.raises(ParameterError, match=cure):
        expected_loss_threshold(CF, **change)


def of_placebo(errors, name):
    """The threshold of a placebo of a backtest whose fit has the null errors given."""
    (key,) = (key for key in KIND.keys([]) if key.prior == name)
    return KIND.for_fits([PlaceboFit(errors, None)], [key]).item()


@pytest.mark.parametrize("name", ["sceptical", "literature"])
@pytest.mark.parametrize("sd", [0.005, 0.01, 0.015])
def test_the_coarse_threshold_of_backtests_loses_no_more_than_the_best(name, sd):
    errors = sd * norm.ppf((np.arange(1_000) + 0.5) / 1_000)
    best = expected_loss_threshold(Counterfactual.from_draws(100 * (1 - errors), "posterior"), name, share=0.3)
    threshold = of_placebo(errors, name)
    loss = np.interp(threshold, best.detail["thresholds"], best.detail["losses"])
    assert loss < 1.001 * best.detail["loss"]
    assert threshold == pytest.approx(best.rate, abs=0.003)


def test_a_threshold_is_refused_where_never_paying_loses_least():
    """d given M is N(M / 2, .) if error and prior are equal: paying M then misses by as much as no payment."""
    for sd, pays in ((0.015, True), (0.025, False)):
        cf = Counterfactual.from_draws(100 * (1 + sd * norm.ppf((np.arange(4_000) + 0.5) / 4_000)), "posterior")
        assert np.isfinite(of_placebo(cf.null_error() / cf.level, "sceptical")) == pays
        if pays:
            assert expected_loss_threshold(cf, "sceptical").rate > 0
        else:
            with pytest.raises(RefusalError, match="No threshold misallocates less than never paying"):
                expected_loss_threshold(cf, "sceptical")
