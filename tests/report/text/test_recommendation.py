"""Which threshold: three sentences from windows that did not choose, credible beside confidence, all specifications."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ssinfer.figures import earnings
from ssinfer.figures.data import EarningCurve, Earnings
from ssinfer.figures.numbers import ABSENT
from ssinfer.figures.style import style
from ssinfer.figures.svg import svg_of
from ssinfer.report.earnings_frame import earnings_of
from ssinfer.report.tables.kinds import kinds_table
from ssinfer.report.text.recommendation import (
    choice_of,
    chosen_pair,
    pareto_table,
    specification_table,
    which_sentences,
)


@pytest.fixture(scope="module")
def choice(study):
    return choice_of(study)[0]


def test_three_sentences_name_the_choice_its_hash_and_its_honest_figures(study, choice):
    use, why, beside = which_sentences(study, choice, "")
    assert use.startswith("Use the ")
    assert "is a measured saving of" in use
    assert str(len(choice.specifications)) in why
    assert "hash s1" in why
    assert f"{100 * choice.summary()['false_payment_rate']:.0f}" in why
    assert "did not choose it" in why
    assert "confidence threshold" in beside
    assert "no credible threshold" in beside  # the administrative benchmark has no posterior


def test_every_specification_is_printed(study, choice):
    table = specification_table(study, choice)
    assert len(table.rows) == len(choice.specifications)
    assert table.rows[0][1].split()[0] in {"Confidence", "Placebo", "Model", "Medicare", "Expected"}


def test_credible_stands_above_confidence_at_each_level(study, without):
    rows = study.backtest.thresholds
    same = rows[(rows["kind"] == "confidence") & (rows["design"] == "a")].assign(kind="credible", prior="flat")
    backtest = replace(study.backtest, thresholds=pd.concat([rows, same], ignore_index=True))
    table = kinds_table(without(study, backtest=backtest))
    place = table.columns.index("Threshold")
    assert [row[place] for row in table.rows] == ["Credible 95%", "Confidence 95%", "Credible 90%", "Confidence 90%"]
    assert table.rows[0][2:] == table.rows[1][2:]
    assert kinds_table(without(study, backtest=backtest), by_size=True) is None


def test_the_pareto_set_is_printed_and_a_small_case_keeps_its_bias_to_itself(study, choice, without):
    table = pareto_table(study, choice)
    assert len(table.rows) == (~choice.pareto["dominated"]).sum() >= 1
    small = pareto_table(without(study, suppress_below=20_500), choice)
    place = table.columns.index("Bias in the case's own earlier years (%, absolute)")
    assert {row[place] for row in small.rows} == {ABSENT}
    assert pareto_table(study, None) is None


def test_credible_against_confidence_comes_from_a_design_that_has_both(study, without):
    rows = study.backtest.thresholds
    same = rows[(rows["kind"] == "confidence") & (rows["design"] == "b")].assign(kind="credible", prior="flat")
    part = without(study, backtest=replace(study.backtest, thresholds=pd.concat([rows, same], ignore_index=True)))
    other = choice_of(study)[0]
    other = replace(other, best={**other.best, "design": "a"})
    beside = which_sentences(part, other, "")[2]
    assert beside.startswith("One-sided at 95% under “b”, which has both, the credible threshold pays")
    assert "the confidence threshold pays" in beside


def test_without_any_posterior_the_table_hides(study):
    assert kinds_table(study) is None


def test_without_a_backtest_it_says_so(study, without):
    part = without(study, backtest=None)
    choice, reason = choice_of(part)
    assert choice is None
    assert which_sentences(part, choice, reason) == (reason,)
    assert kinds_table(part) is None
    assert specification_table(part, choice) is None


def test_curves_start_at_the_false_payments_of_the_table(study, choice):
    pair = chosen_pair(study, choice)
    found = earnings_of(study, pair)
    rows = study.backtest.thresholds
    rows = rows[(rows["design"] == pair[0]) & (rows["size_class"] == "all") & (rows["side"] == "one-sided")]
    for kind, name in (("placebo", "Placebo 95%"), ("confidence", "Confidence (model) 95%")):
        row = rows[(rows["kind"] == kind) & (rows["level"] == 0.95)].iloc[0]
        curve = next(one for one in found.curves if one.threshold == name)
        assert curve.paid[0] == pytest.approx(row["false_payment_rate"])
        assert curve.bonus[0] == pytest.approx(row["expected_overpayment_money"])
        assert (np.diff(curve.paid) >= 0).all()


def test_many_curves_draw():
    x = np.linspace(0, 0.1, 5)
    curves = tuple(EarningCurve(f"kind {place}", x * 10, x * 100) for place in range(8))
    with style():
        drawn = svg_of(earnings.draw(Earnings("a", "EUR", x, x * 1000, curves)))
    assert "earns so many EUR" in drawn
    assert drawn.count("of 100<") == 8 * 5


def test_the_recommended_threshold_is_shown_whatever_its_level(study, choice):
    pair = chosen_pair(study, choice)
    for best in (
        choice.best,
        {"kind": "placebo", "level": 0.9, "side": "two-sided", "prior": ""},
        {"kind": "schedule", "level": -1.0, "side": "one-sided", "prior": ""},
    ):
        marked = [curve.threshold for curve in earnings_of(study, pair, best).curves if curve.recommended]
        assert len(marked) == 1
    assert marked == ["Medicare schedule"]
