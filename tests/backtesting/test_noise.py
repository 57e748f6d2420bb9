"""noise_components and outside_sampling_interval against simulated truth, the normal law and Vektis."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from ssinfer.backtesting.noise import noise_components, outside_sampling_interval
from ssinfer.errors import DataError, ParameterError, RefusalError


def placebos(seed: int, units: int = 300, origins: int = 4, k: float = 3.0, shock: float = 0.012) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    n = np.exp(rng.uniform(np.log(3_000), np.log(300_000), units))
    frame = pd.DataFrame({"unit": np.repeat(np.arange(units), origins), "origin": np.tile(np.arange(origins), units)})
    frame["insured_years"] = np.repeat(n, origins)
    frame["block"] = frame["unit"] // 6
    frame["savings_rate"] = np.sqrt(k**2 / frame["insured_years"] + shock**2) * rng.standard_normal(len(frame))
    return frame


def test_intervals_cover_the_truth():
    """95% intervals over 60 simulated sets: at least 51 hold the truth (binomial(60, .95) below 51 has p < 1e-3)."""
    held = np.zeros(2)
    for seed in range(60):
        noise = noise_components(placebos(seed), replicates=200)
        held += [noise.k_lower <= 3.0 <= noise.k_upper, noise.shock_lower <= 0.012 <= noise.shock_upper]
    assert (held >= 51).all(), held


def test_estimates_are_centred_on_the_truth():
    """Mean of 40 estimates within four standard errors of k = 3 and shock = 1.2%."""
    noise = np.array([(f.k, f.shock) for f in (noise_components(placebos(s), replicates=2) for s in range(40))])
    error = noise.std(axis=0, ddof=1) / np.sqrt(len(noise))
    assert (np.abs(noise.mean(axis=0) - [3.0, 0.012]) < 4 * error + [0.02, 0.0002]).all()


def test_no_shock_gives_nearly_none():
    noise = noise_components(placebos(1, shock=0.0))
    assert noise.shock < 0.004
    assert noise.shock_lower == pytest.approx(0.0, abs=1e-4)


def test_units_may_miss_origins():
    whole = placebos(2)
    part = whole.sample(frac=0.7, random_state=1)
    noise = noise_components(part)
    assert noise.n_rows == len(part)
    assert noise.k == pytest.approx(noise_components(whole).k, rel=0.15)


def test_order_of_rows_does_not_matter():
    frame = placebos(3)
    first, second = noise_components(frame), noise_components(frame.sample(frac=1, random_state=2))
    assert (first.k, first.shock) == pytest.approx((second.k, second.shock))


def test_scale_equivariance():
    frame = placebos(4)
    double = frame.assign(savings_rate=2 * frame["savings_rate"])
    single, doubled = noise_components(frame), noise_components(double)
    assert (doubled.k, doubled.shock, doubled.k_upper) == pytest.approx(
        (2 * single.k, 2 * single.shock, 2 * single.k_upper)
    )


def test_shares_outside_follow_the_normal_law():
    """k = 3, shock = 1.2%, n = 20,000: P(|r| > 1.96 k / sqrt n) = 2 Phi(-1.96 / sqrt(1 + shock^2 n / k^2))."""
    rng = np.random.default_rng(5)
    n, k, shock = 20_000.0, 3.0, 0.012
    frame = pd.DataFrame({"unit": np.arange(10_000), "insured_years": n})
    frame["savings_rate"] = np.sqrt(k**2 / n + shock**2) * rng.standard_normal(len(frame))
    shares = outside_sampling_interval(frame, k)
    expected = 2 * norm.cdf(-norm.ppf(0.975) / np.sqrt(1 + shock**2 * n / k**2))
    assert shares["outside"] == pytest.approx(expected, abs=4 * shares["outside_se"])
    assert shares["above"] + shares["below"] == pytest.approx(shares["outside"])


def test_refusals():
    frame = placebos(6)
    with pytest.raises(DataError, match=r"Pass rows of result\.placebos"):
        noise_components(frame.drop(columns="insured_years"))
    with pytest.raises(RefusalError, match="at least 20"):
        noise_components(frame[frame["unit"] < 10])
    with pytest.raises(RefusalError, match="several sizes"):
        noise_components(frame.assign(insured_years=20_000.0))
    with pytest.raises(DataError, match="Select one design"):
        noise_components(frame.assign(design=["a", "b"] * (len(frame) // 2)))
    with pytest.raises(RefusalError, match="status column"):
        noise_components(frame.assign(status="refused"))
    with pytest.raises(ParameterError, match=r"k is .*; allowed: a number more than 0"):
        outside_sampling_interval(frame, 0.0)


def test_the_case_and_refused_rows_do_not_enter():
    frame = placebos(7).assign(role="placebo", status="ok")
    extra = frame.head(40).assign(savings_rate=0.5)
    both = pd.concat([frame, extra.assign(role="case"), extra.assign(status="refused")])
    assert noise_components(both).k == pytest.approx(noise_components(frame).k)


def test_repr_leaves_the_replicates_out():
    noise = noise_components(placebos(1), replicates=50)
    assert "replicates" not in repr(noise)
    assert len(repr(noise)) < 400
