"""Simulation-based calibration of the Bayesian synthetic control.

`python tests/evidence/weight_posterior_sbc.py 2000 docs/evidence` draws the figure.

Donors' paths, insured-years and every prior constant are frozen; then weights, shocks, volatilities, k and level from
the prior, a treated unit from them, and its posterior with the sampler and refusals of `fit`. The rank of each true
quantity among its posterior draws must be uniform: the pooled benchmark without contract (predicted), tau, tilt, omega,
rho, k, the first and the last volatility, the effective number of donors, and the log likelihood at the truth (it
depends on the data: Modrák et al. 2023, doi 10.1214/23-BA1404). Level and demeaned form take turns. What this verifies:
sampler, density, predictions, refusals. What it does not: how the prior of shocks is learned from donors, which is
conditioned on (see test_shock_prior_recovery.py), and whether real units follow the model (see
weight_posterior_coverage.py).
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import kstwo

from ssinfer.benchmarks.synthetic_control.bayes.placebo_paths import donor_features
from ssinfer.benchmarks.synthetic_control.bayes.posterior import STRENGTH, WeightModel, sample_posterior
from ssinfer.benchmarks.synthetic_control.bayes.shock_prior import ShockPrior
from ssinfer.benchmarks.synthetic_control.kernels.simplex_posterior import Baseline, log_density, unpack
from ssinfer.benchmarks.synthetic_control.kernels.simplex_prediction import Performance

DONORS, BEFORE, AFTER = 20, 7, 2
RANKED = 100  # draws kept: about independent of each other
QUANTITIES = (
    "pooled", "tau", "tilt", "omega", "rho", "k", "first_volatility", "last_volatility", "effective_donors",
    "log_likelihood",
)  # fmt: skip


def frozen_model(*, intercept):
    """Fixed donors with levels, a common factor and noise of sizes that differ tenfold; fixed prior constants."""
    rng = np.random.default_rng(0)
    T = BEFORE + AFTER
    factor = 0.02 * rng.standard_normal(T).cumsum()
    level = np.exp(0.1 * rng.standard_normal(DONORS))
    sizes = np.exp(rng.uniform(np.log(10_000), np.log(100_000), DONORS))
    noise = 1 / sizes * np.ones((T, 1))
    paths = level * np.exp(
        factor[:, None] * rng.standard_normal(DONORS)
        + 0.015 * rng.standard_normal((T, DONORS))
        + 2.5 * np.sqrt(noise) * rng.standard_normal((T, DONORS))
    )
    treated_noise = np.full(T, 1 / 30_000)
    times = np.arange(T, dtype=float)
    covariance = np.diag(np.append([0.09, 0.64, 0.04], np.full(T, 0.05)))  # volatilities known by a fifth
    covariance[:3, :3] += np.array([[0.0, 0.02, -0.01], [0.02, 0.0, 0.0], [-0.01, 0.0, 0.0]])
    covariance[3:, 3:] -= 0.004  # and together less so than apart
    covariance[0, 3:] = covariance[3:, 0] = -0.01
    mean = np.append([np.log(0.015), 1.0, np.log(2.5)], 0.2 * rng.standard_normal(T))
    prior = ShockPrior(mean, covariance, 0.2, DONORS, 0.0)
    baseline = Baseline(
        y=np.ones(BEFORE), X=paths[:BEFORE], times=times[:BEFORE], noise=treated_noise[:BEFORE],
        donor_noise=noise[:BEFORE], kappa=0.1 if intercept else 0.0, features=donor_features(paths[:BEFORE]),
        mean=mean, factor=prior.factor, strength=np.array(STRENGTH),
    )  # fmt: skip
    performance = Performance(
        X=paths[BEFORE:], times=times[BEFORE:], noise=treated_noise[BEFORE:], donor_noise=noise[BEFORE:],
        pooling=np.full(AFTER, 1 / AFTER),
    )  # fmt: skip
    return WeightModel(baseline, performance, prior, level=1.0)


def treated_unit(model, q, rng):
    """Draw the treated unit over all periods at the unknowns q, term by term as the model is written."""
    w = np.empty(DONORS)
    volatility = np.empty(BEFORE + AFTER)
    _, omega, rho, k = unpack(q, model.baseline, w, volatility)
    shock = np.empty(BEFORE + AFTER)
    shock[0] = omega / np.sqrt(1 - rho**2) * rng.standard_normal()
    for t in range(1, len(shock)):
        shock[t] = rho * shock[t - 1] + omega * rng.standard_normal()
    before, after = model.baseline, model.performance
    variance = np.append(before.noise, after.noise) + np.vstack([before.donor_noise, after.donor_noise]) @ w**2
    level = before.kappa * rng.standard_normal()
    return (
        np.vstack([before.X, after.X]) @ w
        + level
        + volatility * shock
        + k * np.sqrt(variance) * rng.standard_normal(len(shock))
    )


def scalars(model, q):
    """Unknowns of interest at q."""
    w, volatility, unused = np.empty(DONORS), np.empty(BEFORE + AFTER), np.empty(model.size)
    tau, omega, rho, k = unpack(q, model.baseline, w, volatility)
    likelihood = log_density(q, model.baseline, unused) + 0.5 * float(q @ q)
    return {
        "tau": tau, "tilt": q[DONORS], "omega": omega, "rho": rho, "k": k, "first_volatility": volatility[0],
        "last_volatility": volatility[-1], "effective_donors": 1 / (w @ w), "log_likelihood": likelihood,
    }  # fmt: skip


def posterior_ranks(count, seed=1, first=0):
    """Return a frame of posterior ranks in (0, 1), one row per panel from the `first`; refused panels have NaN."""
    templates = [frozen_model(intercept=intercept) for intercept in (False, True)]
    rows = []
    for number in range(first, first + count):
        rng = np.random.default_rng([seed, number])
        template = templates[number % 2]
        truth = rng.standard_normal(template.size)
        y = treated_unit(template, truth, rng)
        model = replace(template, baseline=template.baseline._replace(y=y[:BEFORE]))
        posterior = sample_posterior(model, 500, rng)
        row = {"demeaned": number % 2, "ess": min(posterior.ess.values())}
        if not posterior.failures:
            flat = posterior.q.reshape(-1, model.size)
            kept = np.linspace(0, len(flat) - 1, RANKED).round().astype(int)
            draws = pd.DataFrame([scalars(model, unknowns) for unknowns in flat[kept]])
            draws["pooled"] = (posterior.paths @ model.performance.pooling).ravel()[kept]
            true = {**scalars(model, truth), "pooled": y[BEFORE:] @ model.performance.pooling}
            for name in QUANTITIES:
                row[name] = ((draws[name] < true[name]).sum() + rng.random()) / (RANKED + 1)
        rows.append(row)
    return pd.DataFrame(rows)


def band(count, level=0.05):
    """Half-width of simultaneous ECDF bands: exact (Kolmogorov) along each ECDF, Bonferroni over the quantities."""
    return float(kstwo.ppf(1 - level / len(QUANTITIES), count))


def distances(frame):
    """Largest distance between the ECDF of each quantity's posterior ranks and the uniform distribution."""
    grid = np.arange(1, len(frame) + 1) / len(frame)
    out = {}
    for name in QUANTITIES:
        ordered = np.sort(frame[name].to_numpy())
        out[name] = float(np.maximum(np.abs(grid - ordered), np.abs(grid - 1 / len(frame) - ordered)).max())
    return out


def draw(frame, refused, file):
    """Draw ECDFs less the uniform, with their simultaneous bands."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, axis = plt.subplots(figsize=(7, 4))
    grid = np.arange(1, len(frame) + 1) / len(frame)
    for name in QUANTITIES:
        ordered = np.sort(frame[name].to_numpy())
        axis.plot(ordered, grid - ordered, label=name.replace("_", " "), linewidth=1)
    for side in (-1, 1):
        axis.axhline(side * band(len(frame)), color="grey", linestyle="--", linewidth=1)
    axis.set(
        xlabel="place of the truth in its posterior",
        ylabel="ECDF less uniform",
        title=f"{len(frame)} simulated panels ({refused} more refused)",
    )
    axis.legend(fontsize=7, ncols=2, loc="lower right")
    figure.tight_layout()
    figure.savefig(file, metadata={"Date": None})


if __name__ == "__main__":
    ranks = posterior_ranks(int(sys.argv[1]))
    good = ranks.dropna()
    folder = Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    draw(good, len(ranks) - len(good), folder / "weight_posterior_sbc.svg")
    sys.stdout.write(
        f"{pd.Series(distances(good)).round(4)}\nband {band(len(good)):.4f}, {len(good)} of {len(ranks)}\n"
    )
