"""Sentences, tables and figures of the advice for the next contract."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ssinfer.drawing import draw
from ssinfer.figures.svg import svg_of
from ssinfer.printed import ABSENT
from ssinfer.report.analysis import Analysis, analyse
from ssinfer.report.table import FRAMES, TABLES
from ssinfer.report.tables.advice import advice_findings
from ssinfer.thresholds.kind import ThresholdKey


def with_backtest(analysis: Analysis, thresholds: pd.DataFrame) -> Analysis:
    """Return the analysis with other thresholds of the backtest."""
    result = analysis.result
    return replace(analysis, result=replace(result, backtest=replace(result.backtest, thresholds=thresholds)))


def with_credible(analysis: Analysis, design: str) -> Analysis:
    """Return the analysis with credible thresholds of a design, equal to its confidence thresholds."""
    rows = analysis.result.backtest.thresholds
    same = rows[(rows["kind"] == "confidence") & (rows["design"] == design)].assign(kind="credible", prior="flat")
    return with_backtest(analysis, pd.concat([rows, same], ignore_index=True))


def with_advice(analysis: Analysis, **changes: object) -> Analysis:
    """Return the analysis with another advice."""
    return replace(analysis, result=replace(analysis.result, advice=replace(analysis.result.advice, **changes)))


def with_advised(analysis: Analysis, **changes: object) -> Analysis:
    """Return the analysis with another advised specification."""
    return with_advice(analysis, specification=replace(analysis.result.advice.specification, **changes))


@pytest.mark.parametrize("outcome", ["feasible", "weak", "not feasible"])
def test_findings_have_the_outcome_its_rates_and_its_rule(analysis, outcome):
    advised = with_advice(
        with_advised(analysis, threshold=ThresholdKey("placebo", 0.95)),
        outcome=outcome,
        detection_rate=0.61,
        detection_rate_se=0.04,
        false_payment_rate=0.04,
        false_payment_rate_se=0.012,
        reasons=(),
    )
    said = {finding.id: finding.numbers for finding in advice_findings(advised)}
    assert next(iter(said)) == f"advice_{outcome.replace(' ', '_')}"
    assert said["advice_found"]["saving"].id == "true_saving_of_design"
    assert said["advice_found"]["saving"].numbers == {"percent": 3.0}
    assert said["advice_found"]["detection_rate"] == {"value": 0.61, "se": 0.04}
    assert said["advice_paid"]["false_payment_rate"] == {"value": 0.04, "se": 0.012}
    assert said["advice_paid"]["allowed"] == pytest.approx(5.0)
    assert said["advice_rule"] == {"hash": "s1", "tried": len(analysis.result.advice.table) - 2}
    assert {"advice_every", "advice_judged_origin"} <= set(said)
    assert "advice_pays_too_often" not in said
    often = advice_findings(with_advice(advised, reasons=("false_payments",)))
    assert "advice_pays_too_often" in {finding.id for finding in often}


def test_every_specification_and_both_rules_without_a_threshold_are_printed(analysis):
    table = TABLES.find("specifications").build(analysis)
    assert len(table.rows) == len(analysis.result.advice.table) == 2 * 3 + 2
    assert table.column("threshold_name")[-2:] == ["Never pay", "Pay every saving"]
    assert table.column("advised").count("yes") == 1


def test_credible_stands_above_confidence_at_each_level(analysis):
    both = with_credible(analysis, "a")
    table = TABLES.find("kinds").build(both)
    assert [name.split()[0] + name[-4:] for name in table.column("threshold_name")][:5] == [
        *("Credible 95%", "Confidence 95%", "Placebo 95%", "Credible 90%", "Confidence 90%"),
    ]
    assert table.rows[0][2:] == table.rows[1][2:]
    assert TABLES.find("kinds-by-size").build(both) == ""


def test_the_pareto_set_is_printed_without_the_bias_of_a_small_group(analysis, study, without):
    table = TABLES.find("pareto").build(analysis)
    assert len(table.rows) == (~analysis.pareto["dominated"]).sum() >= 1
    small = analyse(without(study, suppress_below=20_500))
    assert set(TABLES.find("pareto").build(small).column("abs_bias_case")) == {ABSENT}


def test_without_a_backtest_the_reason_is_given(study, without):
    part = analyse(without(study, backtest=None, advice=None, no_advice="No backtest was run."))
    assert [finding.id for finding in advice_findings(part)] == ["advice_backtest", "advice_scope"]
    for name in ("kinds", "pareto", "specifications"):
        assert TABLES.find(name).build(part) == ""


def test_payments_without_saving_are_those_of_the_table_of_the_backtest(analysis):
    frame = FRAMES.find("earnings").frame(analysis)
    rows = analysis.backtested(analysis.result.advice.specification.pair)
    rows = rows[rows["side"] == "one-sided"]
    for kind, name in (("placebo", "Placebo 95%"), ("confidence", "Confidence (model) 95%")):
        row = rows[(rows["kind"] == kind) & (rows["level"] == 0.95)].iloc[0]
        curve = frame[frame["threshold"] == name]
        assert curve["paid"].iloc[0] == pytest.approx(row["false_payment_rate"])
        assert curve["payment"].iloc[0] == pytest.approx(row["expected_overpayment_money"])
        assert curve["paid"].is_monotonic_increasing


def test_many_thresholds_draw():
    x = np.linspace(0, 0.1, 5)
    columns = {"design": "a", "currency": "EUR", "true_saving": x, "paid": x * 10, "payment": x * 100}
    columns |= {"due": x * 1000, "advised": False}
    frames = [pd.DataFrame({**columns, "threshold": f"kind {number}"}) for number in range(8)]
    drawn = svg_of(draw("earnings", pd.concat(frames)))
    assert "expected payment (EUR per insured-year)" in drawn
    assert drawn.count("of 100<") == 8 * 5


@pytest.mark.parametrize(
    ("threshold", "name"),
    [
        (ThresholdKey("placebo", 0.9, "two-sided"), "Placebo 90%, two-sided"),
        (ThresholdKey("schedule"), "Medicare schedule"),
    ],
)
def test_the_advised_threshold_is_shown_at_its_own_level(analysis, threshold, name):
    frame = FRAMES.find("earnings").frame(with_advised(analysis, threshold=threshold))
    assert set(frame.loc[frame["advised"], "threshold"]) == {name}
