"""The settlement kernel: every outcome by hand, and whole cents that always add up."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssinfer.contracts.arithmetic import Outcome, payments, split_cents, to_cents

PLAIN = {
    "threshold": 0.02,
    "loss_threshold": 0.02,
    "savings_share": 0.5,
    "loss_share": 0.4,
    "savings_cap": 30.0,
    "loss_cap": 30.0,
    "less": 0.0,
    "lower_share": 0.0,
}


def pay(spending, *, excess=False, **terms):
    arrays = {name: np.full(1, value) for name, value in {**PLAIN, **terms}.items()}
    payment, code = payments(np.full(1, 1_000.0), np.full(1, float(spending)), excess=excess, **arrays)
    return float(payment[0]), Outcome(int(code[0]))


@pytest.mark.parametrize(
    ("spending", "terms", "payment", "outcome"),
    [
        (1_000, {}, 0.0, Outcome.NOTHING_SAVED),
        (990, {}, 0.0, Outcome.BELOW_THRESHOLD),
        (990, {"lower_share": 0.25}, 2.5, Outcome.PAID_AT_LOWER_RATE),
        (980, {}, 10.0, Outcome.PAID),
        (900, {}, 30.0, Outcome.PAID_AT_CAP),
        (950, {"excess": True}, 15.0, Outcome.PAID),
        (980, {"excess": True}, 0.0, Outcome.NOTHING_LEFT_TO_SHARE),
        (950, {"less": 60.0}, 0.0, Outcome.NOTHING_LEFT_TO_SHARE),
        (950, {"less": 20.0}, 15.0, Outcome.PAID),
        (950, {"savings_share": 0.0}, 0.0, Outcome.NO_QUALITY),
        (1_010, {}, 0.0, Outcome.LOSS_WITHIN_THRESHOLD),
        (1_010, {"loss_share": 0.0}, 0.0, Outcome.LOSS_NOT_SHARED),
        (1_020, {}, -8.0, Outcome.OWED),
        (1_100, {}, -30.0, Outcome.OWED_AT_CAP),
        (1_050, {"excess": True}, -12.0, Outcome.OWED),
    ],
)
def test_every_outcome(spending, terms, payment, outcome):
    paid, code = pay(spending, **terms)
    assert paid == pytest.approx(payment)
    assert code is outcome


def test_every_outcome_is_tested():
    mark = next(mark for mark in test_every_outcome.pytestmark if mark.name == "parametrize")
    assert {row[3] for row in mark.args[1]} == set(Outcome)


@given(
    st.lists(st.integers(-(10**14), 10**14), min_size=1, max_size=20),
    st.lists(st.integers(1, 100), min_size=1, max_size=6),
)
def test_parts_add_up_to_the_whole_and_are_within_a_cent(cents, weights):
    whole = np.array(cents)
    shares = tuple(weight / sum(weights) for weight in weights)
    parts = split_cents(whole, shares)
    assert np.array_equal(sum(parts), whole)
    for part, share in zip(parts, shares, strict=True):
        assert np.all(np.abs(part - share * whole) <= 1.0 + 1e-15 * np.abs(whole) * len(shares) + 0.04)


@given(st.floats(-1e12, 1e12))
def test_cents_are_within_half_a_cent(value):
    assert abs(int(to_cents(np.array(value))) / 100 - value) <= 0.005 * (1 + 1e-9) + 1e-3 * (abs(value) > 1e10)
