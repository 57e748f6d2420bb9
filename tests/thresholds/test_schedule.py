"""The schedule against CMS's printed table and the rule that generates it (docs/method/thresholds.md)."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from ssinfer.errors import ParameterError
from ssinfer.thresholds.schedule import MSSP_BANDS, MSSP_K, minimum_savings_rate

# CMS, 42 CFR 425.604(b): first head count of each band, minimum savings rate in per cent, in print.
PRINTED_LOW_ENDS = {
    500: 12.2,
    1_000: 8.7,
    3_000: 5.0,
    5_000: 3.9,
    6_000: 3.6,
    7_000: 3.4,
    8_000: 3.2,
    9_000: 3.1,
    10_000: 3.0,
    15_000: 2.7,
    20_000: 2.5,
    50_000: 2.2,
    60_000: 2.0,
}


@pytest.mark.parametrize(("assigned", "percent"), PRINTED_LOW_ENDS.items())
def test_every_printed_knot(assigned, percent):
    assert 100 * minimum_savings_rate(assigned) == pytest.approx(percent, abs=1e-12)


@pytest.mark.parametrize(("assigned", "percent"), PRINTED_LOW_ENDS.items())
def test_one_person_constant_gives_every_knot_to_the_printed_digit(assigned, percent):
    """76 Fed. Reg. 19528 (2011): MSR(n) = z(n) k / sqrt(n), at least 2%; the one-sided level rises with size.

    The level is 90% up to 5,000 persons, 95% at 20,000 and 99% from 50,000; z is linear in n between these.
    """
    z90, z95, z99 = norm.ppf([0.90, 0.95, 0.99])
    z = np.interp(assigned, [5_000, 20_000, 50_000], [z90, z95, z99])
    assert round(100 * max(z * MSSP_K / math.sqrt(assigned), 0.02), 1) == percent


def test_cms_example_7500():
    assert minimum_savings_rate(7_500) == pytest.approx(0.034 - 0.002 * 500 / 999, abs=1e-15)
    assert round(100 * minimum_savings_rate(7_500), 4) == 3.2999


def test_high_ends_are_the_next_low_ends():
    for (_, last, _, high), (first, _, low, _) in itertools.pairwise(MSSP_BANDS):
        assert first == last + 1
        assert high == low


@given(st.floats(1, 1e6), st.floats(1, 1e6))
def test_never_higher_for_more_persons(a, b):
    few, many = sorted((a, b))
    assert minimum_savings_rate(many) <= minimum_savings_rate(few) + 1e-15
    assert 0.02 <= minimum_savings_rate(many) <= 0.122


@pytest.mark.parametrize("assigned", [0, -5, math.nan, math.inf, 0.5])
def test_no_schedule_without_persons(assigned):
    with pytest.raises(
        ParameterError, match=r"assigned is .*; allowed: a number of at least 1|assigned persons is not known"
    ):
        minimum_savings_rate(assigned)


class TestThreshold:
    def test_design_example(self):
        from ssinfer.thresholds.schedule import schedule_threshold

        threshold = schedule_threshold("mssp", assigned=7_500, benchmark=10_000.0)
        assert round(float(threshold), 3) == 0.033
        assert threshold.kind == "schedule"
        assert threshold.money == pytest.approx(10_000.0 * threshold.rate)

    def test_unknown_schedule_names_the_nearest(self):
        from ssinfer.thresholds.schedule import schedule_threshold

        with pytest.raises(ParameterError, match="Did you mean 'mssp'"):
            schedule_threshold("msp", assigned=7_500)

    def test_benchmark_must_be_positive(self):
        from ssinfer.thresholds.schedule import schedule_threshold

        with pytest.raises(ParameterError, match=r"benchmark is .*; allowed: None or a number more than 0"):
            schedule_threshold("mssp", assigned=7_500, benchmark=0.0)
