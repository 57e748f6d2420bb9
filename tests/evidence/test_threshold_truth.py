"""Every threshold over repeated simulated contracts of known truth: false payments and coverage against nominal.

ADEMP. Aims: does each kind of threshold pay the promised share of contracts without a saving, where theory says so,
and visibly more where its error is sampling noise alone? Data: one contract of 20,000 insured and 200 placebo units of
5,000 to 100,000, three baseline and three performance years; person noise k / sqrt(n) per year, AR(1) group shocks of
persistence 0.8, a common bias of the benchmark; placebos of their own shocks. Estimand: the saving, zero.
Methods: all kinds of thresholds, given the true error, or sampling error alone. Performance: share of contracts paid,
coverage of calibrated 95% intervals; binomial Monte Carlo errors; 10,000 contracts per setting in full, 1,000 reduced.
"""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from ssinfer.counterfactual import Counterfactual
from ssinfer.thresholds.calibrated_likelihood import calibrated_threshold
from ssinfer.thresholds.calibrated_posterior import calibrate
from ssinfer.thresholds.confidence import confidence_threshold
from ssinfer.thresholds.credible import credible_threshold
from ssinfer.thresholds.detectable import minimum_detectable_saving, power_of_threshold
from ssinfer.thresholds.placebo import placebo_threshold
from ssinfer.thresholds.planning.scenario import Scenario
from ssinfer.thresholds.schedule import schedule_threshold

pytestmark = pytest.mark.evidence

INSURED, UNITS, YEARS, RHO = 20_000.0, 200, 3, 0.8
PERSON = 2.5  # SD of a person's relative spending in a year; k of a one-year contrast is PERSON sqrt(1 + 1/3)
K = PERSON * np.sqrt(4 / 3)
SETTINGS = {"no shock": (0.0, 0.0), "shock 1%": (0.01, 0.0), "shock 1%, bias 1%": (0.01, 0.01)}
QUANTILES = norm.ppf((np.arange(4_000) + 0.5) / 4_000)


def measured_rates(sizes, shock, bias, rng):
    """Return measured savings rates (..., J) of contracts without a saving: baseline less performance means, plus bias.

    `shock` is the SD that the shock adds to the first performance year's contrast, as in Scenario.
    """
    shape = np.shape(sizes)
    lags = np.abs(np.subtract.outer(np.arange(3 + YEARS), np.arange(3 + YEARS)))
    correlation = RHO**lags
    first = np.array([1 / 3, 1 / 3, 1 / 3, -1.0])
    scale = shock / np.sqrt(first @ correlation[:4, :4] @ first)
    path = scale * rng.standard_normal((*shape, 3 + YEARS)) @ np.linalg.cholesky(correlation).T
    spending = path + PERSON / np.sqrt(sizes)[..., None] * rng.standard_normal(path.shape)
    return spending[..., :3].mean(axis=-1) - spending[..., 3:].mean(axis=-1) + bias


def believed(se, insured=INSURED, uncertainty="posterior"):
    """Return a benchmark whose relative error is N(0, se^2), without Monte Carlo noise."""
    return Counterfactual.from_draws(100 * (1 + se * QUANTILES), uncertainty, insured_years=insured)


def placebo_frame(sizes, rates, s):
    names = [f"u{number}" for number in range(len(sizes))]
    return pd.DataFrame({"unit": names, "origin": 1, "assigned": sizes, "standard_error": s, "savings_rate": rates})


def paid(setting, n_contracts, seed):
    """Return per kind the nominal rate and whether each contract without a saving is paid, and calibrated coverage."""
    shock, bias = SETTINGS[setting]
    rng = np.random.default_rng(seed)
    scenario = Scenario(insured=INSURED, years=YEARS, k=K, shock_sd=shock, persistence=RHO)
    measured = measured_rates(np.full(n_contracts, INSURED), shock, bias, rng)
    whole, alone = believed(scenario.standard_error), believed(scenario.sampling_error)
    fixed = {
        "credible 95%, one-sided": (0.05, credible_threshold(whole)),
        "credible 90%, one-sided": (0.10, credible_threshold(whole, 0.90)),
        "credible 95%, two-sided": (0.025, credible_threshold(whole, side="two-sided")),
        "credible 95%, sceptical": (None, credible_threshold(whole, prior="sceptical")),
        "confidence 95%, one-sided": (
            0.05,
            confidence_threshold(believed(scenario.standard_error, uncertainty="sampling"), side="one-sided"),
        ),
        "confidence 95%, two-sided": (
            0.025,
            confidence_threshold(believed(scenario.standard_error, uncertainty="sampling")),
        ),
        "power threshold 95%": (0.05, minimum_detectable_saving(whole).gate),
        "sampling error alone, 95% one-sided": (0.05, credible_threshold(alone)),
        "sampling error alone, 95% two-sided": (0.025, credible_threshold(alone, side="two-sided")),
        "Medicare's schedule": (None, schedule_threshold("mssp", assigned=INSURED)),
    }
    paid_by_kind = {name: (nominal, measured >= float(threshold)) for name, (nominal, threshold) in fixed.items()}
    learned = {name: [] for name in ("placebo 95%", "calibrated 95%", "calibrated coverage")}
    for rate in measured:
        sizes = np.exp(rng.uniform(np.log(5_000), np.log(100_000), UNITS))
        # the fit's own standard error is sampling error alone: what is missing has to be learned from the placebos
        s = scenario.sampling_error * np.sqrt(INSURED / sizes)
        frame = placebo_frame(sizes, measured_rates(sizes, shock, bias, rng), s)
        same = frame.assign(savings_rate=measured_rates(np.full(UNITS, INSURED), shock, bias, rng))
        threshold = placebo_threshold(same.drop(columns="standard_error")).rate
        learned["placebo 95%"].append(rate >= threshold)
        calibrated = calibrated_threshold(alone, frame)
        learned["calibrated 95%"].append(rate >= calibrated.rate)
        reach = norm.ppf(0.975) * calibrated.detail["standard_error"]
        learned["calibrated coverage"].append(abs(rate - calibrated.detail["bias"]) <= reach)
    nominal = {"placebo 95%": 1 - np.ceil(0.95 * (UNITS + 1)) / (UNITS + 1), "calibrated 95%": 0.05}
    paid_by_kind |= {name: (nominal.get(name, 0.95), np.array(values)) for name, values in learned.items()}
    return paid_by_kind


@pytest.mark.parametrize("setting", SETTINGS)
def test_false_payments(setting, evidence_share):
    n = int(10_000 * evidence_share)
    paid_by_kind = paid(setting, n, seed=20_26)
    shock, bias = SETTINGS[setting]
    rates = {}
    for name, (nominal, hits) in paid_by_kind.items():
        rates[name] = hits.mean()
        error = np.sqrt(max(rates[name] * (1 - rates[name]), 1e-4) / n)
        promised = "none promised" if nominal is None else f"nominal {nominal:.4f}"
        print(f"{setting}: {name}: {rates[name]:.4f} ({promised}, Monte Carlo error {error:.4f}, n {n})")  # noqa: T201
    nominals = {name: nominal for name, (nominal, _) in paid_by_kind.items() if nominal is not None}
    alone = {name for name in nominals if name.startswith("sampling error alone")}
    learned = {"placebo 95%", "calibrated 95%", "calibrated coverage"}
    # 4 Monte Carlo errors: some 35 comparisons; a point more where parameters are learned from 200 placebos
    for name, nominal in nominals.items():
        error = 4 * np.sqrt(nominal * (1 - nominal) / n)
        if name in learned:
            assert abs(rates[name] - nominal) < error + 0.01, name
        elif bias == 0 and (shock == 0 or name not in alone):
            assert abs(rates[name] - nominal) < error, name
        else:  # a threshold that ignores a bias or the shock pays too often
            assert rates[name] > nominal + error, name
    if bias == 0:
        assert rates["credible 95%, sceptical"] < 0.05
    if n >= 10_000:
        assert 0.93 <= rates["calibrated coverage"] <= 0.97


def test_formula_of_the_scenario_agrees_with_simulated_years(evidence_share):
    n = int(100_000 * evidence_share)
    rng = np.random.default_rng(5)
    for shock, _ in SETTINGS.values():
        scenario = Scenario(insured=INSURED, years=YEARS, k=K, shock_sd=shock, persistence=RHO)
        rates = measured_rates(np.full(n, INSURED), shock, 0.0, rng)
        assert rates.std() == pytest.approx(scenario.standard_error, rel=4 / np.sqrt(2 * n))
        threshold = minimum_detectable_saving(believed(scenario.standard_error)).gate
        for saving in (0.0, 0.02, 0.05):
            power = power_of_threshold(believed(scenario.standard_error), threshold, saving)
            error = np.sqrt(power * (1 - power) / n)
            assert (rates + saving >= float(threshold)).mean() == pytest.approx(power, abs=4 * error + 1e-3)


def test_posterior_calibration_covers(evidence_share):
    """Coverage of calibrated 95% intervals over new contracts, the posterior fitted to new placebos each time.

    Two origins: a unit's persistent error is the same at both, its sampling noise is new.
    """
    n_fits, n_contracts, bias = max(2, int(40 * evidence_share) // 2), 2_000, 0.01
    rng = np.random.default_rng(11)
    scenario = Scenario(insured=INSURED, years=YEARS, k=K, shock_sd=0.01, persistence=RHO)
    alone = believed(scenario.sampling_error)
    covered, false = [], []
    for fit in range(n_fits):
        sizes = np.exp(rng.uniform(np.log(5_000), np.log(100_000), UNITS))
        s = scenario.sampling_error * np.sqrt(INSURED / sizes)
        persistent = bias + scenario.shock_error * rng.standard_normal(UNITS)
        parts = [
            placebo_frame(sizes, persistent + s * rng.standard_normal(UNITS), s).assign(origin=year) for year in (1, 2)
        ]
        learned = calibrate(pd.concat(parts), exclude=list(alone.design.treated), seed=fit + 1)
        error = learned.null_error(alone, np.random.default_rng(fit))
        low, high, threshold = np.quantile(error, [0.025, 0.975, 0.95])
        rates = measured_rates(np.full(n_contracts, INSURED), 0.01, bias, rng)
        covered.append(((low <= rates) & (rates <= high)).mean())
        false.append((rates >= threshold).mean())
    for name, values, nominal in (("coverage", covered, 0.95), ("false payments", false, 0.05)):
        binomial = np.sqrt(nominal * (1 - nominal) / n_contracts / n_fits)
        error = max(float(np.std(values, ddof=1)) / np.sqrt(n_fits), binomial)
        print(f"posterior calibration, {name}: {np.mean(values):.4f} (Monte Carlo error {error:.4f}, {n_fits} fits)")  # noqa: T201
        # the standard error of the SD from 200 placebos is 5%, which moves coverage by one percentage point
        assert abs(np.mean(values) - nominal) < 4 * binomial + 0.02
