"""All designs on one scale in the report: order, names, one block changed, folding, labels that do not overlap."""

import re
from dataclasses import replace
from itertools import combinations, product

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text

from ssinfer.console.design_table import design_table
from ssinfer.drawing import draw
from ssinfer.report.analysis import Analysis, analyse
from ssinfer.report.figure_frame import FRAMES
from ssinfer.report.first_page import first_page
from ssinfer.report.summarise import ReportData, SectionData
from ssinfer.report.table import TABLES
from ssinfer.report.text.compared import answer, block_findings, changed_findings, party_findings
from ssinfer.report.text.finding import finding_sentences
from ssinfer.report.write import _render
from ssinfer.sentences import in_words
from ssinfer.study.frames import DESIGNS, EFFECTS, SCENARIOS, STOP_LOSS

POPULATIONS, SPENDINGS, THRESHOLDS = ("everybody", "low SES"), ("all", "no GGZ", "capped"), ("95%", "90%")
MANIFEST = {"study": {"spending": [{"name": "no GGZ", "label": "all care but mental health care"}]}}


def grid():
    """Twelve designs by hand: the threshold of number i is 300 - 10 i; only the last one and the first are no worse."""
    rows = []
    for i, (population, spending, threshold) in enumerate(product(POPULATIONS, SPENDINGS, THRESHOLDS)):
        row = {"design": f"d{i}", "method": "m", "label": f"{population}; {spending}; {threshold}"}
        row |= {"population": population, "spending": spending, "comparison": "c", "threshold": threshold}
        row |= {
            "sharing": "half",
            "windows": "",
            "settles": i == 3,
            "sensitivity": i == 11,
            "n_rows": 40,
            "n_without_threshold": 0,
        }
        row |= dict.fromkeys(("share_of_spending", "share_of_persons"), 1.0 - i / 20)
        row |= dict.fromkeys(("deviation", "deviation_all", "threshold_rate", "threshold_all"), 0.1)
        row |= {"threshold_money": 300.0 - 10 * i, "deviation_money": 4.0, "misallocation": 50.0 + i}
        row |= {"deviation_difference": 0.0, "false_payment_rate": 0.05, "dominated_by": "d0, m" if 0 < i < 10 else ""}
        row |= {
            "threshold_difference": 10.0 * i,
            "deviation_size_difference": 1.0,
            "deviation_size_difference_se": 0.5,
            "misallocation_difference": 2.0 * i,
            "misallocation_difference_se": 2.0,
            **{f"{name}_se": 2.0 for name in ("threshold_money", "misallocation")},
        }
        rows.append(row)
    return DESIGNS.frame(rows)


def payments():
    rows = []
    for i, saving in product(range(12), (0.0, 0.02, 0.05)):
        row = {"design": f"d{i}", "method": "m", "scenario": "evenly", "saving": saving, "paid": 600 * saving + i}
        row |= {"insurer": 900 * saving - i, "earned_of_100": 80.0, "paid_without_threshold": 70.0}
        rows.append(dict.fromkeys(SCENARIOS.header(), np.nan) | row)
    return SCENARIOS.frame(rows)


def effects():
    names = ("measure", "block", "entry", "other_block", "other_entry", "effect", "effect_se")
    rows = [("threshold_money", "spending", "all", "", "", 30.0, 5.0)]
    rows += [("threshold_money", "spending", "no GGZ", "", "", -30.0, 5.0)]
    rows += [
        ("threshold_money", "threshold", "95%", "", "", 8.0, 2.0),
        ("deviation_money", "threshold", "95%", "", "", 0, 1),
    ]
    rows += [("threshold_money", "spending", "all", "threshold", "95%", 9.0, 3.0)]
    return EFFECTS.frame([dict(zip(names, row, strict=True)) for row in rows])


@pytest.fixture
def compared(analysis) -> Analysis:
    tables = {"designs.csv": grid(), "scenarios.csv": payments(), "effects.csv": effects()}
    result = replace(analysis.result, tables=tables, manifest={**analysis.result.manifest, **MANIFEST})
    return Analysis(result, analysis.noise, {})


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
    page = _render(ReportData(both.result, first_page(both), (), (section,)), {})
    shown = re.search(r'<table id="one-scale-table"[^>]*>.*?</table>', page, re.DOTALL)
    assert shown is not None
    assert shown[0].count("<tr>") == 1 + 12
    assert "<summary>12 more rows</summary>" in page
    assert '<table id="one-scale-table-rest"' in page


def test_the_console_of_a_grid_prints_the_frontier_within_80_columns(compared, monkeypatch):
    monkeypatch.setattr("ssinfer.console.design_table.MOST_DESIGNS", 3)
    lines = design_table(compared.result).splitlines()
    assert lines[0] == "1. everybody; no GGZ; 90% (settles)"
    assert [line[:3] for line in lines[1:3]] == ["2. ", "3. "]
    assert max(map(len, lines)) <= 80
    assert "9 others: designs.csv" in " ".join(lines)


def test_a_sensitivity_design_is_never_best(analysis):
    best = analysis.best[0]
    again = analyse(replace(analysis.result, manifest={**analysis.result.manifest, "sensitivity": [best]}))
    assert {best, again.best[0]} == {"a", "b"}
    assert set(again.ranking["design"]) == {"a", "b"} - {best}
    assert set(again.pareto["design"]) == {"a", "b"} - {best}
