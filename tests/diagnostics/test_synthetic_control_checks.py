"""Each check on data in which the truth is known: it passes, fails, or says why it was not evaluated."""

from __future__ import annotations

import numpy as np
import pytest

import ssinfer as ss
from ssinfer import SyntheticControl, SyntheticDiD
from ssinfer.check import tabulate
from ssinfer.diagnostics import convex_hull, effective_donors, held_out_fit, leave_one_donor_out, placebo_in_time


def make(seed=0, n_units=30, T=14):
    """A group whose spending is 0.6 u01 + 0.4 u02 plus 0.2% noise; the others follow their own trends."""
    rng = np.random.default_rng(seed)
    level = rng.uniform(1800, 2600, size=(n_units, 1))
    values = level * np.exp(np.cumsum(rng.normal(0.03, 0.01, size=(n_units, T)), axis=1))
    values[0] = (0.6 * values[1] + 0.4 * values[2]) * (1 + 0.002 * rng.normal(size=T))
    return values


def panel_of(values):
    return ss.Panel(tuple(f"u{j:02d}" for j in range(len(values))), tuple(range(2006, 2006 + values.shape[1])), values)


@pytest.fixture
def design():
    return ss.Design(treated=["u00"], baseline=range(2012, 2018), performance=[2018, 2019])


METHOD = SyntheticControl(n_draws=400)


def test_a_reproducible_unit_passes(design):
    panel = panel_of(make())
    cf = METHOD.fit(panel, design, seed=1)
    checks = [
        held_out_fit(METHOD, panel, design),
        convex_hull(panel, design),
        effective_donors(cf, fewest=1.5),
        placebo_in_time(METHOD, panel, design),
    ]
    frame = tabulate(checks)
    assert frame["status"].tolist() == ["PASS"] * 4, frame.to_string()
    assert abs(frame["figure"].iloc[0]) < 0.03
    assert frame["figure"].iloc[1] < 0.005


def test_a_break_before_the_contract_is_found(design):
    values = make()
    values[0, 10:] *= 1.5  # from 2016: two baseline years already differ
    panel = panel_of(values)
    assert held_out_fit(METHOD, panel, design).status == "FAIL"
    moved = placebo_in_time(METHOD, panel, design)
    assert moved.status == "FAIL"
    assert moved.figure < -0.05
    assert len(moved.table) >= 1


def test_outside_the_hull_is_found(design):
    values = make()
    values[0] *= 2
    check = convex_hull(panel_of(values), design)
    assert check.status == "FAIL"
    assert not check.table["in_range"].any()
    assert check.figure > 0.1


def test_resting_on_one_donor_is_found(design):
    values = make()
    values[0] = values[1] * (1 + 1e-4 * np.random.default_rng(0).normal(size=values.shape[1]))
    panel = panel_of(values)
    cf = METHOD.fit(panel, design, seed=1)
    check = effective_donors(cf)
    assert check.status == "FAIL"
    assert check.figure < 1.1
    assert "u01" in check.message
    drop = leave_one_donor_out(METHOD, panel, design, limit=1e-4)
    assert drop.status == "FAIL"
    assert drop.table.set_index("donor")["change"].abs().idxmax() == "u01"


def test_leave_one_donor_out_is_what_fitting_without_the_donor_gives(design):
    panel = panel_of(make())
    check = leave_one_donor_out(METHOD, panel, design)
    full = METHOD.fit(panel, design, seed=0)
    row = check.table.iloc[0]
    without = METHOD.fit(panel, design.replace(under_contract=[row["donor"]]), seed=0)
    assert row["change"] == pytest.approx(without.level / full.level - 1, abs=1e-9)


def test_what_cannot_be_evaluated_says_why(design):
    panel = panel_of(make())
    short = design.replace(baseline=[2016, 2017])
    assert held_out_fit(METHOD, panel, short).status == "NOT EVALUATED"
    early = ss.Design(treated=["u00"], baseline=range(2006, 2009), performance=[2009, 2010])
    check = placebo_in_time(METHOD, panel, early)
    assert check.status == "NOT EVALUATED"
    assert "2006" in check.message
    few = design.replace(donors=[f"u{j:02d}" for j in range(1, 9)])
    check = held_out_fit(SyntheticDiD(), panel, few)
    assert check.status == "NOT EVALUATED"
    assert np.isfinite(check.figure)
    assert convex_hull(panel, design.replace(treated=["u00", "u01"])).status == "NOT EVALUATED"
    assert leave_one_donor_out(METHOD, panel, few).status == "NOT EVALUATED"


@pytest.mark.parametrize("style", ["01-01-{}", "Q{q} {y}"])
def test_labels_whose_text_order_is_not_that_of_time_change_nothing(style):
    """Found on a file of months with dates: the baseline was sorted as text, and the study ended with an error."""
    plain = panel_of(make())
    labels = [style.format(year, q=k % 4 + 1, y=2006 + k // 4) for k, year in enumerate(plain.periods)]
    other = ss.Panel(plain.units, tuple(labels), plain.spending)
    checks = [
        held_out_fit(METHOD, panel, ss.Design(["u00"], panel.periods[6:12], panel.periods[12:14]))
        for panel in (plain, other)
    ]
    assert checks[0].figure == checks[1].figure
