"""Near units left out. Authorities: fits in which their cells are missing, and differences at fixed parameters."""

from dataclasses import replace

import numpy as np
import pytest
from benchmarks.hierarchical import neighbours_golden as golden

import ssinfer as ss
from ssinfer.benchmarks.hierarchical import HierarchicalBenchmark
from ssinfer.benchmarks.hierarchical.layout import lay_out
from ssinfer.benchmarks.hierarchical.predictions import predict_placebos
from ssinfer.benchmarks.problem import Problem
from ssinfer.comparison import Apart, Every, SimilarSize, Within

METHOD = HierarchicalBenchmark(
    spatial="distance", trend=False, nodes=512, n_draws=1000, rank=20, unit_effect="pooled", volatility=False
)
PANEL = golden.made_panel()
BEYOND = Within(beyond=20)  # two units lie nearer to u04


def design(donors=None):
    return ss.Design(["u04"], range(4), [4], donors=donors)


@pytest.fixture(scope="module")
def whole():
    return METHOD.fit(PANEL, design(), seed=1)


def test_near_units_keep_their_history_and_lose_their_performance_cells():
    problem = Problem.of(PANEL, design(BEYOND))
    layout = lay_out(problem, METHOD)
    assert [PANEL.units[row] for row in problem.near] == ["u03", "u09"]
    assert len(layout.rows) == len(PANEL.units)
    np.testing.assert_array_equal(np.argwhere(layout.seen == 0)[:, 0], [3, 4, 9])
    assert set(np.argwhere(layout.seen == 0)[:, 1]) == {4}


@pytest.mark.parametrize("spatial", ["distance", None])
def test_a_backtest_leaves_the_cells_out_exactly_as_a_fit_does(spatial):
    method = replace(METHOD, spatial=spatial)
    layout = lay_out(Problem.of(PANEL, design(BEYOND)), method)
    x = np.random.default_rng(1).normal(0.0, 0.4, (3, layout.model.size))
    rest = layout.treated, layout.ahead
    unseen = predict_placebos(layout.model, x, layout.y, layout.seen, *rest, [layout.near[:0]])
    y = np.log(PANEL.spending[np.ix_(layout.rows, layout.columns)]) - layout.centre
    taken_out = predict_placebos(layout.model, x, y, np.ones_like(y), *rest, [layout.near])
    for name in ("log_target", "mean", "covariance"):
        np.testing.assert_allclose(getattr(taken_out, name), getattr(unseen, name), rtol=1e-9)


def test_performance_spending_of_near_units_does_not_reach_the_model():
    spending = PANEL.spending.copy()
    spending[PANEL.rows(["u03", "u09"]), 4] *= 1.3
    layouts = [
        lay_out(Problem.of(panel, design(BEYOND)), METHOD) for panel in (PANEL, replace(PANEL, spending=spending))
    ]
    for name in ("y", "seen", "centre"):
        np.testing.assert_array_equal(*(getattr(layout, name) for layout in layouts))
    np.testing.assert_array_equal(*(layout.model.sampling for layout in layouts))


@pytest.mark.evidence
def test_the_table_by_distance_equals_fits_without_these_cells(whole):
    table = whole.inference["donut"]
    assert list(table["n_left_out"].values) == [0, 0, 0, 2, 2, 4]
    again = METHOD.fit(PANEL, design(BEYOND), seed=1).pooled()
    row = table.sel(km=20)
    # 1,000 draws of the fit, 4,000 of the table from about 300 effective nodes: 4 standard errors
    error = float(again.std()) * np.sqrt(1 / 1000 + 1 / 300)
    assert float(row["benchmark"]) == pytest.approx(float(again.mean()), abs=4 * error)
    assert float(row["benchmark_sd"]) == pytest.approx(float(again.std()), rel=0.25)


def test_carriers_are_the_derivatives_of_the_prediction(whole):
    groups = whole.inference
    layout, x = groups.layout, groups.posterior.weights @ groups.posterior.nodes

    def predicted(y):
        return predict_placebos(layout.model, x[None], y, layout.seen, layout.treated, layout.ahead, []).mean[0, 0, 1]

    for unit, weight in list(groups["carriers"]["weight"].to_series().items())[:5]:
        y = layout.y.copy()
        y[PANEL.row_of[unit], 4] += 0.01
        assert (predicted(y) - predicted(layout.y)) / 0.01 == pytest.approx(weight, rel=1e-6)


def test_an_inner_radius_that_leaves_fewer_than_ten_donors_is_refused():
    with pytest.raises(ss.errors.DesignError, match="9 donors are left for u04; allowed: at least 10"):
        METHOD.fit(PANEL, design(Within(beyond=48)), seed=1)


def test_an_inner_radius_stands_alone_or_beside_other_rules():
    assert ss.comparison.comparison_of({"beyond_km": 20}) == BEYOND
    both = Every((BEYOND, SimilarSize(at_least=1)))
    assert list(Problem.of(PANEL, design(both)).near) == list(Problem.of(PANEL, design(BEYOND)).near)
    assert not len(Problem.of(PANEL, design()).near)
    assert ss.comparison.comparison_group(BEYOND, 0) == "units beyond 20 km"


def test_units_that_share_providers_are_left_out_by_name_as_near_ones_are():
    """Authority: the inner radius, of which these are the two units."""
    named = ss.comparison.comparison_of({"spillover": ["u09", "u03"]})
    assert named == Apart(("u03", "u09"))
    assert list(Problem.of(PANEL, design(named)).near) == list(Problem.of(PANEL, design(BEYOND)).near)
    assert list(design(named).donor_rows(PANEL)) == list(design(BEYOND).donor_rows(PANEL))
    both = ss.comparison.comparison_of({"beyond_km": 20, "spillover": ["u11"]})
    assert [PANEL.units[row] for row in Problem.of(PANEL, design(both)).near] == ["u03", "u09", "u11"]
    assert ss.comparison.named_apart(both) == ("u11",)
    with pytest.raises(ss.errors.DesignError, match="no spillover unit 'elsewhere'"):
        METHOD.fit(PANEL, design(Apart(("elsewhere",))), seed=1)
