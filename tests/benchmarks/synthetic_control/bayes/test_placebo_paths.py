"""Authorities: the definitions written out naively, and properties (a donor says nothing of its own factor)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ssinfer as ss
from ssinfer.benchmarks.synthetic_control.bayes.placebo_paths import PlaceboPaths, donor_features, loose_directions
from ssinfer.benchmarks.synthetic_control.classic import SyntheticControl
from ssinfer.benchmarks.synthetic_control.fit_window import FitWindow


def window_of(n_units, seed=0):
    rng = np.random.default_rng(seed)
    values = 2000 * np.exp(0.1 * rng.normal(size=(n_units, 1)) + 0.02 * rng.normal(size=(n_units, 7)))
    sizes = np.exp(rng.uniform(7, 12, n_units))[:, None] * np.ones((1, 7))
    panel = ss.Panel(tuple(f"u{j:03d}" for j in range(n_units)), tuple(range(7)), values, insured_years=sizes)
    design = ss.Design(treated=["u000"], baseline=range(6), performance=[6])
    return FitWindow.of(SyntheticControl().prepare(panel, design), 0), values, sizes


def test_residuals_and_their_noise_are_those_written_down():
    window, values, sizes = window_of(12)
    placebos = PlaceboPaths.of(window)
    assert placebos.residual.shape == (11, 7)
    donors, insured = values[1:], sizes[1:]
    order = np.argsort(1 / insured[:, 0] * (donors**2).mean(axis=1) / (donors[:, :6] ** 2).mean(axis=1))
    for row, j in enumerate(order):
        paths = donors / np.sqrt((donors[:, :6] ** 2).mean(axis=1, keepdims=True))
        rest = np.delete(paths, j, axis=0)
        np.testing.assert_allclose(placebos.residual[row], paths[j] - rest.mean(axis=0), atol=1e-12)
        noise = paths**2 / insured
        expected = noise[j] + np.delete(noise, j, axis=0).sum(axis=0) / 10**2
        np.testing.assert_allclose(placebos.noise[row], expected, rtol=1e-9)


def test_a_larger_unit_that_grows_with_all_others_has_no_contrast():
    """Taken in money, a level 20% higher times common growth passes for a lasting shock (decision 0017)."""
    values = 2000 * np.linspace(0.8, 1.2, 10)[:, None] * 1.03 ** np.arange(7)
    panel = ss.Panel(tuple(f"u{j}" for j in range(10)), tuple(range(7)), values)
    design = ss.Design(treated=["u0"], baseline=range(6), performance=[6])
    placebos = PlaceboPaths.of(FitWindow.of(SyntheticControl().prepare(panel, design), 0))
    np.testing.assert_allclose(placebos.residual, 0.0, atol=1e-12)


def test_placebos_span_the_sizes_of_many_donors():
    """k shows in how errors fall with size: the smallest and the largest donors are among the placebos."""
    window, _, sizes = window_of(501)
    placebos = PlaceboPaths.of(window)
    assert len(placebos.residual) == 300
    donors = sizes[1:, 0]
    ratio = placebos.noise.mean(axis=1).max() / placebos.noise.mean(axis=1).min()
    assert ratio == pytest.approx(donors.max() / donors.min(), rel=0.5)


@given(seed=st.integers(0, 10**6), j=st.integers(0, 8), size=st.floats(0.01, 100))
def test_a_donors_factor_is_that_of_the_others(seed, j, size):
    rng = np.random.default_rng(seed)
    paths = 1 + 0.1 * rng.normal(size=(9, 6))
    noise = rng.uniform(1e-4, 1e-3, 9)
    places = np.array([j])
    before = loose_directions(paths, noise, places, 6)
    changed = paths.copy()
    changed[j] += size * 0.01 * (paths - paths.mean(axis=0))[j]
    after = loose_directions(changed, noise, places, 6)
    # the common mean moves with the donor by a ninth; its own outer product does not enter
    values, vectors = np.linalg.eigh(before[0] - 1.0)
    assert values[-1] == pytest.approx(6.0)
    assert abs(vectors[:, -1].sum()) < 1e-9
    assert np.linalg.matrix_rank(after[0], tol=1e-6) == 2


def test_a_factor_goes_on_after_the_baseline_as_the_loadings_say():
    """Donors differ along one factor over all periods, and in the last by large shocks of their own besides."""
    rng = np.random.default_rng(5)
    factor = np.array([0.0, 1.0, -0.5, 2.0, 1.5, 3.0])
    paths = 1 + 0.02 * rng.normal(size=(400, 1)) * factor + 1e-4 * rng.normal(size=(400, 6))
    paths[:, 5] += 0.2 * rng.normal(size=400)
    loose = loose_directions(paths, np.ones(400), np.array([0]), 5)[0] - 1.0
    shape = (factor - factor[:5].mean()) / factor[:5].std()
    np.testing.assert_allclose(loose[:5, :5], np.outer(shape[:5], shape[:5]), atol=0.02)
    # the shocks are ten times the factor's loading: 0.2 / 0.02 / sqrt(400) = 0.5, over the factor's SD in the baseline
    assert abs(loose[5, 1] / shape[1] - shape[5]) < 4 * 0.5 / factor[:5].std()
    assert loose[5, 5] < 2 * (shape[5] + 2 * 0.5 / factor[:5].std()) ** 2


def test_few_periods_leave_the_level_free_and_nothing_else():
    paths = 1 + 0.1 * np.random.default_rng(0).normal(size=(9, 4))
    np.testing.assert_array_equal(loose_directions(paths, np.ones(9), np.arange(2), 3), np.ones((2, 4, 4)))


@given(seed=st.integers(0, 10**6), scale=st.floats(1e-3, 1e3), J=st.integers(2, 30), T=st.integers(2, 9))
def test_features_are_standardised_and_do_not_know_the_currency(seed, scale, J, T):
    X = 1 + 0.1 * np.random.default_rng(seed).normal(size=(T, J))
    features = donor_features(X)
    assert np.abs(features).max() <= 3.0
    assert features.std(axis=0).max() <= 1 + 1e-9
    again = donor_features(scale * X)
    np.testing.assert_allclose(again[:, 0], features[:, 0], atol=1e-6)
    np.testing.assert_allclose(
        np.abs(again[:, 1]), np.abs(features[:, 1]), atol=1e-4
    )  # the sign of a component is free


def test_donors_that_do_not_differ_have_no_features():
    X = np.arange(1.0, 5.0)[:, None] * np.ones((1, 6))
    np.testing.assert_array_equal(donor_features(X), np.zeros((6, 2)))
