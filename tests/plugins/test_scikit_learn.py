"""scikit-learn's habits: clone, ParameterGrid, and parameters searched by backtest; strangers' rows in a backtest."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import ParameterGrid

import ssinfer as ss
from ssinfer.plugins.discovery import providers

pytestmark = pytest.mark.usefixtures("few_replicates")


@pytest.mark.parametrize("provider", providers(), ids=lambda provider: provider.name)
def test_clone_keeps_parameters_and_only_stores(provider):
    method = provider.method()
    parameters = method.get_params()
    copy = clone(method)
    assert copy is not method
    assert repr(copy.get_params()) == repr(parameters)
    assert copy.set_params(**parameters) is copy
    assert repr(provider.method(**parameters)) == repr(method)


def test_a_search_over_parameters_scored_by_backtest(null_panel):
    # spending drifts apart between units, so that the last baseline year alone predicts best: the search must find it
    rng = np.random.default_rng(3)
    panel = null_panel(12, 8, shock=0.0, cv=0.1, seed=2)
    drift = np.exp(rng.normal(0, 0.05, (12, 1)) * np.arange(8))
    frame = panel.to_frame().drop(columns="sampling_variance")
    frame["spending"] *= drift.ravel()
    panel = ss.Panel.from_frame(frame)
    design = ss.Design(treated=["u000"], baseline=[2016, 2017, 2018], performance=[2019])
    grid = ParameterGrid({"year_weights": ["equal", "last", (10, 30, 60)], "n_draws": [200], "history": [0]})
    base = ss.AdministrativeBenchmark()
    candidates = {str(values["year_weights"]): clone(base).set_params(**values) for values in grid}
    search = ss.backtest(panel, design, candidates, origins=[2015, 2016, 2017], injected=[0.0], n_jobs=1)
    table = search.scores.set_index("method")["rmse"]
    assert table.idxmin() == "last"
    assert table["last"] < table["(10, 30, 60)"] < table["equal"]
    reported = ss.backtest(panel, design, {"last": candidates["last"]}, origins=[2018, 2019], injected=[0.0], n_jobs=1)
    assert set(reported.placebos["origin"]).isdisjoint(search.placebos["origin"])
    assert base.get_params() == ss.AdministrativeBenchmark().get_params()


@pytest.fixture
def case(null_panel):
    return null_panel(24, 6), ss.Design(treated=["u000"], baseline=[2014, 2015, 2016], performance=[2017])


def test_a_strangers_failures_are_rows_with_a_reason(case, growth_benchmark):
    class Fussy(growth_benchmark):
        def fit(self, data, design, *, seed=None):
            if design.treated[0] == "u003":
                raise ZeroDivisionError("no luck")
            if design.treated[0] == "u004":
                return "draws"
            return super().fit(data, design, seed=seed)

    result = ss.backtest(*case, {"fussy": Fussy(n_draws=50)}, injected=[0.0], n_jobs=1)
    rows = result.placebos.set_index("unit")
    assert set(rows.loc["u003", "status"]) == {"failed"}
    assert set(rows.loc["u003", "reason"]) == {"PluginError: Fussy failed: ZeroDivisionError: no luck"}
    assert set(rows.loc["u004", "reason"]) == {"PluginError: Fussy: fit returned a str, not a Counterfactual."}
    assert (rows.drop(["u003", "u004"])["status"] == "ok").all()
    assert result.scores["n_failed"].iloc[0] == 6


def test_a_failing_fit_many_takes_no_other_placebo_along(case):
    class Together(ss.AdministrativeBenchmark):
        def fit_many(self, data, designs, seeds):
            if any(design.treated[0] == "u005" for design in designs):
                raise np.linalg.LinAlgError("singular")
            return super().fit_many(data, designs, seeds)

        def fit(self, data, design, *, seed=None):
            if design.treated[0] == "u005":
                raise np.linalg.LinAlgError("singular")
            return super().fit(data, design, seed=seed)

    result = ss.backtest(*case, {"m": Together(n_draws=200, history=0)}, injected=[0.0], n_jobs=1)
    bad = result.placebos["unit"] == "u005"
    assert (result.placebos.loc[bad, "reason"] == "PluginError: Together failed: LinAlgError: singular").all()
    plain = ss.backtest(*case, {"m": ss.AdministrativeBenchmark(n_draws=200, history=0)}, injected=[0.0], n_jobs=1)
    same = result.placebos.loc[~bad, "benchmark"].to_numpy()
    np.testing.assert_allclose(same, plain.placebos.loc[~bad, "benchmark"], rtol=1e-12)


def test_numbers_of_draws_may_differ_between_placebos(case, growth_benchmark):
    class Uneven(growth_benchmark):
        def fit(self, data, design, *, seed=None):
            self.draws = 40 if design.treated[0] < "u010" else 60
            return super().fit(data, design, seed=seed)

    result = ss.backtest(*case, {"uneven": Uneven()}, injected=[0.0], n_jobs=1)
    assert (result.placebos["status"] == "ok").all()
    assert result.placebos["crps"].notna().all()
