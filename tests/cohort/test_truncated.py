"""Elasticity of truncated spending: by hand, against claims that fall, and blind to the performance."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from ssinfer.cohort.cohort import Cohort
from ssinfer.cohort.truncated import elasticity, elasticity_before, truncated_spending

QUARTERS = [f"{year}Q{quarter}" for year in (2018, 2019, 2020, 2021) for quarter in (1, 2, 3, 4)]


def cohort_of(spending, periods):
    """Return persons of one practice who are insured all the time; spending (person, period)."""
    n = len(spending)
    cells = [(f"p{i}", "a", label, spending[i][t]) for i in range(n) for t, label in enumerate(periods)]
    frame = pd.DataFrame(cells, columns=["person", "unit", "period", "spending"])
    return Cohort.from_frame(frame.assign(insured_years=1.0 if isinstance(periods[0], int) else 0.25))


def test_the_elasticity_is_the_share_of_truncated_spending_below_the_cap():
    # 80 lies below the cap of 100; 300 is counted as 100 and does not fall
    assert elasticity(cohort_of([[80.0], [300.0]], [2018]), {2018: 100.0}) == pytest.approx(80 / 180, rel=1e-5)
    assert elasticity(cohort_of([[80.0], [300.0]], [2018]), None) == pytest.approx(1, rel=1e-8)


def test_a_contract_that_starts_within_a_year_is_credited_with_a_part_of_what_is_cut():
    # Of 300 in the year, 150 count: 25 and 25 in the window, where all 100 of the year's 300 fall by h. They fall to
    # 25 (1 - h) / (1 - h / 3), so by 2/3 h each. The other person counts 10 and 10. (2 x 25 x 2/3 + 20) / 70.
    persons = cohort_of([[100.0, 100.0, 50.0, 50.0], [10.0] * 4], QUARTERS[:4])
    assert elasticity(persons, {2018: 150.0}, np.array([2, 3])) == pytest.approx((50 * 2 / 3 + 20) / 70, rel=1e-5)


def test_it_is_what_a_saving_on_all_lines_moves():
    rng = np.random.default_rng(1)
    spending = rng.lognormal(0, 1.5, (400, 4))
    persons, caps = cohort_of(spending, QUARTERS[:4]), {2018: 12.0}
    kept, after = (truncated_spending(persons, s * persons.spending, caps).sum() for s in (1.0, 0.97))
    assert 0.5 < elasticity(persons, caps) < 0.9
    assert 1 - after / kept == pytest.approx(0.03 * elasticity(persons, caps), rel=0.03)


def test_no_spending_of_the_calendar_year_of_the_start_or_later_enters():
    rng = np.random.default_rng(2)
    spending = rng.lognormal(0, 1.5, (200, len(QUARTERS)))
    persons, caps = cohort_of(spending, QUARTERS), dict.fromkeys((2018, 2019, 2020, 2021), 12.0)
    performance = np.arange(10, 14)  # 2020Q3 to 2021Q2; the last such window before 2020 is 2018Q3 to 2019Q2
    found = elasticity_before(persons, caps, performance, 4)
    assert found == elasticity(persons.take(np.arange(200), np.arange(8)), caps, np.arange(2, 6))
    changed = persons.spending.copy()
    changed[:, 8:] *= 7
    assert elasticity_before(dataclasses.replace(persons, spending=changed), caps, performance, 4) == found
    first = np.arange(3, 7)  # 2018Q4 to 2019Q3: no such window before; all periods before the start
    assert elasticity_before(persons, caps, first, 4) == elasticity(persons.take(np.arange(200), np.arange(3)), caps)
    assert elasticity_before(persons, None, performance, 4) == 1.0
