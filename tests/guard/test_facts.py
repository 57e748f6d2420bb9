"""What a method of another package may see, and which results are refused; every refusal names the method."""

import dataclasses

import numpy as np
import pytest
import zoo

import ssinfer as ss
from ssinfer.benchmarks.stacking import StackedBenchmark
from ssinfer.errors import DrawsError, PluginError, RefusalError
from ssinfer.guard.facts import visible, with_facts
from ssinfer.guard.method import GuardedMethod, guarded
from ssinfer.simulation import simulate_cohort

DESIGN = ss.Design(treated=["u000", "u001"], baseline=[2012, 2013], performance=[2014, 2015], under_contract=["u002"])


@pytest.fixture(scope="module")
def panel(null_panel):
    plain = null_panel(14, 6)  # 2012 to 2017
    return dataclasses.replace(plain, sampling_variance=0.01 * plain.spending)


def hidden(panel, design, information="settlement"):
    """Units and periods that are missing in what the method sees, and its last period."""
    seen = visible(panel, design, information)
    missing = np.argwhere(np.isnan(seen.spending))
    assert np.array_equal(np.isnan(seen.sampling_variance), np.isnan(seen.spending))
    return {(seen.units[row], seen.periods[column]) for row, column in missing}, seen.periods[-1]


def cells(units, periods):
    return {(unit, period) for unit in units for period in periods}


def test_treated_units_and_units_under_contract_are_hidden_and_later_periods_absent(panel):
    """Fault R3: the window and what comes after it cannot be read."""
    assert hidden(panel, DESIGN) == (cells(["u000", "u001", "u002"], [2014, 2015]), 2015)


def test_a_unit_with_a_later_start_is_hidden_from_its_own_start_on(panel):
    wanted = cells(["u000", "u002"], [2014, 2015]) | {("u001", 2015)}
    assert hidden(panel, DESIGN.replace(starts={"u001": 2015})) == (wanted, 2015)


def test_at_signing_the_performance_periods_of_all_units_are_hidden(panel):
    assert hidden(panel, DESIGN, "signing") == (cells(panel.units, [2014, 2015]), 2015)


def test_persons_of_treated_units_are_hidden():
    cohort = simulate_cohort(seed=1)
    unit, *years = cohort.units[0], *cohort.periods
    design = ss.Design(treated=[unit], baseline=years[:-2], performance=[years[-2]])
    seen = visible(cohort, design, "settlement")
    assert seen.periods == tuple(years[:-1])
    insured = seen.insured_years[:, -1] > 0
    np.testing.assert_array_equal(np.isnan(seen.spending[:, -1]), insured & (seen.unit == unit))
    assert not np.isnan(seen.spending[:, :-1]).any()


def test_nobody_makes_the_data_writable(panel):
    """Fault R2: setting the flag back is refused by NumPy, for panels and cohorts."""
    for data in (panel, simulate_cohort(seed=1)):
        for values in (data.spending, data.insured_years, data.spending[:1]):
            with pytest.raises(ValueError, match="WRITEABLE"):
                values.flags.writeable = True


@pytest.fixture(scope="module")
def result(panel):
    return zoo.Honest().fit(panel, DESIGN, seed=1)


def test_facts_are_filled_in_and_labels_are_ours(panel, result):
    own = ss.SyntheticControl().fit(panel, DESIGN, seed=1)
    empty = {name: np.nan * getattr(result, name) for name in ("spending", "insured_years")}
    cf = with_facts(dataclasses.replace(result, **empty), "Honest", panel, DESIGN)
    for name in ("spending", "insured_years"):
        assert getattr(cf, name).identical(getattr(own, name)), name
    assert cf.assigned == own.assigned
    np.testing.assert_array_equal(cf.benchmark.values, result.benchmark.values)


def test_masked_periods_and_unknown_sizes(panel):
    spending = panel.spending.copy()
    spending[0, 3] = np.nan
    bare = dataclasses.replace(panel, spending=spending, insured_years=None, sampling_variance=None)
    for design in (DESIGN.replace(masked=[2014, 2030]), DESIGN.replace(starts={"u001": 2015})):
        own = ss.SyntheticControl().fit(bare, design, seed=1)
        cf = with_facts(own, "Other", bare, design)
        assert cf.spending.identical(own.spending)
        assert cf.insured_years.identical(own.insured_years)


def test_fitted_values_of_the_baseline(panel, result):
    """What a method leaves out is NaN; spending in the baseline is the study's."""
    own = ss.SyntheticControl().fit(panel, DESIGN, seed=1)
    cf = with_facts(result, "Honest", panel, DESIGN)
    assert cf.observed_baseline.equals(own.observed_baseline)
    assert cf.fitted.isnull().all()
    kept = with_facts(dataclasses.replace(result, fitted=own.fitted), "Honest", panel, DESIGN)
    assert kept.fitted.identical(own.fitted)


LIES = {
    "baseline": (
        lambda cf: {"observed_baseline": cf.spending.assign_coords(period=[2012, 2013])},
        r"gave observed_baseline .* of 'u000' in 2012; the study has",
    ),
    "fitted": (lambda cf: {"fitted": cf.spending}, r"gave fitted of periods \[2014, 2015\]; the study has \[2012"),
    "spending": (lambda cf: {"spending": 0.8 * cf.spending}, r"gave spending .* of 'u000' in 2014; the study has"),
    "sizes": (lambda cf: {"insured_years": 10 * cf.insured_years}, r"gave insured_years .* of 'u000' in 2014"),
    "design": (lambda cf: {"design": cf.design.replace(masked=[2013])}, "gave a result for another design"),
    "units": (lambda cf: {"benchmark": cf.benchmark.isel(unit=[1, 0])}, r"gave benchmark of units \['u001', 'u000'\]"),
    "periods": (
        lambda cf: {"spending": cf.spending.assign_coords(period=[2015, 2016])},
        r"gave spending of periods \[2015, 2016\]; the study has \[2014, 2015\]",
    ),
}


@pytest.mark.parametrize("lie", LIES)
def test_what_differs_from_the_study_is_refused(panel, result, lie):
    """Fault R1: spending, insured-years, units, periods and design are the study's."""
    change, words = LIES[lie]
    with pytest.raises(RefusalError, match=f"Liar {words}"):
        with_facts(dataclasses.replace(result, **change(result)), "Liar", panel, DESIGN)


def test_groups_of_facts_are_the_studys(panel, result):
    """Fault R1: a group of facts in the result of a method is left out; the study writes its own."""
    liar = dataclasses.replace(result, inference={"observed_data": (0.8 * result.spending).to_dataset(name="x")})
    cf = with_facts(liar, "Liar", panel, DESIGN)
    assert "observed_data" not in cf.inference
    assert "x" not in cf.to_datatree()["observed_data"]


def test_draws_must_be_what_they_claim(panel, result):
    equal = dataclasses.replace(result, benchmark=0 * result.benchmark + 1.0)
    with pytest.raises(DrawsError, match="Liar says uncertainty 'sampling'"):
        with_facts(equal, "Liar", panel, DESIGN)
    with pytest.raises(DrawsError, match="Liar says uncertainty 'none'"):
        with_facts(dataclasses.replace(result, uncertainty="none"), "Liar", panel, DESIGN)
    with pytest.raises(PluginError, match="returned a str"):
        with_facts("draws", "Liar", panel, DESIGN)


class Signing(zoo.Honest):
    """Claims to use nothing of the performance periods, and uses them where it can."""

    def fit(self, data, design, *, seed=None):
        seen = np.nan_to_num(data.spending[:, data.columns(design.performance)]).sum()
        full = dataclasses.replace(data, spending=np.nan_to_num(data.spending, nan=1000.0))
        cf = super().fit(full, design, seed=seed)
        empty = {name: np.nan * getattr(cf, name) for name in ("spending", "insured_years")}
        return dataclasses.replace(cf, benchmark=cf.benchmark + seen, information="signing", **empty)


def test_a_result_at_signing_saw_no_performance_period(panel):
    changed = dataclasses.replace(panel, spending=panel.spending * np.array([1, 1, 1.5, 1.5, 1, 1]))
    first, second = (guarded(Signing()).fit(data, DESIGN, seed=1) for data in (panel, changed))
    np.testing.assert_array_equal(first.benchmark.values, second.benchmark.values)


def test_own_methods_are_not_guarded_and_members_of_other_packages_are(panel):
    own = ss.AdministrativeBenchmark(n_draws=100, history=0)
    assert guarded(own) is own
    assert isinstance(guarded(zoo.Honest()), GuardedMethod)
    stacked = StackedBenchmark([own, zoo.ReadsSealedCells()], windows=1, placebos=6)
    with pytest.raises(DrawsError, match="ReadsSealedCells gave draws that are not finite"):
        stacked.fit(
            panel, DESIGN.replace(treated=["u000"], baseline=[2012, 2013, 2014, 2015], performance=[2016]), seed=1
        )
