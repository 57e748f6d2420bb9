"""Evidence of a study's case. Authorities: the fits, arithmetic on the written files, known distributions."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from pseudo import from_no_catalogue

import ssinfer as ss
from ssinfer.diagnostics.posterior import predictive_check, prior_contraction
from ssinfer.drawing import FIGURES, draw
from ssinfer.figures.predictive import predictive_frame
from ssinfer.figures.svg import svg_of
from ssinfer.report.analysis import analyse
from ssinfer.report.tables.contract_group import TABLES
from ssinfer.study import plan_study, run_study, write_study
from ssinfer.study.evidence import case_evidence, conformal_limit

STUDY = """
title = "Below all donors"
question = "Does the miss in the baseline pass for a saving?"
seed = 5
[data]
source = "panel"
file = "panel.csv"
[population]
treated = ["u00"]
[windows]
baseline = { first = 2010, last = 2015 }
performance = [2016]
masked = [2012]
origins = [2016]
[[comparison]]
name = "all"
[[method]]
method = "SyntheticControl"
name = "plain"
[[method]]
method = "SyntheticControl"
name = "intercept"
parameters = { intercept = true, n_draws = 100 }
[[method]]
method = "AdministrativeBenchmark"
name = "administrative"
parameters = { n_draws = 100, history = 0 }
[threshold]
levels = [0.95]
"""


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    """The panel of Fault W6: the treated unit lies 600 below its donors, and nothing is saved."""
    folder, rng = tmp_path_factory.mktemp("evidence"), np.random.default_rng(0)
    J, T = 24, 7
    spending = 2000 + rng.normal(0, 150, (J, 1)) + np.cumsum(rng.normal(40, 10, T)) + rng.normal(0, 30, (J, T))
    spending[0] -= 600
    cells = [(f"u{j:02d}", 2010 + t, spending[j, t], 5000.0) for j in range(J) for t in range(T)]
    frame = pd.DataFrame(cells, columns=["unit", "period", "spending", "insured_years"])
    frame.to_csv(folder / "panel.csv", index=False)
    (folder / "study.toml").write_text(STUDY, encoding="utf-8")
    return run_study(plan_study(folder / "study.toml"), n_jobs=1)


@pytest.fixture(scope="module")
def out(result, tmp_path_factory):
    return write_study(result, tmp_path_factory.mktemp("folder") / "out", report=None)


def checks(out, method):
    frame = pd.read_csv(out / "diagnostics.csv")
    return frame[frame["method"] == method].set_index("id")


def test_the_hull_failure_stands_beside_the_point_estimate(result, out):
    """Fault W6: neither report nor files mentioned hull or baseline error, and a schedule paid."""
    row = checks(out, "plain").loc["convex_hull"]
    assert row["status"] == "fail"
    assert row["figure"] > row["limit"] == 0.01
    assert checks(out, "plain").loc[["baseline_fit", "effective_donors"], "status"].tolist() == ["warn", "warn"]
    savings = pd.read_csv(out / "savings.csv", keep_default_na=False).set_index("method")
    assert "convex_hull" in savings.loc["plain", "failed_checks"].split()
    assert float(savings.loc["plain", "saving"]) > 0
    assert savings.loc["plain", "lower"] == ""
    assert "convex_hull" not in savings.loc["intercept", "failed_checks"]
    [table] = [table for table in TABLES if table.name == "savings"]
    assert table.rows(analyse(result))["failed_checks"].iloc[0] == "convex hull"
    assert "failed_checks" in table.columns.split()


def test_each_id_has_one_row(out):
    frame = pd.read_csv(out / "diagnostics.csv")
    assert not frame.duplicated(["design", "method", "id"]).any()
    assert frame.query("id == 'convex_hull'")["status"].tolist() == ["fail", "warn"]  # the worst of two rows


def test_an_intercept_leaves_the_hull_with_a_warning(out):
    own = checks(out, "intercept")
    assert own.loc["convex_hull", "status"] == "warn"
    wanted = ["solver_certificate", "held_out_fit", "placebo_in_time", "leave_one_donor_out"]
    assert set(own.loc[wanted, "status"]) <= {"ok", "not evaluated"}
    assert own.loc["solver_certificate", "figure"] <= own.loc["solver_certificate", "limit"] == 1e-9
    assert own.loc["leave_one_donor_out", "limit"] > 0


def test_weights_are_those_of_the_fit(result, out):
    frame = pd.read_csv(out / "weights.csv")
    assert set(frame["method"]) == {"plain", "intercept", "administrative"}
    for method, own in frame.groupby("method"):
        cf = result.counterfactuals["all", method]
        given = cf.weights.loc["u00"]
        np.testing.assert_allclose(own.set_index("donor")["weight"], given[given != 0], rtol=1e-12)
        assert own["weight"].sum() == pytest.approx(1.0)
        if method != "administrative":
            figure = checks(out, method).loc["effective_donors", "figure"]
            assert figure == pytest.approx(1 / (own["weight"] ** 2).sum())


def test_paths_are_the_panel_and_the_fits(result, out):
    frame = pd.read_csv(out / "paths.csv").set_index(["method", "period"])
    cf = result.counterfactuals["all", "intercept"]
    own = frame.loc["intercept"]
    assert own.index.tolist() == [2010, 2011, 2013, 2014, 2015, 2016]  # 2012 is masked
    assert own["phase"].tolist() == ["baseline"] * 5 + ["performance"]
    np.testing.assert_allclose(own["observed"], result.panel.spending[0, [0, 1, 3, 4, 5, 6]])
    np.testing.assert_allclose(own["benchmark"], [*cf.fitted.values[0], cf.level], rtol=1e-12)


def test_paths_of_placebos_are_their_rows_in_placebos(out):
    paths, placebos = (pd.read_parquet(out / f"{name}.parquet") for name in ("placebo_paths", "placebos"))
    keys = ["design", "method", "unit", "origin"]
    placebos = placebos[(placebos["role"] == "placebo") & (placebos["status"] == "ok")].set_index(keys)
    after = paths[paths["phase"] == "performance"].astype(dict.fromkeys(keys[:3], str)).set_index(keys)
    assert len(after) == len(placebos)  # one performance period
    rows = placebos.loc[after.index]
    np.testing.assert_allclose(after["benchmark"], rows["benchmark"], rtol=1e-6)  # 32 bits
    np.testing.assert_allclose(after["observed"], rows["spending"], rtol=1e-6)
    assert "u00" not in set(paths["unit"])


def test_the_limit_of_the_baseline_error_is_a_quantile_of_the_placebos(out):
    paths = pd.read_parquet(out / "placebo_paths.parquet")
    own = paths[(paths["method"] == "administrative") & (paths["phase"] == "baseline")]
    errors = [
        np.sqrt(np.mean((unit["observed"] - unit["benchmark"]) ** 2)) / unit["observed"].mean()
        for _, unit in own.groupby("unit", observed=True)
    ]
    assert checks(out, "administrative").loc["baseline_fit", "limit"] == pytest.approx(max(errors))
    assert len(errors) == 23  # the next of 24 exchangeable errors is the largest in 1 of 24 cases
    assert np.isnan(conformal_limit(pd.Series(np.arange(18.0))))
    assert conformal_limit(pd.Series(np.arange(39.0))) == 37.0  # exceeded by 2 of 40 places, 5%


def test_a_hierarchical_fit_learns_its_level_and_replicates_its_data(result):
    method = ss.HierarchicalBenchmark(n_draws=100, nodes=512, unit_effect="pooled")
    cf = method.fit(result.panel, result.designs["all"], seed=1)
    assert {"pareto_k", "effective_sample_size"} == set(cf.diagnostics["check"])
    assert cf.diagnostics["limit"].tolist() == [0.7, 400.0]
    contraction = {check.check: check for check in prior_contraction(cf)}
    assert {"contraction: level", "contraction: shock", "contraction: persistence"} <= set(contraction)
    assert contraction["contraction: level"].figure > 0.8  # 24 units
    [check] = predictive_check(cf)
    assert check.status == "PASS"  # simulated from a model of the family
    plan = SimpleNamespace(designs=result.designs, methods={"h": None}, data_for=lambda *_: None)
    table = case_evidence(plan, {("all", "h"): cf}, None)["predictive.parquet"]
    replicates = cf.to_datatree()["posterior_predictive"]["fitted"]
    owner = cf.inference["constant_data"]["fitted_cell_unit"].to_series()
    owner = owner[owner != "u00"]  # its performance period is sealed: its cells are not complete
    cells = pd.DataFrame(replicates.values.reshape(100, -1).T, replicates["fitted_cell"].values).loc[owner.index]
    relative = cells / cells.groupby(owner).transform("mean")  # by definition, with pandas
    relative = relative - relative.groupby(relative.groupby(owner).cumcount()).transform("mean")
    np.testing.assert_allclose(table["spread"], relative.std(ddof=0), rtol=1e-12)
    frame = predictive_frame({"first": table, "second": table.assign(spread=0.5)})
    text = svg_of(draw("predictive", frame))
    assert f"{100 * (table['spread'] >= table['observed']).mean():.1f}% of the draws" in text
    caption = FIGURES.find("predictive").caption_of
    assert "second" in caption(frame)
    assert "second" not in caption(frame[frame["name"] == "first"])


def posterior(draws, prior):
    named = {"posterior": draws, "prior": prior}
    groups = {name: xr.Dataset({"tau": (("chain", "draw"), values)}) for name, values in named.items()}
    cf = ss.Counterfactual.from_draws(np.array([1.0, 2.0]), "posterior")
    return ss.Counterfactual(**{**cf.__getstate__(), "inference": groups})


def test_contraction_of_a_normal_and_of_any_monotone_scale():
    """Closed form: a posterior of SD s in units of a normal prior has contracted by 1 - s^2; a log changes nothing."""
    rng = np.random.default_rng(1)
    prior, draws = rng.standard_normal((1, 20_000)), 0.5 * rng.standard_normal((4, 5000))
    for scale in (lambda x: x, np.exp):
        [check] = prior_contraction(posterior(scale(draws), scale(prior)))
        assert check.figure == pytest.approx(0.75, abs=0.02)
        assert (check.check, check.status, check.limit) == ("contraction: tau", "PASS", 0.1)
    [nothing] = prior_contraction(posterior(prior[:, ::-1], prior))
    assert nothing.figure == pytest.approx(0.0, abs=0.01)
    assert nothing.status == "WARN"


@pytest.mark.parametrize(("spread", "status"), [(0.02, "PASS"), (0.03, "WARN"), (0.012, "FAIL")])
def test_replicates_of_another_spread_fail(spread, status):
    rng, (units, periods, n) = np.random.default_rng(2), (40, 6, 500)

    def panel(sd, draws):
        level = 2000 * (1 + 0.1 * rng.standard_normal((draws, units, 1))) * 1.03 ** np.arange(periods)
        return (level * (1 + sd * rng.standard_normal((draws, units, periods)))).reshape(draws, -1)

    owner = np.repeat([f"u{i}" for i in range(units)], periods)
    cells = {"fitted_cell": np.arange(len(owner))}
    inference = {
        "observed_data": xr.Dataset({"fitted": ("fitted_cell", panel(0.02, 1)[0])}, cells),
        "posterior_predictive": xr.Dataset(
            {"fitted": (("chain", "draw", "fitted_cell"), panel(spread, n)[None])}, cells
        ),
        "constant_data": xr.Dataset({"fitted_cell_unit": ("fitted_cell", owner)}, cells),
    }
    cf = ss.Counterfactual.from_draws(np.array([1.0, 2.0]), "posterior")
    [check] = predictive_check(ss.Counterfactual(**{**cf.__getstate__(), "inference": inference}))
    assert check.status == status
    assert predictive_check(cf) == []


def test_the_words_of_evidence_are_all_from_the_catalogue(result, tmp_path):
    assert from_no_catalogue(result, tmp_path) == []
