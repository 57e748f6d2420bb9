"""All designs on one scale in the report: order, names, one block changed, folding, labels that do not overlap."""

import re
from dataclasses import replace
from itertools import combinations

import pandas as pd
import pytest
from matplotlib.text import Text
from small_study import grid, payments

from ssinfer.drawing import draw
from ssinfer.report.analysis import analyse
from ssinfer.report.summarise import SectionData, assemble
from ssinfer.report.table import FRAMES, TABLES
from ssinfer.report.tables.compared import answer, block_findings, changed_findings, party_findings
from ssinfer.report.text.finding import finding_sentences
from ssinfer.report.write import _render
from ssinfer.sentences import in_words
from ssinfer.study.frames import STOP_LOSS


def test_the_first_row_settles_then_the_frontier_and_the_rest_name_the_dominating_one(compared):
    table = TABLES.find("one-scale-table").build(compared)
    assert [row.split(". ")[1] for row in table.column("numbered")][:4] == [
        *("everybody; no GGZ; 90%", "everybody; all; 95%", "low SES; capped; 95%", "low SES; capped; 90%"),
    ]
    assert table.column("by")[0] == "2 (30.0; 1.0 \u00b1 0.5; 6 \u00b1 2)"
    assert table.column("threshold_money")[:2] == ["270 \u00b1 2", "300 \u00b1 2"]


def test_the_answer_is_the_settling_design_and_the_best_that_may_settle(compared):
    settles, measures, best, _ = answer(compared)
    assert (settles.id, settles.numbers) == ("compared_settles", {"n": 12, "name": "everybody; no GGZ; 90%"})
    assert measures.id == "compared_measures"
    assert measures.numbers["threshold_money"] == {"value": 270.0, "se": 2.0}
    assert best.numbers["name"] == "everybody; all; 95%"  # of misallocation 50, the least; number 12 is a sensitivity
    assert in_words(answer(compared)) in finding_sentences(compared)


def test_sensitivity_analyses_alone_have_an_answer_without_a_best_one(compared):
    tables = {**compared.result.tables, "designs.csv": grid().assign(sensitivity=True, settles=False)}
    findings = answer(replace(compared, result=replace(compared.result, tables=tables)))
    assert [finding.id for finding in findings] == ["compared_first", "compared_measures"]


def test_one_finding_per_design_that_differs_in_one_block(compared):
    findings = [first.numbers for first, *_ in changed_findings(compared)]
    assert [(numbers["block"], numbers["entry"]) for numbers in findings] == [
        ("population", "low SES"),
        *(("spending", "all"), ("spending", "capped"), ("threshold", "95%")),
    ]
    assert findings[1]["other"] == "all care but mental health care"  # by its label
    paid = [findings[1][name]["value"] for name in ("paid_for_nothing", "paid")]
    assert paid == pytest.approx([1.0, 31.0])  # design d1: 600 x 0.05 + 1
    assert "\u201call\u201d instead of \u201call care but" in in_words(list(changed_findings(compared))[1])


def test_the_widest_block_is_named_and_interactions_are_rows(compared):
    first, second = block_findings(compared)
    assert (first.id, second.id) == ("block_matters_threshold_money", "no_block_matters_deviation_money")
    assert first.numbers["low_entry"] == "all care but mental health care"
    assert first.numbers["low"] == {"value": -30.0, "se": 5.0}
    assert TABLES.find("effects").build(compared).rows[-1][:3] == (
        "spending and threshold",
        "all and 95%",
        "9 \u00b1 3",
    )
    (parties,) = party_findings(compared)
    assert parties.numbers["paid_without_threshold"] == 70.0


def test_the_parties_without_a_saving_and_at_the_largest(compared):
    table = TABLES.find("parties-table").build(compared)
    assert len(table.rows) == 2 * 5  # the settling design and four that differ in one block
    assert table.column("paid")[:2] == ["3.0", "33.0"]


def test_a_study_without_insured_years_has_none_of_it(analysis):
    assert not [*answer(analysis), *changed_findings(analysis), *block_findings(analysis), *party_findings(analysis)]
    assert not len(FRAMES.find("frontier").frame(analysis))


def test_a_single_design_has_its_payments_and_its_stop_loss_but_no_comparison(compared):
    loss = {"design": "d3", "origin": 2018, "excess": 300.0, "excess_sd": 40.0, "groups": 30}
    tables = {"designs.csv": grid().iloc[3:4], "scenarios.csv": payments(), "stop_loss.csv": STOP_LOSS.frame([loss])}
    single = replace(compared, result=replace(compared.result, tables=tables))
    assert not [*answer(single), *changed_findings(single)]
    assert not len(FRAMES.find("frontier").frame(single))
    assert TABLES.find("stop-loss").build(single).rows == (("everybody; no GGZ; 90%", "2018", "300", "40", "30"),)
    assert len(TABLES.find("parties-table").build(single).rows) == 2


def test_labels_of_the_frontier_do_not_overlap(compared):
    frame = FRAMES.find("frontier").frame(compared)
    close = pd.concat([frame.assign(dominated=False, settles=number == 0) for number in range(3)], ignore_index=True)
    picture = draw("frontier", close.assign(number=range(1, 37), threshold_money=300.0, name="a long name " * 8))
    picture.draw_without_rendering()
    boxes = [Text.get_window_extent(text) for text in picture.axes[0].texts]
    assert len(boxes) == 10
    assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))
    assert max(box.x1 for box in boxes) <= picture.bbox.x1


def test_a_long_table_shows_twelve_rows_and_folds_the_rest(compared):
    designs = pd.concat([grid(), grid().assign(method="n", settles=False)], ignore_index=True)
    both = replace(compared, result=replace(compared.result, tables={"designs.csv": designs}))
    section = SectionData(
        "s", "", bullets=False, sentences=(), items=(TABLES.find("one-scale-table").build(both),), reasons={}
    )
    page = _render(replace(assemble(compared), sections=(section,)), {})
    shown = re.search(r'<table id="one-scale-table"[^>]*>.*?</table>', page, re.DOTALL)
    assert shown is not None
    assert shown[0].count("<tr>") == 1 + 12
    assert "<summary>12 more rows" in page
    assert '<table id="one-scale-table-rest"' in page


def test_a_sensitivity_design_is_never_best(analysis):
    best = analysis.best[0]
    again = analyse(replace(analysis.result, manifest={**analysis.result.manifest, "sensitivity": [best]}))
    assert {best, again.best[0]} == {"a", "b"}
    assert set(again.ranking["design"]) == {"a", "b"} - {best}
    assert set(again.pareto["design"]) == {"a", "b"} - {best}
