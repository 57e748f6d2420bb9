"""Expected-loss thresholds against brute-force simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from ssinfer.counterfactual import point_of
from ssinfer.errors import RefusalError
from ssinfer.thresholds.expected_loss import expected_loss_threshold
from ssinfer.thresholds.prior import Prior

CF = point_of(100 + 2 * norm.ppf((np.arange(4000) + 0.5) / 4000), "posterior")


@pytest.mark.parametrize("sharing", ["first_dollar", "excess"])
def test_loss_curve_agrees_with_simulation(sharing):
    prior = Prior("p", 0.01, 0.02)
    found = expected_loss_threshold(CF, prior, share=0.5, overpaid=2.0, underpaid=1.0, sharing=sharing)
    rng = np.random.default_rng(1)
    d = prior.mean + prior.sd * rng.standard_normal(1_000_000)
    m = d + 0.02 * rng.standard_normal(1_000_000)
    for place in (0, 100, 200, 300):
        gate = found.detail["gates"][place]
        base = m if sharing == "first_dollar" else m - gate
        gap = np.where(m >= gate, 0.5 * np.maximum(base, 0), 0.0) - 0.5 * np.maximum(d, 0)
        loss = np.where(gap > 0, 2 * gap, -gap).mean()
        assert found.detail["losses"][place] == pytest.approx(loss, rel=0.02)
    assert found.detail["loss"] == found.detail["losses"].min()


def test_dearer_overpayment_raises_the_gate():
    gates = [expected_loss_threshold(CF, overpaid=weight).rate for weight in (0.2, 1.0, 5.0)]
    assert gates == sorted(gates)
    assert gates[0] < gates[-1]


@pytest.mark.parametrize(
    ("change", "cure"),
    [
        ({"prior": "flat"}, "proper prior"),
        ({"share": 1.5}, "fraction in"),
        ({"overpaid": -1.0}, "negative"),
        ({"sharing": "all"}, "'excess'"),
    ],
)
def test_impossible_losses(change, cure):
    with pytest.raises(RefusalError, match=cure):
        expected_loss_threshold(CF, **change)
