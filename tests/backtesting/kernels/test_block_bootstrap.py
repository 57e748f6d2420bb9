"""Block bootstrap standard errors against simulation and against the closed form."""

import numpy as np
import pytest

from ssinfer.backtesting.kernels.block_bootstrap import (
    block_sums,
    block_weights,
    mean_and_error,
    spread_of_replicates,
    standard_errors,
)


def draw(rng, n_blocks=60, size=5, shared=1.0):
    return shared * rng.normal(size=(n_blocks, 1)) + rng.normal(size=(n_blocks, size))


def test_error_of_a_mean_agrees_with_simulation():
    # truth: SD of the mean of 60 blocks of 5 with intraclass SD 1, from 4,000 simulated data sets
    rng = np.random.default_rng(1)
    truth = np.std([draw(rng).mean() for _ in range(4_000)])
    blocks = np.repeat(np.arange(60), 5)
    errors = [mean_and_error(draw(rng).reshape(-1, 1), blocks, np.random.default_rng(s))[1][0] for s in range(60)]
    assert np.mean(errors) == pytest.approx(truth, rel=0.06)
    naive = draw(rng).ravel().std(ddof=1) / np.sqrt(300)
    assert naive < 0.6 * truth  # what ignoring the blocks would claim


def test_error_of_a_mean_with_single_rows_is_the_textbook_one():
    values = np.random.default_rng(3).exponential(size=(400, 1))
    _, error = mean_and_error(values, np.arange(400), np.random.default_rng(0))
    assert error[0] == pytest.approx(values.std() / 20, rel=0.12)  # 500 replicates: 3% of Monte Carlo error


def test_smooth_functions_of_means():
    values = np.random.default_rng(3).normal(10, 1, size=(400, 2))

    def ratio(sums, counts):
        return (sums[..., 0] / sums[..., 1])[..., None] + 0 * np.asarray(counts)[..., None]

    errors = standard_errors(values, np.arange(400), ratio, np.random.default_rng(0), 2_000)
    assert errors[0] == pytest.approx(np.sqrt(2) * 0.1 / 20, rel=0.12)  # delta method


def test_a_single_block_has_no_error():
    _, error = mean_and_error(np.ones((5, 2)), np.zeros(5, dtype=int), np.random.default_rng(0))
    assert np.isnan(error).all()


def test_few_blocks_have_no_error_because_it_would_be_an_accident():
    """The error of a mean threshold from two blocks was as small as 1/30 of its spread over seeds (R29, R31)."""
    rng = np.random.default_rng(5)
    for n_blocks, known in ((2, False), (4, False), (5, True)):
        blocks = np.repeat(np.arange(n_blocks), 3)
        _, error = mean_and_error(rng.normal(size=(len(blocks), 2)), blocks, np.random.default_rng(0))
        assert np.isfinite(error).all() == known


def test_replicates_that_resemble_the_sample_are_not_all_replicates():
    """Of two blocks, only replicates with both had a placebo threshold; all were equal, and the error was 1e-16."""
    drawn = np.array([[0.04, 1.0], [0.04, 2.0], *[[np.nan, 3.0]] * 8])
    errors = spread_of_replicates(drawn, 8)
    assert np.isnan(errors[0])
    assert errors[1] == pytest.approx(drawn[:, 1].std(ddof=1))
    drawn[:9, 0], drawn[9, 0] = np.arange(9), np.nan
    assert spread_of_replicates(drawn, 8)[0] == pytest.approx(np.arange(9).std(ddof=1))


def test_the_error_of_a_mean_threshold_holds_the_monte_carlo_error_of_its_draws():
    """60 placebos with the same law, 95% quantiles of 400 draws each: spread over 100 seeds against printed errors."""
    blocks = np.repeat(np.arange(20), 3)
    means, errors = [], []
    for seed in range(100):
        thresholds = np.quantile(np.random.default_rng(seed).normal(size=(60, 400)), 0.95, axis=1)
        mean, error = mean_and_error(thresholds[:, None], blocks, np.random.default_rng(seed + 1000))
        means.append(mean[0])
        errors.append(error[0])
    assert 0.8 < np.std(means) / np.mean(errors) < 1.25


def test_weights_and_sums():
    weights = block_weights(7, np.random.default_rng(0), 50)
    assert (weights.sum(axis=1) == 7).all()
    sums = block_sums(np.arange(6.0).reshape(3, 2), np.array([1, 0, 1]), 2)
    np.testing.assert_array_equal(sums, [[2, 3], [4, 6]])
