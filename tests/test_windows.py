"""Rolling windows repeat the contract's own shape."""

import numpy as np
import pytest

from ssinfer.design import Design
from ssinfer.errors import DesignError
from ssinfer.panel import Panel
from ssinfer.windows import rolling_windows


def panel_of(periods):
    return Panel(("a", "b"), tuple(periods), np.ones((2, len(tuple(periods)))))


def design(**changes):
    return Design(**{"treated": ["a"], "baseline": [2014, 2015, 2016], "performance": [2017], **changes})


@pytest.mark.parametrize(
    ("changes", "origins"),
    [
        ({}, list(range(2014, 2023))),
        ({"performance": [2018]}, list(range(2015, 2023))),  # a gap year stays a gap
        ({"performance": [2017, 2018]}, list(range(2014, 2022))),
        ({"masked": [2020, 2021]}, [2014, 2015, 2016, 2017, 2018, 2019, 2022]),
        ({"performance": [2017, 2018], "masked": [2020, 2021]}, [2014, 2015, 2016, 2017, 2018]),
        ({"baseline": [2016]}, list(range(2012, 2023))),
        ({"baseline": [2016], "masked": [2020]}, [year for year in range(2012, 2023) if year not in {2020, 2021}]),
    ],
)
def test_placements(changes, origins):
    windows = rolling_windows(panel_of(range(2011, 2023)), design(**changes))
    assert [window.origin for window in windows] == origins


def test_every_placement_has_the_contracts_shape():
    contract = design(baseline=[2013, 2014], performance=[2016, 2017])
    for window in rolling_windows(panel_of(range(2011, 2023)), contract):
        shift = window.origin - 2016
        assert window.baseline == (2013 + shift, 2014 + shift)
        assert window.performance == (2016 + shift, 2017 + shift)


def test_masked_baseline_periods_keep_their_place():
    # the mask leaves 2020 and 2021 out of the baseline of 2022, it does not move the baseline earlier
    last = rolling_windows(panel_of(range(2011, 2023)), design(masked=[2020, 2021]))[-1]
    assert last.baseline == (2019, 2020, 2021)


def test_quarters_move_by_whole_years():
    quarters = [f"{year}Q{quarter}" for year in range(2014, 2019) for quarter in (1, 2, 3, 4)]
    contract = design(baseline=quarters[8:12], performance=quarters[12:14])
    windows = rolling_windows(panel_of(quarters), contract)
    assert [window.origin for window in windows] == ["2015Q1", "2016Q1", "2017Q1", "2018Q1"]


def test_placing_another_unit_takes_it_out_of_the_named_donors():
    window = rolling_windows(panel_of(range(2011, 2018)), design())[0]
    placed = window.place(design(donors=["b", "c"]), "b")
    assert placed.treated == ("b",)
    assert placed.donors == ("c",)


@pytest.mark.parametrize(
    ("periods", "wanted", "cure"),
    [
        (range(2011, 2018), [2030], r"Origins that fit: \[2014, 2015, 2016, 2017\]"),
        (range(2014, 2018), [2016], "No window of the design starts in"),
    ],
)
def test_origins_that_do_not_fit(periods, wanted, cure):
    with pytest.raises(DesignError, match=cure):
        rolling_windows(panel_of(periods), design(), wanted)


def test_nothing_fits_when_everything_is_masked():
    with pytest.raises(DesignError, match="Add periods or unmask some"):
        rolling_windows(panel_of(range(2014, 2018)), design(masked=[2017]))


def test_the_contracts_own_mask_is_repeated_in_every_placement():
    # method/thresholds.md: placebo windows repeat the contract's own gap, mask, baseline length and number of periods
    contract = design(baseline=[2019, 2020, 2021], performance=[2022], masked=[2020, 2021])
    windows = {window.origin: window for window in rolling_windows(panel_of(range(2011, 2023)), contract)}
    assert windows[2016].masked == (2020, 2021, 2014, 2015)
    assert windows[2016].place(contract, "b").masked == (2020, 2021, 2014, 2015)
    assert set(windows) == {2014, 2015, 2016, 2017, 2018, 2019, 2022}


def test_a_masked_performance_period_does_not_shut_out_the_contracts_own_window():
    contract = design(performance=[2017, 2018, 2019], masked=[2018])
    windows = {window.origin: window for window in rolling_windows(panel_of(range(2011, 2020)), contract)}
    assert 2017 in windows
    assert 2015 in windows[2014].masked
    assert 2018 not in windows  # the mask falls on a year that the contract measures
    assert 2016 not in windows  # 2018 would be its last year


def test_an_origin_named_twice_is_one_origin():
    windows = rolling_windows(panel_of(range(2011, 2018)), design(), [2016, 2015, 2016])
    assert [window.origin for window in windows] == [2015, 2016]


def test_an_empty_list_of_origins_is_refused():
    """Fault FZ4: origins = [] was planned as a backtest without a window."""
    with pytest.raises(DesignError, match=r"starts in \[\].*Origins that fit: \[2017\]"):
        rolling_windows(panel_of(range(2014, 2018)), design(), [])
