"""Simulation-based calibration of the effects of units (Talts et al. 2018, arXiv:1804.06788), and the protocol.

Authority: the rank of a value among draws of its posterior is uniform if value and data come from prior and model.
"""

import numpy as np
import pytest
from scipy.stats import kstest

import ssinfer as ss
from ssinfer.benchmarks.risk_adjusted.kernels.unit_effects import (
    Unseen,
    draw_effects,
    learn,
    marginal,
    prior_grid,
    raised_variance,
    shock_correlation,
)

N_UNITS, N_DRAWS = 24, 199
YEARS = np.array([-2, -1, 0])


@pytest.mark.evidence
@pytest.mark.parametrize("kept", [0.0, 0.85], ids=["learned", "raised"])
def test_ranks_of_level_and_effect_are_uniform(kept, evidence_share):
    """`kept` 0 is level_response=None; 0.85 is the bound that 0.95 asks for at a response of 0.67."""
    n = int(2_000 * evidence_share)
    grid = prior_grid(0.1, 0.02, regions=False)
    probability = np.exp(grid.log - grid.log.max())
    ranks = np.empty((n, 2))
    for number in range(n):
        rng = np.random.default_rng(500_000 + number)
        point = grid.points[rng.choice(len(probability), p=probability / probability.sum())][None]
        sizes = np.concatenate([rng.uniform(0.01, 0.05, N_UNITS), [0.03]])  # SD of the noise in a block
        noise = np.einsum("g,kl->gkl", sizes**2, 0.8 * np.eye(3) + 0.2)  # the same persons in part
        template = Unseen(np.zeros((1, 2)), noise[-1:], YEARS, np.array([0]), np.array([kept]))
        added = np.concatenate([np.zeros(N_UNITS), raised_variance(point, template)[0][0]])
        effect = rng.standard_normal(N_UNITS + 1) * np.sqrt(point[0, 0] ** 2 + added)
        C = shock_correlation(point[0, 2], YEARS) + 1e-12 * np.eye(3)
        shock = point[0, 1] * rng.standard_normal((N_UNITS + 1, 3)) @ np.linalg.cholesky(C).T
        error = np.einsum("gkl,gl->gk", np.linalg.cholesky(noise), rng.standard_normal((N_UNITS + 1, 3)))
        r = effect[:, None] + shock + error
        unseen = template._replace(residuals=r[-1:, :2])
        known = learn(grid, r[:-1], noise[:-1], YEARS, np.zeros(N_UNITS, int))
        own = np.einsum("kl,dl->dk", np.linalg.cholesky(noise[-1]), rng.standard_normal((N_DRAWS, 3)))[:, None]
        draws = draw_effects(marginal(known, unseen), unseen, own, N_DRAWS, rng)
        ranks[number] = (draws.level + draws.noise < r[-1, 2]).sum(), (draws.effect < effect[-1]).sum()
    for name, values in zip(("level", "effect"), ranks.T, strict=True):
        share = (values + np.random.default_rng(0).uniform(size=n)) / (N_DRAWS + 1)
        p = kstest(share, "uniform").pvalue
        print(f"{name}, kept {kept}: p {p:.3f}, mean {share.mean():.3f}, SD {share.std():.3f} (0.289), n {n}")  # noqa: T201
        assert p > 0.05 / 4 / 10  # four ranks, and one false alarm in ten


@pytest.mark.evidence
def test_it_keeps_the_protocol_on_persons(evidence_share):
    """The full evidence has the coverage of simulated cohorts as well."""
    cohort = ss.datasets.simulate_cohort(30, persons=(40, 60), seed=3)
    design = ss.Design(["practice 01"], baseline=[2015, 2016, 2017], performance=[2018])
    method = ss.RiskAdjustedBenchmark(n_draws=400)
    report = ss.check_benchmark(method, cohort, design=design, replicates=100 if evidence_share == 1 else 0)
    assert report.passed, report
