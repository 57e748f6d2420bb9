"""AdministrativeBenchmark over repeated simulated contracts: coverage, false payments and power against nominal.

ADEMP. Aims: do intervals and thresholds have their nominal rates for a contract without saving? Data: `null_panel`, 80
units of 5,000 to 100,000 insured-years, cv 2.5, shock SD 1.2%, k and shock unknown to the method. Estimand: the saving,
zero. Performance: coverage, false payment and detection rates with binomial Monte Carlo errors; 2,000 panels in full,
200 reduced.
"""

import numpy as np
import pytest
from scipy.stats import norm

from ssinfer.benchmarks.administrative.method import AdministrativeBenchmark
from ssinfer.design import Design

pytestmark = pytest.mark.evidence

SETTINGS = {
    "one year": (
        {"n_periods": 8},
        Design(treated=["u000"], baseline=[2016, 2017, 2018], performance=[2019]),
    ),
    "three years, persistent shocks": (
        {"n_periods": 10, "persistence": 0.7},
        Design(treated=["u000"], baseline=[2016, 2017, 2018], performance=[2019, 2020, 2021]),
    ),
}


@pytest.mark.parametrize("setting", SETTINGS)
def test_coverage_false_payments_and_power(null_panel, evidence_share, setting):
    arguments, design = SETTINGS[setting]
    n_panels = int(2_000 * evidence_share)
    method = AdministrativeBenchmark(n_draws=1000, chains=2)
    z, power = [], []
    for seed in range(n_panels):
        cf = method.fit(null_panel(80, seed=10_000 + seed, **arguments), design, seed=seed)
        measured = cf.savings().pooled().measured.item()
        errors = cf.null_error()
        z.append((errors < measured).mean())
        # a true saving of the size detected with 80% power, in units of this fit's own error
        power.append(measured + (1.645 + 0.842) * errors.std() >= np.quantile(errors, 0.95))
    pit = np.array(z)
    lines = []
    for level in (0.5, 0.8, 0.9, 0.95):
        covered = (np.abs(pit - 0.5) <= level / 2).mean()
        error = np.sqrt(level * (1 - level) / n_panels)
        lines.append((f"coverage {level:g}", covered, level, error))
    for level in (0.9, 0.95):
        error = np.sqrt(level * (1 - level) / n_panels)
        lines.append((f"false payment at {level:g}", (pit >= level).mean(), 1 - level, error))
    lines.append(("power at the detectable saving", np.mean(power), 0.8, np.sqrt(0.16 / n_panels)))
    for name, rate, nominal, error in lines:
        print(f"{setting}: {name}: {rate:.3f} (nominal {nominal:.3f}, Monte Carlo error {error:.3f}, n {n_panels})")  # noqa: T201
    # 3.5 Monte Carlo errors (14 comparisons), and two points for k, tau and rho learned from 80 units
    assert all(abs(rate - nominal) < 3.5 * error + 0.02 for _, rate, nominal, error in lines)
    assert norm.ppf(np.clip(pit, 1e-3, 1 - 1e-3)).std() == pytest.approx(1, abs=3.5 / np.sqrt(2 * n_panels) + 0.06)


def test_k_and_shock_are_recovered(null_panel, evidence_share):
    # truth: k = cv sqrt(1 + 1/3), tau = shock sqrt(1 + 1/3), and their 90% intervals cover it 90 times of 100
    n_panels = int(1_000 * evidence_share)
    truth = np.array([2.5, 0.012]) * np.sqrt(4 / 3)
    design = SETTINGS["one year"][1]
    estimates, covered = [], []
    for seed in range(n_panels):
        table = AdministrativeBenchmark(n_draws=8).fit(null_panel(150, 8, seed=seed), design, seed=seed).diagnostics
        estimates.append(table["figure"].to_numpy()[:2])
        ends = [[float(word) for word in message.split()[2::2]] for message in table["message"][:2]]
        covered.append([low <= value <= high for (low, high), value in zip(ends, truth, strict=True)])
    mean, error = np.mean(estimates, axis=0), np.std(estimates, axis=0, ddof=1) / np.sqrt(n_panels)
    coverage = np.mean(covered, axis=0)
    print(f"k {mean[0]:.3f} (truth {truth[0]:.3f}, MCSE {error[0]:.3f}), covered {coverage[0]:.2f}; n {n_panels}")  # noqa: T201
    print(f"shock {mean[1]:.5f} (truth {truth[1]:.5f}, MCSE {error[1]:.5f}), covered {coverage[1]:.2f}")  # noqa: T201
    assert (np.abs(mean - truth) < 4 * error + 0.02 * truth).all()
    assert (coverage > 0.9 - 3.5 * np.sqrt(0.09 / n_panels) - 0.05).all()
