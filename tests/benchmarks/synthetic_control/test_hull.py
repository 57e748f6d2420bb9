"""Units outside the hull of their donors: a point estimate without distribution and threshold."""

from __future__ import annotations

import numpy as np
import pytest

import ssinfer as ss
from ssinfer.errors import NotSupportedError, RefusalError
from ssinfer.panel import Panel
from ssinfer.thresholds.compare import compare_thresholds

SHORT = ss.Design(["u00"], baseline=range(2010, 2013), performance=[2013])
DESIGN = ss.Design(["u00"], baseline=range(2010, 2016), performance=[2016])


def panel(moved=0.0, seed=0, J=24, T=7):
    rng = np.random.default_rng(seed)
    spending = 2000 + rng.normal(0, 150, (J, 1)) + np.cumsum(rng.normal(40, 10, T)) + rng.normal(0, 30, (J, T))
    spending[0] += moved
    insured = np.full((J, T), 5000.0)
    return Panel(tuple(f"u{j:02d}" for j in range(J)), tuple(range(2010, 2010 + T)), spending, insured_years=insured)


@pytest.mark.parametrize(("moved", "side"), [(-600.0, "below"), (600.0, "above")])
def test_outside_the_hull_there_is_a_point_estimate_and_no_threshold(moved, side):
    """Fault W6: a miss of 203 per insured-year in the baseline was sold as a saving of 286, and paid by a schedule."""
    cf = ss.SyntheticControl().fit(panel(moved), DESIGN, seed=1)
    assert cf.uncertainty == "none"
    assert cf.confidence is None
    row = cf.diagnostics.set_index("check").loc["convex hull"]
    assert row["status"] == "FAIL"
    assert f"'u00' lies {side} its donors" in row["message"]
    assert np.isfinite(cf.savings().pooled().measured.item())
    assert cf.savings().summary()[["lower", "upper", "probability_positive"]].isna().all(axis=None)
    with pytest.raises(RefusalError, match=f"'u00' lies {side} its donors.*Use intercept=True"):
        ss.confidence_threshold(cf, level=0.95, side="one-sided")
    table = compare_thresholds(cf, [0.95])
    assert table["rate"].isna().all()
    assert table["reason"].str.contains("from their hull").all()


def test_the_posterior_keeps_its_own_error_and_loses_the_placebos():
    """Fault W6: the posterior of the weights has shocks of its own; only the placebo distribution goes."""
    cf = ss.SyntheticControl(inference="bayes", n_draws=400).fit(panel(-600.0, T=5), SHORT, seed=1)
    assert cf.uncertainty == "posterior"
    assert (cf.diagnostics["check"] == "convex hull").sum() == 1
    with pytest.raises((NotSupportedError, RefusalError)):
        cf.draws("confidence")


def test_a_backtest_refuses_the_placebo_by_name_and_keeps_the_others():
    """Fault W6: a placebo outside the hull is a refused row with its reason, not a row without standard error."""
    rows = ss.backtest(panel(-600.0), DESIGN.replace(treated=["u05"]), ss.SyntheticControl(), n_jobs=1).placebos
    own = rows[(rows["unit"] == "u00") & (rows["origin"] == 2016)]
    assert own["status"].tolist() == ["refused"]
    assert "from their hull" in own["reason"].item()
    assert rows.loc[rows["status"] == "ok", "standard_error"].gt(0).all()


@pytest.mark.parametrize(
    ("method", "moved"),
    [
        (ss.SyntheticControl(), 0.0),
        (ss.SyntheticControl(intercept=True), -600.0),
        (ss.SyntheticDiD(), -600.0),
        (ss.AugmentedSyntheticControl(intercept=True), -600.0),
    ],
    ids=["ordinary unit", "intercept", "SDID", "augmented"],
)
def test_ordinary_units_and_forms_with_an_intercept_keep_their_distribution(method, moved):
    """Fault W6: calibrated intervals of ordinary fits do not change."""
    cf = method.fit(panel(moved), DESIGN, seed=1)
    assert cf.uncertainty == "sampling"
    assert cf.failures == ()
