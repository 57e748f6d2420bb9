"""Arithmetic of a settlement on arrays: payments and their reason codes.

Convention: all money is the total of a settlement (per insured-year times insured-years), savings are benchmark minus
spending, and a payment is positive when the payer pays the providers, negative when the providers owe.
"""

from enum import IntEnum

import numpy as np
import numpy.typing as npt

from ssinfer.typing import Floats, Integers

type Codes = npt.NDArray[np.int8]

#: Tolerance of the test "rate >= threshold". A saving of exactly the threshold is paid, however the division rounds.
RATE_TOLERANCE = 1e-12


class Outcome(IntEnum):
    """The reason for a settlement's payment."""

    NOTHING_SAVED = 0
    BELOW_THRESHOLD = 1
    PAID = 2
    PAID_AT_CAP = 3
    PAID_AT_LOWER_RATE = 4
    NO_QUALITY = 5
    NOTHING_LEFT_TO_SHARE = 6
    LOSS_NOT_SHARED = 7
    LOSS_WITHIN_THRESHOLD = 8
    OWED = 9
    OWED_AT_CAP = 10


def payments(
    benchmark: Floats,
    spending: Floats,
    *,
    threshold: Floats,  # of the benchmark, >= 0; the test is "at least"
    loss_threshold: Floats,
    savings_share: Floats,  # quality included; 0: none
    loss_share: Floats,
    savings_cap: Floats,  # the largest payment, inf for none
    loss_cap: Floats,  # the largest amount owed
    less: Floats,  # subtracted before sharing: costs and losses carried over
    lower_share: Floats,  # paid below the threshold; 0: none
    excess: bool,  # whether only savings above the threshold are shared
) -> tuple[Floats, Codes]:
    """Return the payment and its `Outcome`, element by element; all arrays broadcast to one shape."""
    saving = benchmark - spending
    rate = saving / benchmark
    passed = (saving > 0) & (rate >= threshold - RATE_TOLERANCE)
    lost = (saving < 0) & (rate <= -loss_threshold + RATE_TOLERANCE) & (loss_share > 0)
    deductible, loss_deductible = (threshold * benchmark, loss_threshold * benchmark) if excess else (0.0, 0.0)

    shared = np.maximum(saving - less - deductible, 0.0)
    earned = np.minimum(savings_share * shared, savings_cap)
    below = (saving > 0) & ~passed
    lower = np.minimum(lower_share * np.maximum(saving - less, 0.0), savings_cap)
    owed = np.minimum(loss_share * np.maximum(-saving - loss_deductible, 0.0), loss_cap)
    payment = np.where(passed, earned, np.where(lost, -owed, np.where(below, lower, 0.0)))

    code = np.zeros(payment.shape, dtype=np.int8)
    code[below] = Outcome.BELOW_THRESHOLD
    code[below & (lower > 0)] = Outcome.PAID_AT_LOWER_RATE
    code[passed] = Outcome.PAID
    code[passed & (savings_share * shared > savings_cap)] = Outcome.PAID_AT_CAP
    code[passed & (shared <= 0)] = Outcome.NOTHING_LEFT_TO_SHARE
    code[passed & (savings_share <= 0)] = Outcome.NO_QUALITY
    loss = np.broadcast_to(saving < 0, code.shape)
    code[loss] = Outcome.LOSS_WITHIN_THRESHOLD
    code[loss & (loss_share <= 0)] = Outcome.LOSS_NOT_SHARED
    code[lost] = Outcome.OWED
    code[lost & (loss_share * (-saving - loss_deductible) > loss_cap)] = Outcome.OWED_AT_CAP
    return payment, code


def to_cents(money: Floats) -> Integers:
    """Return money in whole cents, half to even."""
    return np.rint(np.asarray(money, dtype=np.float64) * 100.0).astype(np.int64)


def split_cents(cents: Integers, shares: tuple[float, ...]) -> tuple[Integers, ...]:
    """Divide whole cents by `shares` (they sum to 1): differences of rounded running totals, which add up exactly."""
    running = np.cumsum(shares)
    ends = [np.rint(cents * part).astype(np.int64) for part in running[:-1]] + [cents]
    starts = [np.zeros_like(cents), *ends[:-1]]
    return tuple(end - start for start, end in zip(starts, ends, strict=True))
