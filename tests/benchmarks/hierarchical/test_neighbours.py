"""Authorities: the route that the first version used (`neighbours_golden`), differences, the dense Gaussian (scipy)."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from benchmarks.hierarchical import neighbours_golden as golden

import ssinfer as ss
from ssinfer.benchmarks.hierarchical.layout import lay_out
from ssinfer.benchmarks.hierarchical.method import HierarchicalBenchmark
from ssinfer.benchmarks.hierarchical.neighbours import given_correlation, neighbour_loadings
from ssinfer.benchmarks.problem import Problem
from ssinfer.comparison import distances

STORED = json.loads(golden.GOLDEN.read_text())


@pytest.mark.parametrize("window", STORED)
def test_posterior_and_predictions_equal_those_of_the_first_route(window):
    panel, design, options = golden.windows(window)[window]
    if panel is None:
        pytest.skip("SSINFER_DATA_DIR is not set")
    x = np.array(STORED[window]["x"])
    for name, values in golden.numbers(panel, design, options, x).items():
        np.testing.assert_allclose(values, STORED[window][name], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("window", ["distance", "regions"])
def test_the_gradient_is_that_of_differences(window):
    panel, design, options = golden.windows(window)[window]
    layout = lay_out(Problem.of(panel, design), HierarchicalBenchmark(**options))
    model, data = layout.model, (layout.y, layout.seen)
    for x in np.array(STORED[window]["x"]):
        value, gradient = model.log_posterior_gradient(x, *data)
        assert value == pytest.approx(model.log_posterior(x, *data), abs=1e-9)
        steps = 1e-5 * np.eye(model.size)
        expected = [(model.log_posterior(x + h, *data) - model.log_posterior(x - h, *data)) / 2e-5 for h in steps]
        np.testing.assert_allclose(gradient, expected, rtol=1e-5, atol=1e-5)


METHOD = HierarchicalBenchmark(
    unit_effect="pooled", n_draws=1000, nodes=512, spatial="distance", rank=4, trend=False, shock=None, volatility=False
)


def moments(cf):
    return float(cf.pooled().mean()), float(cf.pooled().std())


def tampered(panel, unit, period, factor):
    spending = panel.spending.copy()
    spending[panel.rows([unit])[0], panel.columns([period])[0]] *= factor
    return ss.Panel(panel.units, panel.periods, spending, panel.insured_years, covariates=dict(panel.covariates))


def test_the_treated_units_performance_spending_changes_no_draw_of_a_fit():
    panel, design = golden.made_panel(), ss.Design(["u04"], range(4), [4])
    first, second = (METHOD.fit(data, design, seed=1) for data in (panel, tampered(panel, "u04", 4, 1.2)))
    np.testing.assert_array_equal(first.benchmark, second.benchmark)


@pytest.mark.evidence
def test_placebos_are_predicted_without_their_own_cells_and_whatever_else_is_fitted():
    """Decision 0027: in a backtest own cells move the nodes, and so the draws within their Monte Carlo errors."""
    panel = golden.made_panel()
    designs = [ss.Design([unit], range(4), [4]) for unit in ("u04", "u11", "u17")]
    alone, many = METHOD.fit(panel, designs[0], seed=1), METHOD.fit_many(panel, designs, [1, 2, 3])
    other = METHOD.fit_many(tampered(panel, "u04", 4, 1.2), designs[:1], [1])
    mean, deviation = moments(alone)
    for placebo in (many[0], other[0]):
        assert not placebo.failures
        # 400 effective nodes or more, and 1,000 draws: errors are about 6% and 4% of the SD
        assert moments(placebo)[0] == pytest.approx(mean, abs=0.2 * deviation)
        assert moments(placebo)[1] == pytest.approx(deviation, rel=0.15)
    few = METHOD.fit_many(panel, designs[1:2], [2])
    np.testing.assert_allclose(few[0].benchmark, many[1].benchmark, rtol=1e-9)


QUICK = {"trend": False, "nodes": 512, "n_draws": 1000, "rank": 4, "unit_effect": "own"}


def similarity(panel):
    kilometres = np.array([distances(panel, unit) for unit in panel.units])
    return pd.DataFrame(np.exp(-kilometres / 25.0), index=panel.units, columns=panel.units)


def test_a_given_similarity_in_any_order_equals_the_distances_it_was_made_of():
    panel, problem = golden.made_panel(), Problem.of(golden.made_panel(), ss.Design(["u04"], range(4), [4]))
    shuffled = similarity(panel).sample(frac=1.0, random_state=1).sample(frac=1.0, axis=1, random_state=2)
    rows = np.arange(len(panel.units))
    loadings = [
        neighbour_loadings(problem, rows, HierarchicalBenchmark(spatial=s, **QUICK)) for s in ("distance", shuffled)
    ]
    np.testing.assert_allclose(*loadings, atol=1e-12)


def test_shares_in_common_become_a_correlation():
    """Authority: numpy's eigenvalues. A chain of five units; the last shares with nobody."""
    shares = np.diag([2.0, 3.0, 1.0, 0.0], 1)
    matrix = pd.DataFrame(shares + shares.T, index=list("abcde"), columns=list("abcde"))
    correlation = given_correlation(matrix, list("abcde"))
    assert np.linalg.eigvalsh(correlation)[0] >= -1e-12
    np.testing.assert_array_equal(np.diag(correlation), 1.0)
    assert correlation[0, 1] == pytest.approx(2.0 / np.sqrt(2.0 * 5.0))
    assert not correlation[4, :4].any()


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda s: s.iloc[1:], "rows of the matrix lack u00"),
        (lambda s: s.iloc[:, :-2], "columns of the matrix lack u19, u20"),
        (lambda s: -s, "finite values of at least 0"),
        (lambda s: s.map("{:.2f} km".format), "finite values of at least 0"),
        (lambda s: s + np.triu(np.ones(s.shape)), "must be symmetric"),
        (lambda s: s * 0.0 + np.eye(21) + 0.9 * (np.eye(21, k=1) + np.eye(21, k=-1)), "negative eigenvalue"),
        (lambda s: s.mask(np.eye(len(s)) * np.arange(len(s)) == 3, 0.0), "some cells of the diagonal are zero"),
    ],
)
def test_a_matrix_that_is_no_similarity_of_the_units_is_refused(spoil, says):
    panel, design = golden.made_panel(), ss.Design(["u04"], range(4), [4])
    with pytest.raises(ss.errors.DataError, match=says):
        HierarchicalBenchmark(spatial=spoil(similarity(panel))).fit(panel, design, seed=1)


def placed(panel, **covariates):
    return replace(panel, covariates={**panel.covariates, **covariates})


def test_units_at_one_place_are_refused():
    panel = golden.made_panel()
    one = placed(panel, **{name: np.full(panel.spending.shape, 51.5) for name in ("latitude", "longitude")})
    with pytest.raises(ss.errors.DataError, match="All units are at one place"):
        HierarchicalBenchmark(spatial="distance").fit(one, ss.Design(["u04"], range(4), [4]), seed=1)


@pytest.mark.parametrize("shared", [0.0, 0.05])
def test_auto_takes_neighbours_where_their_shocks_are_like_each_other(shared):
    """Simulated: shocks of five year effects that units within a region of 25 km share, or none."""
    panel, rng = golden.made_panel(), np.random.default_rng(5)
    root = np.linalg.cholesky(similarity(panel).to_numpy() + 1e-9 * np.eye(len(panel.units)))
    shocks = shared * root @ rng.standard_normal(panel.spending.shape)
    own = 2000 * np.exp(shocks + 0.005 * rng.standard_normal(panel.spending.shape))
    drawn = replace(panel, spending=own, insured_years=np.full(own.shape, 50_000.0))
    cf = HierarchicalBenchmark(spatial="auto", **QUICK).fit(drawn, ss.Design(["u04"], range(4), [4]), seed=1)
    row = cf.diagnostics.set_index("check").loc["neighbours"]
    assert (row["figure"] > 0.0) == (shared > 0.0)
    assert ("spatial='distance' is taken" if shared else "spatial=None is taken") in row["message"]


def test_auto_without_coordinates_says_so():
    panel = golden.made_panel()
    bare = replace(panel, covariates={})
    cf = HierarchicalBenchmark(spatial="auto", **QUICK).fit(bare, ss.Design(["u04"], range(4), [4]), seed=1)
    row = cf.diagnostics.set_index("check").loc["neighbours"]
    assert (row["status"], "no latitude or longitude" in row["message"]) == ("NOT EVALUATED", True)
