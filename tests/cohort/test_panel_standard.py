"""Expected spending of a panel from cells and from covariates, against sums by hand and statsmodels."""

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st

import ssinfer as ss
from ssinfer.errors import PanelError, StudyError
from ssinfer.study import plan_study

UNITS = [f"u{i:02d}" for i in range(24)]
PERIODS = range(2015, 2020)
BASELINE, CONTRACT = [2015, 2016, 2017], [2018, 2019]
AGES = {"young": 800.0, "middle": 2500.0, "old": 9000.0}
GROWTH = {period: 1.03 ** (period - 2015) for period in PERIODS}


def cells(seed=0, noise=0.0, ageing=0.0):
    """Cells of every unit; "u00" ages by `ageing` a year, and `noise` is the SD of the logarithm of spending."""
    rng, rows = np.random.default_rng(seed), []
    shares = rng.dirichlet([40, 40, 20], len(UNITS))
    for unit, share in zip(UNITS, shares, strict=True):
        for period in PERIODS:
            older = ageing * (period - 2015) * (unit == "u00")
            for age, part in zip(AGES, share + older * np.array([-1, 0, 1]), strict=True):
                spending = AGES[age] * GROWTH[period] * np.exp(noise * rng.standard_normal())
                rows.append((unit, period, age, 5000 * part, spending))
    return pd.DataFrame(rows, columns=["unit", "period", "age", "insured_years", "spending"])


def frame_of(data):
    """Return the panel of some cells, with the share of the old, and another covariate."""
    money = data.assign(
        money=data["insured_years"] * data["spending"], old=data["insured_years"] * (data["age"] == "old")
    )
    sums = money.groupby(["unit", "period"])[["insured_years", "money", "old"]].sum().reset_index()
    other = np.random.default_rng(5).normal(0.5, 0.1, len(sums))
    return sums.assign(
        spending=sums["money"] / sums["insured_years"], old=sums["old"] / sums["insured_years"], other=other
    )


def panel_of(data):
    return ss.Panel.from_frame(frame_of(data), covariates=["old", "other"])


def test_cells_give_sums_over_cells_of_insured_years_times_rates():
    """Authority: exact fractions in a loop, rates of the baseline outside "u00" and "u03"."""
    data = cells(noise=0.2)
    found = ss.expected_from_cells(panel_of(data), data, ["age"], BASELINE, exclude=["u00", "u03"])
    exact = [(u, p, a, Fraction(n), Fraction(y)) for u, p, a, n, y in data.itertuples(index=False)]
    rates = {}
    for age in AGES:
        rows = [row for row in exact if row[2] == age and row[1] in BASELINE and row[0] not in ("u00", "u03")]
        rates[age] = sum(n * y for *_, n, y in rows) / sum(row[3] for row in rows)
    for unit, period in (("u00", 2019), ("u07", 2015)):
        mine = [row for row in exact if row[:2] == (unit, period)]
        value = sum(row[3] * rates[row[2]] for row in mine) / sum(row[3] for row in mine)
        column = PERIODS.index(period)
        assert found.covariates["expected"][found.row_of[unit], column] == pytest.approx(float(value), rel=1e-12)
    given = pd.DataFrame({"age": [*rates], "spending": [float(rate) for rate in rates.values()]})
    national = ss.expected_from_cells(panel_of(data), data.drop(columns="spending"), ["age"], BASELINE, rates=given)
    assert national.covariates["expected"] == pytest.approx(found.covariates["expected"], rel=1e-12)


@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 10**6), factor=st.floats(0.2, 5.0))
def test_no_spending_of_the_contract_or_after_the_baseline_enters(seed, factor):
    """Over the units and periods of the reference, expected and actual spending have one mean, weighted by insured."""
    data = cells(seed, noise=0.3)
    outside = (data["unit"] != "u00") & data["period"].isin(BASELINE)
    changed = data.assign(spending=data["spending"].where(outside, factor * data["spending"]))
    for make in (
        lambda d: ss.expected_from_cells(panel_of(d), d, ["age"], BASELINE, exclude="u00"),
        lambda d: ss.expected_from_covariates(panel_of(d), ["old", "other"], BASELINE, exclude="u00"),
    ):
        one, other = make(data), make(changed)
        assert np.array_equal(one.covariates["expected"], other.covariates["expected"])
        box = np.ix_(np.arange(1, 24), [0, 1, 2])
        weights = one.insured_years[box]
        means = [np.average(values[box], weights=weights) for values in (one.spending, one.covariates["expected"])]
        assert means[0] == pytest.approx(means[1], rel=1e-10)


def test_covariates_give_the_weighted_least_squares_of_statsmodels():
    """Authority: statsmodels' WLS with a dummy per period, on units outside the contract and the baseline."""
    panel = panel_of(cells(noise=0.2))
    found = ss.expected_from_covariates(panel, ["old", "other"], BASELINE, exclude=["u00", "u03"])
    frame = panel.to_frame()
    rows = frame[frame["period"].isin(BASELINE) & ~frame["unit"].isin(["u00", "u03"])]
    design = pd.get_dummies(rows["period"], dtype=float).join(rows[["old", "other"]])
    slopes = sm.WLS(rows["spending"], design, weights=rows["insured_years"]).fit().params[["old", "other"]]
    mean = {name: np.average(rows[name], weights=rows["insured_years"]) for name in ("spending", "old", "other")}
    value = mean["spending"] + sum((frame[name] - mean[name]) * slopes[name] for name in slopes.index)
    assert found.covariates["expected"].ravel() == pytest.approx(value.to_numpy(), rel=1e-9)


@pytest.mark.parametrize("kind", ["cells", "covariates"])
def test_a_group_that_ages_saves_nothing_by_its_standard(kind):
    """Closed form: spending is the sum of rates times shares times growth, so that the true saving is zero."""
    data = cells(ageing=0.02)
    data = data[data["age"] != "middle"] if kind == "covariates" else data
    data["insured_years"] *= 5000 / data.groupby(["unit", "period"])["insured_years"].transform("sum")
    panel = panel_of(data)
    if kind == "cells":
        panel = ss.expected_from_cells(panel, data, ["age"], BASELINE, exclude="u00")
    else:
        panel = ss.expected_from_covariates(panel, "old", BASELINE, exclude="u00")
    design = ss.Design("u00", BASELINE, CONTRACT)
    method = ss.AdministrativeBenchmark(n_draws=400)
    plain, standard = (
        method.fit(panel, each, seed=1).savings().pooled().measured_rate.item()
        for each in (design, design.replace(standard="expected"))
    )
    assert plain < -0.05  # the ageing is taken for a loss
    assert standard == pytest.approx(0.0, abs=1e-9 if kind == "cells" else 0.01)  # growth multiplies the slopes too


def _doubled(data):
    return pd.concat([data, data.head(1)])


MISTAKES = {
    "no column": (lambda d: (d.drop(columns="age"), {}), r"no column 'age'. Allowed: 'unit'"),
    "cell twice": (
        lambda d: (_doubled(d), {}),
        r"'u00' in period 2015 have the same cell twice: \('young',\) \(1 such",
    ),
    "no cells": (
        lambda d: (d[d["unit"] != "u05"], {}),
        r"no insured-years of unit 'u05' in period 2015 \(5 such cells",
    ),
    "totals": (
        lambda d: (d.assign(spending=d["spending"] * d["insured_years"]), {}),
        r"spending of unit 'u00' .* in cells and .* in the panel \(120 differ .*mean per insured-year of each cell",
    ),
    "half the insured": (
        lambda d: (d.assign(insured_years=d["insured_years"] / 2), {}),
        r"insured-years of unit 'u00' in period 2015 are 2,500.00 in cells and 5,000.00 in the panel",
    ),
    "negative": (lambda d: (d.assign(insured_years=-1.0), {}), "negative insured-years"),
    "no rate": (
        lambda d: (d, {"rates": pd.DataFrame({"age": ["young", "old"], "spending": [1.0, 2.0]})}),
        r"insured of the cell \('middle',\), which has no spending in rates .*Join it with a neighbouring cell",
    ),
    "rate twice": (lambda d: (d, {"rates": pd.DataFrame({"age": ["old"] * 2, "spending": 1.0})}), "twice. Keep one"),
    "excluded": (lambda d: (d, {"exclude": "u99"}), "no unit 'u99'. Did you mean"),
    "no baseline": (lambda d: (d, {"periods": [2013]}), "no period 2013: it has 5 years, 2015 to 2019"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_cells_that_cannot_be_a_standard_are_refused(mistake):
    change, message = MISTAKES[mistake]
    data = cells()
    given, options = change(data)
    with pytest.raises(PanelError, match=message):
        ss.expected_from_cells(panel_of(data), given, **{"by": ["age"], "periods": BASELINE, **options})


def test_covariates_that_cannot_be_a_standard_are_refused():
    panel = panel_of(cells())
    with pytest.raises(PanelError, match=r"no covariate 'olde'. Did you mean 'old'"):
        ss.expected_from_covariates(panel, "olde", BASELINE)
    with pytest.raises(PanelError, match=r"and 19 units outside .*at least 10 per covariate are needed"):
        ss.expected_from_covariates(panel, ["old", "other"], BASELINE, exclude=UNITS[:5])
    with pytest.raises(PanelError, match=r"\['old', 'old'\] depend on one another"):
        ss.expected_from_covariates(panel, ["old", "old"], BASELINE)
    steep = panel.covariates["old"].copy()
    steep[0] = -5.0
    with pytest.raises(PanelError, match=r"Expected spending of unit 'u00' in period 2015 is -.* must be positive"):
        ss.expected_from_covariates(
            ss.Panel(panel.units, panel.periods, panel.spending, covariates={"x": steep}), "x", BASELINE, exclude="u00"
        )
    once = ss.expected_from_covariates(panel, "old", BASELINE)
    with pytest.raises(PanelError, match="has a covariate 'expected' already"):
        ss.expected_from_covariates(once, "old", BASELINE)


STUDY = """\
title = "Study"
question = "Which?"
[data]
source = "panel"
file = "panel.csv"
columns = { covariates = ["old", "other"] }
expected = { EXPECTED }
[case]
treated = ["u00"]
[windows]
baseline = { first = 2015, last = 2017 }
performance = [2018, 2019]
[[comparison]]
name = "standardised"
standard = "expected"
[[method]]
method = "AdministrativeBenchmark"
"""


def study(folder, expected, more=()):
    data = cells(noise=0.1)
    frame_of(data).to_csv(folder / "panel.csv", index=False)
    data.to_csv(folder / "cells.csv", index=False)
    pd.DataFrame({"age": [*AGES], "spending": [*AGES.values()]}).to_csv(folder / "rates.csv", index=False)
    text = STUDY.replace("EXPECTED", expected)
    for old, new in more:
        text = text.replace(old, new)
    (folder / "study.toml").write_text(text, encoding="utf-8")
    return plan_study(folder / "study.toml"), data


def test_a_study_makes_the_same_standard(tmp_path):
    plan, data = study(tmp_path, 'cells = "cells.csv", by = ["age"]')
    same = ss.expected_from_cells(panel_of(data), data, ["age"], BASELINE, exclude="u00")
    assert plan.panel.covariates["expected"] == pytest.approx(same.covariates["expected"], rel=1e-12)
    assert set(plan.inputs) == {"panel.csv", "cells.csv"}
    plan, _ = study(tmp_path, 'cells = "cells.csv", by = ["age"], rates = "rates.csv"')
    assert set(plan.inputs) == {"panel.csv", "cells.csv", "rates.csv"}
    plan, data = study(tmp_path, 'covariates = ["old"], periods = [2015, 2016]')
    same = ss.expected_from_covariates(panel_of(data), "old", [2015, 2016], exclude="u00")
    assert plan.panel.covariates["expected"] == pytest.approx(same.covariates["expected"], rel=1e-12)


@pytest.mark.parametrize(
    ("expected", "message"),
    [
        ('covariates = ["old"], periods = [2017, 2018]', r"learns from 2018, and the contract starts in 2018"),
        ('covariates = ["olde"]', r"no covariate .olde.\. Did you mean .old.\?"),
        (
            'covariates = ["old"], cells = "cells.csv"',
            r"data\.expected' \(line 7\): give cells, a file, with by.*or give",
        ),
        ('cells = "cells.csv", by = ["sex"]', r"data\.expected \(line 7\): The frame has no column 'sex'"),
        ('cells = "celsl.csv", by = ["age"]', r"Cannot read .*celsl\.csv"),
    ],
)
def test_a_study_refuses_a_standard_that_leaks_or_is_not_there(expected, message, tmp_path):
    with pytest.raises((StudyError, OSError, ss.errors.SsinferError), match=message):
        study(tmp_path, expected)
