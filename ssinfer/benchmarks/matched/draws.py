"""Draws of a matched benchmark: its posterior, and the sampling distribution of the same quantity."""

import numpy as np
from scipy import stats

from ssinfer.benchmarks.matched.comparison_group import ComparisonGroup
from ssinfer.benchmarks.matched.kernels.person_bootstrap import bootstrap_ratios, pool_small_blocks
from ssinfer.benchmarks.matched.lines import Lines
from ssinfer.benchmarks.matched.outcome import Outcome
from ssinfer.benchmarks.matched.sampling_distribution import Confidence, growth_errors
from ssinfer.typing import Floats


def bootstrapped_growth(
    comparison: ComparisonGroup, lines: Lines, outcome: Outcome, n_draws: int, rng: np.random.Generator
) -> Floats:
    """Draw offset + growth (n_draws, I, P) of the controls in `lines`, bootstrapped within practices."""
    money, years = outcome.money[lines.rows], outcome.years[lines.rows]
    blocks = pool_small_blocks(comparison.problem.unit[lines.rows])
    ratios = bootstrap_ratios(
        lines.person, lines.group, lines.weight, money, years, blocks, lines.n_groups, n_draws, rng
    )
    baseline = np.where(np.isnan(ratios[:, :, :1]), 0.0, ratios[:, :, :1])
    return np.asarray(outcome.offset + (ratios[:, :, 1:] - baseline)[:, lines.group_of])


def posterior_draws(comparison: ComparisonGroup, growth: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Return draws of offset + growth (D, I, P) with all shocks and noise, and without those of the treated units."""
    noise = skewed_noise(*comparison.person_noise, comparison.persons, len(growth), rng)
    comparison_shocks, treated_shocks = comparison.shocks.draw(len(growth), rng)
    expected = growth + comparison_shocks
    return expected + treated_shocks + noise, expected


def sampling_draws(comparison: ComparisonGroup, kind: Confidence, n_draws: int, rng: np.random.Generator) -> Floats:
    """Draw from the sampling distribution of the benchmark (n_draws, I, P), in money per insured-year."""
    draws = comparison.outcome.offset + comparison.growth.growth[comparison.lines.group_of]
    draws = draws + growth_errors(comparison, kind, n_draws, rng)
    draws = draws + skewed_noise(*comparison.person_noise, comparison.persons, n_draws, rng)
    # Clusters and resampled practices already contain the shocks of the comparison practices.
    return np.asarray(draws + comparison.shocks.draw_plug_in(n_draws, rng, comparison=kind == "abadie-imbens"))


def skewed_noise(
    covariance: Floats, skewness: Floats, persons: Floats, n_draws: int, rng: np.random.Generator
) -> Floats:
    """Draw errors of means of `persons` (I,), from the covariance (P, P) and skewness (P,) of one person's spending."""
    # the mean of a few hundred persons is skewed too: a normal error would miss mostly on one side
    sd = np.sqrt(np.diag(covariance))
    correlation = covariance / np.maximum(np.outer(sd, sd), 1e-300)
    values, vectors = np.linalg.eigh(correlation)
    z = rng.standard_normal((n_draws, len(persons), len(sd))) @ (vectors * np.sqrt(np.maximum(values, 0.0))).T
    skew_of_mean = skewness / np.sqrt(persons)[:, None]  # (I, P)
    shaped = np.where(np.abs(skew_of_mean) > 1e-4, stats.pearson3.ppf(stats.norm.cdf(z), skew_of_mean), z)
    return np.asarray(shaped * sd / np.sqrt(persons)[:, None])
