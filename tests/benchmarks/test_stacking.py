"""Authorities: the CRPS formula written out, and mixtures whose best weights are known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize

import ssinfer as ss
from ssinfer.benchmarks.base import BenchmarkMethod, Capabilities, Estimate
from ssinfer.benchmarks.stacking import StackedBenchmark, stacking_weights
from ssinfer.errors import DesignError, ParameterError


class LastValue(BenchmarkMethod):
    """Normal draws around the last baseline value times (1 + drift): a stand-in with known quality."""

    capabilities = Capabilities(posterior=True)

    def __init__(self, drift=0.0, spread=0.02):
        self.drift = drift
        self.spread = spread

    def estimate(self, problem, rng):
        last = problem.spending[problem.treated][:, problem.baseline[-1]]
        shape = (2, 500, len(problem.treated), len(problem.performance_columns))
        draws = last[:, None] * (1 + self.drift) * (1 + rng.normal(0, self.spread, shape))
        return Estimate(benchmark=draws, uncertainty="posterior")


def panel(periods=6, units=15, noise=0.02):
    rng = np.random.default_rng(0)
    return ss.Panel.from_frame(
        pd.DataFrame(
            [
                (f"u{i}", t, 1000.0 * (1 + rng.normal(0, noise / np.sqrt(2))), 5000.0)
                for i in range(units)
                for t in range(periods)
            ],
            columns=["unit", "period", "spending", "insured_years"],
        )
    )


DESIGN = ss.Design(treated=["u0"], baseline=range(5), performance=[5])


def test_the_good_method_gets_the_weight():
    method = StackedBenchmark([LastValue(), LastValue(drift=0.2)], placebos=10)
    cf = method.fit(panel(), DESIGN, seed=1)
    weights = cf.diagnostics["figure"].to_numpy()
    assert weights[0] > 0.95
    assert cf.uncertainty == "posterior"
    assert cf.pooled().mean() == pytest.approx(panel().spending[0, 4], rel=0.01)


def test_a_spread_that_was_too_wide_is_drawn_in():
    wide = StackedBenchmark([LastValue(spread=0.08), LastValue(spread=0.081)], placebos=14)
    recalibrated = wide.fit(panel(), DESIGN, seed=1).pooled().std()
    plain = wide.set_params(recalibrate=False).fit(panel(), DESIGN, seed=1).pooled().std()
    # errors have SD .02 of 1000, draws .08: the factor is near a quarter (28 cases: 3 SD are 40%)
    assert 0.15 < recalibrated / plain < 0.36


def test_weights_minimise_the_score_on_a_grid():
    rng = np.random.default_rng(2)
    truth = rng.normal(size=40)
    predicted = [rng.normal(0.8, 1.0, (40, 60)), rng.normal(-0.6, 1.0, (40, 60))]
    errors = [p - truth[:, None] for p in predicted]

    def crps(w):
        single = w * np.abs(errors[0]).mean() + (1 - w) * np.abs(errors[1]).mean()
        apart = [
            np.mean([np.abs(a[:, None] - b[None, :]).mean() for a, b in zip(p, q, strict=True)])
            for p, q in ((predicted[0], predicted[0]), (predicted[0], predicted[1]), (predicted[1], predicted[1]))
        ]
        apart[0], apart[2] = apart[0] * 60 / 59, apart[2] * 60 / 59  # without pairs of a draw with itself
        return single - 0.5 * (w * w * apart[0] + 2 * w * (1 - w) * apart[1] + (1 - w) ** 2 * apart[2])

    grid = np.linspace(0, 1, 201)
    best = grid[np.argmin([crps(w) for w in grid])]
    assert stacking_weights(errors, predicted)[0] == pytest.approx(best, abs=0.01)


@pytest.mark.parametrize("seed", range(3))
def test_weights_equal_those_of_a_general_solver(seed):
    """SLSQP from several starts on the score written with sorted draws, four methods with different bias and spread."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=30)
    biases, spreads = rng.normal(0, 0.7, 4), rng.uniform(0.4, 1.6, 4)
    predicted = [rng.normal(b, s, (30, 50)) for b, s in zip(biases, spreads, strict=True)]
    errors = [p - truth[:, None] for p in predicted]

    values = np.concatenate(predicted, axis=1)  # of all methods, per case
    misses = np.abs(values - truth[:, None]).mean(axis=0)
    gaps = np.abs(values[:, :, None] - values[:, None, :]).mean(axis=0)
    within = np.array([gaps[k : k + 50, k : k + 50].mean() for k in range(0, 200, 50)]) / 49

    def score(w):
        masses = np.repeat(w / 50, 50)
        return masses @ misses - 0.5 * (masses @ gaps @ masses + within @ w**2)

    starts = [np.full(4, 0.25), *(0.7 * np.eye(4) + 0.075)]
    simplex = {"type": "eq", "fun": lambda w: w.sum() - 1}
    best = min(
        (minimize(score, start, method="SLSQP", bounds=[(0, 1)] * 4, constraints=simplex) for start in starts),
        key=lambda optimum: optimum.fun,
    )
    weights = stacking_weights(errors, predicted)
    assert score(weights) <= best.fun + 1e-5
    np.testing.assert_allclose(weights, best.x, atol=0.02)


def test_a_method_without_weight_does_not_refuse_the_mixture():
    class Failing(LastValue):
        def estimate(self, problem, rng):
            from dataclasses import replace

            return replace(super().estimate(problem, rng), failures=("r_hat is 1.3",))

    bad, good = Failing(drift=0.2), LastValue()
    assert StackedBenchmark([good, bad], placebos=10).fit(panel(), DESIGN, seed=1).failures == ()
    wanted = StackedBenchmark([LastValue(drift=0.2), Failing()], placebos=10).fit(panel(), DESIGN, seed=1)
    assert wanted.failures == ("r_hat is 1.3",)


def test_the_treated_units_performance_spending_changes_no_draw():
    data = panel()
    spending = data.spending.copy()
    spending[0, 5] *= 3
    other = ss.Panel(data.units, data.periods, spending, data.insured_years)
    method = StackedBenchmark([LastValue(), LastValue(drift=0.01)], placebos=8)
    first, second = (method.fit(each, DESIGN, seed=4) for each in (data, other))
    np.testing.assert_array_equal(first.benchmark, second.benchmark)


def test_one_method_or_a_short_baseline_is_refused():
    with pytest.raises(ParameterError, match="at least two"):
        StackedBenchmark([LastValue()]).fit(panel(), DESIGN, seed=1)
    with pytest.raises(DesignError, match="baseline"):
        StackedBenchmark([LastValue(), LastValue()]).fit(panel(), DESIGN.replace(baseline=[3, 4]), seed=1)
