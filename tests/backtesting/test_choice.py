"""The choice of a design: the best is found, and its honest figures come from where it was not chosen."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ssinfer.backtesting.choice import choose_design, pareto_set
from ssinfer.backtesting.operating_characteristics import threshold_table
from ssinfer.backtesting.run import BacktestResult
from ssinfer.backtesting.scores import score_table
from ssinfer.errors import RefusalError


def result(sds, seed=1, n_units=200, origins=(1, 2, 3, 4)):
    """Placebos of methods whose errors have the SDs given, every gate honest."""
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
                        "seconds": 0.0,
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
    return BacktestResult(
        score_table(frame, (0.0,), (), 1),
        threshold_table(frame, (0.0, 0.02, 0.05), (0.95, 0.90), (), 0.5, 1),
        frame,
        np.zeros((len(frame), 1), dtype=np.float32),
        1,
    )


def test_the_more_precise_method_is_chosen():
    choice = choose_design(result({"coarse": 0.03, "fine": 0.01}))
    assert choice.best["method"] == "fine"
    assert set(choice.honest["method"]) == {"fine"}
    assert not choice.pareto.set_index("method").loc["fine", "dominated"]


def test_the_best_of_many_alike_is_worse_where_it_was_not_chosen():
    """Optimism: over many equal methods the chosen one's own figure is better than its honest one, on average."""
    gaps = []
    for seed in range(6):
        same = {f"m{i}": 0.03 for i in range(8)}
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
    with pytest.raises(RefusalError, match="summing to 1"):
        choose_design(result({"m": 0.02}), chances=(0.5, 0.5, 0.5))
    with pytest.raises(RefusalError, match=r"\[0, 1\)"):
        choose_design(result({"m": 0.02}), savings=(2.0,))


def test_pareto_set_keeps_what_is_best_in_anything():
    table = pareto_set(result({"one": 0.02}))
    assert table["dominated"].tolist() == [False]


def test_a_method_does_not_shine_by_refusing():
    found = result({"honest": 0.02, "coy": 0.02})
    rows = found.placebos
    coy = (rows["method"] == "coy") & (rows["savings_rate"].abs() > 0.02)
    rows.loc[coy, "status"] = "refused"
    rows.loc[coy, ["savings_rate", "spending", "benchmark"]] = np.nan
    scores, table = score_table(rows, (0.0,), (), 1), threshold_table(rows, (0.0, 0.05), (0.95,), (), 0.5, 1)
    chosen = choose_design(BacktestResult(scores, table, rows, found.errors, 1), kinds=["schedule"], savings=(0.05,))
    best = chosen.specifications.groupby("method").first()
    assert best.loc["coy", "refused"] == pytest.approx(coy.sum() / 800)
    assert best.loc["coy", "misallocation"] > 0.025 * best.loc["coy", "refused"]
    assert np.isfinite(list(chosen.summary().values())).all()
