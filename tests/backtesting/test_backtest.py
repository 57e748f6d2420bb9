"""backtest: what it fits, that the numbers do not depend on how it is run, and what becomes of failures."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator

from ssinfer.backtesting.backtest import backtest
from ssinfer.backtesting.task import fit_each
from ssinfer.benchmarks.administrative.method import AdministrativeBenchmark
from ssinfer.comparison import SimilarSize
from ssinfer.counterfactual import Counterfactual
from ssinfer.design import Design
from ssinfer.errors import DataError, DesignError, ParameterError, RefusalError, SsinferError
from ssinfer.streams import stream_of

pytestmark = pytest.mark.usefixtures("few_replicates")  # no standard error is judged
DESIGN = Design(treated=["u000"], baseline=[2014, 2015, 2016], performance=[2017])
METHOD = AdministrativeBenchmark(n_draws=800, chains=2)


@pytest.fixture(scope="module")
def panel(null_panel):
    return null_panel(30, 7, seed=1)  # 2012 to 2018


@pytest.fixture(scope="module")
def result(panel):
    return backtest(panel, DESIGN, METHOD, n_jobs=1)


def test_every_placebo_in_every_window_and_the_case_before_its_contract(result):
    rows = result.placebos
    assert rows[rows["role"] == "placebo"].groupby("origin")["unit"].nunique().to_dict() == dict.fromkeys(
        range(2015, 2019), 29
    )
    # the case's own windows end before 2017: its savings there are zero, later they are not known to be
    assert rows[rows["role"] == "case"]["origin"].tolist() == [2015, 2016]
    assert (rows["status"] == "ok").all()


def test_a_row_is_the_fit_of_that_unit_in_that_window(panel, result):
    row = result.placebos.query("unit == 'u022' and origin == 2016").iloc[0]
    design = Design(treated=["u022"], baseline=[2013, 2014, 2015], performance=[2016])
    cf = METHOD.fit(panel, design, seed=stream_of(1, "design", "AdministrativeBenchmark", 2016, "u022"))
    assert row["benchmark"] == pytest.approx(cf.level, rel=1e-12)
    assert row["spending"] == panel.spending[22, 4]
    assert row["savings_rate"] == pytest.approx(cf.savings().pooled().measured_rate.item())
    assert row["standard_error"] == pytest.approx(cf.null_error().std(ddof=1) / cf.level)
    assert row["threshold_confidence_95_two-sided"] == pytest.approx(np.quantile(cf.null_error(), 0.975) / cf.level)


def test_after_its_start_the_case_is_no_units_donor(panel):
    seen = {}

    class Spy(AdministrativeBenchmark):
        def prepare(self, data, design):
            problem = super().prepare(data, design)
            seen[design.performance[0], design.treated[0]] = set(problem.labels(problem.donors))
            return problem

    backtest(panel, DESIGN, {"spy": Spy(n_draws=2, chains=1)}, placebos=["u001", "u002"], n_jobs=1, levels=[0.95])
    assert "u000" in seen[2016, "u001"]
    assert "u000" not in seen[2017, "u001"]
    assert "u000" not in seen[2018, "u001"]
    assert all(unit not in donors for (_, unit), donors in seen.items())


def test_results_do_not_depend_on_the_number_of_jobs(panel):
    few = {"placebos": ["u001", "u022", "u007"], "origins": [2015, 2016], "levels": [0.95]}
    alone, shared = (backtest(panel, DESIGN, METHOD, n_jobs=n_jobs, **few) for n_jobs in (1, 2))
    for name in ("placebos", "scores", "thresholds", "detection"):
        first, second = (getattr(run, name) for run in (alone, shared))
        pd.testing.assert_frame_equal(first, second)
    np.testing.assert_array_equal(alone.errors, shared.errors)


def test_order_of_units_donors_placebos_methods_and_designs_changes_no_number(panel):
    """Fault R29: a backtest's numbers depend on labels, not on places in lists."""
    placebos, donors = ["u001", "u022", "u007"], list(panel.units[1:])
    methods = {"one": METHOD, "two": AdministrativeBenchmark(n_draws=400, chains=2)}
    designs = {"all": DESIGN, "listed": DESIGN.replace(donors=donors)}
    turned = {"listed": DESIGN.replace(donors=donors[::-1]), "all": DESIGN}
    fewer = {"origins": [2015, 2016], "levels": [0.95], "n_jobs": 1}
    plain = backtest(panel, designs, methods, placebos, **fewer)
    other = backtest(panel.select(panel.units[::-1]), turned, dict(reversed(methods.items())), placebos[::-1], **fewer)
    for name in ("placebos", "scores", "thresholds", "detection"):
        first, second = (getattr(run, name) for run in (plain, other))
        keys = [column for column in first.columns if first[column].dtype.kind not in "fb"] + ["level"] * (
            "level" in first.columns
        )
        first, second = (rows.sort_values(keys, ignore_index=True) for rows in (first, second))
        pd.testing.assert_frame_equal(first, second, check_exact=True)


def test_a_unit_has_the_same_numbers_whoever_else_is_a_placebo(panel, result):
    few = backtest(panel, DESIGN, METHOD, placebos=["u022", "u007"], n_jobs=1).placebos
    alone, together = (rows.set_index(["unit", "origin"])["savings_rate"] for rows in (few, result.placebos))
    for unit in ("u022", "u007"):
        assert alone[unit, 2016] == together[unit, 2016]


def test_another_seed_gives_other_draws_of_the_same_point(panel, result):
    other = backtest(panel, DESIGN, METHOD, n_jobs=1, seed=2, origins=[2016], levels=[0.95]).placebos
    first = result.placebos.query("origin == 2016")
    assert (other["benchmark"].to_numpy() != first["benchmark"].to_numpy()).all()
    assert np.corrcoef(other["savings_rate"], first["savings_rate"])[0, 1] > 0.98


@pytest.mark.parametrize("saving", [0.02, -0.03])
def test_injection_end_to_end_equals_the_arithmetic(panel, saving):
    # the measured saving moves by exactly s Y(0), because no draw sees that spending
    spending = panel.spending.copy()
    spending[DESIGN.treated_rows(panel), 5] *= 1 - saving
    lower = dataclasses.replace(panel, spending=spending)
    plain, with_saving = (METHOD.fit(data, DESIGN, seed=1) for data in (panel, lower))
    moved = with_saving.savings().pooled().measured.item() - plain.savings().pooled().measured.item()
    assert moved == pytest.approx(saving * panel.spending[0, 5], rel=1e-10)
    np.testing.assert_array_equal(plain.benchmark, with_saving.benchmark)


def test_a_saving_on_all_spending_is_a_smaller_one_of_truncated_spending(panel):
    given = {"n_jobs": 1, "levels": [0.9], "origins": [2016]}
    plain = backtest(panel, DESIGN, METHOD, injected=[0.0, 0.04], **given).thresholds
    truncated = backtest(panel, DESIGN, METHOD, injected=[0.0, 0.05], elasticity={"design": 0.8}, **given)
    found = truncated.thresholds
    np.testing.assert_array_equal(found["threshold"], plain["threshold"])
    np.testing.assert_allclose(found["threshold_true"], plain["threshold"] / 0.8)
    for name in ("detection_rate", "expected_underpayment"):
        np.testing.assert_allclose(found[f"{name}_5"], plain[f"{name}_4"], err_msg="5% of all are 4% of truncated")
    assert (found["detection_rate_5"] < plain["detection_rate_5"]).any(), "without it, detection is overstated"
    assert (truncated.placebos["elasticity"] == 0.8).all()
    for wrong, sentence in (({"d": 0.8}, "Allowed: 'design'"), (-1, "elasticity of 'design' is -1")):
        with pytest.raises(SsinferError, match=sentence):
            backtest(panel, DESIGN, METHOD, elasticity=wrong, **given)


def test_refused_placebos_are_rows_with_their_reason(panel):
    spending = panel.spending.copy()
    spending[5, 2] = np.nan  # u005 lacks a baseline year of the origins 2015 to 2017 and its own performance of 2014
    holed = dataclasses.replace(panel, spending=spending)
    placebos = [f"u{number:03d}" for number in range(1, 12)]
    outcome = backtest(holed, DESIGN.replace(incomplete="drop"), METHOD, placebos, n_jobs=1, levels=[0.95])
    rows = outcome.placebos
    refused = rows[rows["status"] == "refused"]
    assert set(refused["unit"]) == {"u005"}
    assert refused["origin"].tolist() == [2015, 2016, 2017]
    assert refused["reason"].str.contains("Shorten the baseline or mask the period").all()
    assert refused["savings_rate"].isna().all()
    assert (outcome.scores["n_refused"] == 3).all()


class Stranger(BaseEstimator):
    """A provider that knows nothing of ssinfer but `fit`, and fails for one unit in an unforeseen way."""

    needs = "panel"

    def fit(self, data, design, *, seed=None):
        if design.treated == ("u003",):
            raise ZeroDivisionError("cannot divide by the moon")
        if design.treated == ("u004",):
            return "no counterfactual"
        panel_row = data.rows(design.treated)[0]
        last = data.spending[panel_row, data.columns(design.baseline)[-1]]
        draws = last * (1 + 0.02 * np.random.default_rng(seed).standard_normal(50))
        labels = {"unit": list(design.treated), "period": list(design.performance)}
        cf = Counterfactual.from_draws(draws, "sampling", insured_years=np.nan)  # spending and sizes are filled in
        parts = {name: getattr(cf, name).assign_coords(labels) for name in ("benchmark", "spending", "insured_years")}
        return dataclasses.replace(cf, design=design, **parts)


class StrangerInBulk(Stranger):
    """The same, with a `fit_many` that gives up altogether when one of them fails."""

    def fit_many(self, data, designs, seeds):
        return [self.fit(data, design, seed=seed) for design, seed in zip(designs, seeds, strict=True)]


@pytest.mark.parametrize("method", [Stranger(), StrangerInBulk()])
def test_a_strangers_failure_is_a_row_and_the_rest_goes_on(panel, method):
    rows = backtest(panel, DESIGN, {"stranger": method}, origins=[2016], n_jobs=1).placebos.set_index("unit")
    assert rows.loc["u003", "status"] == "failed"
    assert (
        rows.loc["u003", "reason"]
        == f"PluginError: {type(method).__name__} failed: ZeroDivisionError: cannot divide by the moon"
    )
    assert rows.loc["u004", "status"] == "failed"
    assert (rows.drop(["u003", "u004"])["status"] == "ok").all()


def test_a_refusal_of_every_fit_is_a_table_not_a_crash(panel):
    class Refuses(Stranger):
        def fit(self, data, design, *, seed=None):
            del data, design, seed
            raise RefusalError("never")

    outcome = backtest(panel, DESIGN, {"refuses": Refuses()}, origins=[2016], n_jobs=1)
    assert (outcome.placebos["status"] == "refused").all()
    assert outcome.scores["n_refused"].tolist() == [29]
    assert "kind" in outcome.thresholds.columns  # Fault R45: nothing left to summarise ended in KeyError: 'kind'
    assert outcome.thresholds.empty
    assert outcome.detection.empty
    assert outcome.ranking().empty
    assert not len(outcome.thresholds)


def test_fit_each_keeps_the_order(panel):
    designs = [DESIGN.replace(treated=[unit]) for unit in ("u003", "u001", "nobody")]
    outcome = fit_each(METHOD, panel, designs, [1, 2, 3])
    assert outcome[1].design.treated == ("u001",)
    assert isinstance(outcome[2], SsinferError)


@pytest.mark.parametrize(
    ("arguments", "error", "cure"),
    [
        ({"placebos": ["u000"]}, DesignError, "their true saving is not zero"),
        ({"placebos": ["u0022"]}, DesignError, "Did you mean"),
        ({"placebos": SimilarSize(ratio=1.0000001)}, DesignError, "Widen the rule"),
        ({"origins": [2030]}, DesignError, "Origins that fit"),
        ({"levels": [95]}, ParameterError, "as a fraction: 0.95"),
        ({"injected": (0.0, 2.0)}, ParameterError, "of at least 0 and less than 1"),
        ({"share": 50}, ParameterError, "a number more than 0 and at most 1"),
        ({"methods": []}, DesignError, "No method was given"),
        ({"methods": [METHOD, METHOD]}, DesignError, "Pass a mapping of your own names"),
        ({"methods": {"nothing": object()}}, DesignError, "lacks what a method needs"),
        ({"designs": "VLISSINGEN"}, ParameterError, "designs is .VLISSINGEN.; allowed: a Design"),
    ],
)
def test_each_mistake_is_told_its_cure(panel, arguments, error, cure):
    call = {"designs": DESIGN, "methods": METHOD, "n_jobs": 1, **arguments}
    with pytest.raises(error, match=cure):
        backtest(panel, **call)


def test_progress_counts_every_fit(panel):
    seen = []
    backtest(panel, DESIGN, METHOD, origins=[2015], n_jobs=1, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (30, 30)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_several_designs_and_methods_have_rows_and_scores_of_their_own(panel):
    designs = {"equal": DESIGN, "gap": DESIGN.replace(baseline=[2013, 2014, 2015])}
    methods = {"equal": METHOD, "last": AdministrativeBenchmark(year_weights="last", n_draws=400)}
    outcome = backtest(panel, designs, methods, n_jobs=1, injected=(0.0, 0.05), levels=[0.95])
    assert len(outcome.scores) == 4
    assert set(zip(outcome.scores["design"], outcome.scores["method"], strict=True)) == {
        (design, method) for design in designs for method in methods
    }
    origins = outcome.placebos.groupby("design")["origin"].unique()
    assert origins["equal"].tolist() == [2015, 2016, 2017, 2018]
    assert origins["gap"].tolist() == [2016, 2017, 2018]
    assert len(outcome.ranking()) == 4


def test_refused_placebos_keep_their_size(panel):
    # a size class that loses its refusals would show a method that refuses nothing
    class RefusesOdd(AdministrativeBenchmark):
        def estimate(self, problem, rng, shared=None):
            if problem.treated[0] % 2:
                raise RefusalError("odd")
            return super().estimate(problem, rng, shared)

    edge = float(np.median(panel.insured_years))
    outcome = backtest(
        panel, DESIGN, {"m": RefusesOdd(n_draws=100, chains=2)}, n_jobs=1, origins=[2016], size_edges=[edge]
    )
    table = outcome.scores.set_index("size_class")["n_refused"]
    assert table["all"] == table.drop("all").sum() > 0
    row = outcome.placebos.query("unit == 'u001' and origin == 2016").iloc[0]
    assert row["assigned"] == panel.insured_years[1, 4]


def test_the_only_donor_cannot_be_its_own_placebo(panel):
    design = DESIGN.replace(donors=["u001"])
    outcome = backtest(panel, design, METHOD, placebos=["u001"], n_jobs=1).placebos.query("role == 'placebo'")
    assert set(outcome["status"]) == {"refused"}
    assert outcome["reason"].str.contains("donors is an empty list").all()


def test_panel_without_sizes_knows_no_persons(panel):
    quarters = [f"{year}Q{quarter}" for year in range(2014, 2021) for quarter in (1, 2, 3, 4)][:7]
    bare = dataclasses.replace(panel, insured_years=None, periods=tuple(quarters))
    design = Design(treated=["u000"], baseline=quarters[3:6], performance=quarters[6:])
    outcome = backtest(bare, design, METHOD, n_jobs=1)
    assert outcome.placebos["assigned"].isna().all()
    assert "schedule" not in set(outcome.thresholds["kind"])


def test_no_process_at_all(panel):
    with pytest.raises(ParameterError, match="n_jobs is 0"):
        backtest(panel, DESIGN, METHOD, n_jobs=0)


@pytest.mark.parametrize(
    ("arguments", "cure"),
    [
        ({"pairs": [("design", "Administrative")]}, "Did you mean 'AdministrativeBenchmark'"),
        ({"origins": {"dsign": [2016]}}, "Did you mean 'design'"),
    ],
)
def test_names_that_do_not_exist(panel, arguments, cure):
    with pytest.raises(DesignError, match=cure):
        backtest(panel, DESIGN, METHOD, n_jobs=1, **arguments)


def test_data_that_is_a_frame(panel):
    with pytest.raises(DataError, match=r"Panel.from_frame"):
        backtest(panel.to_frame(), DESIGN, METHOD, n_jobs=1)


def test_a_strangers_refusal_of_one_design_does_not_end_the_backtest(panel):
    class Stranger(BaseEstimator):
        needs = "panel"

        def fit(self, data, design, *, seed=None):
            if design.treated == ("u003",):
                raise RefusalError("not this one")
            return METHOD.fit(data, design, seed=seed)

        def fit_many(self, data, designs, seeds):
            return [self.fit(data, design, seed=seed) for design, seed in zip(designs, seeds, strict=True)]

    outcome = backtest(panel, DESIGN, Stranger(), n_jobs=1, origins=[2016]).placebos
    assert outcome.loc[outcome["status"] == "refused", "unit"].tolist() == ["u003"]
