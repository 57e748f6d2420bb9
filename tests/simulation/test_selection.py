"""What the two kinds of selection must do to the treated persons' own growth."""

from __future__ import annotations

import numpy as np
import pytest
from simulated_selection import simulate_selection

from ssinfer.errors import DatasetError


def growth(simulated):
    treated = np.isin(simulated.cohort.unit, np.array(simulated.design.treated, dtype=object))
    log = np.log(simulated.cohort.spending)
    return (log[treated, 1] - log[treated, 0]).mean(), (log[~treated, 1] - log[~treated, 0]).mean()


def test_those_chosen_by_prior_spending_return_to_their_mean_and_those_chosen_by_level_do_not():
    inside, outside = growth(simulate_selection("prior spending", 20_000, seed=1))
    assert inside < -0.3
    assert outside > 0.0
    inside, outside = growth(simulate_selection("lasting level", 20_000, seed=1))
    # 2,500 treated, SD of the difference 0.8 sqrt(2): four standard errors.
    assert inside - outside == pytest.approx(0.0, abs=4 * 0.8 * np.sqrt(2 / 2_000))


def test_truth_is_the_treated_persons_mean():
    simulated = simulate_selection("lasting level", 3_000, seed=2)
    panel = simulated.cohort.to_panel()
    rows = panel.rows(simulated.design.treated)
    mean = np.average(panel.spending[rows, 1], weights=panel.insured_years[rows, 1])
    assert mean == pytest.approx(simulated.truth)


def test_an_unknown_selection_is_refused():
    with pytest.raises(DatasetError, match="'prior spending', 'lasting level'"):
        simulate_selection("age", seed=1)
