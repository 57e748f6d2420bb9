"""The recommended threshold: its sentences and tables come from windows that did not choose it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ssinfer.drawing import draw
from ssinfer.figures.svg import svg_of
from ssinfer.printed import ABSENT
from ssinfer.report.analysis import Analysis, analyse
from ssinfer.report.figure_frame import FRAMES
from ssinfer.report.table import TABLES, NoTable
from ssinfer.report.text.recommendation import recommendation_sentences
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


def with_best(analysis: Analysis, **best: object) -> Analysis:
    """Return the analysis with another recommended threshold."""
    choice = replace(analysis.choice, best=replace(analysis.choice.best, **best))
    return Analysis(analysis.result, choice, "", analysis.noise, ())


def test_sentences_name_the_choice_its_hash_and_its_performance_on_held_out_folds(analysis):
    choice = analysis.choice
    text = " ".join(recommendation_sentences(analysis))
    assert text.startswith("Use the ")
    assert "this is a measured saving of" in text
    assert f"Of {len(choice.specifications)} specifications" in text
    assert "hash s1" in text
    assert f"pays {100 * choice.summary()['false_payment_rate']:.0f}" in text
    assert "On held-out" in text
    assert "the confidence threshold pays" in text
    assert "no posterior, so it does not give the credible threshold" in text  # the administrative benchmark


def test_every_specification_is_printed(analysis):
    table = TABLES.find("specifications").build(analysis)
    assert len(table.rows) == len(analysis.choice.specifications)
    assert table.caption == f"All {len(table.rows)} specifications"
    assert table.column("Threshold")[0].split()[0] in {"Confidence", "Placebo", "Model", "Medicare", "Expected"}


def test_credible_stands_above_confidence_at_each_level(analysis):
    both = with_credible(analysis, "a")
    table = TABLES.find("kinds").build(both)
    assert table.column("Threshold") == ["Credible 95%", "Confidence 95%", "Credible 90%", "Confidence 90%"]
    assert table.rows[0][2:] == table.rows[1][2:]
    assert TABLES.find("kinds-by-size").build(both) == NoTable()


def test_the_pareto_set_is_printed_without_the_bias_of_a_small_group(analysis, study, without):
    table = TABLES.find("pareto").build(analysis)
    assert len(table.rows) == (~analysis.choice.pareto["dominated"]).sum() >= 1
    small = analyse(without(study, suppress_below=20_500))
    assert set(TABLES.find("pareto").build(small).column("Bias in the group's own earlier years (%, absolute)")) == {
        ABSENT
    }


def test_credible_against_confidence_comes_from_a_design_that_has_both(analysis):
    text = " ".join(recommendation_sentences(with_best(with_credible(analysis, "b"), design="a")))
    assert "One-sided at 95% under “b”, which has both, the credible threshold pays" in text
    assert "and the confidence threshold pays" in text


def test_without_any_posterior_there_is_no_table_of_model_thresholds(analysis):
    assert TABLES.find("kinds").build(analysis) == NoTable()


def test_without_a_backtest_the_reason_is_given(study, without):
    part = analyse(without(study, backtest=None))
    assert part.choice is None
    assert list(recommendation_sentences(part)) == [part.why_no_choice]
    assert TABLES.find("kinds").build(part) == NoTable()
    for name in ("specifications", "pareto"):
        assert TABLES.find(name).build(part) == NoTable()  # the section's sentence says why


def test_payments_without_saving_are_those_of_the_table_of_the_backtest(analysis):
    frame = FRAMES.find("earnings").frame(analysis)
    rows = analysis.backtested(analysis.chosen)
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
    columns |= {"due": x * 1000, "recommended": False}
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
def test_the_recommended_threshold_is_shown_at_its_own_level(analysis, threshold, name):
    frame = FRAMES.find("earnings").frame(with_best(analysis, threshold=threshold))
    assert set(frame.loc[frame["recommended"], "threshold"]) == {name}
