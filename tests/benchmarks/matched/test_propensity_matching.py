"""PropensityMatching: arithmetic that can be checked by hand, each option, each mistake."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from simulated_matching import simulate_matching
from simulated_selection import simulate_selection
from sklearn.base import clone

from ssinfer.benchmarks.frames import COMPONENTS, DIAGNOSTICS, SOLVER
from ssinfer.benchmarks.matched.balance.limits import BalanceLimits
from ssinfer.benchmarks.matched.method import PropensityMatching
from ssinfer.cohort.cohort import Cohort
from ssinfer.design import Design
from ssinfer.errors import CohortError, DataError, DesignError, NotSupportedError, ParameterError, RefusalError


@pytest.fixture(scope="module")
def simulated():
    return simulate_matching(600, n_treated=3, n_practices=60, saving=0.05, n_performance=2, seed=4)


def fit(simulated, seed=1, **options):
    return PropensityMatching(n_draws=400, **options).fit(simulated.cohort, simulated.design, seed=seed)


@pytest.fixture(scope="module")
def plain(simulated):
    """The fit with default options and seed 1."""
    return fit(simulated)


def status(cf, check):
    return cf.diagnostics.set_index("check").loc[check, "status"]


def pairs_of(cohort, design):
    method = PropensityMatching(n_draws=20, balance_limits=None, confidence=None)
    return method.fit(cohort, design, seed=1).inference["pairs"].to_dataframe()


def test_expected_benchmark_is_baseline_plus_growth_of_the_matched_controls(simulated, plain):
    cf = plain
    cohort, design = simulated.cohort, simulated.design
    pairs = cf.inference["pairs"].to_dataframe()
    row_of = {person: row for row, person in enumerate(cohort.person)}
    for unit in design.treated:
        inside = cohort.unit == unit
        before = cohort.spending[inside][:, :2].sum() / cohort.insured_years[inside][:, :2].sum()
        matched = pairs.loc[pairs["treated_unit"] == unit, "control"]
        controls = np.array([row_of[person] for person in matched])
        for column, period in ((2, 2019), (3, 2020)):
            growth = cohort.spending[controls, column].mean() - cohort.spending[controls][:, :2].mean()
            expected = cf.expected.sel(unit=unit, period=period)
            error = float(expected.std()) / np.sqrt(expected.size)
            assert float(expected.mean()) == pytest.approx(before + growth, abs=5 * error)
            sampling = cf.confidence.sel(unit=unit, period=period)
            error = float(sampling.std()) / np.sqrt(sampling.size)
            assert float(sampling.mean()) == pytest.approx(before + growth, abs=5 * error)


def test_no_draw_depends_on_the_performance_spending_of_the_treated(simulated):
    cohort = simulated.cohort
    spending = cohort.spending.copy()
    treated = np.isin(cohort.unit, np.array(simulated.design.treated, dtype=object))
    spending[np.ix_(treated, [2, 3])] *= 7.0
    other = replace(cohort, spending=spending)
    for options in ({}, {"adjustment": "lagged", "prior_spending": True, "truncation": 0.99}):
        method = PropensityMatching(n_draws=50, **options)
        before = method.fit(cohort, simulated.design, seed=1)
        after = method.fit(other, simulated.design, seed=1)
        assert np.array_equal(before.benchmark, after.benchmark)
        assert np.array_equal(before.confidence, after.confidence)


@pytest.mark.parametrize("options", [{}, {"scores": "bayesian", "score_draws": 4}])
def test_no_outcome_feeds_back_into_scores_or_pairs(simulated, options):
    """Without prior spending among the covariates, scores and pairs are the same whatever anybody spends."""
    cohort = simulated.cohort
    spending = np.random.default_rng(9).permutation(cohort.spending.ravel()).reshape(cohort.spending.shape) + 1.0
    other = replace(cohort, spending=spending)
    groups = ["pairs", "pairs_of_score_draws"] if options else ["pairs"]
    before, after = (
        PropensityMatching(n_draws=20, **options).fit(data, simulated.design, seed=1) for data in (cohort, other)
    )
    for group in (*groups, "balance"):
        assert before.inference[group].equals(after.inference[group])
    assert not np.array_equal(before.benchmark, after.benchmark)


@pytest.mark.parametrize("options", [{"adjustment": "lagged", "truncation": 0.99}, {"comparison": "overlap"}])
def test_frames_have_the_declared_columns(simulated, options):
    cf = fit(simulated, **options)
    for frame, schema in ((cf.components, COMPONENTS), (cf.solver, SOLVER), (cf.diagnostics, DIAGNOSTICS)):
        assert list(schema.conform(frame).columns) == list(frame.columns)
    assert set(cf.diagnostics["status"]) <= {"PASS", "WARN", "FAIL", "NOT EVALUATED"}
    sources = cf.components.drop(columns=["unit", "period", "total"])
    assert cf.components["total"].to_numpy() == pytest.approx(sources.sum(axis=1))


def test_pairs_of_every_drawn_score_are_returned(simulated):
    cf = fit(simulated, scores="bayesian", score_draws=4)
    drawn = cf.inference["pairs_of_score_draws"].to_dataframe()
    assert drawn.groupby("score_draw").size().between(500, 600).all()
    assert list(drawn["score_draw"].unique()) == [0, 1, 2, 3]
    pairs = {k: set(zip(part["treated"], part["control"], strict=True)) for k, part in drawn.groupby("score_draw")}
    assert pairs[0] != pairs[1]  # the score's uncertainty moves who is compared with whom
    assert cf.to_datatree()["pairs_of_score_draws"] is not None


def test_same_seed_same_draws_and_row_order_does_not_matter(simulated, plain):
    cf = plain
    assert np.array_equal(cf.benchmark, fit(simulated).benchmark)
    assert not np.array_equal(cf.benchmark, fit(simulated, seed=2).benchmark)
    shuffle = np.random.default_rng(0).permutation(len(simulated.cohort.person))
    cohort = simulated.cohort
    mixed = Cohort(
        cohort.person[shuffle],
        cohort.unit[shuffle],
        cohort.periods,
        cohort.spending[shuffle],
        cohort.insured_years[shuffle],
        cohort.region[shuffle],
        {name: values[shuffle] for name, values in cohort.covariates.items()},
    )
    other = PropensityMatching(n_draws=400).fit(mixed, simulated.design, seed=1)
    columns = ["treated", "control"]
    pairs = [c.inference["pairs"].to_dataframe()[columns].sort_values(columns).to_numpy() for c in (cf, other)]
    assert np.array_equal(*pairs)
    # The bootstrap's numbers fall on other persons: equal up to Monte Carlo error only.
    error = cf.pooled().std() * np.sqrt(2 / 400)
    assert other.level == pytest.approx(cf.level, abs=5 * error)


def test_ties_do_not_give_every_treated_group_the_same_controls(simulated):
    """Ages in coarse bands tie often; the persons with the first identifiers must not be controls of every group."""
    cohort = simulated.cohort
    data = replace(cohort, covariates={"age": np.floor(cohort.covariates["age"] / 5)})
    others = [unit for unit in cohort.units if unit not in simulated.design.treated]
    used = []
    for unit in others[:2]:
        design = simulated.design.replace(treated=[unit])
        pairs = pairs_of(data, design)
        used.append(set(pairs["control"]))
    # Two groups of 42 among 3,000: by chance they share about one control; by identifier they shared most.
    assert len(used[0] & used[1]) < 0.25 * min(map(len, used))
    shuffle = np.random.default_rng(0).permutation(len(cohort.person))
    mixed = data.select(persons=np.ones(len(shuffle), dtype=bool)).take(shuffle)
    again = pairs_of(mixed, design)
    assert set(zip(again["treated"], again["control"], strict=True)) == set(
        zip(pairs["treated"], pairs["control"], strict=True)
    )


def test_equivariant_to_the_currency(simulated):
    cohort = simulated.cohort
    cents = replace(cohort, spending=cohort.spending * 128.0)  # a power of two: exact
    method = PropensityMatching(n_draws=100)
    euro, cent = (method.fit(data, simulated.design, seed=3).benchmark for data in (cohort, cents))
    assert cent.values == pytest.approx(128.0 * euro.values, rel=1e-6)


@pytest.mark.parametrize(
    "options",
    [
        {"ratio": 2},
        {"replace": True, "ratio": 2},
        {"order": "closest"},
        {"exact": ["sex"]},
        {"comparison": "att"},
        {"comparison": "overlap"},
        {"comparison": "entropy"},
        {"adjustment": "doubly robust"},
        {"adjustment": "lagged", "prior_spending": True},
        {"adjustment": "lagged", "outcome_model": "two-part"},
        {"adjustment": "doubly robust", "outcome_model": "gamma"},
        {"adjustment": "doubly robust", "outcome_model": "tweedie"},
        {"scores": "bayesian", "score_draws": 5},
        {"confidence": "abadie-imbens"},
        {"confidence": "bootstrap-t"},
        {"confidence": "bootstrap-t", "comparison": "att"},
        {"confidence": None},
        {"truncation": 0.99},
        {"on": "score"},
    ],
)
def test_every_option_gives_a_benchmark_near_the_truth(simulated, options):
    cf = fit(simulated, **options)
    assert cf.uncertainty == "posterior"
    assert cf.benchmark.shape == (1, 400, 3, 2)
    assert (cf.confidence is None) == (options.get("confidence", "") is None)
    truth = float(simulated.without.mean())
    if "truncation" not in options:
        assert cf.level == pytest.approx(truth, abs=4 * cf.pooled().std())
    assert 0.01 < cf.pooled().std() / cf.level < 0.25
    assert set(cf.components.columns) >= {"unit", "period", "practice_shock", "own_noise", "total"}
    assert cf.weights.shape == (3, 57)
    assert cf.weights.sum(axis=1).to_numpy() == pytest.approx(1.0)
    assert "balance" in cf.inference
    assert ("pairs" in cf.inference) == (options.get("comparison", "match") == "match")
    cf.to_datatree()


def test_truncation_caps_both_sides_and_lowers_the_level(simulated, plain):
    cut = fit(simulated, truncation=0.95)
    assert cut.level < plain.level
    assert float(cut.spending.mean()) < float(plain.spending.mean())
    assert cut.pooled().std() < plain.pooled().std()


def test_entrants_are_matched_among_themselves():
    simulated = simulate_matching(600, n_treated=3, n_practices=60, entrants=0.2, seed=4)
    cf = fit(simulated)
    pairs = cf.inference["pairs"].to_dataframe()
    late = dict(zip(simulated.cohort.person, simulated.cohort.insured_years[:, 0] == 0, strict=True))
    assert sum(late[person] for person in pairs["treated"]) > 50
    assert all(late[a] == late[b] for a, b in zip(pairs["treated"], pairs["control"], strict=True))


def test_regression_to_the_mean_is_warned_of_unless_the_adjustment_is_lagged(simulated, plain):
    check = "regression to the mean"
    assert status(fit(simulated, prior_spending=True), check) == "WARN"
    assert check not in set(fit(simulated, prior_spending=True, adjustment="lagged").diagnostics["check"])
    assert check not in set(plain.diagnostics["check"])


def test_lagged_adjustment_removes_the_bias_where_the_treated_were_chosen_by_prior_spending():
    # The larger table is in tests/evidence/test_regression_to_the_mean.py.
    errors = []
    for seed in range(6):
        simulated = simulate_selection("prior spending", 6_000, lasting=0.4, passing=0.6, strength=1.5, seed=seed)
        fits = [
            PropensityMatching(n_draws=20, balance_limits=None, confidence=None, **options).fit(
                simulated.cohort, simulated.design, seed=seed
            )
            for options in ({"prior_spending": True, "ratio": 3}, {"prior_spending": True, "adjustment": "lagged"})
        ]
        assert status(fits[0], "regression to the mean") == "WARN"
        errors.append([cf.level / simulated.truth - 1 for cf in fits])
    did, lagged = np.array(errors).T
    assert did.mean() > 4 * stats.sem(did)
    assert abs(lagged.mean()) < 3 * stats.sem(lagged)


@pytest.mark.parametrize("model", ["two-part", "gamma", "tweedie"])
def test_prior_spending_under_a_log_link_has_the_right_answer(model):
    # With a linear term of spending, one unit had an answer 24% too high, and the other one a ValueError.
    rng = np.random.default_rng(0)
    n, zeros = 40_000, 0.05
    age, lasting = rng.uniform(20, 80, n), rng.standard_normal(n)
    money = 2600 * np.exp(1.3 * lasting[:, None] + 0.9 * rng.standard_normal((n, 2)) - 1.25)
    money[rng.random((n, 2)) < zeros] = 0
    unit = np.repeat([f"p{number:02}" for number in range(40)], 1000)
    cohort = Cohort(np.arange(n), unit, (2018, 2019), money, np.ones((n, 2)), covariates={"age": age})
    # E[y | y before] of the normal model: the share 1.69 / 2.5 of the log deviation lasts
    share, before = 1.3**2 / (1.3**2 + 0.9**2), money[:, 0]
    log_mean = share * (np.log(np.where(before > 0, before, 2600) / 2600) + 1.25) + (0.9**2 * (share + 1)) / 2 - 1.25
    truth = (1 - zeros) * 2600 * np.where(before > 0, np.exp(log_mean), 1.0)
    method = PropensityMatching(
        adjustment="lagged", prior_spending=True, outcome_model=model, ratio=10, confidence=None, n_draws=100
    )
    for label in ("p01", "p05") if model == "tweedie" else ("p01",):
        design = Design([label], baseline=[2018], performance=[2019])
        cf = method.fit(cohort, design, seed=1)
        right = truth[unit == design.treated[0]].mean()
        assert cf.level == pytest.approx(right, rel=0.08)  # 3 standard errors of 10,000 controls
        slope = cf.diagnostics.set_index("check").loc["level slope"]
        assert (slope["status"] == "PASS") == (abs(slope["figure"]) <= slope["limit"])


def test_a_lasting_level_that_prior_spending_does_not_hold_is_reported():
    rng = np.random.default_rng(1)
    n = 40 * 200
    unit = np.repeat(np.arange(40), 200)
    money = rng.gamma(4.0, 500 * np.exp(0.3 * rng.standard_normal(40))[unit, None], (n, 2))
    ages = {"age": rng.uniform(20, 80, n)}
    cohort = Cohort(
        np.arange(n), np.array([f"p{k:02}" for k in unit]), (2018, 2019), money, np.ones((n, 2)), covariates=ages
    )
    design = Design(["p01"], baseline=[2018], performance=[2019])
    method = PropensityMatching(adjustment="lagged", prior_spending=True, confidence=None, n_draws=20)
    slope = method.fit(cohort, design, seed=1).diagnostics.set_index("check").loc["level slope"]
    assert slope["status"] == "WARN"
    assert slope["figure"] < -slope["limit"]  # a practice with high spending is paid too little


def test_too_few_practices_are_refused_and_few_are_warned_of():
    few = simulate_matching(300, n_treated=2, n_practices=20, seed=1)
    with pytest.raises(RefusalError, match=r"18 comparison practices.*at least 20 are needed"):
        fit(few)
    some = simulate_matching(300, n_treated=2, n_practices=32, seed=1)
    assert status(fit(some), "practices") == "WARN"
    many = simulate_matching(300, n_treated=2, n_practices=42, seed=1)
    assert status(fit(many), "practices") == "PASS"


def test_a_single_practice_is_refused():
    rng = np.random.default_rng(0)
    money = rng.gamma(1.0, 100.0, (50, 2))
    cohort = Cohort(np.arange(50), np.repeat("gp", 50), (2018, 2019), money, np.ones((50, 2)))
    with pytest.raises(DesignError, match="No donors are left"):
        PropensityMatching().fit(cohort, Design(["gp"], baseline=[2018], performance=[2019]), seed=1)


def test_a_panel_is_refused(simulated):
    with pytest.raises(NotSupportedError, match="needs persons"):
        PropensityMatching().fit(simulated.cohort.to_panel(), simulated.design, seed=1)
    with pytest.raises(DataError, match="a Cohort is needed"):
        PropensityMatching().fit([1, 2], simulated.design, seed=1)


def test_designs_that_are_not_supported(simulated):
    with pytest.raises(NotSupportedError, match="staggered"):
        fit(replace(simulated, design=simulated.design.replace(starts={simulated.design.treated[0]: 2020})))
    with pytest.raises(NotSupportedError, match="standard"):
        fit(replace(simulated, design=simulated.design.replace(standard="age")))


def test_balance_limits_are_reported_and_can_be_required(simulated):
    strict = BalanceLimits(smd=1e-6)
    assert status(fit(simulated, balance_limits=strict), "balance: smd") == "FAIL"
    with pytest.raises(RefusalError, match=r"Balance is not good enough.*balance: smd"):
        fit(simulated, balance_limits=strict, require_balance=True)
    without = fit(simulated, balance_limits=None)
    assert not without.diagnostics["check"].str.startswith("balance").any()
    assert "balance_limits" not in without.inference


def test_balance_limits_are_read_from_the_table_of_a_study_file(simulated):
    cf = fit(simulated, balance_limits={"smd": 1e-6, "equipoise": False, "ks": 0.5})
    verdicts = cf.diagnostics.set_index("check")["status"].filter(like="balance").to_dict()
    assert verdicts == {
        "balance: smd": "FAIL",
        "balance: variance_ratio": "PASS",
        "balance: ks": "PASS",
        "balance: matched": "PASS",
    }
    judged = cf.inference["balance_limits"].to_dataframe()
    assert judged["limit"].to_dict() == {"smd": 1e-6, "variance_ratio": 2.0, "ks": 0.5, "matched": 0.8}
    assert judged["direction"].to_dict()["matched"] == "at least"


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"smdd": 0.1}, "no balance limit 'smdd'.*'smd'"),
        ({"smd": True}, "smd is True; allowed: None or a number more than 0"),
        ({"smd": 0}, "smd is 0; allowed: None or a number more than 0"),
        ("strict", r"Give BalanceLimits\(...\)"),
    ],
)
def test_impossible_balance_limits_are_refused_before_the_data_are_read(limits, message):
    with pytest.raises(ParameterError, match=message):
        PropensityMatching(balance_limits=limits).fit(None, None, seed=1)


def test_unmatched_treated_practice_is_named(simulated):
    cohort = simulated.cohort
    age = cohort.covariates["age"].copy()
    unit = simulated.design.treated[1]
    age[cohort.unit == unit] += 200.0
    far = replace(cohort, covariates={**cohort.covariates, "age": age})
    with pytest.raises(RefusalError, match=f"No person of '{unit}' is matched"):
        fit(replace(simulated, cohort=far), caliper=0.01, covariates=["age"])


def with_labels(simulated, rows, label, elsewhere="elsewhere"):
    town = np.full(len(simulated.cohort.person), elsewhere, dtype=object)
    town[rows] = label
    town[::2] = np.where(town[::2] == elsewhere, "middle", town[::2])
    covariates = {**simulated.cohort.covariates, "town": town}
    return replace(simulated, cohort=replace(simulated.cohort, covariates=covariates))


def test_stratum_without_controls_is_named(simulated):
    treated = np.flatnonzero(simulated.cohort.unit == simulated.design.treated[0])
    data = with_labels(simulated, treated, "Vlissingen")
    with pytest.raises(RefusalError, match=r"Stratum 'Vlissingen' has \d+ treated persons and no controls"):
        fit(data, exact=["town"], covariates=["age"])


@pytest.mark.parametrize("label", ["Aagtekerke", "Zoutelande"])  # before and after the other levels: reference or not
def test_a_level_unseen_in_one_group_is_named(simulated, label):
    treated = np.isin(simulated.cohort.unit, np.array(simulated.design.treated, dtype=object))
    for group, other in ((treated, "controls"), (~treated, "the treated")):
        data = with_labels(simulated, np.flatnonzero(group)[:9], label)
        with pytest.raises(RefusalError, match=f"Level '{label}' of covariate 'town' is unseen among {other}"):
            fit(data)


def test_perfect_separation_names_the_covariate(simulated):
    cohort = simulated.cohort
    treated = np.isin(cohort.unit, np.array(simulated.design.treated, dtype=object))
    data = replace(cohort, covariates={**cohort.covariates, "distance to Vlissingen": np.where(treated, 1.0, 50.0)})
    with pytest.raises(RefusalError, match="'distance to Vlissingen' separates the groups perfectly"):
        fit(replace(simulated, cohort=data))


def test_a_caliper_without_any_match_is_refused(simulated):
    cohort = simulated.cohort
    noise = np.random.default_rng(0).normal(size=len(cohort.person))
    data = replace(cohort, covariates={"noise": noise})
    with pytest.raises(RefusalError, match=r"No person is matched.*widen the caliper"):
        fit(replace(simulated, cohort=data), caliper=1e-12)


def test_missing_covariates_are_refused_with_the_policy(simulated):
    cohort = simulated.cohort
    for name, value, message in (("age", np.nan, "missing for 1 persons"), ("sex", None, "missing for 1 persons")):
        values = cohort.covariates[name].copy()
        values[7] = value
        with pytest.raises(CohortError, match=f"{name}.*{message}.*leave the persons out and count them"):
            replace(cohort, covariates={**cohort.covariates, name: values})


def test_controls_who_entered_later_are_set_aside_when_no_treated_person_did():
    simulated = simulate_matching(600, n_treated=3, n_practices=60, entrants=0.2, seed=4)
    cohort = simulated.cohort
    treated = np.isin(cohort.unit, np.array(simulated.design.treated, dtype=object))
    stayed = replace(simulated, cohort=cohort.select(persons=~(treated & (cohort.insured_years[:, 0] == 0))))
    late = set(cohort.person[cohort.insured_years[:, 0] == 0])
    assert not late & set(fit(stayed).inference["pairs"].to_dataframe()["control"])
    weights = fit(stayed, comparison="att").inference["weights"].to_dataframe()["weight"]
    assert (weights[weights.index.isin(late)] == 0).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"comparison": "kernel"}, "comparison"),
        ({"adjustment": "anova"}, "adjustment"),
        ({"outcome_model": "poisson"}, "outcome_model"),
        ({"scores": "mcmc"}, "scores"),
        ({"confidence": "wild"}, "confidence"),
        ({"ratio": 0}, "ratio"),
        ({"caliper": 0.0}, "caliper"),
        ({"truncation": 99}, "truncation is 99"),
        ({"shock_prior": 0.0}, "shock_prior"),
        ({"n_draws": 0}, "n_draws is 0"),
        ({"scores": "bayesian", "score_draws": 0}, "score_draws is 0"),
        ({"on": "probability"}, "on is 'probability'"),
        ({"order": "random"}, "order is 'random'"),
    ],
)
def test_impossible_parameters_are_refused_before_the_data_are_read(options, message):
    with pytest.raises(ParameterError, match=message):
        PropensityMatching(**options).fit(None, None, seed=1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scores": "bayesian", "comparison": "entropy"}, "entropy"),
        ({"scores": "bayesian", "classifier": object()}, "a classifier"),
        ({"confidence": "abadie-imbens", "comparison": "att"}, "abadie"),
    ],
)
def test_combinations_that_are_not_supported(options, message):
    with pytest.raises(NotSupportedError, match=message):
        PropensityMatching(**options).fit(None, None, seed=1)


def test_the_old_number_of_draws_works_with_one_warning():
    with pytest.warns(FutureWarning, match="is now called") as warned:
        method = PropensityMatching(draws=50)
    assert len(warned) == 1
    assert method.get_params() == PropensityMatching(n_draws=50).get_params()


def test_is_a_plain_estimator():
    method = PropensityMatching(ratio=3, exact=["sex"])
    assert clone(method).get_params() == method.get_params()
    assert method.set_params(ratio=1).ratio == 1
    assert method.needs == "cohort"


def test_fit_many_keeps_refusals_in_place(simulated):
    wrong = simulated.design.replace(treated=["nowhere"])
    with warnings.catch_warnings():
        outcomes = PropensityMatching(n_draws=50).fit_many(simulated.cohort, [simulated.design, wrong], [1, 2])
    alone = PropensityMatching(n_draws=50).fit(simulated.cohort, simulated.design, seed=1)
    assert np.array_equal(outcomes[0].benchmark, alone.benchmark)
    assert isinstance(outcomes[1], DesignError)
