"""Draws of a matched benchmark: its posterior, and the sampling distribution of the same quantity."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ssinfer.benchmarks.matched.kernels.person_bootstrap import bootstrap_ratios, pool_small_blocks
from ssinfer.benchmarks.matched.sampling_distribution import Confidence, bootstrap_t, conditional, two_way
from ssinfer.benchmarks.matched.sampling_noise import skewed_noise

if TYPE_CHECKING:
    from ssinfer.benchmarks.matched.comparison_group import Comparison
    from ssinfer.benchmarks.matched.growth import Lines, Outcome
    from ssinfer.typing import Floats


class PosteriorDraws(NamedTuple):
    """Draws (D, I, P); `expected` lacks the treated group's own shocks and noise."""

    benchmark: Floats
    expected: Floats


def bootstrapped_growth(
    comparison: Comparison, lines: Lines, outcome: Outcome, n_draws: int, rng: np.random.Generator
) -> Floats:
    """Return draws of offset + growth of the controls (D, I, P), their persons bootstrapped within practice."""
    ratios = bootstrap_ratios(
        lines.person,
        lines.group,
        lines.weight,
        outcome.money[lines.rows],
        outcome.years[lines.rows],
        pool_small_blocks(comparison.problem.unit[lines.rows]),
        lines.n_groups,
        n_draws,
        rng,
    )
    baseline = np.where(np.isnan(ratios[:, :, :1]), 0.0, ratios[:, :, :1])
    return np.asarray(outcome.offset + (ratios[:, :, 1:] - baseline)[:, lines.group_of])


def posterior_draws(comparison: Comparison, growth: Floats, rng: np.random.Generator) -> PosteriorDraws:
    """Add shocks and the treated group's own noise to draws of offset + growth, each once."""
    noise = skewed_noise(*comparison.own_noise, comparison.persons, len(growth), rng)
    kept, lost = comparison.shocks.draw(len(growth), rng)
    expected = growth + kept
    return PosteriorDraws(expected + lost + noise, expected)


def sampling_draws(comparison: Comparison, kind: Confidence, n_draws: int, rng: np.random.Generator) -> Floats:
    """Return draws of the sampling distribution of the benchmark (D, I, P)."""
    outcome, lines = comparison.outcome, comparison.lines
    draws = outcome.offset + comparison.growth.growth[lines.group_of]
    draws = draws + _growth_errors(comparison, kind, n_draws, rng)
    draws = draws + skewed_noise(*comparison.own_noise, comparison.persons, n_draws, rng)
    # Clusters and resampled practices hold the comparison practices' shocks already.
    return np.asarray(draws + comparison.shocks.draw_plug_in(n_draws, rng, comparison=kind == "abadie-imbens"))


def _growth_errors(comparison: Comparison, kind: Confidence, n_draws: int, rng: np.random.Generator) -> Floats:
    """Return draws of the error of the controls' growth (D, I, P)."""
    lines, growth = comparison.lines, comparison.growth
    practice = comparison.problem.unit[lines.rows][lines.person].astype(np.int64)
    if kind == "bootstrap-t":
        return bootstrap_t(lines, comparison.outcome, growth, practice, n_draws, rng)[:, lines.group_of]
    scale = np.ones((n_draws, 1))
    if kind == "cluster":
        covariance, count = two_way(lines, growth, practice)
        scale = np.sqrt((count - 1) / rng.chisquare(count - 1, size=(n_draws, 1)))
    else:
        covariance = conditional(lines, growth, comparison.distance[lines.rows])
    values, vectors = np.linalg.eigh((covariance + covariance.T) / 2)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    error = (rng.standard_normal((n_draws, len(values))) @ root.T) * scale
    return np.asarray(error.reshape(n_draws, lines.n_groups, -1)[:, lines.group_of])
