"""Scores and operating characteristics, recomputed from the placebo rows, and against simulated truth."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from ssinfer.backtesting.backtest import backtest
from ssinfer.backtesting.operating_characteristics import detection_table, ranking, threshold_table
from ssinfer.backtesting.placebos import neighbour_blocks, placebo_units, selection_flags
from ssinfer.backtesting.scores import AVERAGES, between_units, score_table, size_classes
from ssinfer.benchmarks.administrative.method import AdministrativeBenchmark
from ssinfer.comparison import SimilarSize
from ssinfer.design import Design
from ssinfer.thresholds.kind import ThresholdKey
from ssinfer.thresholds.placebo import order_statistic
from ssinfer.thresholds.placebo_cross_fitted import cross_fitted_placebo_thresholds
from ssinfer.thresholds.schedule import minimum_savings_rate

DESIGN = Design(treated=["u000"], baseline=[2014, 2015, 2016], performance=[2017])


@pytest.fixture(scope="module")
def panel(null_panel):
    rng = np.random.default_rng(9)
    coordinates = {name: rng.uniform(50, 53, (80, 1)) * np.ones((80, 7)) for name in ("latitude", "longitude")}
    return null_panel(80, 7, seed=2, covariates=coordinates)


@pytest.fixture(scope="module")
def result(panel):
    return backtest(panel, DESIGN, AdministrativeBenchmark(n_draws=500, chains=2), n_jobs=1, size_edges=[20_000])


@pytest.fixture(scope="module")
def rows(result):
    return result.placebos.query("role == 'placebo'")


def test_scores_are_means_over_placebo_rows(result, rows):
    score = result.scores.query("size_class == 'all'").iloc[0]
    rate = rows["savings_rate"].to_numpy()
    assert score["bias"] == pytest.approx(rate.mean())
    assert score["rmse"] == pytest.approx(np.sqrt((rate**2).mean()))
    assert score["sd"] == pytest.approx(rate.std())
    assert score["coverage_90"] == pytest.approx(rows["covers_90"].mean())
    assert score["crps"] == pytest.approx(rows["crps"].mean())
    assert (score["n_units"], score["n_origins"], score["n_rows"]) == (79, 4, 316)
    case = result.placebos.query("role == 'case'")["savings_rate"]
    assert score["bias_case"] == pytest.approx(case.mean())


def test_scores_have_one_row_per_design_method_and_size_class(result):
    assert result.scores[["design", "method", "size_class"]].to_numpy().tolist() == [
        ["design", "AdministrativeBenchmark", name] for name in ("all", "below 20,000", "20,000 and above")
    ]
    assert (result.scores["injected"] == 0).all()


def test_detection_has_one_row_per_injected_saving_counted_by_hand(result, rows):
    table = result.detection.query("kind == 'confidence' and level == 0.95 and side == 'one-sided'")
    table = table[table["size_class"] == "all"].set_index("injected")
    assert table.index.tolist() == [0.0, 0.02, 0.05]
    threshold, spending, benchmark = (
        rows[name].to_numpy() for name in ("threshold_confidence_95_one-sided", "spending", "benchmark")
    )
    for saving, row in table.iterrows():
        # the contract lowers spending Y to (1 - s) Y; the benchmark cannot see that
        paid = 1 - (1 - saving) * spending / benchmark >= threshold
        assert row["detection_rate"] == pytest.approx(paid.mean())
        assert row["detection_rate_refused_unpaid"] == pytest.approx(paid.sum() / row["n_rows"])
        assert 0 < row["detection_rate_se"] < 0.1


def test_headers_depend_on_the_settings_and_not_on_the_rows(result, rows):
    nothing = rows.assign(status="refused")
    scores = score_table(nothing, (), 1)
    assert list(scores.columns) == list(result.scores.columns)
    assert len(scores) == 1
    thresholds = threshold_table(nothing, (0.0, 0.02, 0.05), (0.95, 0.9), (), 0.5, 1)
    assert list(thresholds.columns) == list(result.thresholds.columns)
    assert list(detection_table(thresholds, (0.0, 0.02)).columns) == list(result.detection.columns)


def test_coverage_is_nominal_where_the_model_is_true(result):
    score = result.scores.query("size_class == 'all'").iloc[0]
    for level in (50, 80, 90, 95):
        error = score[f"coverage_{level}_se"]
        assert 0 < error < 0.05
        assert abs(score[f"coverage_{level}"] - level / 100) < 4 * error + 0.01


def test_false_payment_and_detection_are_counted_by_hand(result, rows):
    row = result.thresholds.query(
        "kind == 'confidence' and level == 0.95 and side == 'one-sided' and size_class == 'all'"
    ).iloc[0]
    threshold, rate = rows["threshold_confidence_95_one-sided"].to_numpy(), rows["savings_rate"].to_numpy()
    relative = (rows["spending"] / rows["benchmark"]).to_numpy()
    assert row["threshold"] == pytest.approx(threshold.mean())
    assert row["threshold_less_bias"] == pytest.approx(threshold.mean() - rate.mean())
    assert row["false_payment_rate"] == pytest.approx((rate >= threshold).mean())
    for saving in (0.02, 0.03, 0.05):
        assert row[f"detection_rate_{100 * saving:g}"] == pytest.approx((rate + saving * relative >= threshold).mean())
    over = np.where(rate >= threshold, 0.5 * np.maximum(rate, 0), 0)
    assert row["expected_overpayment"] == pytest.approx(over.mean())
    assert row["expected_overpayment_money"] == pytest.approx((over * rows["benchmark"]).mean())
    due = 0.5 * 0.05 * relative
    paid = np.where(rate + 0.05 * relative >= threshold, 0.5 * (rate + 0.05 * relative), 0)
    assert row["expected_underpayment_5"] == pytest.approx(np.maximum(due - paid, 0).mean())


@pytest.mark.parametrize("kind", ["confidence", "placebo"])
def test_thresholds_pay_null_contracts_as_often_as_they_say(result, kind):
    table = result.thresholds
    table = table[(table["kind"] == kind) & (table["side"] == "one-sided") & (table["size_class"] == "all")]
    assert len(table) == 2
    for row in table.itertuples():
        assert abs(row.false_payment_rate - (1 - row.level)) < 4 * row.false_payment_rate_se


def test_a_shift_of_the_benchmark_moves_the_threshold_but_not_detection(rows):
    # thresholds.md: ranked by detection at cross-fitted false payments, invariant to a shift; the raw threshold is not
    shifted = rows.assign(savings_rate=rows["savings_rate"] - 0.03, benchmark=rows["benchmark"], standard_error=1.0)
    base = rows.assign(standard_error=1.0)
    before, after = (
        threshold_table(table, (0.0, 0.02), (0.95,), (), 0.5, 1)
        .query("kind == 'placebo' and side == 'one-sided'")
        .iloc[0]
        for table in (base, shifted)
    )
    assert after["threshold"] == pytest.approx(before["threshold"] - 0.03)
    assert after["threshold_less_bias"] == pytest.approx(before["threshold_less_bias"])
    assert after["detection_rate_3"] == before["detection_rate_3"]
    assert after["false_payment_rate"] == before["false_payment_rate"]


def test_cross_fitting_leaves_block_and_origin_out(rows):
    thresholds = cross_fitted_placebo_thresholds(rows, 0.95, "one-sided")
    rate, se = rows["savings_rate"].to_numpy(), rows["standard_error"].to_numpy()
    block, origin = rows["block"].to_numpy(), rows["origin"].to_numpy()
    for row in (0, 100, 300):
        quantiles = []
        for other in sorted(set(origin) - {origin[row]}):
            z = np.sort((rate / se)[(block != block[row]) & (origin == other)])
            quantiles.append(z[int(np.ceil(0.95 * (len(z) + 1) - 1e-9)) - 1])
        assert thresholds[row] == pytest.approx(se[row] * np.mean(quantiles))


def test_schedule_is_judged_on_the_same_rows(result, rows):
    row = result.thresholds.query("kind == 'schedule' and size_class == 'all'").iloc[0]
    threshold = np.array([minimum_savings_rate(n) for n in rows["assigned"]])
    assert row["threshold"] == pytest.approx(threshold.mean())
    assert row["false_payment_rate"] == pytest.approx((rows["savings_rate"].to_numpy() >= threshold).mean())


def test_standard_errors_cluster_by_block(rows):
    # every row of a block the same outcome: the error is that of as many observations as there are blocks
    flat = rows.assign(savings_rate=np.where(rows["block"] % 2 == 0, 0.2, -0.2), standard_error=0.01)
    schedule = threshold_table(flat, (0.0,), (0.95,), (), 0.5, 1).query("kind == 'schedule'").iloc[0]
    blocks = flat["block"].nunique()
    assert schedule["false_payment_rate_se"] == pytest.approx(0.5 / np.sqrt(blocks), rel=0.25)


def test_between_unit_component_is_recovered():
    # truth: persistent SD 0.02 and yearly SD 0.03; 400 units, 4 origins; SE of the estimate is about 0.001
    rng = np.random.default_rng(1)
    error = (0.02 * rng.normal(size=(400, 1)) + 0.03 * rng.normal(size=(400, 4))).ravel()
    units, origins = np.repeat(np.arange(400), 4), np.tile(np.arange(4), 400)
    assert between_units(error, units, origins) == pytest.approx(0.02, abs=0.004)
    assert np.isnan(between_units(error[:400], np.arange(400), np.zeros(400)))
    # national years are no trait of a unit: with them left in, this product is negative and the SD zero
    national = np.tile(0.05 * np.array([1.0, -1.0, 1.0, -1.0]), 400)
    assert between_units(error + national, units, origins) == pytest.approx(between_units(error, units, origins))


def test_levels_are_over_the_other_units(panel, rows):
    part = rows[rows["origin"] == 2016]
    for name, years in (("relative_level", (2013, 2014, 2015)), ("relative_level_outside", (2012, 2017, 2018))):
        mean = panel.spending[:, panel.columns(years)].mean(axis=1)
        others = [np.delete(mean, row).mean() for row in panel.rows(part["unit"])]
        np.testing.assert_allclose(part[name], mean[panel.rows(part["unit"])] / others, rtol=1e-12)


@pytest.mark.parametrize("kept", [1.0, 0.5])
def test_a_method_that_shrinks_levels_is_found_and_one_that_does_not_is_not(result, rows, kept):
    """Of a lasting difference d the benchmark lacks (1 - kept) d, so the slope is kept - 1 to first order in d."""
    mean = rows.groupby("origin")["benchmark"].transform("mean")
    scores = score_table(rows.assign(benchmark=kept * rows["benchmark"] + (1 - kept) * mean), (), 1).iloc[0]
    assert 0.005 < scores["level_slope_se"] < 0.05
    assert abs(scores["level_slope"] - (kept - 1)) < 3 * scores["level_slope_se"]
    same = kept == 1
    assert same == (scores["level_slope"] == pytest.approx(result.scores["level_slope"].iloc[0], rel=1e-9))


def test_regression_to_the_mean_is_no_dependence_on_the_level():
    """Baseline noise as large as the spread of levels: least squares on the baseline have a slope near 1/2, not 0."""
    rng = np.random.default_rng(3)
    level = 1 + 0.03 * rng.standard_normal(2_000)
    before, outside, after = level * (1 + 0.03 * rng.standard_normal((3, 2_000)))
    frame = plain_rows(2_000, (2016,)).assign(benchmark=before, spending=after)
    frame = frame.assign(relative_level=before, relative_level_outside=outside).reindex(
        columns=[*frame, "relative_level", "relative_level_outside", *AVERAGES]
    )
    score = score_table(frame, (), 1).iloc[0]
    assert np.polyfit(before, (before - after) / before, 1)[0] > 0.4
    assert abs(score["level_slope"]) < 3 * score["level_slope_se"] < 0.3
    constant = score_table(frame.assign(relative_level_outside=1.0), (), 1).iloc[0]
    assert np.isnan(constant["level_slope"])
    assert np.isnan(constant["level_slope_se"])


def test_size_classes_part_the_rows():
    sizes = np.array([100.0, 5_000, 20_000, 60_000])
    classes = size_classes(sizes, [50_000, 5_000])
    assert {name: inside.tolist() for name, inside in classes.items()} == {
        "all": [True] * 4,
        "below 5,000": [True, False, False, False],
        "5,000 to 50,000": [False, True, True, False],
        "50,000 and above": [False, False, False, True],
    }


def test_blocks_are_neighbours(panel):
    blocks = neighbour_blocks(panel)
    counts = np.bincount(blocks)
    assert counts.min() >= 8
    assert counts.max() < 16
    points = np.column_stack([panel.covariate("latitude")[:, 0], panel.covariate("longitude")[:, 0]])
    inside = np.mean([np.ptp(points[blocks == b], axis=0).prod() for b in range(blocks.max() + 1)])
    assert inside < 0.25 * np.ptp(points, axis=0).prod()


def test_without_coordinates_every_unit_is_a_block(null_panel):
    assert neighbour_blocks(null_panel(5, 3)).tolist() == [0, 1, 2, 3, 4]


def test_placebo_units_by_rule_and_contract(panel):
    assert "u000" not in placebo_units(panel, DESIGN, None)
    assert "u001" not in placebo_units(panel, DESIGN.replace(under_contract=["u001"]), None)
    similar = placebo_units(panel, DESIGN, SimilarSize(ratio=2))
    ratio = panel.insured_years[panel.rows(similar), 0] / panel.insured_years[0, 0]
    assert ((ratio >= 0.5) & (ratio <= 2)).all()


def test_selection_flags_mark_the_cases_decile(panel):
    flags = selection_flags(panel, "u000", np.array([2, 3, 4]), np.array([2, 3, 4]), None)
    level = pd.Series(panel.spending[:, 2:5].mean(axis=1))
    decile = pd.qcut(level, 10, labels=False)
    np.testing.assert_array_equal(flags["level"], (decile == decile[0]).to_numpy())
    assert flags["growth"][0]


def test_normal_operating_characteristics_of_the_schedule():
    # docs/method/thresholds.md, k = 2.135: P(paid given 0) at the schedule's threshold and power for true 2, 3 and 5%
    printed = {5_000: (0.098, 0.265, 0.383, 0.642), 10_000: (0.080, 0.320, 0.500, 0.826)}
    printed[20_000] = (0.049, 0.370, 0.630, 0.951)
    rng = np.random.default_rng(1)
    for n, expected in printed.items():
        se = 2.135 / np.sqrt(n)
        count = 8_000
        rate = se * rng.standard_normal(count)
        table = pd.DataFrame(
            {
                "design": "d",
                "method": "m",
                "role": "placebo",
                "status": "ok",
                "unit": np.arange(count),
                "origin": 2017,
                "block": np.arange(count) // 200,
                "assigned": float(n),
                "insured_years": float(n),
                "benchmark": 100.0,
                # a true saving s Y(0) of s x 100, as in the table, needs Y(0) = Bbar
                "spending": 100.0,
                "savings_rate": rate,
                "standard_error": np.nan,
            }
        )
        row = threshold_table(table, (0.0,), (0.95,), (), 0.5, 1).query("kind == 'schedule'").iloc[0]
        simulated = [row[name] for name in ("false_payment_rate", *(f"detection_rate_{s}" for s in (2, 3, 5)))]
        error = np.sqrt(np.array(expected) * (1 - np.array(expected)) / count)
        assert np.abs(np.array(simulated) - expected).max() < 4 * error.max() + 0.0005
        assert expected[0] == pytest.approx(1 - norm.cdf(minimum_savings_rate(n) / se), abs=0.0006)


def test_nothing_after_a_placebos_own_baseline_chooses_it(panel):
    # choosing placebos of the window of 2015 by their growth in 2016 would choose them by what came of them
    contract, window = np.array([0, 1, 2]), np.array([1, 2])
    spending = panel.spending.copy()
    spending[:, 3:] *= np.random.default_rng(1).uniform(0.5, 2.0, (80, 4))
    shaken = dataclasses.replace(panel, spending=spending)
    before, after = (selection_flags(data, "u000", contract, window, None) for data in (panel, shaken))
    for name in before:
        np.testing.assert_array_equal(before[name], after[name])
    early = selection_flags(panel, "u000", contract, np.array([0]), None)
    assert not early["growth"].any()  # nothing is known of growth before the panel begins


def test_a_backtest_flags_each_window_by_its_own_baseline(panel, result):
    rows = result.placebos.query("role == 'placebo'")
    contract = panel.columns(DESIGN.baseline)
    for origin, part in rows.groupby("origin"):
        first = panel.periods.index(origin)
        flags = selection_flags(panel, "u000", contract, np.arange(first - 3, first), None)
        for name, inside in flags.items():
            np.testing.assert_array_equal(part[f"selected_{name}"], inside[panel.rows(part["unit"])])


def test_a_unit_without_spending_is_in_nobodys_decile(panel):
    spending = panel.spending.copy()
    spending[7] = np.nan
    flags = selection_flags(
        dataclasses.replace(panel, spending=spending), "u000", np.array([2, 3, 4]), np.array([2, 3, 4]), None
    )
    assert not any(inside[7] for inside in flags.values())


def test_quarterly_growth_is_over_a_year(null_panel):
    yearly = null_panel(40, 12, seed=1)
    labels = tuple(f"{year}Q{quarter}" for year in (2015, 2016, 2017) for quarter in (1, 2, 3, 4))
    quarters = dataclasses.replace(yearly, periods=labels)
    columns = np.arange(4, 12)
    growth = quarters.spending[:, 8:12].mean(axis=1) / quarters.spending[:, 4:8].mean(axis=1)
    decile = pd.qcut(pd.Series(growth), 10, labels=False)
    flagged = selection_flags(quarters, "u000", columns, columns, None)["growth"]
    np.testing.assert_array_equal(flagged, (decile == decile[0]).to_numpy())


def plain_rows(count=60, origins=(2016, 2017), sd=0.02, seed=1):
    rng = np.random.default_rng(seed)
    rate = sd * rng.standard_normal(count * len(origins))
    frame = {
        "design": "d",
        "method": "m",
        "role": "placebo",
        "status": "ok",
        "unit": np.tile(np.arange(count), len(origins)),
        "origin": np.repeat(origins, count),
        "block": np.tile(np.arange(count), len(origins)),
        "assigned": 20_000.0,
        "insured_years": 20_000.0,
        "benchmark": 100.0,
        "spending": 100.0 * (1 - rate),
        "savings_rate": rate,
        "standard_error": sd,
    }
    return pd.DataFrame(frame)


def test_refusals_are_counted_both_ways():
    frame = plain_rows()
    frame.loc[:29, "status"] = "refused"
    frame.loc[:29, ["savings_rate", "spending", "benchmark", "standard_error"]] = np.nan
    row = threshold_table(frame, (0.0,), (0.95,), (), 0.5, 1).query("kind == 'schedule'").iloc[0]
    for name in ("false_payment_rate", "detection_rate_3"):
        assert row[f"{name}_refused_unpaid"] == pytest.approx(row[name] * 90 / 120)


def test_methods_are_ranked_at_five_per_cent_whatever_levels_were_asked_for():
    table = threshold_table(plain_rows(), (0.0,), (0.90,), (), 0.5, 1)
    assert len(ranking(table)) == 1


def test_an_origin_with_few_placebos_does_not_take_the_threshold_away():
    frame = plain_rows()
    frame = frame[(frame["origin"] == 2017) | (frame["unit"] < 5)]
    threshold = cross_fitted_placebo_thresholds(frame, 0.95, "one-sided")
    early = frame[frame["origin"] == 2016]
    assert np.isfinite(threshold).all()
    later = frame[(frame["origin"] == 2017) & (frame["block"] != early["block"].iloc[0])]
    expected = 0.02 * order_statistic((later["savings_rate"] / 0.02).to_numpy(), 0.95, "one-sided")
    assert threshold[0] == pytest.approx(expected)


def test_thresholds_that_nothing_passes_are_counted_and_in_money_too():
    name = ThresholdKey("credible", 0.95, "one-sided", "sceptical").column
    threshold = np.where(np.arange(120) < 30, np.inf, 0.03)
    row = threshold_table(plain_rows().assign(**{name: threshold}), (0.0,), (0.95,), (), 0.5, 1)
    row = row.query("kind == 'credible'").iloc[0]
    assert row["no_threshold_rate"] == 0.25
    assert np.isnan(row["threshold"])
    flat = threshold_table(plain_rows(), (0.0,), (0.95,), (), 0.5, 1).query("kind == 'schedule'").iloc[0]
    assert flat["threshold_less_bias_money"] == pytest.approx(100 * flat["threshold_less_bias"])


def test_a_kind_that_some_placebos_lack_stays_and_counts_them():
    name = ThresholdKey("credible", 0.95, "one-sided", "flat").column
    threshold = np.where(np.arange(120) < 24, np.nan, 0.03)
    table = threshold_table(plain_rows().assign(**{name: threshold}), (0.0,), (0.95,), (), 0.5, 1)
    row = table.query("kind == 'credible'").iloc[0]
    assert (row["n_rows"], row["n_without_threshold"]) == (96, 24)
    assert row["threshold"] == pytest.approx(0.03)
    rest = plain_rows().iloc[24:]
    assert row["false_payment_rate"] == pytest.approx((rest["savings_rate"] >= 0.03).mean())
    # a refusal is non-payment as well
    assert row["false_payment_rate_refused_unpaid"] == pytest.approx((rest["savings_rate"] >= 0.03).sum() / 120)
    assert table.query("kind == 'placebo'")["n_without_threshold"].eq(0).all()


def test_a_placebo_without_the_others_standard_error_has_no_placebo_threshold():
    frame = plain_rows()
    frame.loc[:4, "standard_error"] = np.nan
    threshold = cross_fitted_placebo_thresholds(frame, 0.95, "one-sided")
    assert np.isnan(threshold[:5]).all()
    assert np.isfinite(threshold[5:]).all()
    bare = cross_fitted_placebo_thresholds(frame.assign(standard_error=np.nan), 0.95, "one-sided")
    assert np.isfinite(bare).all()


def test_standard_errors_hold_the_thresholds_learned_again():
    """Against whole new sets of placebos: the SD of the figures over 300 sets; thresholds held fixed give too little.

    One origin of 100 independent units; Monte Carlo error of an SD from 300 is 4%, of 500 replicates 3%.
    """
    figures, fixed, errors = [], [], []
    for seed in range(300):
        frame = plain_rows(count=100, origins=(2016,), seed=seed)
        table = threshold_table(frame, (0.0,), (0.9,), (), 0.5, 1) if seed < 20 else None
        threshold = cross_fitted_placebo_thresholds(frame, 0.9, "one-sided")
        rate = frame["savings_rate"].to_numpy()
        figures.append((threshold.mean(), (rate + 0.02 * frame["spending"] / 100 >= threshold).mean()))
        if table is not None:
            row = table.query("kind == 'placebo' and level == 0.9 and side == 'one-sided'").iloc[0]
            errors.append((row["threshold_se"], row["detection_rate_2_se"]))
            fixed.append(threshold.std() / 10)
    truth = np.std(figures, axis=0)
    assert np.mean(errors, axis=0) == pytest.approx(truth, rel=0.25)
    assert np.mean(fixed) < 0.5 * truth[0]
