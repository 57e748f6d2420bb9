"""The advice: the simplest of the best is named, and its figures come from windows that did not choose it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import optimize
from scipy.stats import norm

from ssinfer.backtesting.advice import EVERY, NEVER, AdviceRule, Specification, advise
from ssinfer.backtesting.kernels.block_bootstrap import block_weights, mean_and_error
from ssinfer.backtesting.operating_characteristics import threshold_table
from ssinfer.backtesting.pareto import pareto_set
from ssinfer.backtesting.result import BacktestResult
from ssinfer.backtesting.scores import score_table
from ssinfer.backtesting.thresholds_of_placebos import thresholds_of_placebos
from ssinfer.errors import ParameterError, RefusalError
from ssinfer.thresholds.kind import ThresholdKey
from ssinfer.thresholds.schedule import minimum_savings_rate


@pytest.fixture(autouse=True)
def few_replicates(request, monkeypatch):
    """100 replicates of the bootstrap, whose standard errors are known to 7%, except where a test judges errors."""
    if "errors" not in request.node.name:
        monkeypatch.setattr(block_weights, "__defaults__", (100,))


def result(sds, seed=1, n_units=200, origins=(1, 2, 3, 4), *, tables=False):
    """Placebos of methods whose errors have the SDs given; the tables of a backtest only if asked for."""
    rng = np.random.default_rng(seed)
    parts = []
    for method, sd in sds.items():
        for origin in origins:
            rate = sd * rng.standard_normal(n_units)
            parts.append(
                pd.DataFrame(
                    {
                        "design": "d",
                        "method": method,
                        "unit": [f"u{i}" for i in range(n_units)],
                        "origin": origin,
                        "role": "placebo",
                        "block": np.arange(n_units) // 5,
                        "status": "ok",
                        "reason": "",
                        "insured_years": 20_000.0,
                        "assigned": 20_000.0,
                        "benchmark": 2_000.0,
                        "spending": 2_000.0 * (1 - rate),
                        "saving": 2_000.0 * rate,
                        "savings_rate": rate,
                        "standard_error": sd,
                        "pit": 0.5,
                        **{f"covers_{level}": 1.0 for level in (50, 80, 90, 95)},
                        "width_90": 3.29 * sd,
                        "interval_score_90": 4.0 * sd,
                        "crps": 0.56 * sd,
                    }
                )
            )
    frame = pd.concat(parts, ignore_index=True)
    empty = pd.DataFrame()
    return BacktestResult(
        scores=score_table(frame, (), 1) if tables else empty,
        detection=empty,
        thresholds=threshold_table(frame, (0.0, 0.02, 0.05), (0.95, 0.90), (), 0.5, 1) if tables else empty,
        placebos=frame,
        errors=np.zeros((len(frame), 1), dtype=np.float32),
        seed=1,
    )


def only(kind, methods, level=0.95, side="one-sided"):
    """One kind of threshold for each method, in the order of simplicity."""
    key = ThresholdKey(kind, None if kind == "schedule" else level, side)
    return [Specification("d", method, key, order=(number,)) for number, method in enumerate(methods)]


def test_the_more_precise_method_is_advised_and_its_rates_are_closed_forms():
    advice = advise(result({"coarse": 0.03, "fine": 0.012}))
    assert advice.specification.method == "fine"
    assert (advice.outcome, advice.reasons, advice.folds) == ("feasible", (), "block")
    # 800 placebos: a share near 5% has a standard error of 0.8 points, of 80% 1.4
    assert advice.false_payment_rate == pytest.approx(0.05, abs=0.025)
    assert advice.detection_rate == pytest.approx(norm.cdf(0.03 / 0.012 - 1.645), abs=0.05)
    rows = advice.table.set_index("kind")
    assert (rows.loc[NEVER, "false_payment_rate"], rows.loc[NEVER, "detection_rate"]) == (0.0, 0.0)
    assert rows.loc[EVERY, "false_payment_rate"] == pytest.approx(0.5, abs=0.07)
    assert rows.loc[EVERY, "detection_rate"] == pytest.approx(norm.cdf(0.03 / 0.012), abs=0.03)
    assert advice.table["advised"].sum() == 1


@pytest.mark.parametrize(
    ("sd", "detection", "outcome"), [(0.05, 0.5, "not feasible"), (0.0182, 0.5, "weak"), (0.05, 0.05, "feasible")]
)
def test_the_outcome_follows_the_size_of_the_errors_and_the_rule(sd, detection, outcome):
    """A threshold of 1.645 SD finds 3% with probability Phi(3% / SD - 1.645): one half at an SD of 1.82%."""
    advice = advise(result({"m": sd}), AdviceRule(detection=detection))
    assert advice.outcome == outcome
    assert ("detection" in advice.reasons) == (outcome != "feasible")


def test_the_simplest_wins_among_methods_alike_and_within_one_definition_of_spending():
    placebos = result({"simple": 0.014, "complex": 0.014}, n_units=60)
    simple, complex_one = only("placebo", ("simple", "complex"))
    advice = advise(placebos, specifications=[complex_one, simple])
    table = advice.table.set_index("method").loc[["simple", "complex"]].query("kind == 'placebo'")
    assert table.loc["complex", "difference"] == 0.0 < table.loc["simple", "difference"]
    assert table.loc["simple", "difference"] <= table.loc["simple", "difference_se"]
    assert advice.specification.method == "simple"
    other = replace(simple, definition="other")
    assert advise(placebos, specifications=[complex_one, other]).specification.method == "complex"


def test_a_threshold_that_pays_too_often_is_not_advised():
    """Medicare's schedule of 2.3% pays one in eight at an SD of 2%; the learned threshold pays one in twenty."""
    both = [*only("schedule", ("m",)), replace(only("placebo", ("m",))[0], order=(1,))]
    advice = advise(result({"m": 0.02}), specifications=both)
    table = advice.table.set_index("kind")
    excess = table["false_payment_rate"] - table["false_payment_rate_se"]
    assert (excess["schedule"] > 0.05, excess["placebo"] > 0.05) == (True, False)
    assert (table.loc["schedule", "admitted"], table.loc["placebo", "admitted"]) == (False, True)
    assert advice.specification.threshold.kind == "placebo"
    alone = advise(result({"m": 0.02}), AdviceRule(detection=0.2), both[:1])
    assert (alone.outcome, alone.reasons) == ("weak", ("false_payments",))


def test_a_rate_between_one_and_1645_standard_errors_above_the_share_is_no_proof_that_it_pays_too_often():
    """The schedule pays 6.3% of these 400 placebos, 1.35 standard errors above a share of 5%."""
    advice = advise(result({"m": 0.0165}, seed=2, n_units=100), AdviceRule(detection=0.2), only("schedule", ("m",)))
    excess, error = advice.false_payment_rate - 0.05, advice.false_payment_rate_se
    assert error < excess < 1.6449 * error
    assert advice.table["admitted"].tolist() == [True, False, False]
    assert (advice.outcome, advice.reasons) == ("feasible", ())


def test_the_best_of_many_alike_is_worse_where_it_was_not_chosen():
    """Optimism: over many equal methods the best one's rate exceeds the cross-fitted one, on average."""
    gaps = []
    for seed in range(2):
        methods = [f"m{i}" for i in range(6)]
        placebos = result(dict.fromkeys(methods, 0.03), seed=seed, n_units=40)
        advice = advise(placebos, specifications=only("placebo", methods, 0.9))
        gaps.append(advice.table["detection_rate"].max() - advice.detection_rate)
    assert np.mean(gaps) > 0


def test_a_method_does_not_gain_by_refusing():
    backtested = result({"open": 0.02, "selective": 0.02})
    rows = backtested.placebos
    selective = (rows["method"] == "selective") & (rows["savings_rate"].abs() > 0.02)
    rows.loc[selective, "status"] = "refused"
    rows.loc[selective, ["savings_rate", "spending", "benchmark"]] = np.nan
    both = only("schedule", ("open", "selective"))
    table = advise(backtested, AdviceRule(0.05, level=0.8), both).table.query("kind == 'schedule'").set_index("method")
    assert table.loc["selective", "n_unjudged"] == selective.sum()
    seen = rows[(rows["method"] == "selective") & ~selective]
    found = (seen["savings_rate"] + 0.05 * seen["spending"] / 2_000 >= minimum_savings_rate(20_000)).sum() / 800
    best = table.loc["open", "detection_rate"]
    assert table.loc["selective", "difference"] == pytest.approx(best - found)


def test_errors_are_block_bootstraps_and_learned_thresholds_add_their_own():
    # 4 origins of 200 units in 40 blocks; a bootstrap SE from 500 replicates is known to 3%
    backtested = result({"m": 0.02})
    rows = backtested.placebos
    blocks = np.unique(rows["block"], return_inverse=True)[1]
    at = {"schedule": minimum_savings_rate(20_000)}
    at["placebo"] = thresholds_of_placebos(rows, (0.9,))[ThresholdKey("placebo", 0.9)]
    for kind, least in (("schedule", 0.85), ("placebo", 1.2)):
        error = advise(backtested, specifications=only(kind, ("m",), 0.9)).detection_rate_se
        hits = (rows["savings_rate"] + 0.03 * rows["spending"] / 2_000 >= at[kind]).to_numpy(dtype=float)
        fixed = mean_and_error(hits[:, None], blocks, np.random.default_rng(1))[1][0]
        assert least * fixed < error < (1.15 if kind == "schedule" else 3.0) * fixed


def test_with_few_origins_regions_are_the_folds_and_the_target_is_a_part_of_own_spending():
    assert advise(result({"m": 0.02}, n_units=40, origins=range(5))).folds == "origin"
    backtested = result({"m": 0.02}, origins=(1,))
    advice = advise(backtested)
    assert (advice.folds, advice.of_all) == ("block", False)
    half = replace(backtested, placebos=backtested.placebos.assign(own_saving=0.015))
    assert advise(half).of_all
    assert advise(half).detection_rate == advise(backtested, AdviceRule(0.015)).detection_rate


def test_without_enough_placebos_or_thresholds_there_is_no_advice():
    one = result({"m": 0.02}, n_units=1, origins=(1,))
    with pytest.raises(RefusalError, match=r"1 blocks of neighbouring units\. A standard error needs 5. Name more"):
        advise(one)
    refused = result({"m": 0.02})
    refused.placebos["savings_rate"] = np.nan
    with pytest.raises(RefusalError, match="Look at their status and reason"):
        advise(result({"m": 0.02}), specifications=only("credible", ("m",)))
    refused.placebos["status"] = "refused"
    with pytest.raises(RefusalError, match="0 estimated placebo contracts"):
        advise(refused)


@pytest.mark.parametrize("wrong", [{"target_saving": 0.0}, {"detection": 1.0}, {"level": 95}, {"side": "both"}])
def test_impossible_rules(wrong):
    with pytest.raises(ParameterError, match=next(iter(wrong))):
        AdviceRule(**wrong)


def test_pareto_set_keeps_what_is_best_in_anything():
    table = pareto_set(result({"one": 0.02}, tables=True))
    assert set(table["kind"]) == {"placebo", "schedule"}
    assert not table["dominated"].all()
    assert table["detection_rate"].is_monotonic_decreasing


def test_kinds_are_compared_once_all_pay_equally_many_falsely():
    """Errors that shrink with size: a threshold in proportion to them finds more than one that is the same for all.

    Placebos of SD 1% and 4%, thresholds of 1.645 SD and of 3.3% for all: closed forms at 5% false payments.
    """
    backtested = result({"m": 0.02}, n_units=1_000, origins=(1, 2), tables=True)
    rows = backtested.placebos
    rng = np.random.default_rng(5)
    sd = np.where(np.arange(len(rows)) % 2 == 0, 0.01, 0.04)
    rate = sd * rng.standard_normal(len(rows))
    rows["savings_rate"], rows["spending"], rows["standard_error"] = rate, 2_000.0 * (1 - rate), sd
    rows["threshold_confidence_95_one-sided"] = 0.5 * sd  # far too lenient, but in proportion
    table = pareto_set(backtested).set_index("kind")
    # 2,000 placebos: four standard errors of a share of 5%, and the learned factor's
    assert table["false_payment_rate"].to_numpy() == pytest.approx(0.05, abs=0.02)
    assert table.loc["confidence", "detection_rate"] == pytest.approx(table.loc["placebo", "detection_rate"], abs=1e-9)
    power = np.mean([norm.cdf(0.03 / spread - 1.645) for spread in (0.01, 0.04)])
    assert table.loc["confidence", "detection_rate"] == pytest.approx(power, abs=0.04)
    flat = optimize.brentq(lambda t: np.mean([norm.sf(t / spread) for spread in (0.01, 0.04)]) - 0.05, 0.01, 0.2)
    power = np.mean([norm.sf((flat - 0.03) / spread) for spread in (0.01, 0.04)])
    assert table.loc["schedule", "detection_rate"] == pytest.approx(power, abs=0.04)
    assert bool(table.loc["schedule", "dominated"])


def test_detection_always_stands_at_one_to_ten_percent():
    table = result({"m": 0.02}, n_units=50, tables=True).thresholds
    for saving in (1, 2, 3, 5, 10):
        assert table[f"detection_rate_{saving}"].between(0, 1).all()
        assert f"detection_rate_{saving}_se" in table
    for name in ("expected_overpayment", "expected_underpayment"):
        assert table[f"{name}_total"].to_numpy() == pytest.approx(table[f"{name}_money"].to_numpy() * 20_000)
        assert {f"{name}_se", f"{name}_money_se", f"{name}_total_se"} <= set(table.columns)
