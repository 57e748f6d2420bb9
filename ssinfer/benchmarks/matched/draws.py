"""Draws of a matched benchmark: its posterior, and the sampling distribution of the same quantity."""

import numpy as np

from ssinfer.benchmarks.matched.comparison_group import ComparisonGroup
from ssinfer.benchmarks.matched.kernels.person_bootstrap import bootstrap_ratios, pool_small_blocks
from ssinfer.benchmarks.matched.lines import Lines
from ssinfer.benchmarks.matched.outcome import Outcome
from ssinfer.benchmarks.matched.sampling_distribution import Confidence, growth_errors
from ssinfer.kernels.skewed_noise import skewed_noise
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
    noise = skewed_noise(*comparison.noise_of_units, len(growth), rng)
    comparison_shocks, treated_shocks = comparison.shocks.draw(len(growth), rng)
    expected = growth + comparison_shocks
    return expected + treated_shocks + noise, expected


def sampling_draws(comparison: ComparisonGroup, kind: Confidence, n_draws: int, rng: np.random.Generator) -> Floats:
    """Draw from the sampling distribution of the benchmark (n_draws, I, P), in money per insured-year."""
    draws = comparison.outcome.offset + comparison.growth.growth[comparison.lines.group_of]
    draws = draws + growth_errors(comparison, kind, n_draws, rng)
    draws = draws + skewed_noise(*comparison.noise_of_units, n_draws, rng)
    # Clusters and resampled practices already contain the shocks of the comparison practices.
    return np.asarray(draws + comparison.shocks.draw_plug_in(n_draws, rng, comparison=kind == "abadie-imbens"))
