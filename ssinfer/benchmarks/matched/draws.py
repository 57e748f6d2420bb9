"""Draws of a matched benchmark: its posterior, and the sampling distribution of the same quantity."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ssinfer.benchmarks.matched.kernels.person_bootstrap import bootstrap_ratios, pool_small_blocks
from ssinfer.benchmarks.matched.sampling_distribution import Confidence, growth_errors
from ssinfer.benchmarks.matched.sampling_noise import skewed_noise

if TYPE_CHECKING:
    from ssinfer.benchmarks.matched.comparison_group import ComparisonGroup
    from ssinfer.benchmarks.matched.lines import Lines
    from ssinfer.benchmarks.matched.outcome import Outcome
    from ssinfer.typing import Floats


class PosteriorDraws(NamedTuple):
    """Draws (D, I, P); `expected` leaves out the treated units' shocks and noise."""

    benchmark: Floats
    expected: Floats


def bootstrapped_growth(
    comparison: ComparisonGroup, lines: Lines, outcome: Outcome, n_draws: int, rng: np.random.Generator
) -> Floats:
    """Draw offset + growth of the controls, whose persons are bootstrapped within practices.

    Parameters
    ----------
    comparison : ComparisonGroup
    lines : Lines
        Those of the comparison, or of a match on another draw of the score.
    outcome : Outcome
        Adjusted for these lines.
    n_draws : int
    rng : numpy.random.Generator

    Returns
    -------
    array (n_draws, I, P)
        Money per insured-year.
    """
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


def posterior_draws(comparison: ComparisonGroup, growth: Floats, rng: np.random.Generator) -> PosteriorDraws:
    """Add shocks and the treated units' noise to draws of offset + growth, each once."""
    noise = skewed_noise(*comparison.person_noise, comparison.persons, len(growth), rng)
    comparison_shocks, treated_shocks = comparison.shocks.draw(len(growth), rng)
    expected = growth + comparison_shocks
    return PosteriorDraws(expected + treated_shocks + noise, expected)


def sampling_draws(comparison: ComparisonGroup, kind: Confidence, n_draws: int, rng: np.random.Generator) -> Floats:
    """Draw from the sampling distribution of the benchmark.

    Parameters
    ----------
    comparison : ComparisonGroup
    kind : "cluster", "abadie-imbens" or "bootstrap-t"
    n_draws : int
    rng : numpy.random.Generator

    Returns
    -------
    array (n_draws, I, P)
        Money per insured-year.
    """
    draws = comparison.outcome.offset + comparison.growth.growth[comparison.lines.group_of]
    draws = draws + growth_errors(comparison, kind, n_draws, rng)
    draws = draws + skewed_noise(*comparison.person_noise, comparison.persons, n_draws, rng)
    # Clusters and resampled practices already contain the shocks of the comparison practices.
    return np.asarray(draws + comparison.shocks.draw_plug_in(n_draws, rng, comparison=kind == "abadie-imbens"))
