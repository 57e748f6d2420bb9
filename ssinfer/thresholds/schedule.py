"""schedule_threshold: Medicare's minimum savings rate by number of assigned beneficiaries; imports nothing heavy."""

from __future__ import annotations

import math
from bisect import bisect_right
from typing import TYPE_CHECKING

from ssinfer.arguments import POSITIVE, Number, Optional, checked
from ssinfer.errors import ParameterError, did_you_mean
from ssinfer.thresholds.kind import ThresholdKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from ssinfer.thresholds.kind import ThresholdKey
    from ssinfer.thresholds.threshold import Threshold
    from ssinfer.typing import Floats

#: First and last head count of each band, and the minimum savings rate at each, in per cent, as CMS prints them
#: (42 CFR 425.605(b)(1) and 425.604(b)). Inside a band the rate is linear in the number of assigned beneficiaries.
MSSP_BANDS: tuple[tuple[int, int, float, float], ...] = (
    (1, 499, 12.2, 12.2),
    (500, 999, 12.2, 8.7),
    (1_000, 2_999, 8.7, 5.0),
    (3_000, 4_999, 5.0, 3.9),
    (5_000, 5_999, 3.9, 3.6),
    (6_000, 6_999, 3.6, 3.4),
    (7_000, 7_999, 3.4, 3.2),
    (8_000, 8_999, 3.2, 3.1),
    (9_000, 9_999, 3.1, 3.0),
    (10_000, 14_999, 3.0, 2.7),
    (15_000, 19_999, 2.7, 2.5),
    (20_000, 49_999, 2.5, 2.2),
    (50_000, 59_999, 2.2, 2.0),
    (60_000, 60_000, 2.0, 2.0),
)

#: Points (head count, rate as a fraction) between which the schedule is linear; it is flat beyond both ends.
MSSP_KNOTS: tuple[tuple[float, float], ...] = tuple(
    (float(count), percent / 100.0)
    for first, last, low, high in MSSP_BANDS
    for count, percent in ((first, low), (last, high))
)
_COUNTS = tuple(count for count, _ in MSSP_KNOTS)

#: Standard deviation of one person's contribution to the savings rate, as implied by Medicare's schedule.
MSSP_K = 2.135

SCHEDULES = ("mssp",)
ASSIGNED = Number(1, missing=True)


@checked(assigned=ASSIGNED)
def minimum_savings_rate(assigned: float) -> float:
    """Return Medicare's minimum savings rate, as a fraction, for a number of assigned beneficiaries.

    Inside a band from :math:`n_0` to :math:`n_1` with printed rates :math:`r_0, r_1`,

    .. math:: MSR(n) = r_0 + (r_1 - r_0) (n - n_0) / (n_1 - n_0).

    Refused if the head count `assigned` is below 1 or not finite. The rate falls with size, to 2% from 60,000 persons.
    Source: 42 CFR 425.604(b) and 425.605(b)(1); CMS, Shared Savings and Losses specifications.

    CMS's own example: 7,500 assigned beneficiaries, 3.3%.

    >>> round(minimum_savings_rate(7_500), 3)
    0.033
    >>> minimum_savings_rate(60_000)
    0.02
    """
    if math.isnan(assigned):
        raise ParameterError(
            "The number of assigned persons is not known: the panel has no insured-years, or its periods have no "
            "calendar. Pass insured-years, and Panel.from_frame(periods_per_year=4) if they are quarters."
        )
    after = bisect_right(_COUNTS, assigned)
    if after == len(MSSP_KNOTS):
        return MSSP_KNOTS[-1][1]
    (n0, r0), (n1, r1) = MSSP_KNOTS[after - 1], MSSP_KNOTS[after]
    return r0 + (r1 - r0) * (assigned - n0) / (n1 - n0)


@checked(assigned=ASSIGNED, benchmark=Optional(POSITIVE))
def schedule_threshold(schedule: str, *, assigned: float, benchmark: float | None = None) -> Threshold:
    """Return the savings threshold of a published schedule.

    Parameters
    ----------
    schedule : name of the schedule: "mssp", Medicare's minimum savings rate (42 CFR 425.604(b) and 425.605(b)(1))
    assigned : head count of assigned persons (not person-years)
    benchmark : spending per insured-year; the threshold then also has an amount of `money`

    Raises
    ------
    ParameterError : the schedule is unknown, the head count is below 1, or the benchmark is not positive

    Examples
    --------
    >>> round(float(schedule_threshold("mssp", assigned=7_500)), 3)
    0.033
    """
    from ssinfer.thresholds.threshold import Threshold  # noqa: PLC0415  (the numbers above stay light)

    if schedule not in SCHEDULES:
        raise ParameterError(f"There is no schedule {schedule!r}. {did_you_mean(schedule, SCHEDULES)}")
    rate = minimum_savings_rate(assigned)
    money = None if benchmark is None else rate * benchmark
    detail = {"schedule": schedule, "assigned": assigned}
    return Threshold(rate=rate, money=money, kind="schedule", detail=detail)


def _for_placebos(rows: pd.DataFrame, keys: Sequence[ThresholdKey]) -> Mapping[ThresholdKey, Floats]:
    """Return the schedule's rate at each placebo's number of insured; none where sizes are unknown."""
    import numpy as np  # noqa: PLC0415  (the numbers above stay light)

    assigned = rows["assigned"].to_numpy(dtype=float)
    if not (assigned > 1).any():
        return {}
    rates = np.array([minimum_savings_rate(count) if count >= 1 else np.nan for count in assigned])
    return dict.fromkeys(keys, rates)


KIND = ThresholdKind(
    name="schedule",
    order=70,
    learns_from="size",
    has_level=False,
    sides=("one-sided",),
    settles=True,
    for_case=lambda cf, _placebos, _seed: lambda _key: schedule_threshold("mssp", assigned=cf.assigned),
    for_placebos=_for_placebos,
    for_scenario=lambda scenario, _standard_error: minimum_savings_rate(scenario.insured),
)
