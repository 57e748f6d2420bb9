"""Placebo gates and payments in bootstrap replicates, against plain Python on the rows repeated as often as drawn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ssinfer.backtesting.kernels.payments import payment_columns, replicate_means
from ssinfer.errors import RefusalError
from ssinfer.kernels.predictive_error_distribution import fit_error_distribution, refit_error_distributions
from ssinfer.thresholds.kernels.placebo_thresholds import placebo_thresholds
from ssinfer.thresholds.placebo import order_statistic


def plain_gates(z, scale, block, origin, weight, level):
    """Rows repeated as often as their block is drawn, and the order statistic of `placebo_threshold`."""
    out = np.full(len(z), np.nan)
    for row in range(len(z)):
        found = {}
        for period in np.unique(origin):
            rest = (block != block[row]) & (origin == period)
            try:
                found[period] = order_statistic(np.repeat(z[rest], weight[block[rest]]), level, "one-sided")
            except (RefusalError, ValueError):  # too few, alike, or none at all
                continue
        others = [value for period, value in found.items() if period != origin[row]]
        if others:
            out[row] = scale[row] * np.mean(others)
        elif origin[row] in found:
            out[row] = scale[row] * found[origin[row]]
    return out


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.8, 0.9, 0.95]), st.integers(1, 3), st.integers(2, 12))
def test_gates_equal_those_of_repeated_rows(seed, level, n_origins, n_blocks):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(20, 120))
    z, scale = rng.standard_normal(n), rng.uniform(0.5, 2.0, n)
    origin = np.unique(rng.integers(0, n_origins, n), return_inverse=True)[1]
    block = rng.integers(0, n_blocks, n)
    weights = rng.multinomial(n_blocks, np.full(n_blocks, 1 / n_blocks), size=3)
    weights[0] = 1
    found = placebo_thresholds(z, scale, block, origin, weights.astype(float), level)
    for gate, weight in zip(found, weights, strict=True):
        np.testing.assert_allclose(gate, plain_gates(z, scale, block, origin, weight, level), rtol=1e-12)


def test_placebos_that_are_all_alike_give_no_gate():
    n = 60
    gate = placebo_thresholds(np.ones(n), np.ones(n), np.arange(n) // 10, np.zeros(n, dtype=int), np.ones((1, 6)), 0.9)
    assert np.isnan(gate).all()


def numbers(n, seed=1):
    rng = np.random.default_rng(seed)
    return [rng.normal(0, 0.02, n), rng.uniform(0.9, 1.1, n), rng.uniform(1_500, 2_500, n), rng.uniform(1e4, 1e5, n)]


def test_payment_columns_are_the_formulas_of_method_md():
    n, share = 50, 0.4
    rate, relative, bbar, insured = numbers(n)
    gate = np.random.default_rng(2).normal(0.02, 0.01, n)
    gate[0] = np.inf
    savings, due = np.array([0.01, 0.05]), np.array([0.02, 0.03, 0.1])
    found = payment_columns(rate, relative, bbar, insured, gate, savings, due, share)
    finite = np.isfinite(gate)
    np.testing.assert_allclose(found[:, 0], np.where(finite, gate, np.nan))
    np.testing.assert_allclose(found[:, 3], np.where(finite, (gate - rate) * bbar, np.nan))
    np.testing.assert_array_equal(found[:, 4], ~finite)
    np.testing.assert_array_equal(found[:, 5], rate >= gate)
    np.testing.assert_array_equal(found[:, 7], rate + 0.05 * relative >= gate)
    over = np.where(rate >= gate, share * np.maximum(rate, 0), 0)
    np.testing.assert_allclose(found[:, 8:11].T, [over, over * bbar, over * bbar * insured])
    under = []
    for saving in due:
        measured = rate + saving * relative
        bonus = np.where(measured >= gate, share * np.maximum(measured, 0), 0)
        under.append(np.maximum(share * saving * relative - bonus, 0))
    np.testing.assert_allclose(found[:, 11:14].T, under)
    np.testing.assert_allclose(found[:, 14], np.mean(under, axis=0))
    np.testing.assert_allclose(found[:, 16], np.mean(under, axis=0) * bbar * insured)


def test_replicate_means_are_weighted_means_without_rows_that_have_no_gate():
    data, rng = numbers(40), np.random.default_rng(3)
    gates = rng.normal(0.01, 0.01, (5, 40))
    gates[1, :7] = np.nan
    gates[2] = np.nan
    weights = rng.integers(0, 3, (5, 40)).astype(float)
    asked = np.array([0.03]), np.array([0.02]), 0.5
    found = replicate_means(*data, gates, weights, *asked)
    for k in (0, 1, 3, 4):
        mass = np.where(np.isnan(gates[k]), 0.0, weights[k])
        columns = payment_columns(*data, gates[k], *asked)
        expected = (np.where(mass[:, None] > 0, columns, 0.0) * mass[:, None]).sum(axis=0) / mass.sum()
        np.testing.assert_allclose(found[k], expected)
    assert np.isnan(found[2]).all()


@pytest.mark.parametrize("drawn", [False, True])
def test_error_laws_of_replicates_equal_fits_to_repeated_rows(drawn):
    rng = np.random.default_rng(4)
    n, n_blocks = 600, 30
    s, relative = 0.02 * rng.uniform(0.4, 2.0, n), rng.uniform(0.3, 3.0, n)
    y = 0.004 + np.sqrt((0.8 * s) ** 2 + 0.01**2 * relative + 0.008**2) * rng.standard_normal(n)
    block, origin = rng.integers(0, n_blocks, n), rng.integers(0, 4, n)
    clusters = block if drawn else origin
    law = fit_error_distribution(y, s, relative, clusters)
    weights = rng.multinomial(n_blocks, np.full(n_blocks, 1 / n_blocks), size=4)
    found = refit_error_distributions(y, s, relative, clusters, weights[:, block].astype(float), law, drawn=drawn)
    for one, weight in zip(found, weights, strict=True):
        copies = np.repeat(np.arange(n), weight[block])
        number = np.concatenate([np.arange(weight[b]) for b in block])  # a block drawn twice is two clusters
        labels = clusters[copies] * 100 + (number if drawn else 0)
        whole = fit_error_distribution(
            y[copies], s[copies], relative[copies], np.unique(labels, return_inverse=True)[1]
        )
        at = np.array([0.01, 0.02]), np.array([1.0, 0.5])
        assert one.mean == pytest.approx(whole.mean, abs=1e-8)
        np.testing.assert_allclose(one.predictive_sd(*at), whole.predictive_sd(*at), rtol=1e-5)
        assert one.mean_variance == pytest.approx(whole.mean_variance, rel=1e-4)


def test_a_law_without_any_spread_is_fitted_again_without_dividing_by_zero():
    y, ones = np.full(30, 0.01), np.ones(30)
    law = fit_error_distribution(y, ones * np.nan, ones, np.arange(30))
    found = refit_error_distributions(y, ones * np.nan, ones, np.arange(30), np.ones((2, 30)), law, drawn=True)
    assert [one.mean for one in found] == pytest.approx([0.01, 0.01])


def test_a_replicate_that_drew_nothing_has_no_law():
    rng = np.random.default_rng(1)
    y, ones = 0.02 * rng.standard_normal(30), np.ones(30)
    law = fit_error_distribution(y, ones * np.nan, ones, np.arange(30))
    weights = np.stack([np.zeros(30), np.ones(30)])
    nothing, everything = refit_error_distributions(y, ones * np.nan, ones, np.arange(30), weights, law, drawn=True)
    assert np.isnan(nothing.mean)
    assert everything.mean == pytest.approx(law.mean)
