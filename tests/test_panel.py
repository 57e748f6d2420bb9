"""Panel: the round trip, what each mistake is told, and what is frozen."""

import dataclasses
import pickle

import numpy as np
import pandas as pd
import pytest

from ssinfer.errors import PanelError
from ssinfer.panel import Panel
from ssinfer.plugins.exchange import Request, read_panel


def frame(**changes):
    base = pd.DataFrame(
        {
            "unit": np.repeat(["a", "b", "c"], 3),
            "period": [2018, 2019, 2020] * 3,
            "spending": [100.0, 102, 104, 90, 92, 94, 110, 112, 114],
            "insured_years": [5_000.0, 5_100, 5_200, 800, 810, 820, 20_000, 21_000, 22_000],
        }
    )
    return base.assign(**changes)


def changed(row, column, value):
    out = frame()
    out[column] = out[column].astype(object) if isinstance(value, str) else out[column]
    out.loc[row, column] = value
    return out


def test_round_trip_of_the_long_frame():
    panel = Panel.from_frame(frame(ses=1.5), covariates=["ses"])
    out = panel.to_frame()
    assert list(out.columns) == ["unit", "period", "spending", "insured_years", "sampling_variance", "ses"]
    pd.testing.assert_frame_equal(
        out[["unit", "period", "spending", "insured_years"]], frame(), check_dtype=False, check_column_type=False
    )
    again = Panel.from_frame(out, covariates=["ses"])
    assert again.fingerprint() == panel.fingerprint()


MISTAKES = {
    "duplicate rows": (lambda: pd.concat([frame(), frame().head(1)]), "aggregate first, weighting spending"),
    "hole in one unit": (lambda: frame().drop(index=4), r"no row for period 2019, in the middle of its history"),
    "hole in every unit": (lambda: frame().query("period != 2019").assign(period=[2017, 2020] * 3), None),
    "negative insured": (lambda: changed(1, "insured_years", -5.0), "a positive number is needed. Drop cells without"),
    "zero insured": (lambda: changed(1, "insured_years", 0.0), "'a' in period 2019 is 0.0"),
    "insured missing": (lambda: changed(1, "insured_years", np.nan), "a positive number is needed"),
    "infinite spending": (lambda: changed(1, "spending", np.inf), "'a' in period 2019 is inf .*at the source"),
    "decimal comma": (lambda: changed(1, "spending", "1.234,5"), r"first '1\.234,5' .*Store numbers as numbers"),
    "text": (lambda: changed(1, "spending", "unknown"), "Store numbers as numbers"),
    "misspelt column": (lambda: frame().rename(columns={"spending": "spendings"}), "Did you mean 'spendings'"),
    "no rows": (lambda: frame().head(0), "Pass a long frame"),
    "unlabelled": (lambda: changed(0, "unit", None), "Drop or name them first"),
    "mixed periods": (lambda: frame(period=[2018, 2019, "2020"] * 3), "Use one type"),
}


@pytest.mark.parametrize("mistake", [name for name, (_, cure) in MISTAKES.items() if cure])
def test_each_mistake_is_told_its_cure(mistake):
    make, cure = MISTAKES[mistake]
    with pytest.raises(PanelError, match=cure):
        Panel.from_frame(make())


def test_period_missing_for_every_unit():
    years = frame().query("period != 2019").replace({"period": {2018: 2016}})
    more = pd.concat([years, years.query("period == 2020").assign(period=2017)])
    with pytest.raises(PanelError, match=r"2018, 2019 are missing .*masked"):
        Panel.from_frame(more)


@pytest.mark.parametrize(
    ("arguments", "cure"),
    [
        ({"cv": 2.5, "sampling_variance": "v"}, "Keep sampling_variance"),
        ({"cv": 2.5, "insured_years": None}, "Pass insured_years as well"),
        ({"cv": -1.0}, "cv is .*; allowed: None or a number more than 0"),
    ],
)
def test_contradicting_knowledge_of_noise(arguments, cure):
    with pytest.raises(PanelError, match=cure):
        Panel.from_frame(frame(v=1.0), **arguments)


@pytest.mark.parametrize(
    ("arguments", "noise"),
    [
        ({}, "size"),
        ({"cv": 2.5}, "cv"),
        ({"sampling_variance": "v"}, "variance"),
        ({"insured_years": None}, "none"),
    ],
)
def test_what_is_known_of_noise(arguments, noise):
    assert Panel.from_frame(frame(v=1.0), **arguments).noise == noise


def test_missing_spending_is_admitted_and_units_may_enter_late():
    late = frame().drop(index=3)
    panel = Panel.from_frame(late)
    assert np.isnan(panel.spending[1, 0])
    assert np.isnan(panel.insured_years[1, 0])


def test_frozen_all_the_way_down():
    panel = Panel.from_frame(frame(ses=1.5), covariates=["ses"])
    with pytest.raises(ValueError, match="read-only"):
        panel.spending[0, 0] = 0.0
    with pytest.raises(TypeError):
        panel.covariates["ses"] = panel.spending
    with pytest.raises(AttributeError):
        panel.cv = 2.0


def test_the_callers_array_is_copied():
    values = np.full((1, 1), 5.0)
    panel = Panel(("a",), (1,), values)
    values[0, 0] = 9.0
    assert panel.spending[0, 0] == 5.0


def test_pickle_keeps_everything():
    panel = Panel.from_frame(frame(ses=1.5), covariates=["ses"])
    again = pickle.loads(pickle.dumps(panel))  # noqa: S301  (our own bytes)
    assert again.fingerprint() == panel.fingerprint()


def test_select_and_lookups():
    panel = Panel.from_frame(frame())
    part = panel.select(["c", "a"], [2020, 2018])
    assert part.units == ("c", "a")
    assert part.periods == (2018, 2020)
    np.testing.assert_array_equal(part.spending, [[110, 114], [100, 104]])
    assert panel.rows(["b"]).tolist() == [1]
    assert panel.columns([np.int64(2019)]).tolist() == [1]


@pytest.mark.parametrize(
    ("ask", "cure"),
    [
        (lambda panel: panel.rows(["A"]), "Did you mean 'a'"),
        (lambda panel: panel.columns([2031]), "it has 3 years, 2018 to 2020"),
        (lambda panel: panel.covariate("sex"), "no covariate 'sex'"),
    ],
)
def test_unknown_labels_name_the_nearest(ask, cure):
    with pytest.raises(PanelError, match=cure):
        ask(Panel.from_frame(frame()))


def test_fingerprint_changes_with_any_value():
    one = Panel.from_frame(frame()).fingerprint()
    assert one != Panel.from_frame(changed(1, "spending", 102.0001)).fingerprint()
    assert one != Panel.from_frame(changed(1, "insured_years", 5_101.0)).fingerprint()
    assert one != Panel.from_frame(frame(), cv=2.0).fingerprint()
    assert one == Panel.from_frame(frame()).fingerprint()


CORRELATION = [[1.0, 0.5, np.nan], [0.5, 1.0, np.nan], [np.nan] * 3]


def test_the_correlation_of_persons_is_kept_by_files_pickle_selection_and_fingerprint(tmp_path):
    plain = Panel.from_frame(frame())
    panel = dataclasses.replace(plain, person_correlation=CORRELATION)
    again = pickle.loads(pickle.dumps(panel))  # noqa: S301  (our own bytes)
    path = tmp_path / "panel.csv"
    panel.to_frame().to_csv(path, index=False)
    for other in (again, panel.ordered, Panel.from_frame(panel.to_frame()), read_panel(path, Request(None, {}, ()))):
        np.testing.assert_array_equal(other.person_correlation, CORRELATION)
        assert other.fingerprint() == panel.fingerprint()
    np.testing.assert_array_equal(panel.select(periods=[2019, 2020]).person_correlation, [[1, np.nan], [np.nan] * 2])
    other = dataclasses.replace(plain, person_correlation=np.where(np.eye(3), CORRELATION, 0.4))
    assert len({plain.fingerprint(), panel.fingerprint(), other.fingerprint()}) == 3
    # as it was before panels had a correlation
    assert plain.fingerprint() == "a2845e7f384f2deb86584b8f263ffdcdf2aecdf48308110dfc3d35b00efb9c0f"


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("person_correlation 2019", [0.5, 1.0, np.nan] * 2 + [0.4, 1.0, np.nan], "2019' differs between units"),
        ("person_correlation 2030", 0.5, "2030' names no period of the panel"),
        ("person_correlation 2018", [1.0, 0.4, np.nan] * 3, r"is 0\.5 and 0\.4 for \[2018, 2019\]; allowed: one"),
        ("person_correlation 2018", [1.5, 0.5, np.nan] * 3, "allowed: one number from -1 to 1"),
    ],
)
def test_a_correlation_that_cannot_be_is_refused(column, value, words):
    table = dataclasses.replace(Panel.from_frame(frame()), person_correlation=CORRELATION).to_frame()
    with pytest.raises(PanelError, match=words):
        Panel.from_frame(table.assign(**{column: value}))


def test_repr_says_what_is_known():
    assert repr(Panel.from_frame(frame())) == (
        "Panel: 3 units x 3 years, 2018 to 2020, 800 to 22,000 insured-years per cell, sampling noise to be estimated"
    )


def test_a_quarter_that_is_missing_for_every_unit_is_refused():
    frame = pd.DataFrame({"unit": "a", "period": ["2018Q1", "2018Q2", "2018Q4"], "spending": 1.0, "insured_years": 1.0})
    with pytest.raises(PanelError, match=r"2018Q3 are missing .*masked"):
        Panel.from_frame(frame)


@pytest.mark.parametrize(
    ("units", "periods", "cure"),
    [
        ([1, "1", "1"], [2015, 2015, 2016], "mixes numbers .* and text"),
        (["a"] * 3, [2015.0, 2016.0, 2018.0], "2017 are missing"),
        (["a"] * 3, ["2018q1", "2018q2", "2018q4"], "2018Q3 are missing"),
        (["a"] * 3, ["2018-02", "2018Q1", "2019"], "months and quarters and years"),
    ],
)
def test_labels_that_mislead(units, periods, cure):
    frame = pd.DataFrame({"unit": units, "period": periods, "spending": 1.0, "insured_years": 1.0})
    with pytest.raises(PanelError, match=cure):
        Panel.from_frame(frame)


def test_years_read_as_floats_are_years():
    frame = pd.DataFrame({"unit": "a", "period": [2015.0, 2016.0], "spending": 1.0, "insured_years": 1.0})
    assert repr(Panel.from_frame(frame).periods) == "(2015, 2016)"


def test_an_infinite_covariate_is_refused():
    """Fault FZ7: infinite spending was refused without its cell, an infinite covariate was taken."""
    with pytest.raises(PanelError, match=r"x of unit 'a' in period 2019 is -inf .*finite number"):
        Panel.from_frame(changed(1, "spending", 100.0).assign(x=[0.0, -np.inf, *[1.0] * 7]), covariates=["x"])


@pytest.mark.parametrize("wrong", [["x"], "all", 0, 1.5])
def test_periods_per_year_are_a_whole_number(wrong):
    """Fault FZ12: a TypeError in rolling_windows."""
    with pytest.raises(PanelError, match=r"Panel\.from_frame: periods_per_year is .* allowed: None or a whole number"):
        Panel.from_frame(frame(), periods_per_year=wrong)
