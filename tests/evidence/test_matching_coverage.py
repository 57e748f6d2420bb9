"""Coverage of PropensityMatching's intervals on simulated persons with a known saving, with misses by side.

The truth of each replicate is the treated practices' mean spending without the contract, which the simulation returns.
`python tests/evidence/test_matching_coverage.py` prints all rows of the docs. With arguments, such as
`python tests/evidence/test_matching_coverage.py 5000 400 --shock 0.01`, it prints the rows of one setting.

The mean error is a ratio of means: sum of (benchmark - truth) over sum of truths. A mean of ratios would add the
squared coefficient of variation of the truth (0.8% at 1,000 persons), because the reciprocal of a noisy number is too
large on average.
"""

from __future__ import annotations

import argparse
from typing import get_args

import numpy as np
import pandas as pd
import pytest
from simulated_matching import simulate_matching

from ssinfer.benchmarks.matched.covariates import truncation_caps
from ssinfer.benchmarks.matched.draws import bootstrapped_growth, posterior_draws, sampling_draws
from ssinfer.benchmarks.matched.method import PropensityMatching
from ssinfer.benchmarks.matched.sampling_distribution import Confidence
from ssinfer.plugins.conformance.suite import check_benchmark

SAVING, TRUNCATION, DRAWS = 0.03, 0.99, 1000
LEVELS = (0.95, 0.90, 0.80)
COLUMNS = ["spending", "kind", "level", "covered", "saving_below", "saving_above", "width", "error", "truth"]


def draws_of(method, problem, seed, kinds):
    """Return pooled benchmark draws by kind: one comparison, the posterior, and each sampling distribution.

    A fit draws the posterior first, from the same seed, so its benchmark has the same draws.
    """
    comparison = method.compare(problem)
    rng = np.random.default_rng(seed)
    growth = bootstrapped_growth(comparison, comparison.lines, comparison.outcome, method.n_draws, rng)
    draws_by_kind = {"credible": posterior_draws(comparison, growth, rng)[0]}
    for kind in kinds:
        draws_by_kind[f"confidence, {kind}"] = sampling_draws(comparison, kind, method.n_draws, rng)
    weights = problem.performance_insured_years / problem.performance_insured_years.sum()
    return {kind: (draws * weights).sum(axis=(1, 2)) for kind, draws in draws_by_kind.items()}


def replicate(n, seed, *, shock=0.01, n_treated=5, n_practices=105, shock_prior=0.02):
    """Return one row per spending, kind and level: whether the interval of the saving holds the true saving."""
    simulated = simulate_matching(
        n,
        saving=SAVING,
        n_treated=n_treated,
        n_practices=n_practices,
        practice_shock=shock,
        region_shock=shock / 2,
        seed=seed,
    )
    cohort, design = simulated.cohort, simulated.design
    treated = np.isin(cohort.unit, np.array(design.treated, dtype=object))
    columns = cohort.columns(design.performance)
    with_contract, years = cohort.spending[np.ix_(treated, columns)], cohort.insured_years[np.ix_(treated, columns)]
    rows = []
    for label, truncation in (("all", None), ("truncated", TRUNCATION)):
        method = PropensityMatching(n_draws=DRAWS, balance_limits=None, truncation=truncation, shock_prior=shock_prior)
        cap = np.inf if truncation is None else truncation_caps(cohort, design, truncation)[columns] * years
        spent, truth = (
            float(np.minimum(money, cap).sum() / years.sum()) for money in (with_contract, with_contract / (1 - SAVING))
        )
        saved = truth - spent
        for kind, draws in draws_of(method, method.prepare(cohort, design), seed, get_args(Confidence)).items():
            for level in LEVELS:
                low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2]) - spent
                miss = (saved < low, saved > high)
                rows.append((label, kind, level, not any(miss), *miss, high - low, draws.mean() - truth, truth))
    return pd.DataFrame(rows, columns=COLUMNS)


def coverage(n, replicates, seed=10_000, **setting):
    """Return coverage with its Monte Carlo standard error, misses by side, mean width, bias and its error.

    Width and bias are fractions of the mean truth.
    """
    rows = pd.concat([replicate(n, seed + r, **setting) for r in range(replicates)])
    groups = rows.groupby(COLUMNS[:3])
    table = groups[COLUMNS[3:]].mean()
    table.insert(1, "se", np.sqrt(table["covered"] * (1 - table["covered"]) / replicates))
    table["error_se"] = groups["error"].std() / np.sqrt(replicates)
    for column in ("width", "error", "error_se"):
        table[column] /= table["truth"]
    return table.drop(columns="truth")


def markdown(table, n, replicates, shock):
    """Return the rows of the docs: one per kind of spending and interval."""
    lines = []
    for spending in ("all", "truncated"):
        for kind in ("credible", *(f"confidence, {kind}" for kind in get_args(Confidence))):
            cells = [f"{shock:.0%} / {shock / 2:.1%}", f"{n:,}", f"{replicates:,}", spending, kind]
            for level in LEVELS:
                row = table.loc[(spending, kind, level)]
                cells.append(f"{row.covered:.3f} ({row.se:.3f})")
                cells.append(f"{row.saving_below:.3f} / {row.saving_above:.3f}")
                cells += [f"{row.width:.3f}"] if level == LEVELS[0] else []
            cells.append("" if kind.endswith("bootstrap-t") else f"{row.error:+.2%} ({row.error_se:.2%})")
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


# Insured, replicates in full, SD of a practice's shock (a region's is half of it).
SETTINGS = [(1_000, 400, 0.01), (5_000, 150, 0.0), (5_000, 150, 0.02), (20_000, 60, 0.01)]


@pytest.mark.evidence
@pytest.mark.parametrize(("n", "replicates", "shock"), SETTINGS)
def test_intervals_cover_at_least_their_level(n, replicates, shock, evidence_share):
    replicates = max(6, int(replicates * evidence_share))
    table = coverage(n, replicates, shock=shock)
    print(f"{n:,} insured, {replicates} replicates, shock {shock}\n{table.round(3).to_string()}")  # noqa: T201
    for (_, _, level), row in table.iterrows():
        # Four Monte Carlo errors of the nominal level, and two points for the skewness that remains at n = 1,000.
        assert row["covered"] >= level - 4 * np.sqrt(level * (1 - level) / replicates) - 0.02
    # A bootstrap-t distribution reflects the skewness of spending: its mean does not estimate the benchmark.
    centred = table[~table.index.get_level_values("kind").str.endswith("bootstrap-t")]
    assert (centred["error"].abs() <= 4 * centred["error_se"] + 0.001).all()


@pytest.mark.evidence
def test_the_intervals_are_those_of_a_fit():
    simulated = simulate_matching(1_000, saving=SAVING, n_treated=5, n_practices=105, seed=1)
    method = PropensityMatching(n_draws=200)
    problem = method.prepare(simulated.cohort, simulated.design)
    cf = method.fit(simulated.cohort, simulated.design, seed=3)
    computed = draws_of(method, problem, 3, ("cluster",))
    weights = cf.insured_years / cf.insured_years.sum()
    for kind, draws in (("credible", cf.benchmark), ("confidence, cluster", cf.confidence)):
        assert np.allclose(np.sort((draws * weights).sum(("unit", "period")).values.ravel()), np.sort(computed[kind]))


@pytest.mark.evidence
def test_conformance_on_a_simulated_cohort():
    report = check_benchmark(PropensityMatching())
    print(report.checks.to_string())  # noqa: T201
    assert report.passed, report
    status = report.checks.set_index("check")["status"]
    assert (status == "PASS").all()


# Rows of the docs: persons treated, replicates, SD of a practice's shock, treated practices, practices in all.
# Seeds begin at a million times the number of the row, so that no two settings share a replicate.
GRID = [
    (1_000, 1_000, 0.01, 5, 105),
    (5_000, 200, 0.01, 5, 105),
    (20_000, 80, 0.01, 5, 105),
    (5_000, 200, 0.02, 1, 26),
    (1_000, 300, 0.0, 5, 105),
    (1_000, 300, 0.02, 5, 105),
    (5_000, 150, 0.0, 5, 105),
    (5_000, 150, 0.02, 5, 105),
    (20_000, 50, 0.02, 5, 105),
    (20_000, 50, 0.0, 5, 105),
    (20_000, 40, 0.02, 1, 26),
]


def main():
    """Print the rows of one setting, or of all of them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("n", type=int, nargs="?")
    parser.add_argument("replicates", type=int, nargs="?", default=100)
    parser.add_argument("--shock", type=float, default=0.01)
    parser.add_argument("--treated", type=int, default=5)
    parser.add_argument("--practices", type=int, default=105)
    parser.add_argument("--prior", type=float, default=0.02)
    parser.add_argument("--seed", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0, help="number of the first setting, from 0")
    given = parser.parse_args()
    given_setting = (given.n, given.replicates, given.shock, given.treated, given.practices)
    for number, (n, replicates, shock, treated, practices) in enumerate([given_setting] if given.n else GRID):
        if number < given.first:
            continue
        seed = given.seed if given.n else 1_000_000 * (number + 1)
        setting = {"shock": shock, "n_treated": treated, "n_practices": practices, "shock_prior": given.prior}
        table = coverage(n, replicates, seed, **setting)
        print(f"{treated} of {practices} practices treated, seeds from {seed:,}, {setting}")  # noqa: T201
        print(markdown(table, n, replicates, shock), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
