"""placebo_threshold: the conformal order statistic, over units, cross-fitted, with its Monte Carlo interval."""

from math import ceil

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ssinfer.errors import DataError, RefusalError
from ssinfer.thresholds.placebo import order_interval, order_statistic, placebo_threshold


def frame(rates, **columns):
    return pd.DataFrame({"unit": np.arange(len(rates)), "savings_rate": rates, **columns})


@settings(max_examples=30)
@given(
    hnp.arrays(float, st.integers(19, 200), elements=st.floats(-1, 1), unique=True),
    st.sampled_from([0.8, 0.9, 0.95]),
    st.sampled_from(["one-sided", "two-sided"]),
)
def test_is_the_order_statistic_of_a_sorted_list(z, level, side):
    values = sorted(abs(z) if side == "two-sided" else z)
    if values[-1] - values[0] > 1e-9:
        assert order_statistic(z, level, side) == values[ceil(level * (len(z) + 1) - 1e-9) - 1]


@pytest.mark.parametrize(("m", "fits"), [(18, False), (19, True)])
def test_nineteen_units_at_95(m, fits):
    rates = np.random.default_rng(1).normal(size=m)
    if fits:
        assert placebo_threshold(frame(rates), 0.95).rate == pytest.approx(rates.max())
    else:
        with pytest.raises(RefusalError, match="18 placebo units cannot show a 95% threshold; at least 19 are needed"):
            placebo_threshold(frame(rates), 0.95)


@pytest.mark.parametrize("side", ["one-sided", "two-sided"])
def test_a_new_exchangeable_unit_passes_with_at_most_the_nominal_frequency(side):
    # exact for exchangeable units with continuous errors: 1 - ceil(level (m + 1)) / (m + 1), which is 0.05 for m = 39
    rng = np.random.default_rng(3)
    draws = rng.standard_t(3, size=(8_000, 40))
    paid = [(abs(row[0]) if side == "two-sided" else row[0]) >= order_statistic(row[1:], 0.95, side) for row in draws]
    assert np.mean(paid) == pytest.approx(0.05, abs=4 * np.sqrt(0.05 * 0.95 / len(draws)))


def test_scales_with_the_standard_error_of_the_group_to_be_judged():
    rng = np.random.default_rng(2)
    ses = rng.uniform(0.01, 0.05, 400)
    rates = ses * rng.standard_normal(400)
    table = frame(rates, standard_error=ses)
    small, large = (placebo_threshold(table, standard_error=se).rate for se in (0.01, 0.03))
    assert large == pytest.approx(3 * small)
    assert small == pytest.approx(0.01 * 1.645, abs=0.004)  # SE of the 95% quantile of 400: 0.11 standard errors
    assert placebo_threshold(table).rate == pytest.approx(100 * small * np.median(ses))


def test_nothing_to_scale_by_is_refused():
    with pytest.raises(DataError, match="Leave it out"):
        placebo_threshold(frame(np.random.default_rng(0).normal(size=40)), standard_error=0.02)


def test_units_are_counted_not_rows():
    # the same 12 units at five origins are 12 units, although they are 60 rows
    rng = np.random.default_rng(0)
    table = pd.concat([frame(rng.normal(size=12), origin=year) for year in range(2014, 2019)])
    with pytest.raises(RefusalError, match="12 placebo units"):
        placebo_threshold(table, 0.95)


def test_origins_are_averaged():
    rng = np.random.default_rng(0)
    parts = [frame(rng.normal(size=50), origin=year) for year in (2016, 2017)]
    both = placebo_threshold(pd.concat(parts))
    assert both.rate == pytest.approx(np.mean([placebo_threshold(part).rate for part in parts]))
    assert (both.detail["units"], both.detail["origins"]) == (50, 2)


def test_interval_of_the_quantile_has_its_nominal_coverage():
    # distribution-free, at least 90%; the true 95% quantile of a standard normal is 1.6449
    rng = np.random.default_rng(5)
    inside = 0
    for _ in range(1_000):
        low, high = order_interval(rng.standard_normal(150), 0.95, "one-sided")
        inside += low <= 1.6449 <= high
    assert inside / 1_000 > 0.90 - 3 * np.sqrt(0.09 / 1_000)


def test_case_is_never_in_its_own_calibration():
    rng = np.random.default_rng(0)
    rates = rng.normal(size=40)
    case_rows = frame(np.array([50.0]), role="case").assign(unit="case")
    with_case = pd.concat([frame(rates, role="placebo"), case_rows])
    assert placebo_threshold(with_case).rate == placebo_threshold(frame(rates)).rate


def test_refused_placebos_do_not_enter():
    rng = np.random.default_rng(0)
    rates = rng.normal(size=40)
    more = np.concatenate([rates, np.full(10, np.nan)])
    ses = np.concatenate([np.full(40, 0.5), np.full(10, np.nan)])
    table = frame(more, standard_error=ses)
    assert placebo_threshold(table).rate == pytest.approx(placebo_threshold(frame(rates)).rate)


@pytest.mark.parametrize(
    ("table", "error", "cure"),
    [
        (frame(np.zeros(50)), RefusalError, "they are not 50 placebos. Check the data"),
        (frame(np.full(50, np.nan)), RefusalError, "status column"),
        (frame(np.ones(50)).drop(columns="unit"), DataError, "Pass rows of result.placebos"),
        (pd.concat([frame(np.arange(50.0))] * 2), DataError, "name the origins in a column"),
        (
            pd.concat([frame(np.arange(50.0), design=name) for name in "ab"]),
            DataError,
            "Pass the rows of one design and method",
        ),
    ],
)
def test_refusals(table, error, cure):
    with pytest.raises(error, match=cure):
        placebo_threshold(table)


def test_an_origin_with_too_few_units_is_passed_over():
    rng = np.random.default_rng(1)
    rows = pd.DataFrame({"unit": [*range(99), *range(5)], "origin": [2016] * 99 + [2017] * 5})
    rows["savings_rate"] = 0.02 * rng.standard_normal(104)
    alone = placebo_threshold(rows[rows["origin"] == 2016])
    both = placebo_threshold(rows)
    assert both.rate == alone.rate
    assert both.detail["origins"] == 1
