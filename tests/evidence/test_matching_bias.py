"""Mean error of PropensityMatching's benchmark, with and without noise, as a ratio of means and as a mean of ratios.

Without yearly noise and without shocks, only the comparison itself can err. With noise, a mean of ratios (benchmark
divided by the truth of each replicate) exceeds the ratio of means by about the truth's squared coefficient of
variation. `python tests/evidence/test_matching_bias.py` prints the figures of docs/matched_benchmarks.md.
"""

from __future__ import annotations

import numpy as np
import pytest
from simulated_matching import simulate_matching

from ssinfer.benchmarks.matched.covariates import truncation_caps
from ssinfer.benchmarks.matched.method import PropensityMatching

NO_SHOCKS = {"practice_shock": 0.0, "region_shock": 0.0}
NO_NOISE = {"sigma": 0.0, "zeros": 0.0, **NO_SHOCKS}
SETTINGS = [(1_000, 100), (5_000, 40), (20_000, 15)]


def point(n, seed, truncation=None, **options):
    """Return the pooled benchmark's point estimate and the truth, per insured-year."""
    simulated = simulate_matching(n, n_practices=105, seed=seed, **options)
    cohort, design = simulated.cohort, simulated.design
    method = PropensityMatching(balance_limits=None, truncation=truncation)
    problem = method.prepare(cohort, design)
    comparison = method.compare(problem)
    benchmark = comparison.outcome.offset + comparison.growth.growth[comparison.lines.group_of]
    treated = np.isin(cohort.unit, np.array(design.treated, dtype=object))
    columns = cohort.columns(design.performance)
    money, years = cohort.spending[np.ix_(treated, columns)], cohort.insured_years[np.ix_(treated, columns)]
    if truncation is not None:
        money = np.minimum(money, truncation_caps(cohort, design, truncation)[columns] * years)
    sizes = problem.performance_insured_years
    return (benchmark * sizes).sum() / sizes.sum(), money.sum() / years.sum()


def errors(n, replicates, seed, **options):
    """Return (mean, standard error) of the ratio of means, of the mean of ratios and of their difference."""
    benchmark, truth = np.array([point(n, seed + r, **options) for r in range(replicates)]).T
    of_means, of_ratios = (benchmark - truth) / truth.mean(), benchmark / truth - 1
    parts = (of_means, of_ratios, of_ratios - of_means)
    return [(part.mean(), part.std(ddof=1) / np.sqrt(replicates)) for part in parts], (truth.std() / truth.mean()) ** 2


@pytest.mark.evidence
@pytest.mark.parametrize(("n", "replicates"), SETTINGS)
def test_the_comparison_itself_has_no_bias(n, replicates, evidence_share):
    (mean, se), *_ = errors(n, max(6, int(replicates * evidence_share)), 9_000_000, **NO_NOISE)[0]
    assert abs(mean) < 4 * se + 0.0002
    assert se < 0.001


@pytest.mark.evidence
def test_a_mean_of_ratios_is_too_large_and_a_ratio_of_means_is_not(evidence_share):
    # With 60 replicates the difference was only 2.8 standard errors.
    (of_means, _, difference), cv2 = errors(1_000, max(240, int(600 * evidence_share)), 9_100_000, **NO_SHOCKS)
    assert abs(of_means[0]) < 4 * of_means[1]
    assert difference[0] > 3 * difference[1]
    assert 0.4 * cv2 < difference[0] < 1.6 * cv2


def main():
    """Print one line per setting, in percent of the truth."""
    settings = [("no noise, no shocks", n, replicates, NO_NOISE, 9_000_000) for n, replicates in SETTINGS]
    for n, replicates in ((1_000, 600), (5_000, 200)):
        for truncation in (None, 0.99):
            options = {**NO_SHOCKS, "truncation": truncation}
            settings.append((f"no shocks, truncation {truncation}", n, replicates, options, 9_100_000))
    for label, n, replicates, options, seed in settings:
        parts, cv2 = errors(n, replicates, seed, **options)
        shown = [f"{100 * mean:+.3f} ({100 * se:.3f})" for mean, se in parts]
        print(  # noqa: T201
            f"{label}, {n:,} persons, {replicates} replicates: ratio of means {shown[0]}, mean of ratios {shown[1]}, "
            f"difference {shown[2]}, squared coefficient of variation of the truth {100 * cv2:.3f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
