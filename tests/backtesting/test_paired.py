"""paired_detection against detection rates counted by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ssinfer.backtesting.operating_characteristics import threshold_table
from ssinfer.backtesting.paired import paired_detection
from ssinfer.errors import RefusalError


@pytest.fixture(scope="module")
def placebos() -> pd.DataFrame:
    rng = np.random.default_rng(2)
    frame = pd.DataFrame({"unit": np.repeat(np.arange(200), 3), "origin": np.tile([1, 2, 3], 200)})
    frame = frame.assign(block=frame["unit"] // 5, method="m", role="placebo", status="ok", standard_error=0.02)
    frame = frame.assign(spending=100.0, benchmark=100.0, insured_years=20_000.0, assigned=20_000.0)
    shared = 0.015 * rng.standard_normal(len(frame))
    separate = 0.01 * rng.standard_normal(len(frame))
    return pd.concat(
        [frame.assign(design="a", savings_rate=shared), frame.assign(design="b", savings_rate=shared + separate)]
    )


def test_difference_is_that_of_the_threshold_table(placebos):
    table = threshold_table(placebos, [0.0, 0.03], [0.95], [], 0.5, seed=1)
    compared = table[(table["kind"] == "placebo") & (table["side"] == "one-sided")].set_index("design")
    difference, error = paired_detection(placebos, ("a", "m"), ("b", "m"))
    assert difference == pytest.approx(compared.loc["a", "detection_rate_3"] - compared.loc["b", "detection_rate_3"])
    apart = np.hypot(compared.loc["a", "detection_rate_3_se"], compared.loc["b", "detection_rate_3_se"])
    assert 0 < error < apart  # the same shocks hit both


def test_a_design_against_itself_is_nothing(placebos):
    assert paired_detection(placebos, ("a", "m"), ("a", "m")) == (0.0, 0.0)


def test_a_pair_that_is_not_there():
    frame = pd.DataFrame({"design": ["a"], "method": ["m"], "role": ["placebo"], "status": ["ok"]})
    with pytest.raises(RefusalError, match=r"no estimated row of design 'b'.*\('a', 'm'\)"):
        paired_detection(frame, ("b", "m"), ("a", "m"))
