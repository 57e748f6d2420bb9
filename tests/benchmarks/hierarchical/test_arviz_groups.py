"""Authorities: exact leave-one-unit-out densities of the Gaussian model, and ArviZ's own functions on the tree."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import ssinfer as ss
from ssinfer.benchmarks.hierarchical.arviz_groups import unit_densities
from ssinfer.benchmarks.hierarchical.layout import lay_out
from ssinfer.benchmarks.hierarchical.method import HierarchicalBenchmark
from ssinfer.benchmarks.problem import Problem

DESIGN = ss.Design(treated=["u000"], baseline=range(4), performance=(4, 5))
LEVEL, KAPPA = 0.05, 2.5


@pytest.fixture(scope="module", name="panel")
def panel_fixture():
    rng = np.random.default_rng(1)
    n = np.exp(rng.uniform(*np.log((2_000, 60_000)), 24))
    level = rng.normal(0, LEVEL, 24)
    rows = [
        (f"u{i:03}", t, np.exp(7.6 + 0.03 * t + level[i] + rng.normal(0, KAPPA / np.sqrt(n[i]))), n[i])
        for i in range(24)
        for t in range(6)
    ]
    return ss.Panel.from_frame(pd.DataFrame(rows, columns=["unit", "period", "spending", "insured_years"]))


@pytest.fixture(scope="module", name="tree")
def tree_fixture(panel):
    return HierarchicalBenchmark(n_draws=2000, unit_effect="pooled").fit(panel, DESIGN, seed=1).to_datatree()


def test_every_group_of_the_schema_is_there(panel, tree):
    assert set(tree.children) == {
        "posterior",
        "posterior_predictive",
        "prior",
        "prior_predictive",
        "log_likelihood",
        "observed_data",
        "constant_data",
        "sample_stats",
    }
    volatility = [f"volatility_{t}" for t in range(6)]
    assert list(tree["posterior"].data_vars) == ["level", "trend", "shock", "persistence", "noise", *volatility]
    assert KAPPA - 0.5 < float(tree["posterior"]["noise"].mean()) < KAPPA + 0.7
    assert LEVEL - 0.015 < float(tree["posterior"]["level"].mean()) < LEVEL + 0.025
    # sealed cells of the treated unit are not fitted
    assert tree["log_likelihood"]["fitted"].shape == (4, 500, 24)
    assert tree["observed_data"]["fitted"].shape == (24 * 6 - 2,)
    np.testing.assert_allclose(tree["observed_data"]["fitted"].values[:4], panel.spending[0, :4])
    assert tree["prior_predictive"]["benchmark"].dims == ("chain", "draw", "unit", "period")


def test_reading_the_groups_changes_no_draw(panel):
    method = HierarchicalBenchmark(n_draws=1000, volatility=False)
    first, second = (method.fit(panel, DESIGN, seed=1) for _ in range(2))
    dict(first.inference)
    np.testing.assert_array_equal(first.benchmark, second.benchmark)
    np.testing.assert_array_equal(
        first.inference["log_likelihood"]["fitted"], second.to_datatree()["log_likelihood"]["fitted"]
    )


@pytest.mark.parametrize("scale", ["log", "identity"])
def test_leaving_a_unit_out_by_the_draws_equals_leaving_it_out_of_the_model(panel, scale):
    """Parameters fixed: log p(y_i | y_-i) = log p(y) - log p(y_-i), and by draws -log mean exp(-log p(y_i | f))."""
    layout = lay_out(Problem.of(panel, DESIGN), HierarchicalBenchmark(scale=scale))
    x = np.full((1, layout.model.size), -0.5)
    cells = np.argwhere(layout.seen > 0)
    density, replicates = unit_densities(layout, x, np.zeros(4000, dtype=int), cells, np.random.default_rng(1))
    log_likelihood = layout.model.marginal(x[0], layout.y, layout.seen)[0].log_likelihood
    slope = layout.spending(layout.y) if scale == "log" else np.full(layout.y.shape, layout.unit)
    for i in (0, 7, 23):
        seen = layout.seen.copy()
        seen[i] = 0.0
        exact = log_likelihood - layout.model.marginal(x[0], layout.y * seen, seen)[0].log_likelihood
        exact -= (np.log(slope[i]) * layout.seen[i]).sum()
        by_draws = -np.log(np.mean(np.exp(-(density[:, i] - density[:, i].mean())))) + density[:, i].mean()
        assert by_draws == pytest.approx(exact, abs=0.05)
    # replicates: the mean over units is near the observed mean
    observed = layout.spending(layout.y)[tuple(cells.T)]
    assert replicates.mean() == pytest.approx(observed.mean(), rel=0.02)


def test_arviz_works_on_the_tree(panel, tree):
    import matplotlib as mpl

    mpl.use("Agg")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # warnings of the import only
        import arviz as az
        import matplotlib.pyplot as plt

    summary = az.summary(tree)
    assert (summary["r_hat"].astype(float) <= 1.01).all()
    assert (summary["ess_bulk"].astype(float) >= 400).all()
    loo = az.loo(tree)
    assert np.isfinite(loo.elpd)
    assert (loo.pareto_k < 0.7).all()
    assert 0 < loo.p < 20
    # the same panel on the other scale, without terms that it does not contain: neither fit is clearly worse
    options = {"scale": "identity", "trend": False, "shock": None, "unit_effect": "pooled"}
    plain = HierarchicalBenchmark(n_draws=1000, **options).fit(panel, DESIGN, seed=1)
    with warnings.catch_warnings():  # expected for a unit that the plain model explains badly
        warnings.filterwarnings("ignore", message="Estimated shape parameter of Pareto")
        table = az.compare({"default": tree, "plain": plain.to_datatree()})
    assert table.loc["default", "elpd_diff"] < 4 * max(table["dse"].max(), 1.0)
    for group in ("posterior_predictive", "prior_predictive"):
        az.plot_ppc_dist(tree, var_names="fitted", group=group)
    for plot in (az.plot_forest, az.plot_trace):
        plot(tree, var_names=["level", "trend"])
    plt.close("all")


@pytest.mark.parametrize(
    ("suffix", "package"),
    [("nc", "h5netcdf"), pytest.param("zarr", "zarr", marks=pytest.mark.filterwarnings("ignore"))],
)
def test_every_group_is_summarised_before_and_after_a_file(tree, tmp_path, suffix, package):
    """Fault C8: a coordinate that only some variables of a group had stopped `arviz.summary`."""
    pytest.importorskip(package)
    import arviz as az

    path = tmp_path / f"fit.{suffix}"
    names = ("posterior_predictive", "prior_predictive", "constant_data")
    kept = xr.DataTree.from_dict(
        {name: tree[name].to_dataset().isel(draw=slice(50), missing_dims="ignore") for name in names}
    )
    (kept.to_netcdf if suffix == "nc" else kept.to_zarr)(path)
    again = (az.from_netcdf if suffix == "nc" else az.from_zarr)(path)
    for group in ("posterior_predictive", "prior_predictive"):
        before, after = (az.summary(either, group=group, kind="stats") for either in (kept, again))
        pd.testing.assert_frame_equal(before, after.loc[before.index])
        assert {"benchmark[u000, 4]", "fitted[u001, 3]"} <= set(before.index)
    cells = again["constant_data"]
    assert cells["fitted_cell_unit"].values[:5].tolist() == ["u000"] * 4 + ["u001"]
    assert cells["fitted_cell_period"].values[:5].tolist() == ["0", "1", "2", "3", "0"]
    for function in (az.ess, az.hdi, az.extract):
        assert "fitted" in function(again, group="posterior_predictive")
