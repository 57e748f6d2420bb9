"""Authority: simulated panels with known k, shock and persistence; the prior learned from donors has to recover them.

ADEMP. Aims: is the prior of shocks and k that `ShockPrior.learned` takes from donors about right, and is its stated
uncertainty? Data: 150 units over nine years, levels 10% apart, a common factor with loadings of their own, AR(1)
shocks, in the fifth year `loud` times as large, sampling noise k^2 / n with 20,000 to 200,000 insured-years. Estimands:
k, omega (SD of a shock's innovation), rho, volatility of the fifth year. Performance: bias; coverage of 90% intervals
of the common values, and of the prior that the treated unit gets, which adds the learned heterogeneity between units to
omega's variance (there is none in these data); Monte Carlo errors.
"""

# ruff: noqa: T201
from __future__ import annotations

import numpy as np
import pytest

import ssinfer as ss
from ssinfer.benchmarks.synthetic_control.bayes.placebo_paths import PlaceboPaths
from ssinfer.benchmarks.synthetic_control.bayes.shock_prior import N_NODES, ShockPrior
from ssinfer.benchmarks.synthetic_control.classic import SyntheticControl
from ssinfer.benchmarks.synthetic_control.fit_window import FitWindow
from ssinfer.benchmarks.synthetic_control.kernels.placebo_shocks import shock_log_likelihood
from ssinfer.benchmarks.synthetic_control.kernels.simplex_posterior import MAX_RHO

pytestmark = pytest.mark.evidence

T, Z = 9, 1.645
LOUD_YEAR, GROWTH = 4, 0.02
CASES = [
    (0.01, 0.9, 3.0, 0.01, 1.0),
    (0.01, 0.5, 3.0, 0.01, 1.0),
    (0.015, 0.95, 2.5, 0.0, 1.0),
    (0.01, 0.9, 2.5, 0.02, 1.0),
    (0.015, 0.7, 2.5, 0.01, 1.5),
]


def simulated_window(rng, omega, rho, k, factor, loud, n_units=150):
    """Return a window of units whose shocks have a known distribution."""
    sizes = np.exp(rng.uniform(np.log(20_000), np.log(200_000), n_units))[:, None] * np.ones((1, T))
    level = 2_000 * np.exp(0.1 * rng.standard_normal(n_units))
    common = factor * rng.standard_normal(T).cumsum()
    shock = np.empty((n_units, T))
    shock[:, 0] = omega / np.sqrt(1 - rho**2) * rng.standard_normal(n_units)
    for t in range(1, T):
        shock[:, t] = rho * shock[:, t - 1] + omega * rng.standard_normal(n_units)
    shock[:, LOUD_YEAR] *= loud
    loading = rng.standard_normal(n_units)[:, None]
    noise = k / np.sqrt(sizes) * rng.standard_normal((n_units, T))
    spending = level[:, None] * np.exp(GROWTH * np.arange(T) + loading * common + shock + noise)
    names = tuple(f"u{i:03d}" for i in range(n_units))
    panel = ss.Panel(names, tuple(range(T)), spending, insured_years=sizes)
    design = ss.Design(treated=["u000"], baseline=range(T - 1), performance=[T - 1])
    return FitWindow.of(SyntheticControl().prepare(panel, design), 0)


def learned(window):
    """Estimates of (log omega, logit rho, log k, log v), their errors, and the SDs of the treated unit's prior."""
    prior = ShockPrior.learned(window)
    parameters = [0, 1, 2, 3 + LOUD_YEAR]
    variance = np.diag(prior.covariance)[parameters]
    return prior.mean[parameters], np.sqrt(variance - [prior.heterogeneity**2, 0.0, 0.0, 0.0]), np.sqrt(variance)


@pytest.mark.parametrize(("omega", "rho", "k", "factor", "loud"), CASES)
def test_k_shock_persistence_and_volatility_are_recovered(omega, rho, k, factor, loud, evidence_share):
    count = int(200 * evidence_share)
    truth = np.array([np.log(omega), np.log(rho / (MAX_RHO - rho)), np.log(k), np.log(loud)])
    priors = [
        learned(simulated_window(np.random.default_rng([1, i]), omega, rho, k, factor, loud)) for i in range(count)
    ]
    mean, error, spread = (np.array(part) for part in zip(*priors, strict=True))
    common, covered = ((np.abs(mean - truth) <= Z * sd).mean(axis=0) for sd in (error, spread))
    natural = np.exp(mean)
    natural[:, 1] = MAX_RHO / (1 + np.exp(-mean[:, 1]))
    for column, (name, true) in enumerate((("omega", omega), ("rho", rho), ("k", k), ("loud year", loud))):
        estimates = natural[:, column]
        mcse = estimates.std() / np.sqrt(count)
        print(
            f"omega {omega}, rho {rho}, k {k}, factor {factor}, loud {loud}: "
            f"{name} {estimates.mean():.4f} +- {mcse:.4f}, covered at 90%: {100 * common[column]:.0f}%, "
            f"by the treated unit's prior {100 * covered[column]:.0f}% "
            f"+- {100 * np.sqrt(0.09 / count):.0f}%"
        )
        if name == "rho":  # nine years carry little information about persistence: shrunk to the prior's 0.73
            assert abs(estimates.mean() - true) < 0.25 + 3 * mcse
            continue
        assert abs(estimates.mean() / true - 1) < 0.15 + 3 * mcse / true
        assert covered[column] > 0.65 - 3 * np.sqrt(0.09 / count)


def score(window, theta):
    """Score and information of the donors' likelihood at theta, in (log omega, logit rho, log k)."""
    paths = PlaceboPaths.of(window)
    nodes, masses = np.polynomial.hermite_e.hermegauss(N_NODES)
    rest = (paths.residual, paths.noise, paths.times, paths.loose, nodes, masses / masses.sum())

    def gradient(point):
        out = np.empty(point.size)
        shock_log_likelihood(point, *rest, out)
        return out[:3]

    steps = 1e-3 * np.eye(theta.size)[:3]
    return gradient(theta), -np.array([gradient(theta + step) - gradient(theta - step) for step in steps]) / 2e-3


@pytest.mark.parametrize(("omega", "rho", "k", "factor", "loud"), CASES)
def test_score_at_the_truth(omega, rho, k, factor, loud, evidence_share):
    """Is the likelihood right for projected paths? Then its score is zero on average and varies as the information.

    Where donors differ by mean spending alone both hold. A factor of about the same size as the shocks is estimated
    with error. The remainder is common to all donors: the score is biased and varies more.
    """
    count = max(int(200 * evidence_share), 20)
    path = GROWTH * np.arange(T)
    volatility = path - 0.5 * np.log(np.exp(2 * path[: T - 1]).mean())  # shocks grow with spending
    volatility[LOUD_YEAR] += np.log(loud)
    theta = np.append([np.log(omega), np.log(rho / (MAX_RHO - rho)), np.log(k), np.log(0.02)], volatility)
    evaluations = [
        score(simulated_window(np.random.default_rng([2, i]), omega, rho, k, factor, loud), theta) for i in range(count)
    ]
    scores = np.array([gradient for gradient, _ in evaluations])
    information = np.mean([panel_information for _, panel_information in evaluations], axis=0)
    error = scores.std(axis=0, ddof=1) / np.sqrt(count)
    centred, ratio = scores.mean(axis=0) / error, scores.var(axis=0, ddof=1) / np.diag(information)
    print(
        f"omega {omega}, rho {rho}, k {k}, factor {factor}, loud {loud}: mean score / its error {centred.round(1)}, "
        f"variance / information {ratio.round(2)}, one-step bias of (log omega, logit rho, log k) "
        f"{np.linalg.solve(information, scores.mean(axis=0)).round(3)}"
    )
    if factor == 0:
        assert np.abs(centred).max() < 4
        assert np.abs(np.log(ratio)).max() < np.log(1.5) + 4 * np.sqrt(2 / count)
