"""The choice of a design: the best is chosen, and its cross-fitted figures come from folds that did not choose it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import optimize
from scipy.stats import norm

from ssinfer.backtesting.choice import _choose, admitted, choose_design
from ssinfer.backtesting.kernels.block_bootstrap import mean_and_error
from ssinfer.backtesting.operating_characteristics import detection_table, threshold_table
from ssinfer.backtesting.pareto import pareto_set
from ssinfer.backtesting.result import BacktestResult
from ssinfer.backtesting.scores import score_table
from ssinfer.backtesting.thresholds_of_placebos import thresholds_of_placebos
from ssinfer.errors import ParameterError
from ssinfer.thresholds.kind import ThresholdKey
from ssinfer.thresholds.schedule import minimum_savings_rate


def result(sds, seed=1, n_units=200, origins=(1, 2, 3, 4)):
    """Placebos of methods whose errors have the SDs given, with placebo thresholds."""
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
    return judged(frame, (0.0, 0.02, 0.05), (0.95, 0.90))


def judged(frame, injected, levels):
    """The result of a backtest with the placebos given."""
    thresholds = threshold_table(frame, injected, levels, (), 0.5, 1)
    return BacktestResult(
        scores=score_table(frame, (), 1),
        detection=detection_table(thresholds, injected),
        thresholds=thresholds,
        placebos=frame,
        errors=np.zeros((len(frame), 1), dtype=np.float32),
        seed=1,
    )


def test_the_more_precise_method_is_chosen():
    choice = choose_design(result({"coarse": 0.03, "fine": 0.01}))
    assert choice.best.method == "fine"
    assert set(choice.cross_fitted["method"]) == {"fine"}
    best = choice.pareto.iloc[0]
    assert (best["method"], best["dominated"]) == ("fine", False)


def test_the_best_of_many_alike_is_worse_where_it_was_not_chosen():
    """Optimism: over many equal methods the chosen method's figure is better than its cross-fitted one, on average."""
    gaps = []
    for seed in range(3):
        same = {f"m{i}": 0.03 for i in range(6)}
        choice = choose_design(result(same, seed=seed, n_units=40), kinds=("placebo",), levels=(0.9,))
        gaps.append(choice.summary()["misallocation"] - choice.specifications["misallocation"].iloc[0])
    assert np.mean(gaps) > 0


def test_every_specification_is_reported_and_weights_matter():
    both = result({"coarse": 0.03, "fine": 0.01})
    lenient = choose_design(both, underpaid=20.0, overpaid=0.05)
    strict = choose_design(both, underpaid=0.05, overpaid=20.0)
    assert len(lenient.specifications) == len(strict.specifications) == 2 * (4 + 1)
    assert lenient.summary()["false_payment_rate"] > strict.summary()["false_payment_rate"]


def test_impossible_weights():
    with pytest.raises(ParameterError, match="summing to 1"):
        choose_design(result({"m": 0.02}), chances=(0.5, 0.5, 0.5))
    with pytest.raises(ParameterError, match=r"\[0, 1\)"):
        choose_design(result({"m": 0.02}), savings=(2.0,))


def test_pareto_set_keeps_what_is_best_in_anything():
    table = pareto_set(result({"one": 0.02}))
    assert set(table["kind"]) == {"placebo", "schedule"}
    assert not table["dominated"].all()
    assert table["detection_rate"].is_monotonic_decreasing


def test_kinds_are_compared_once_all_pay_equally_many_falsely():
    """Errors that shrink with size: a threshold in proportion to them finds more than one that is the same for all.

    Placebos of SD 1% and 4%, thresholds of 1.645 SD and of 3.3% for all: closed forms at 5% false payments.
    """
    backtested = result({"m": 0.02}, n_units=2_000, origins=(1, 2))
    rows = backtested.placebos
    rng = np.random.default_rng(5)
    sd = np.where(np.arange(len(rows)) % 2 == 0, 0.01, 0.04)
    rate = sd * rng.standard_normal(len(rows))
    rows["savings_rate"], rows["spending"], rows["standard_error"] = rate, 2_000.0 * (1 - rate), sd
    rows["threshold_confidence_95_one-sided"] = 0.5 * sd  # far too lenient, but in proportion
    table = pareto_set(backtested).set_index("kind")
    # 4,000 placebos: four standard errors of a share of 5%, and the learned factor's
    assert table["false_payment_rate"].to_numpy() == pytest.approx(0.05, abs=0.015)
    assert table.loc["confidence", "detection_rate"] == pytest.approx(table.loc["placebo", "detection_rate"], abs=1e-9)
    power = np.mean([norm.cdf(0.03 / spread - 1.645) for spread in (0.01, 0.04)])
    assert table.loc["confidence", "detection_rate"] == pytest.approx(power, abs=0.03)
    flat = optimize.brentq(lambda t: np.mean([norm.sf(t / spread) for spread in (0.01, 0.04)]) - 0.05, 0.01, 0.2)
    power = np.mean([norm.sf((flat - 0.03) / spread) for spread in (0.01, 0.04)])
    assert table.loc["schedule", "detection_rate"] == pytest.approx(power, abs=0.03)
    assert bool(table.loc["schedule", "dominated"])


def test_a_limit_on_false_payments_is_kept_where_it_chooses():
    both = result({"coarse": 0.03, "fine": 0.01})
    free = choose_design(both, underpaid=20.0, overpaid=0.05)
    held = choose_design(both, underpaid=20.0, overpaid=0.05, at_most=0.05)
    rate = held.specifications.set_index(["method", "kind", "level", "side"])["false_payment_rate"]
    assert rate[tuple(held.best.labels[name] for name in ("method", "kind", "level", "side"))] <= 0.05
    assert held.summary()["false_payment_rate"] < free.summary()["false_payment_rate"]
    assert all(error > 0 for name, error in held.errors.items() if name != "refused")
    with pytest.raises(ParameterError, match="at_most is 5"):
        choose_design(both, at_most=5)


def test_detection_always_stands_at_one_to_ten_percent():
    table = result({"m": 0.02}).thresholds
    for saving in (1, 2, 3, 5, 10):
        assert table[f"detection_rate_{saving}"].between(0, 1).all()
        assert f"detection_rate_{saving}_se" in table
    for name in ("expected_overpayment", "expected_underpayment"):
        assert table[f"{name}_total"].to_numpy() == pytest.approx(table[f"{name}_money"].to_numpy() * 20_000)
        assert {f"{name}_se", f"{name}_money_se", f"{name}_total_se"} <= set(table.columns)


def test_a_method_does_not_gain_by_refusing():
    backtested = result({"open": 0.02, "selective": 0.02})
    rows = backtested.placebos
    selective = (rows["method"] == "selective") & (rows["savings_rate"].abs() > 0.02)
    rows.loc[selective, "status"] = "refused"
    rows.loc[selective, ["savings_rate", "spending", "benchmark"]] = np.nan
    chosen = choose_design(judged(rows, (0.0, 0.05), (0.95,)), kinds=["schedule"], savings=(0.05,))
    best = chosen.specifications.groupby("method").first()
    assert best.loc["selective", "refused"] == pytest.approx(selective.sum() / 800)
    assert best.loc["selective", "misallocation"] > 0.025 * best.loc["selective", "refused"]
    assert np.isfinite(list(chosen.summary().values())).all()
    assert np.isfinite(list(chosen.errors.values())).all()


def test_cross_fitted_errors_of_own_thresholds_are_block_bootstraps_and_learned_thresholds_add_their_own():
    # 4 origins of 200 units in 40 blocks; a bootstrap SE from 500 replicates is known to 3%
    backtested = result({"m": 0.02})
    rows = backtested.placebos
    blocks = np.unique(rows["block"], return_inverse=True)[1]
    scheduled = choose_design(backtested, kinds=["schedule"])
    threshold = minimum_savings_rate(20_000)
    hits = (rows["savings_rate"] + 0.03 * rows["spending"] / 2_000 >= threshold).to_numpy(dtype=float)
    fixed = mean_and_error(hits[:, None], blocks, np.random.default_rng(1))[1][0]
    assert scheduled.errors["detection_rate_3"] == pytest.approx(fixed, rel=0.15)
    learned = choose_design(backtested, kinds=["placebo"], levels=(0.9,))
    at = thresholds_of_placebos(rows, (0.9,))[ThresholdKey("placebo", 0.9, learned.best.threshold.side)]
    hits = (rows["savings_rate"] + 0.03 * rows["spending"] / 2_000 >= at).to_numpy(dtype=float)
    fixed = mean_and_error(hits[:, None], blocks, np.random.default_rng(1))[1][0]
    assert learned.errors["detection_rate_3"] > 1.2 * fixed


def test_a_limit_on_false_payments_does_not_admit_a_threshold_that_pays_always_or_never():
    rows = [("expected loss", 0.04, 1.0), ("placebo", 0.05, 2.0), ("confidence", 0.02, 3.0), ("schedule", 0.09, 0.5)]
    table = pd.DataFrame(rows, columns=["kind", "false_payment_rate", "misallocation"])
    table = table.sort_values("misallocation", ignore_index=True).rename_axis("specification").reset_index()
    assert list(table["kind"][admitted(table, 0.05)]) == ["placebo", "confidence"]
    # 1%: none pays so rarely, and the lowest rate that can be limited is chosen
    for at_most, kind in ((0.05, "placebo"), (0.01, "confidence"), (1.0, "schedule")):
        assert table["kind"][_choose(table, at_most)] == kind
