"""LaLonde's 185 treated and 429 controls, and the NSW against the CPS.

Authorities: MatchIt 4.7.2, R Matching 4.10-8, and direct computation, as each test says; six digits.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from sklearn.metrics import roc_auc_score

from ssinfer.benchmarks.matched.balance.limits import BalanceLimits
from ssinfer.benchmarks.matched.balance.measures import balance_table, equipoise
from ssinfer.benchmarks.matched.sampling_distribution import neighbour_residuals
from ssinfer.benchmarks.matched.scores.match import match_persons
from ssinfer.benchmarks.matched.scores.propensity import propensity_scores
from ssinfer.benchmarks.matched.scores.weighting import entropy_weights, propensity_weights
from ssinfer.kernels.importance import effective_size

SIX_DIGITS = 5e-7  # the golden table prints six decimals of figures in dollars


def difference(outcome, treated, weights):
    """Difference of weighted means, treated less control."""
    return np.average(outcome[treated], weights=weights[treated]) - np.average(
        outcome[~treated], weights=weights[~treated]
    )


def log_likelihood(scores, treated):
    return -np.logaddexp(0.0, np.where(treated, -scores.logit, scores.logit)).sum()


class Lalonde:
    def __init__(self, frame):
        self.frame = frame
        self.treated = frame["treat"].to_numpy() == 1
        self.outcome = frame["re78"].to_numpy()
        race = {name: (frame["race"] == name).to_numpy(np.float64) for name in ("black", "hispan", "white")}
        plain = {
            name: frame[name].to_numpy(np.float64) for name in ("age", "educ", "married", "nodegree", "re74", "re75")
        }
        names = ("age", "educ", "hispan", "white", "married", "nodegree", "re74", "re75")
        self.covariates = {name: {**plain, **race}[name] for name in names}
        self.scores = propensity_scores(self.covariates, self.treated)
        names = ("age", "educ", "black", "hispan", "white", "married", "nodegree", "re74", "re75")
        self.table_columns = {"distance": self.scores.score, **{name: {**plain, **race}[name] for name in names}}


@pytest.fixture(scope="module")
def lalonde(data_dir):
    return Lalonde(pd.read_csv(data_dir / "person" / "lalonde_614.tab", sep=r"\s+"))


def test_score_coefficients_and_likelihood(lalonde):
    golden = {  # R glm
        "const": -1.663281595,
        "age": 0.01577707099,
        "educ": 0.1613068770,
        "hispan": -2.081734119,
        "white": -3.065367729,
        "married": -0.8321132713,
        "nodegree": 0.7072968811,
        "re74": -7.177668568e-05,
        "re75": 5.344644639e-05,
    }
    assert lalonde.scores.coefficients == pytest.approx(golden, rel=2e-8)
    assert log_likelihood(lalonde.scores, lalonde.treated) == pytest.approx(-243.9219657, abs=1e-7)
    first = [0.6387699333, 0.2246342416, 0.6782438795, 0.7763240812, 0.7016387448]
    assert lalonde.scores.score[:5] == pytest.approx(first, abs=1e-8)
    assert lalonde.scores.score.std(ddof=1) == pytest.approx(0.290313372, abs=1e-9)
    assert lalonde.scores.logit.std(ddof=1) == pytest.approx(1.804511963, abs=2e-8)
    assert roc_auc_score(lalonde.treated, lalonde.scores.logit) == pytest.approx(0.8742267, abs=5e-8)


# Authority: MatchIt 4.7.2. Options, treated, controls, estimate, SE clustered on the set, SE HC3.
MATCHIT = {
    "1:1": ({}, 185, 185, 894.367480, 705.229764, 732.276586),
    "2:1": ({"ratio": 2}, 185, 370, 220.288641, 661.191010, 677.926437),
    "caliper .2": ({"caliper": 0.2}, 113, 113, 1571.744454, 1010.947970, 986.241295),
    "smallest": ({"caliper": 0.2, "order": "smallest"}, 109, 109, 1685.932605, 862.065786, None),
    "data": ({"caliper": 0.2, "order": "data"}, 111, 111, 1028.936798, 882.522207, None),
    "caliper .2, 2:1": ({"caliper": 0.2, "ratio": 2}, 113, 146, 1461.346533, 984.391373, 978.066302),
    "caliper .1": ({"caliper": 0.1}, 111, 111, 1835.407682, 1026.556412, 999.041042),
    "logit": ({"caliper": 0.2, "on": "logit"}, 117, 117, 1770.602906, 924.234347, 951.697891),
    "exact": ({"exact": ["married", "nodegree"]}, 185, 185, 613.934867, 712.384617, 739.054075),
    "exact race": ({"exact": ["race"], "caliper": 0.2}, 113, 113, 1499.388183, 1024.533724, 993.669905),
    "replace": ({"replace": True}, 185, 82, 1991.615274, None, 942.819702),
    "replace 3:1": ({"replace": True, "ratio": 3}, 185, 153, 1573.748871, None, 905.568174),
}


def matched(lalonde, options):
    options = {"on": "score", "caliper": None, **options}
    if "exact" in options:
        parts = [lalonde.frame[name].astype(str) for name in options["exact"]]
        options["exact"] = parts[0] if len(parts) == 1 else parts[0] + "/" + parts[1]
    return match_persons(lalonde.scores, lalonde.treated, **options)


@pytest.mark.parametrize("row", MATCHIT)
def test_matched_estimate_and_standard_errors(lalonde, row):
    options, n_treated, n_controls, estimate, clustered, hc3 = MATCHIT[row]
    match = matched(lalonde, options)
    assert match.attrition["matched"].tolist() == [n_treated, n_controls]
    weights, treated = match.weights, lalonde.treated
    assert difference(lalonde.outcome, treated, weights) == pytest.approx(estimate, abs=SIX_DIGITS)
    # Standard errors by statsmodels: the clustered one depends on each pair, the other one on the weights.
    used = weights > 0
    model = sm.WLS(lalonde.outcome[used], sm.add_constant(treated[used].astype(float)), weights=weights[used])
    if hc3 is not None:
        assert model.fit(cov_type="HC3").bse[1] == pytest.approx(hc3, abs=SIX_DIGITS)
    if clustered is not None:
        sets = np.arange(len(treated))
        sets[match.control] = match.treated
        errors = model.fit(cov_type="cluster", cov_kwds={"groups": sets[used]}).bse
        assert errors[1] == pytest.approx(clustered, abs=SIX_DIGITS)


@pytest.mark.parametrize(("ratio", "size"), [(1, 46.31258), (3, 67.15173)])
def test_effective_controls_with_replacement(lalonde, ratio, size):
    weights = matched(lalonde, {"replace": True, "ratio": ratio}).weights
    assert effective_size(weights[~lalonde.treated]) == pytest.approx(size, abs=5e-6)


def test_pairs_do_not_depend_on_row_order_despite_ties(lalonde):
    rng = np.random.default_rng(3)
    shuffle = rng.permutation(len(lalonde.treated))
    scores = propensity_scores({k: v[shuffle] for k, v in lalonde.covariates.items()}, lalonde.treated[shuffle])
    for options in ({"replace": True, "caliper": None}, {"caliper": 0.2}, {"order": "closest"}):
        before = match_persons(lalonde.scores, lalonde.treated, **options)
        after = match_persons(scores, lalonde.treated[shuffle], ids=shuffle, **options)
        pairs = {tuple(line) for line in zip(before.treated.tolist(), before.control.tolist(), strict=True)}
        again = zip(shuffle[after.treated].tolist(), shuffle[after.control].tolist(), strict=True)
        assert pairs == set(again)


def test_balance_before_and_after(lalonde):
    weights = matched(lalonde, {}).weights
    table = balance_table(lalonde.table_columns, lalonde.treated, weights)
    before = [1.7941, -0.3094, 0.0550, 1.7615, -0.3498, -1.8819, -0.8263, 0.2450, -0.7211, -0.2903]  # MatchIt 4.7.2
    assert table["smd (SD of the treated)"].to_numpy() == pytest.approx(before, abs=5e-5)
    ratios = table["variance_ratio"].loc[["age", "educ", "re74", "re75"]]
    assert ratios.to_numpy() == pytest.approx([0.4400, 0.4959, 0.5181, 0.9563], abs=5e-5)
    distances = [0.6444, 0.1577, 0.1114, 0.6404, 0.0827, 0.5577, 0.3236, 0.1114, 0.4470, 0.2876]
    assert table["ks"].to_numpy() == pytest.approx(distances, abs=5e-5)
    after = [0.973938, 0.071770, -0.129043, 1.025859, -0.662868, -0.729568, -0.055205, 0.154565, -0.050451, -0.025686]
    assert table["smd (SD of the treated) after"].to_numpy() == pytest.approx(after, abs=5e-7)


def test_equipoise_fails_its_limit(lalonde):
    assert equipoise(lalonde.scores.score, lalonde.treated) == pytest.approx(0.1188925, abs=5e-8)
    weights = matched(lalonde, {}).weights
    table = balance_table(lalonde.table_columns, lalonde.treated, weights)
    judged = BalanceLimits().judge(table, lalonde.treated, weights, lalonde.scores.score)
    passed = {name: check.status == "PASS" for name, check in judged.items()}
    assert passed == {"smd": False, "variance_ratio": False, "equipoise": False, "matched": True}


def test_neighbour_residuals_give_the_variance_of_abadie_and_imbens(lalonde):
    # Authority: R Matching 4.10-8, nearest neighbour with replacement, exact ties averaged.
    treated, y, score = lalonde.treated, lalonde.outcome, lalonde.scores.score
    distance = np.abs(score[treated][:, None] - score[~treated])
    nearest = distance <= distance.min(axis=1, keepdims=True) + 1e-12
    share = nearest / nearest.sum(axis=1, keepdims=True)
    effect = y[treated] - share @ y[~treated]
    assert effect.mean() == pytest.approx(1968.799716, abs=SIX_DIGITS)
    K, K2 = share.sum(axis=0), (share**2).sum(axis=0)
    noise = neighbour_residuals(y[~treated], score[~treated]) ** 2
    variance = ((effect - effect.mean()) ** 2).sum() + ((K**2 - K2) * noise).sum()
    assert np.sqrt(variance) / treated.sum() == pytest.approx(1134.319087, abs=SIX_DIGITS)


def test_weighting(lalonde):  # authority: computed from the definitions
    score, treated, outcome = lalonde.scores.score, lalonde.treated, lalonde.outcome
    weights = propensity_weights(score, treated, "att")
    assert effective_size(weights[~treated]) == pytest.approx(99.81538591, abs=1e-6)
    assert weights[~treated].max() == pytest.approx(3.7432218, abs=1e-6)
    for estimand, golden in (("att", 1214.071224), ("overlap", 1242.200636)):
        weights = propensity_weights(score, treated, estimand)
        assert difference(outcome, treated, weights) == pytest.approx(golden, abs=5e-6)


def test_entropy_balancing(lalonde):  # authority: computed from the definitions
    weights = entropy_weights(lalonde.covariates, lalonde.treated)
    assert effective_size(weights[~lalonde.treated]) == pytest.approx(98.45783436, abs=1e-5)
    table = balance_table(lalonde.covariates, lalonde.treated, weights)
    assert table["smd (SD of the treated) after"].abs().max() < 1e-10
    assert difference(lalonde.outcome, lalonde.treated, weights) == pytest.approx(1273.2618, abs=5e-5)


@pytest.fixture(scope="module")
def nsw_cps(data_dir):
    names = [data_dir / "person" / f"{name}_mixtape_causaldata.csv.gz" for name in ("nsw", "cps")]
    return [pd.read_csv(name) for name in names]


def test_nsw_against_cps(nsw_cps):  # authority: computed from the definitions
    nsw, cps = nsw_cps
    frame = pd.concat([nsw[nsw["treat"] == 1], cps], ignore_index=True)
    treated = frame["treat"].to_numpy() == 1
    y = frame["re78"].to_numpy()
    columns = {name: frame[name].to_numpy(np.float64) for name in ("age", "educ", "marr", "nodegree", "black", "hisp")}
    columns |= {f"age^{power}": columns["age"] ** power for power in (2, 3)}
    columns["educ^2"] = columns["educ"] ** 2
    for name in ("re74", "re75"):
        columns[name] = frame[name].to_numpy(np.float64)
        columns[f"{name}=0"] = (columns[name] == 0).astype(np.float64)
    columns["educ*re74"] = columns["educ"] * columns["re74"]
    assert (treated.sum(), len(y)) == (185, 185 + 15992)
    assert y[treated].mean() - y[~treated].mean() == pytest.approx(-8497.5161, abs=5e-5)
    scores = propensity_scores(columns, treated)
    # Authority: statsmodels' GLM (Fisher scoring). docs/method/golden_matching.md gives -467.8121566 for this formula.
    # The maximum is 63.7 higher, so the two estimates printed there rest on another score. Without age^2 and age^3 the
    # maximum is -467.8575, as if that fit had almost ignored these two terms.
    X = np.column_stack(list(columns.values()))
    X = sm.add_constant((X - X.mean(axis=0)) / X.std(axis=0))
    oracle = sm.GLM(treated.astype(float), X, family=sm.families.Binomial()).fit(tol=1e-12)
    assert oracle.llf == pytest.approx(-404.1599089, abs=5e-8)
    assert oracle.llf > -467.8121566 + 63
    assert log_likelihood(scores, treated) == pytest.approx(oracle.llf, abs=1e-7)
    assert scores.score == pytest.approx(oracle.fittedvalues, abs=1e-6)
    # The maximum: no direction of the score function is left, in standardised covariates.
    assert np.abs(X.T @ (treated - scores.score)).max() < 1e-4
    shorter = {name: values for name, values in columns.items() if name not in ("age^2", "age^3")}
    assert log_likelihood(propensity_scores(shorter, treated), treated) == pytest.approx(-467.8575241, abs=5e-8)
    weights = propensity_weights(scores.score, treated)
    odds = oracle.fittedvalues / (1 - oracle.fittedvalues)
    expected = y[treated].mean() - np.average(y[~treated], weights=odds[~treated])
    assert difference(y, treated, weights) == pytest.approx(expected, abs=1e-3)
    match = match_persons(scores, treated, on="score", caliper=None)
    assert match.attrition["matched"].tolist() == [185, 185]
