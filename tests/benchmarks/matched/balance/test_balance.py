"""Measures of balance against scipy and definitions; invariants; limits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.special import expit, logit

from ssinfer.benchmarks.matched.balance.limits import BalanceLimits
from ssinfer.benchmarks.matched.balance.measures import (
    balance_table,
    common_support,
    equipoise,
    kolmogorov_smirnov,
    overlap,
    preference_score,
    standardised_mean_difference,
    variance_ratio,
    weighted_variance,
)
from ssinfer.benchmarks.matched.checks import balance_checks
from ssinfer.benchmarks.matched.scores.propensity import PropensityScores
from ssinfer.errors import ParameterError
from ssinfer.kernels.importance import effective_size


def groups(seed, n=60):
    rng = np.random.default_rng(seed)
    treated = np.arange(n) < n // 3
    return np.round(rng.normal(size=n), 1) + 0.5 * treated, treated, rng.integers(1, 5, n).astype(float)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10_000))
def test_kolmogorov_smirnov_equals_scipy(seed):  # authority: scipy.stats.ks_2samp
    x, treated, w = groups(seed)
    distance = kolmogorov_smirnov(x, treated, np.ones(len(x)), np.argsort(x))
    assert distance == pytest.approx(stats.ks_2samp(x[treated], x[~treated]).statistic)
    # Integer weights are repetitions.
    times = w.astype(int)
    rows = np.repeat(np.arange(len(x)), times)
    repeated = kolmogorov_smirnov(x[rows], treated[rows], np.ones(len(rows)), np.argsort(x[rows]))
    assert kolmogorov_smirnov(x, treated, w, np.argsort(x)) == pytest.approx(repeated)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.1, 10), st.floats(-5, 5))
def test_standardised_figures_do_not_depend_on_units(seed, scale, shift):
    x, treated, w = groups(seed)
    for figure in (
        lambda x: standardised_mean_difference(x, treated, w),
        lambda x: variance_ratio(x, treated, w),
    ):
        assert figure(scale * x + shift) == pytest.approx(figure(x), rel=1e-6, abs=1e-9)


def test_smd_without_spread():
    treated = np.array([True, True, False, False])
    assert standardised_mean_difference(np.ones(4), treated, np.ones(4)) == 0.0
    assert standardised_mean_difference(np.array([2.0, 2.0, 1.0, 0.0]), treated, np.ones(4)) == np.inf


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_effective_sample_size_lies_between_one_and_n(seed):
    w = np.random.default_rng(seed).gamma(0.3, size=50) + 1e-9
    assert 1 <= effective_size(w) <= 50
    assert effective_size(np.ones(50)) == 50
    assert weighted_variance(w, np.ones(50)) == pytest.approx(w.var(ddof=1))


def test_overlap_of_normal_scores_is_the_closed_form():
    """Of equally many N(d, 1) and N(0, 1) the log-odds of x are d x - d^2/2: Crump's 0.9 is where they are log 9."""
    rng, d, n = np.random.default_rng(0), 2.0, 20_000
    treated = np.arange(2 * n) < n
    score = expit(d * (rng.normal(size=2 * n) + d * treated) - d**2 / 2)
    assert overlap(score, treated, np.ones(2 * n)) == pytest.approx(stats.norm.cdf(np.log(9) / d - d / 2), abs=0.01)
    assert overlap(score, treated, 1 - score) > 0.8  # weights for the effect on persons in equipoise
    apart = rng.normal(size=2 * n) + 10 * treated
    assert common_support(apart, treated, np.ones(2 * n)) < 0.01


@pytest.mark.parametrize(
    ("outside", "status", "limit"), [(5, "PASS", 0.95), (6, "WARN", 0.95), (20, "WARN", 0.95), (21, "FAIL", 0.80)]
)
@pytest.mark.parametrize(("check", "far", "highest_control"), [("overlap", 0.91, 0.95), ("common support", 0.8, 0.7)])
def test_treated_persons_without_comparable_controls(check, far, highest_control, outside, status, limit):
    """Authority: the rule of 5 and 20% of Schulz and Grimes (2002), doi:10.1016/S0140-6736(02)07882-0."""
    score = np.concatenate([np.full(outside, far), np.full(100 - outside, 0.6), np.linspace(0.1, highest_control, 100)])
    treated = np.arange(200) < 100
    checks = balance_checks(treated, PropensityScores(score, logit(score)), np.ones(200), None)
    judged = {row.check: row for row in checks}
    assert (judged[check].status, judged[check].limit) == (status, limit)
    assert judged[check].figure == pytest.approx(1 - outside / 100)
    assert judged["effective controls"].status == "NOT EVALUATED"


def test_preference_score_is_the_score_at_even_prevalence():
    score, treated = np.array([0.2, 0.6, 0.5, 0.9]), np.array([True, True, False, False])
    assert preference_score(score, treated) == pytest.approx(score)
    assert equipoise(score, treated) == 0.5
    rare = np.array([True, False, False, False])
    assert (preference_score(score, rare) > score).all()


def test_limits_pass_fail_and_switch_off():
    x, treated, _ = groups(3)
    weights = np.ones(len(x))
    score = np.full(len(x), treated.mean())
    table = balance_table({"x": x}, treated, weights)
    loose = BalanceLimits(smd=5, variance_ratio=50, ks=1, equipoise=0.2, matched=0.5, effective_sample_size=1)
    judged = loose.judge(table, treated, weights, score)
    assert len(judged) == 6
    assert all(check.status == "PASS" for check in judged.values())
    only_smd = BalanceLimits(smd=1e-9, variance_ratio=None, equipoise=None, matched=None)
    (failed,) = only_smd.judge(table, treated, weights, score).values()
    assert failed.status == "FAIL"
    assert failed.message.endswith("; at most 1e-09")
    for wrong in ({"smd": 0}, {"equipoise": 20}, {"variance_ratio": 0.5}, {"matched": -1}):
        with pytest.raises(ParameterError, match=r"BalanceLimits: \w+ is .*; allowed: None or a number"):
            BalanceLimits(**wrong)


def test_a_distance_without_spread_is_not_judged():
    """Fault W15: log-odds of one value with an SD of 1e-16 gave an smd of 0.496, and the benchmark was refused."""
    rng = np.random.default_rng(0)
    treated = np.arange(400) < 60
    distance = -3.7 + 1e-16 * rng.integers(-4, 5, 400)
    weights = np.where(treated, 1.0, rng.uniform(0, 2, 400))
    table = balance_table({"distance": distance, "age": rng.normal(50, 10, 400)}, treated, weights)
    assert table.loc["distance", "smd (SD of the treated) after"] == 0.0
    assert np.isnan(table.loc["distance", "variance_ratio after"])
    judged = BalanceLimits(smd=0.5, equipoise=None).judge(table, treated, weights, np.full(400, 0.15))
    assert all(check.status == "PASS" and "distance" not in check.message for check in judged.values())
