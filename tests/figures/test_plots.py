"""Plot methods of objects: what they draw, where, and what they refuse."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from IPython.core.formatters import DisplayFormatter
from matplotlib.figure import Figure
from small_study import HOSTILE

import ssinfer as ss
from ssinfer.drawing import frame_of
from ssinfer.errors import DataError, ParameterError, RefusalError
from ssinfer.figures.case import case_frame

DRAWS = 100 + 2 * np.random.default_rng(1).standard_normal(4000)
CF = ss.Counterfactual.from_draws(DRAWS, "posterior", spending=97.0)


@pytest.fixture
def cf(study):
    return study.counterfactuals["a", "admin"]


def lines(axes):
    """The data of the lines of an Axes, by label."""
    return {line.get_label(): (line.get_xdata(), line.get_ydata()) for line in axes.get_lines()}


def test_a_fit_draws_what_its_report_draws(cf, study):
    """The frame of the fit alone is that of the report, in the periods that both have."""
    report = case_frame(study.panel, study.designs["a"], {"admin": cf}, contract_group="", currency="")
    own = frame_of("case", cf, currency="EUR")
    assert own["contract_group"].iloc[0].startswith(HOSTILE[:12])
    assert (
        f"({100 * (1 - cf.pooled_spending / cf.level):.1f}%)".replace("-", "\N{MINUS SIGN}") in own["contract_group"][0]
    )
    kept = report[report["window"] != ""].reset_index(drop=True)
    columns = ["period", "window", "value", "lower", "upper"]
    pd.testing.assert_frame_equal(own[columns], kept[columns], check_dtype=False)


def test_pooled_units_weigh_by_insured_years(study):
    design = study.designs["a"].replace(treated=study.panel.units[:2])
    cf = ss.AdministrativeBenchmark(n_draws=400).fit(study.panel, design, seed=1)
    own = frame_of("case", cf, currency="EUR").query("design == '' and window == 'performance'")
    assert own["value"].item() == pytest.approx(cf.pooled_spending, rel=1e-12)


def test_sealed_spending_leaves_the_benchmark_alone(cf):
    sealed = replace(cf, spending=cf.spending * np.nan)
    texts = {text.get_text() for text in sealed.plot().axes[0].texts}
    assert "observed spending" in {text.get_text() for text in cf.plot().axes[0].texts} - texts
    with pytest.raises(DataError, match="no spending of"):
        sealed.savings()


def test_thresholds_stand_where_they_are():
    credible = ss.credible_threshold(CF)
    axes = CF.savings().plot(thresholds=[credible, 0.02, float("inf")]).axes[0]
    assert frame_of("saving", CF.savings(), thresholds={"agreed": 0.02}).iloc[-1].tolist() == [
        "agreed",
        0.02,
        "posterior",
    ]
    drawn = lines(axes)
    assert drawn[f"Credible (model) 95%: {100 * credible.rate:.1f}%"][0] == [credible.rate] * 2
    assert drawn["threshold: 2.0%"][0] == [0.02, 0.02]
    assert np.isnan(drawn["threshold: \N{INFINITY}"][0]).all()
    low, high = np.quantile((DRAWS - 97) / DRAWS.mean(), [0.025, 0.975])
    measured = next(label for label in drawn if label.startswith("measured"))
    assert f"{100 * (1 - 97 / DRAWS.mean()):.1f}%" in measured
    assert f"{100 * high:.1f}%" in measured
    assert f"{100 * abs(low):.1f}%" in measured


@pytest.mark.parametrize("given", [2.0, "x", [None], {"a": np.nan}])
def test_what_is_no_threshold_is_refused(given):
    with pytest.raises(ParameterError, match=r"thresholds holds .*0\.02 for 2%"):
        CF.savings().plot(thresholds=given)


def test_detection_is_that_of_the_backtest(study):
    frame = frame_of("detection", study.backtest).query("name == 'b' and line == 'Placebo 95%'")
    rows = study.backtest.detection.query("size_class == 'all' and kind == 'placebo' and side == 'one-sided'")
    rows = rows[(rows["level"] == rows["level"].max()) & (rows["design"] == "b")]
    np.testing.assert_array_equal(frame[["position", "rate"]], rows[["injected", "detection_rate"]])


def test_power_by_size_is_that_of_the_scenario():
    scenario = ss.Scenario(insured=20_000, years=3, shock_sd=0.01)
    position, rate = lines(scenario.plot().axes[0])["true saving 3%"]
    assert rate[20] == pytest.approx(replace(scenario, insured=position[20]).paid(0.03), rel=1e-12)


def test_windows_and_gaps_stand_on_the_time_line(study):
    panel, u01 = study.panel, study.panel.units[1]
    spending = np.where(
        (np.array(panel.units) == u01)[:, None] & (np.array(panel.periods) == 2018), np.nan, panel.spending
    )
    windows = {"baseline": [2015, 2016], "performance": [2017, 2018], "masked": [2016]}
    design = study.designs["a"].replace(treated=[panel.units[0], u01], starts={u01: 2018}, **windows)
    frame = frame_of("windows", design, panel=replace(panel, spending=spending)).set_index(["name", "period"])
    assert frame.loc[u01].query("period >= '2015'")["window"].tolist() == [*["baseline"] * 3, "performance"]
    assert frame.query("masked").reset_index()["period"].unique().tolist() == ["2016"]
    assert frame.query("not known").index.tolist() == [(u01, "2018")]
    labels = [label.get_text() for label in design.plot(panel).axes[0].get_yticklabels()]
    assert labels[1:] == [u01, "comparison group (38)"]


def test_a_check_that_is_met_stands_left_of_its_limit_whatever_its_direction(cf):
    rows = [("r_hat", "PASS", 1.0, 2.0, ""), ("ess", "PASS", 800.0, 400.0, ""), ("k", "FAIL", 2.0, 0.5, "")]
    table = pd.DataFrame([*rows, ("x", "NOT EVALUATED", np.nan, np.nan, "")], columns=cf.diagnostics.columns)
    axes = replace(cf, diagnostics=table).plot_diagnostics().axes[0]
    np.testing.assert_allclose([line.get_xdata()[0] for line in axes.get_lines()[:4]], [0.5, 0.5, 4.0, np.nan])
    assert axes.texts[1].get_text() == "passed: 800 (limit 400)"


def test_a_picture_goes_where_the_caller_wants_it(cf, study):
    left, right = Figure(layout="constrained").subfigures(1, 2)
    axes = left.subplots()
    assert cf.plot(ax=axes) is axes
    assert not axes.xaxis.label.get_parse_math()
    assert cf.plot_weights(ax=axes) is axes
    assert study.backtest.plot_placebos(ax=right) is right
    assert len(right.axes) == 2
    assert len(study.backtest.plot_false_payments().axes) == 1
    with pytest.raises(ParameterError, match=r"one Axes, and the figure has 2 panels. Pass a Figure or SubFigure"):
        study.backtest.plot_placebos(ax=axes)
    with pytest.raises(ParameterError, match="ax is a list; a matplotlib Axes, Figure or SubFigure is needed"):
        cf.plot(ax=[axes])


def test_a_notebook_shows_a_picture_without_pyplot():
    data, _ = DisplayFormatter().format(CF.plot())
    assert data["image/png"].startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("method", "reason"),
    [
        ("plot_weights", "weights is None.*Fit one that does, such as SyntheticControl"),
        ("plot_diagnostics", "diagnostics has no rows.*ssinfer.diagnostics has checks"),
        ("plot_balance", 'inference has no "balance".*Fit PropensityMatching on a Cohort'),
    ],
)
def test_what_a_fit_does_not_have_is_refused(method, reason):
    with pytest.raises(RefusalError, match=f"Counterfactual by draws.* has no figure .*{reason}"):
        getattr(CF, method)()


def test_a_point_and_a_backtest_without_placebos_are_refused(study):
    point = ss.Counterfactual.from_draws(np.array([100.0]), "none", spending=97.0)
    with pytest.raises(RefusalError, match=r"uncertainty is 'none'.*summary\(\) has the point"):
        point.savings().plot()
    whole = study.backtest
    empty = replace(whole, placebos=whole.placebos[:0], thresholds=whole.thresholds[:0], detection=whole.detection[:0])
    for name in ("plot_placebos", "plot_false_payments", "plot_detection"):
        with pytest.raises(RefusalError, match=r"BacktestResult.* has no figure"):
            getattr(empty, name)()
