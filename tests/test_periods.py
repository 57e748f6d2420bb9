"""Periods: the same calendar from every spelling; ties, mixtures and doubles are refused. Authority: the calendar."""

import datetime as dt
import json
from functools import cache

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import ssinfer as ss
from ssinfer.datasets.io.panel_file import read_panel_file
from ssinfer.errors import AmbiguousPeriodsError, DataError, DesignError, ParameterError
from ssinfer.periods import Period, consecutive, parse_period, read_periods, span
from ssinfer.windows import rolling_windows

MONTHS = ["jan", "feb", "mrt", "apr", "mei", "jun", "jul", "aug", "sep", "okt", "nov", "dec"]
QUARTERS = {
    "2018Q2": lambda y, q: f"{y}Q{q}",
    "2018-Q2": lambda y, q: f"{y}-Q{q}",
    "2018 Q2": lambda y, q: f"{y} Q{q}",
    "Q2 2018": lambda y, q: f"Q{q} {y}",
    "K2 2018": lambda y, q: f"K{q} {y}",
    "2018K2": lambda y, q: f"{y}K{q}",
    "2018q2": lambda y, q: f"{y}q{q}",
    "20182": lambda y, q: 10 * y + q,
    "2018.25": lambda y, q: y + (q - 1) / 4,
    "text 2018.25": lambda y, q: str(y + (q - 1) / 4),
    "2018-4": lambda y, q: f"{y}-{3 * q - 2}",
    "4-2018": lambda y, q: f"{3 * q - 2}-{y}",
    "2018-04": lambda y, q: f"{y}-{3 * q - 2:02d}",
    "01-04-2018": lambda y, q: f"01-{3 * q - 2:02d}-{y}",
    "2018-04-01": lambda y, q: f"{y}-{3 * q - 2:02d}-01",
    "date": lambda y, q: dt.date(y, 3 * q - 2, 1),
    "datetime": lambda y, q: dt.datetime(y, 3 * q - 2, 1),  # noqa: DTZ001  (a date without a zone)
    "Timestamp": lambda y, q: pd.Timestamp(y, 3 * q - 2, 1),
    "zoned": lambda y, q: pd.Timestamp(y, 3 * q - 2, 1, tz="Europe/Amsterdam"),
    "Period": lambda y, q: pd.Period(f"{y}Q{q}"),
    "Arrow date": lambda y, q: pa.scalar(dt.date(y, 3 * q - 2, 1)),
    "Arrow timestamp": lambda y, q: pa.scalar(pd.Timestamp(y, 3 * q - 2, 1)),
}
MONTHLY = {
    "2018-04": lambda y, m: f"{y}-{m:02d}",
    "2018-4": lambda y, m: f"{y}-{m}",
    "4-2018": lambda y, m: f"{m}-{y}",
    "2018M4": lambda y, m: f"{y}M{m}",
    "2018m4": lambda y, m: f"{y}m{m}",
    "201804": lambda y, m: 100 * y + m,
    "20184": lambda y, m: int(f"{y}{m}"),
    "apr-2018": lambda y, m: f"{MONTHS[m - 1]}-{y}",
    "01-04-2018": lambda y, m: f"01-{m:02d}-{y}",
    "2018-04-01": lambda y, m: f"{y}-{m:02d}-01",
    "Timestamp": lambda y, m: pd.Timestamp(y, m, 1),
    "Period": lambda y, m: pd.Period(f"{y}-{m:02d}"),
}
PLACES = [(y, q) for y in (2018, 2019, 2020) for q in (1, 2, 3, 4)]
ADMINISTRATIVE, SYNTHETIC_DID = ss.AdministrativeBenchmark(n_draws=200), ss.SyntheticDiD(n_draws=200)


@pytest.mark.parametrize("spelling", QUARTERS)
@settings(max_examples=20)  # times the spellings
@given(st.permutations(range(12)), st.sampled_from(list(QUARTERS)))
def test_quarters_are_the_same_in_every_spelling_and_order(spelling, order, other):
    labels = [QUARTERS[spelling](*PLACES[place]) for place in order]
    timeline = read_periods(labels)
    assert timeline.describe() == "12 quarters, 2018Q1 to 2020Q4"
    assert timeline.seasons() == timeline.per_year == 4
    assert timeline.missing() == ()
    assert timeline.column("2018-04-01") == 1
    named = QUARTERS[other](2019, 3)
    if other != "20182":  # 20193 alone may be a month as well, but a quarterly column decides
        assert timeline.column(named) == 6
    assert read_periods(labels[:1] + labels[2:]).missing() in ((), (timeline.name(PLACES.index(PLACES[order[1]])),))


@pytest.mark.parametrize("spelling", MONTHLY)
@settings(max_examples=20)
@given(st.permutations(range(24)), st.sampled_from(list(MONTHLY)))
def test_months_are_the_same_in_every_spelling_and_order(spelling, order, other):
    places = [(y, m) for y in (2018, 2019) for m in range(1, 13)]
    timeline = read_periods([MONTHLY[spelling](*places[place]) for place in order])
    assert timeline.describe() == "24 months, 2018-01 to 2019-12"
    assert timeline.seasons() == 12
    assert timeline.column(MONTHLY[other](2019, 11)) == 22


@pytest.mark.parametrize(
    ("labels", "words", "per_year"),
    [
        ([2018, 2019, 2020], "3 years, 2018 to 2020", 1),
        (["2018-4", "2018-7", "2018-10", "2019-1"], "4 quarters, 2018Q2 to 2019Q1", 4),
        (["2018", "2019"], "2 years, 2018 to 2019", 1),
        ([2018.0, 2019.0], "2 years, 2018 to 2019", 1),
        ([dt.date(y, 1, 1) for y in (2018, 2019, 2020)], "3 years, 2018 to 2020", 1),
        (["2018-04", "2019-04", "2020-04"], "3 years, 2018 to 2020", 1),
        (["2018-01-31", "2018-02-28", "2018-03-31"], "3 months, 2018-01 to 2018-03", 12),
        (["2018-1", "2018-4"], "2 quarters, 2018Q1 to 2018Q2", 4),  # was as PYTHONHASHSEED had it
        (["2018H1", "2018H2"], "2 half-years, 2018H1 to 2018H2", 2),
        (["2018W52", "2019W01", "2018W51"], "3 weeks, 2018W51 to 2019W01", None),
        (["2018-01-15", "2018-01-16"], "2 days, 2018-01-15 to 2018-01-16", None),
        ([3, 1, 10], "3 periods, 1 to 10", None),
        (["W10", "W2", "W1"], "3 periods, W1 to W10", None),
        (["before", "after"], "2 periods, after to before", None),
    ],
)
def test_other_columns(labels, words, per_year):
    timeline = read_periods(labels)
    assert timeline.describe() == words
    assert timeline.per_year == per_year


@pytest.mark.parametrize(
    ("labels", "day"),
    [
        (["2024Q2", "2024Q1"], "2024-06-30"),
        ([2022, 2023], "2023-12-31"),
        (["2024-01", "2024-02"], "2024-02-29"),
        (["2023H2"], "2023-12-31"),
        (["2020W52", "2020W53"], "2021-01-03"),
        ([1, 2, 3], "None"),
        (["before", "later"], "None"),
    ],
)
def test_the_last_day(labels, day):
    """Authority: the calendar; ISO 8601 for weeks."""
    assert str(read_periods(labels).last_day) == day


def test_a_gap_is_found_at_the_smallest_step():
    assert read_periods([2018, 2019, 2021]).missing() == ("2020",)
    assert read_periods([2016, 2018, 2020]).missing() == ()
    assert read_periods(["2018-01", "2018-02", "2018-04"]).missing() == ("2018-03",)
    assert read_periods([1, 2, 4]).missing() == ("3",)


@pytest.mark.parametrize("labels", [["2018H1", "2018H2"], ["2018W01", "2018W02"], [1, 2, 3], ["a", "b"]])
def test_seasons_without_a_calendar_are_refused(labels):
    with pytest.raises(DataError, match=r"periods_per_year|Aggregate"):
        read_periods(labels).seasons()
    assert read_periods(labels, 4).seasons() == 4


def test_a_tie_names_both_readings():
    with pytest.raises(AmbiguousPeriodsError, match=r"quarters \(2018Q1 to 2018Q4\) or as months") as error:
        read_periods(["2018-2", "2018-1", "2018-3", "2018-4"])
    assert error.value.labels == ("2018-1", "2018-2", "2018-3", "2018-4")


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["2018", "2018Q1"], "mix quarters and years"),
        (["2018Q1", "2018-Q1"], "in two spellings"),
        (["W1", "W01"], "the same number"),
        ([], "no periods"),
        (["a", 1], "mix numbers and text"),
    ],
)
def test_mistakes(labels, message):
    with pytest.raises(DataError, match=message):
        read_periods(labels)


def test_periods_outside_are_told_from_other_names():
    quarters = read_periods(span("2018Q2", "2019Q4"))
    assert quarters.outside("2018Q1")
    assert quarters.outside("2020-01-01")
    assert not quarters.outside("2018Q3")
    assert not quarters.outside("next year")


def test_span_and_one_period():
    assert span("2018Q3", "2019Q1") == ("2018Q3", "2018Q4", "2019Q1")
    assert span(2018, "2019") == (2018, 2019)
    assert parse_period("K2 2018") == Period("quarter", 8073)
    assert parse_period("2018Q4").end == dt.date(2019, 1, 1)
    for wrong, message in (("2018Q5", "is not a period"), ("2018-4", "may be 2018-04 or 2018Q4")):
        with pytest.raises(DataError, match=message):
            parse_period(wrong)
    with pytest.raises(DataError, match="Use one frequency"):
        span(2018, "2019Q1")
    with pytest.raises(DataError, match="earlier one first"):
        span("2019Q1", "2018Q1")


def test_consecutive_periods():
    assert consecutive(["2018Q1", "2018Q2"]).frequency == "quarter"
    for wrong in (["2018Q1", "2018Q3"], ["2018Q2", "2018Q1"], [1, 2]):
        with pytest.raises(DataError):
            consecutive(wrong)


def test_labels_come_back_as_given():
    labels = [pd.Timestamp(2018, 4, 1), pd.Timestamp(2018, 1, 1)]
    assert read_periods(labels).labels == tuple(sorted(labels))


@cache  # the usual spelling is measured once
def measured(spelling, periods, *, step, methods):
    """Return what the methods measure on one panel whose periods are spelled in one way: last year of three."""
    rng = np.random.default_rng(5)
    values = 2000 + rng.normal(0, 60, 24)[:, None] + rng.normal(0, 20, (24, len(periods)))
    labels = [spelling(*period) for period in periods]
    rows = [(f"u{j:02d}", label, values[j, t], 2500.0) for t, label in enumerate(labels) for j in range(24)]
    order = rng.permutation(len(rows))
    frame = pd.DataFrame([rows[row] for row in order], columns=["unit", "period", "spending", "insured_years"])
    panel = ss.Panel.from_frame(frame)
    design = ss.Design(["u00"], labels[:-step], labels[-step:])
    rates, assigned = [], []
    for method in methods:
        cf = method.fit(panel, design, seed=1)
        rates.append(cf.savings().pooled().measured_rate.values.tolist())
        assigned.append(cf.assigned)
    return rates, assigned, len(rolling_windows(panel, design))


@pytest.mark.parametrize("spelling", [name for name in QUARTERS if not name.startswith("Arrow")])
def test_the_spelling_of_quarters_changes_no_number(spelling):
    """Fault W1: dates gave a threshold of 5.92% where 2018Q2 gave 3.00%."""
    places = tuple((y, q) for y in range(2016, 2020) for q in (1, 2, 3, 4))
    methods = (ADMINISTRATIVE,)
    rates, assigned, windows = measured(QUARTERS[spelling], places, step=4, methods=methods)
    expected = measured(QUARTERS["2018Q2"], places, step=4, methods=methods)
    assert (rates, assigned, windows) == expected
    assert assigned == [10_000.0]
    assert ss.schedule_threshold("mssp", assigned=assigned[0]).rate == pytest.approx(0.03)  # 42 CFR 425.605(b)(1)


@pytest.mark.parametrize("spelling", MONTHLY)
def test_the_spelling_of_months_changes_no_number(spelling):
    """Fault W3: 2016m1, 2016m10, 2016m11 stood in this order."""
    places = tuple((y, m) for y in (2016, 2017, 2018) for m in range(1, 13))
    methods = (SYNTHETIC_DID,)
    assert measured(MONTHLY[spelling], places, step=12, methods=methods) == measured(
        MONTHLY["2018-04"], places, step=12, methods=methods
    )


def test_text_quarters_in_the_order_of_time():
    """Fault A3: months that are three apart are quarters, in the order of time, and a window may name them freely."""
    labels = [f"{y}-{m}" for y in range(2018, 2023) for m in (1, 4, 7, 10)]
    rows = [(f"u{i}", label, 100.0 + i + t, 1000.0) for i in range(6) for t, label in enumerate(labels)]
    panel = ss.Panel.from_frame(pd.DataFrame(rows, columns=["unit", "period", "spending", "insured_years"]))
    assert panel.periods == tuple(labels)
    assert panel.frequency == "quarter"
    assert "20 quarters, 2018Q1 to 2022Q4" in repr(panel)
    assert panel.columns(["K2 2018", "01-10-2022", dt.date(2019, 1, 1)]).tolist() == [1, 19, 4]


def test_persons_without_a_calendar_need_periods_per_year():
    rows = [(f"u{i}", t, 100.0 + i + t, 1000.0) for i in range(12) for t in range(8)]
    frame = pd.DataFrame(rows, columns=["unit", "period", "spending", "insured_years"])
    design = ss.Design(["u0"], range(4), range(4, 8))
    unknown = ss.AdministrativeBenchmark(n_draws=200).fit(ss.Panel.from_frame(frame), design, seed=1)
    with pytest.raises(ParameterError, match="periods_per_year"):
        ss.schedule_threshold("mssp", assigned=unknown.assigned)
    with pytest.raises(DesignError, match="periods_per_year"):
        rolling_windows(ss.Panel.from_frame(frame), design)
    assert [window.origin for window in rolling_windows(ss.Panel.from_frame(frame), design, [4])] == [4]
    known = ss.Panel.from_frame(frame, periods_per_year=4)
    assert ss.AdministrativeBenchmark(n_draws=200).fit(known, design, seed=1).assigned == 4000.0


def test_files_carry_labels_as_text(tmp_path):
    """Faults C7 and R2: dates in netCDF, JSON and Parquet."""
    rows = [(f"u{i}", dt.date(2010 + t, 1, 1), 100.0 + i + t, 1000.0) for i in range(12) for t in range(8)]
    frame = pd.DataFrame(rows, columns=["unit", "period", "spending", "insured_years"])
    panel = ss.Panel.from_frame(frame)
    design = ss.Design(["u0"], panel.periods[:6], [2016, 2017])
    cf = ss.SyntheticControl().fit(panel, design, seed=1)
    cf.to_datatree().to_netcdf(tmp_path / "fit.nc")
    with xr.open_datatree(tmp_path / "fit.nc") as tree:
        assert tree["observed_data"]["period"].values.tolist() == ["2016-01-01", "2017-01-01"]
    written = json.loads(json.dumps(cf.design.to_dict()))
    assert ss.Design(written["treated"], written["baseline"], written["performance"]).on(panel).to_dict() == written
    frame.to_parquet(tmp_path / "panel.parquet")
    assert read_panel_file(tmp_path / "panel.parquet")["period"].iloc[0] == "2010-01-01"


@pytest.mark.parametrize("wrong", ["x", "20\u20281", ""])
def test_one_label_that_is_no_period_among_years_is_refused(wrong):
    """Fault FZ8: one odd label made all labels text, in the order of the alphabet."""
    with pytest.raises(DataError, match="is not a period, but other labels such as '2011' are"):
        read_periods([wrong, "2011", "2012", "2013"])
