"""Which threshold: three sentences from windows that did not choose, credible beside confidence, all specifications."""

from __future__ import annotations

import numpy as np
import pytest

from ssinfer.report.data import EarningCurve, Earnings
from ssinfer.report.earnings import earnings_of
from ssinfer.report.figures import earnings
from ssinfer.report.figures.style import style
from ssinfer.report.figures.svg import svg_of
from ssinfer.report.which_threshold import choice_of, chosen_pair, kinds_table, specification_table, which_sentences


@pytest.fixture(scope="module")
def choice(study):
    return choice_of(study)[0]


def test_three_sentences_name_the_choice_its_hash_and_its_honest_figures(study, choice):
    use, honest, beside = which_sentences(study, choice, "")
    assert str(len(choice.specifications)) in use
    assert "hash s1" in use
    assert f"{100 * choice.summary()['false_payment_rate']:.0f}" in honest
    assert "did not choose it" in honest
    assert "confidence threshold" in beside
    assert "no credible threshold" in beside  # the administrative benchmark has no posterior


def test_every_specification_is_printed(study, choice):
    table = specification_table(study, choice)
    assert len(table.rows) == len(choice.specifications)
    assert table.rows[0][1].split()[0] in {"Confidence", "Placebo", "Model", "Medicare"}


def test_credible_stands_beside_confidence_at_each_level(study):
    table = kinds_table(study)
    assert {row[2] for row in table.rows} == {"95%", "90%"}
    heads = table.columns
    assert heads[heads.index("Credible threshold (%)") + 1] == "Confidence threshold (%)"


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
        assert "What it earns, EUR" in svg_of(earnings.draw(Earnings("a", "EUR", x, x * 1000, curves)))
