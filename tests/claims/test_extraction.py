"""Claims to panel: against a count by hand, the accounting identity, and every population and definition."""

from __future__ import annotations

import datetime as dt
from contextlib import closing

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ssinfer.claims import ClaimsTables, Population, RunOut, Spending, Truncation, extract
from ssinfer.claims.backend.calendar import Calendar
from ssinfer.claims.backend.scratch import Scratch
from ssinfer.claims.enrolment import enrolment_pieces, insured_days
from ssinfer.claims.lines import count_lines
from ssinfer.errors import ClaimsError
from ssinfer.periods import span

PERIODS = span("2018Q2", "2019Q4")
YEAR_DAYS = 365


def adds_up(attrition):
    first, last = attrition.iloc[0], attrition.iloc[-1]
    between = attrition.iloc[1:-1]
    for column in ("persons", "insured_days", "lines", "cents"):
        assert first[column] == between[column].sum() + last[column], column
    assert first["insured_years"] == pytest.approx(between["insured_years"].sum() + last["insured_years"], rel=1e-12)
    return first, last


@pytest.mark.parametrize("seed", range(2))
def test_open_population_against_a_count_by_hand(random_tables, by_hand, seed):
    # Authority: conftest.count_by_hand, which walks through days and lines in plain Python.
    frames = random_tables(seed)
    result = extract(
        ClaimsTables.from_frames(**frames),
        Population(insurers=["A"]),
        Spending(exclude=["mental health"], product_groups_exclude=["L04"]),
        periods=PERIODS,
    )
    cents, days = by_hand(frames, insurers={"A"}, left_out={"mental health"}, prefix="L04")
    frame = result.panel.to_frame()
    frame = frame[frame["insured_years"].notna()].set_index(["unit", "period"])
    assert {key: round(value * YEAR_DAYS) for key, value in frame["insured_years"].items()} == days
    money = (frame["spending"] * frame["insured_years"] * 100).round().astype(int)
    assert {key: value for key, value in money.items() if value} == {
        key: value for key, value in cents.items() if value
    }
    first, last = adds_up(result.attrition)
    assert first["lines"] == len(frames["claims"])
    assert first["cents"] == round(frames["claims"]["amount"] * 100).sum()
    assert last["cents"] == sum(cents.values())
    assert last["insured_days"] == sum(days.values())


populations = st.one_of(
    st.builds(
        Population,
        kind=st.just("closed"),
        baseline=st.sampled_from([("2018Q2", "2018Q3"), ("2018Q2",), ("2019Q1",)]),
        after_leaving=st.sampled_from(["keep", "drop"]),
        insurers=st.sampled_from([None, ("A",)]),
        practices=st.sampled_from([None, ("p1", "p2")]),
        ages=st.sampled_from([None, (0, 120), (18, 64)]),
        units=st.sampled_from([{}, {"p1": "group", "p2": "group"}]),
        last_year_of_life=st.booleans(),
        minimum_enrolment=st.sampled_from([None, 0.5]),
        start=st.just("2019Q2"),
    ),
    st.builds(
        Population,
        insurers=st.sampled_from([None, ("A",)]),
        practices=st.sampled_from([None, ("p1", "p2")]),
        ages=st.sampled_from([None, (0, 120), (18, 64), (64, 64)]),
        ses=st.sampled_from([None, ("low", "middle")]),
        regions=st.sampled_from([None, ("north", "south")]),
        last_year_of_life=st.booleans(),
    ),
)
definitions = st.builds(
    Spending,
    include=st.sampled_from([None, ("hospital", "pharmacy")]),
    exclude=st.sampled_from([(), ("mental health",)]),
    own_costs=st.sampled_from([(), ("fee",)]),
    product_groups_exclude=st.sampled_from([(), ("L04", "A")]),
    unknown=st.sampled_from(["exclude", "include"]),
    truncation=st.sampled_from([None, Truncation(amount=150.0), Truncation(percentile=0.9)]),
    run_out=st.sampled_from([None, RunOut(extracted=dt.date(2020, 6, 30), months=3)]),
    duplicates=st.sampled_from(["keep", "count", "drop"]),
    reference_tariffs=st.sampled_from([None, pd.DataFrame({"category": ["hospital"], "tariff": [10.005]})]),
)


@settings(
    max_examples=3,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),  # no shrinking: an example takes a second
)
@given(seed=st.integers(0, 10**6), population=populations, definition=definitions)
def test_everything_in_is_counted_or_excluded_to_the_cent(random_tables, seed, population, definition):
    frames = random_tables(seed)
    try:
        result = extract(ClaimsTables.from_frames(**frames), population, definition, periods=PERIODS)
    except ClaimsError as error:
        assert any(text in str(error) for text in ("No claim line is counted", "percentile", "Nobody is counted"))  # noqa: PT017
        return
    first, last = adds_up(result.attrition)
    assert first["lines"] == len(frames["claims"])
    assert first["cents"] == round(frames["claims"]["amount"] * 100).sum()
    panel = result.panel
    years = np.nan_to_num(panel.insured_years)
    assert (np.nan_to_num(panel.spending) * years).sum() * 100 == pytest.approx(last["cents"], abs=1e-4)
    assert years.sum() * YEAR_DAYS == pytest.approx(last["insured_days"])
    # The cohort holds the same persons, days and cents, and gives the same panel.
    for truncated in (False, True)[: 1 + (result.truncated is not None)]:
        cohort = result.cohort(truncated=truncated)
        again, ours = cohort.to_panel(), result.truncated if truncated else panel
        assert again.units == ours.units
        assert np.allclose(again.spending, ours.spending, equal_nan=True)
        assert np.allclose(again.insured_years, ours.insured_years, equal_nan=True)
        both = np.isfinite(again.sampling_variance) & np.isfinite(ours.sampling_variance)
        assert np.allclose(again.sampling_variance[both], ours.sampling_variance[both])
        assert set(again.covariates) == set(ours.covariates) or len(again.covariates) <= len(ours.covariates)
        assert np.allclose(again.covariates["age"], ours.covariates["age"], equal_nan=True)
    assert len(pd.unique(cohort.person)) == last["persons"]
    if result.truncated is not None:
        cut = np.nansum((panel.spending - result.truncated.spending) * panel.insured_years)
        assert cut == pytest.approx(result.truncation["cut"].sum(), abs=0.01)
        assert cut >= -1e-6
    expected = {"last year of life left out"} if not population.last_year_of_life else set()
    assert expected <= set(result.sensitivity)


def one_person(**claim):
    day = dt.date
    return {
        "insured": pd.DataFrame(
            {"person": [1, 2], "birth_year": [1950, 1990], "sex": ["V", "M"], "region": ["n", "s"]}
        ),
        "enrolment": pd.DataFrame(
            {
                "person": [1, 1, 2],
                "insurer": ["A", "A", "A"],
                "practice": ["p", "q", "q"],
                "start": [day(2018, 1, 1), day(2018, 7, 1), day(2018, 1, 1)],
                "end": [day(2018, 6, 30), None, None],
            }
        ),
        "claims": pd.DataFrame(
            {
                "person": [1, 1, 2],
                "date": [day(2018, 2, 1), day(2018, 8, 1), day(2018, 8, 1)],
                "category": ["hospital", "hospital", "gp"],
                "amount": [100.0, 900.0, 50.0],
                **claim,
            }
        ),
    }


@pytest.fixture(scope="module")
def one_person_tables():
    return ClaimsTables.from_frames(**one_person())


def test_closed_population_follows_the_person_and_open_the_practice(one_person_tables):
    tables = one_person_tables
    periods = span("2018Q1", "2018Q4")
    closed = extract(tables, Population(kind="closed", baseline=["2018Q1"]), periods=periods).panel
    opened = extract(tables, Population(), periods=periods).panel
    assert np.allclose(closed.spending[closed.rows(["p"])[0]], [100 * 365 / 90, 0, 900 * 365 / 92, 0])
    assert np.isnan(opened.spending[opened.rows(["p"])[0], 2])
    assert opened.spending[opened.rows(["q"])[0], 2] == pytest.approx(950 / (2 * 92 / 365))
    ages = (65, 120)  # person 1, whose age is that of 2018, stays
    population = Population(kind="closed", baseline=["2018Q1"], after_leaving="drop", ages=ages)
    left = extract(tables, population, periods=periods)
    assert left.cohort().covariates["age"].tolist() == [68.0]
    assert "50%" in Population(minimum_enrolment=0.5, start="2018Q3").sensitivity[0]
    assert left.sensitivity
    assert "SENSITIVITY" in repr(left)
    assert np.isnan(left.panel.spending[left.panel.rows(["p"])[0], 2])


def test_truncation_prorates_and_cuts_in_proportion(one_person_tables):
    # By hand: person 2 is insured all year, cap 400: nothing cut; person 1 has 1,000 in the year, 400 kept: 40 + 360.
    result = extract(
        one_person_tables, None, Spending(truncation=Truncation(amount=400)), periods=span("2018Q1", "2018Q4")
    )
    cohort = result.cohort(truncated=True)
    assert cohort.spending[cohort.person == 1].sum(axis=0).tolist() == [40, 0, 360, 0]
    assert result.truncation["cut"].tolist() == [600.0]
    assert result.truncation["share_cut"].tolist() == pytest.approx([600 / 1050])
    assert result.panel.spending[0, 0] > result.truncated.spending[0, 0]
    assert result.share_cut.loc["p", "2018Q1"] == pytest.approx(0.6)


def test_percentile_is_that_of_everybody_not_of_the_population():
    # Ten persons insured all year with 10, 20, ..., 100: the weighted 0.8 percentile is 80, also for practice p alone.
    n = 10
    frames = {
        "insured": pd.DataFrame({"person": range(n), "birth_year": [1980] * n, "sex": ["M"] * n}),
        "enrolment": pd.DataFrame(
            {
                "person": range(n),
                "insurer": ["A"] * n,
                "practice": ["p"] * 2 + ["q"] * 8,
                "start": [dt.date(2018, 1, 1)] * n,
                "end": [dt.date(2018, 12, 31)] * n,
            }
        ),
        "claims": pd.DataFrame(
            {
                "person": range(n),
                "date": [dt.date(2018, 5, 5)] * n,
                "category": ["x"] * n,
                "amount": [100.0, 90.0, *range(10, 90, 10)],
            }
        ),
    }
    definition = Spending(truncation=Truncation(percentile=0.8))
    result = extract(ClaimsTables.from_frames(**frames), Population(practices=["p"]), definition, periods=[2018])
    assert result.truncation["cap"].tolist() == [80.0]
    assert result.truncation["share_above"].tolist() == pytest.approx([0.2])
    assert result.truncated.spending.tolist() == [[80.0]]
    assert result.panel.spending.tolist() == [[95.0]]


def test_own_costs_are_a_line_of_their_own_and_programmes_are_named():
    frames = one_person(category=["hospital", "fee", "gp"])
    frames["programmes"] = pd.DataFrame({"unit": ["n"], "start": [dt.date(2018, 5, 1)], "end": [None]})
    result = extract(
        ClaimsTables.from_frames(**frames), None, Spending(own_costs=["fee"]), periods=span("2018Q1", "2018Q4")
    )
    behind = {"claimants": 1, "largest": 1.0}
    row = {"unit": "q", "period": "2018Q3", "lines": 1, "spending": 900.0, **behind}
    assert result.own_costs.to_dict("records") == [row]
    assert {**behind, "step": "kept apart"}.items() <= result.attrition.iloc[-2].to_dict().items()
    assert result.under_contract == ("p",)  # most of p's insured days are of region n
    assert result.design("q", ["2018Q1"], ["2018Q4"]).under_contract == ("p",)
    assert "kept apart" in set(result.attrition["step"])


def test_repricing_shows_volume_without_price():
    frames = one_person(volume=[2.0, 3.0, 1.0])
    tariffs = pd.DataFrame({"category": ["hospital"], "tariff": [10.0]})
    result = extract(
        ClaimsTables.from_frames(**frames), None, Spending(reference_tariffs=tariffs), periods=span("2018Q1", "2018Q4")
    )
    assert result.attrition.iloc[-1]["euros"] == 20 + 30 + 50
    assert result.noticed["repriced lines"] == 2
    row = result.attrition[result.attrition["reason"].str.startswith("repriced")].iloc[0]
    assert row["euros"] == 950.0


def test_sums_survive_the_currency_of_floats():
    # 0.1 + 0.2 + ...: per line to the cent, so a million lines of 0.07 are exactly 70,000.00.
    n = 100_000
    frames = one_person()
    frames["claims"] = pd.DataFrame(
        {"person": 1, "date": dt.date(2018, 2, 1), "category": "gp", "amount": np.full(n, 0.07)}
    )
    result = extract(ClaimsTables.from_frames(**frames), None, Spending(duplicates="keep"), periods=[2018])
    assert result.attrition.iloc[-1]["cents"] == 7 * n


def four_persons():
    """Persons 1 to 4, insured all of 2018 and 2019 (4 until their death), EUR 100 a quarter each."""
    quarters = [dt.date(year, month, 15) for year in (2018, 2019) for month in (2, 5, 8, 11)]
    return {
        "insured": pd.DataFrame(
            {
                "person": [1, 2, 3, 4],
                "birth_year": [1950, 1960, 1990, 1940],
                "sex": ["V", "M", "V", "M"],
                "ses": ["low", "high", "low", None],
                "region": ["north", "north", "south", "south"],
            }
        ),
        "enrolment": pd.DataFrame(
            {
                "person": [1, 2, 3, 3, 4],
                "insurer": ["A", "B", "A", "B", "A"],
                "practice": ["p", "p", "q", "q", "q"],
                # Person 3 changes insurer on 1 January 2019.
                "start": [dt.date(2018, 1, 1)] * 3 + [dt.date(2019, 1, 1), dt.date(2018, 1, 1)],
                "end": [None, None, dt.date(2018, 12, 31), None, None],
            }
        ),
        "deaths": pd.DataFrame({"person": [4], "date": [dt.date(2019, 6, 30)]}),
        "claims": pd.DataFrame(
            {
                "person": np.repeat([1, 2, 3, 4], 8),
                "date": quarters * 4,
                "category": "gp",
                "amount": 100.0,
            }
        ),
    }


@pytest.fixture(scope="module")
def four_persons_tables():
    return ClaimsTables.from_frames(**four_persons())


@pytest.mark.parametrize(
    ("population", "persons", "days", "euros"),
    [
        # By hand: 730 days and EUR 800 a person; person 4 has 365 + 181 days and EUR 600 before death.
        (Population(), 4, 3 * 730 + 546, 3000),
        (Population(ses=["low"]), 2, 2 * 730, 1600),
        (Population(ses=["low", "high"]), 3, 3 * 730, 2400),
        (Population(regions=["south"]), 2, 730 + 546, 1400),
        (Population(practices=["p"]), 2, 2 * 730, 1600),
        (Population(insurers=["A"]), 3, 730 + 365 + 546, 800 + 400 + 600),  # person 3 until the switch
        (Population(ages=(58, 59)), 1, 730, 800),  # person 2 turns 58 and 59
        (Population(ages=(69, 78)), 2, 365 + 365, 400 + 400),  # 1 in 2019 (69), 4 in 2018 (78)
        (Population(last_year_of_life=False), 4, 3 * 730 + 546 - 365, 2400 + 200),  # until 30 June 2018
        (Population(minimum_enrolment=0.6, start=2019), 3, 3 * 730, 2400),  # 181 of 365 days are 50%
        (Population(minimum_enrolment=0.4, start=2019), 4, 3 * 730 + 546, 3000),
        (Population(kind="closed", baseline=[2018], practices=["q"]), 2, 730 + 546, 1400),
        (Population(kind="closed", baseline=[2018], insurers=["A"]), 3, 730 + 365 + 546, 1800),
    ],
)
def test_each_population_counts_whom_it_says(four_persons_tables, population, persons, days, euros):
    calendar = Calendar.of([2018, 2019])
    with closing(Scratch(four_persons_tables.connection)) as scratch:
        pieces, _ = enrolment_pieces(four_persons_tables, population, calendar, scratch)
        insured = insured_days(pieces, calendar).to_pandas()
        lines = count_lines(four_persons_tables, Spending(), pieces, calendar, scratch, reference=False).to_pandas()
    cents = lines.loc[lines["code"] == 0, "cents"].sum()
    assert (insured["person"].nunique(), insured["days"].sum(), cents / 100) == (persons, days, euros)
    assert bool(population.sensitivity) == (
        not population.last_year_of_life or population.minimum_enrolment is not None
    )


def test_part_years_are_prorated(four_persons_tables):
    # Person 4 of practice q: EUR 200 in 181 days of 2019; person 3: EUR 400 in 365.
    result = extract(four_persons_tables, periods=[2018, 2019])
    panel = result.panel
    row = panel.rows(["q"])[0]
    assert panel.insured_years[row].tolist() == [2.0, 1 + 181 / 365]
    assert panel.spending[row, 1] == pytest.approx(600 / (1 + 181 / 365))


def test_variance_and_correlation_against_pandas(random_tables):
    # Authority: the formulas of Cohort.to_panel and Cohort.correlation written out on the long frame with pandas.
    result = extract(ClaimsTables.from_frames(**random_tables(5, n_persons=60, n_claims=1500)), periods=PERIODS)
    cohort = result.cohort()
    frame = cohort.to_frame()
    frame = frame[frame["insured_years"] > 0]
    for (unit, period), cell in frame.groupby(["unit", "period"]):
        y, w, m = cell["spending"], cell["insured_years"], len(cell)
        mean = y.sum() / w.sum()
        variance = m / (m - 1) * ((y - mean * w) ** 2).sum() / w.sum() ** 2
        at = result.panel.rows([unit])[0], result.panel.columns([period])[0]
        assert result.panel.spending[at] == pytest.approx(mean)
        assert result.panel.sampling_variance[at] == pytest.approx(variance)
        assert cohort.sampling_covariance(unit)[at[1], at[1]] == pytest.approx(variance)
    sums = frame.groupby(["unit", "period"])[["spending", "insured_years"]].transform("sum")
    frame = frame.assign(e=frame["spending"] - sums["spending"] / sums["insured_years"] * frame["insured_years"])
    wide = frame.pivot_table(index=["person", "unit"], columns="period", values="e")
    first, second = PERIODS[1], PERIODS[4]
    both = wide[[first, second]].dropna()  # the same persons in both periods
    assert len(both) > 10
    expected = (both[first] * both[second]).sum() / np.sqrt((both[first] ** 2).sum() * (both[second] ** 2).sum())
    assert cohort.correlation().loc[first, second] == pytest.approx(expected)
