"""The first page: one verdict, one picture, and limits with failed checks first, for every state of a study."""

import re
from dataclasses import replace
from html import unescape

import pandas as pd
import pytest

from ssinfer.language import speak
from ssinfer.report.analysis import Analysis
from ssinfer.report.first_page import MAX_LIMITS, first_page
from ssinfer.report.marked import marked
from ssinfer.report.write import write_report

CHECKS = {  # figure against limit: a ratio of 2, 10, 4 (a limit from below), 1.5, 3, and no limit
    "held_out_fit": (0.02, 0.01),
    "convex_hull": (0.10, 0.01),
    "effective_donors": (0.75, 3.0),
    "baseline_fit": (0.015, 0.01),
    "leave_one_donor_out": (0.03, 0.01),
    "placebo_in_time": (-0.05, float("nan")),
}
WORST_FIRST = ["placebo_in_time", "convex_hull", "effective_donors"]


def with_tables(analysis: Analysis, **tables: pd.DataFrame) -> Analysis:
    """Return an analysis whose folder has further tables, such as `diagnostics`."""
    named = {f"{name}.csv": table for name, table in tables.items()}
    return replace(analysis, result=replace(analysis.result, tables={**analysis.result.tables, **named}))


@pytest.fixture(scope="module")
def failing(analysis) -> Analysis:
    rows = [{"check": name, "id": name, "figure": f, "limit": limit} for name, (f, limit) in CHECKS.items()]
    frame = pd.DataFrame(rows).assign(design="a", method="admin", status="fail")
    passed = frame.iloc[:1].assign(id="solver_certificate", status="ok")
    other = frame.iloc[:1].assign(design="b", id="of_another_design")
    return with_tables(analysis, diagnostics=pd.concat([passed, frame, other]))


def test_failed_checks_come_first_the_worst_by_figure_against_limit(failing):
    page = first_page(failing)
    assert page.failed == 6
    assert [limit.numbers["check"].id.removeprefix("check.") for limit in page.limits] == WORST_FIRST
    assert (len(page.limits), page.more) == (MAX_LIMITS, 3)


@pytest.mark.usefixtures("no_pictures")
def test_the_page_names_three_limits_and_links_to_the_others(failing, tmp_path, monkeypatch):
    monkeypatch.setattr("ssinfer.report.summarise.analyse", lambda _: failing)
    for tag, more in (("en", "and 3 more failed checks"), ("nl", "en nog 3 niet doorstane controles")):
        page = write_report(failing.result, tmp_path / tag, tag).read_text(encoding="utf-8")
        limits = page[page.index('id="limits"') : page.index("<nav")]
        assert limits.count("<li>") == 4
        assert f'<a href="#evidence">{more}</a>' in limits
        assert page.count('class="verdict"') == 1
        for link in set(re.findall(r'href="#([\w-]+)"', page)):
            assert f'id="{link}"' in page, link


@pytest.mark.parametrize(
    ("verdict", "paid", "rate", "money", "wanted"),
    [
        ("reached", 100.0, 0.05, 125.0, "verdict_paid"),
        ("reached", 0.0, 0.05, 125.0, "verdict_reached_unpaid"),
        ("not reached", 40.0, 0.01, 25.0, "verdict_paid_below"),  # some contracts pay a lower share below
        ("reached", None, 0.05, 125.0, "verdict_reached"),
        ("not reached", 0.0, 0.01, 25.0, "verdict_unpaid"),
        ("not reached", 0.0, -0.01, -25.0, "verdict_unpaid_more_spent"),
        ("not reached", None, 0.01, 25.0, "verdict_not_reached"),
        ("not reached", None, -0.01, -25.0, "verdict_not_reached_more_spent"),
        ("not reached", -50.0, -0.05, -125.0, "verdict_owed"),
    ],
)
def test_every_state_has_one_sentence_in_both_languages(analysis, verdict, paid, rate, money, wanted):
    own = replace(
        analysis.verdict,
        verdict=verdict,
        paid=paid,
        measured={**analysis.verdict.measured, "rate": rate, "money": money},
    )
    state = replace(analysis)
    state.__dict__["verdict"] = own  # a cached property
    page = first_page(state)
    assert page.verdict.id == wanted
    assert page.axis.low < min(0.0, rate)
    assert page.axis.high > 0.10  # the reported range is shown
    for tag in ("en", "nl"):
        with speak(tag, "EUR"):
            text = marked(page.verdict)
        assert "{" not in text
        assert ("term-" in text) == (wanted != "verdict_none")


@pytest.mark.parametrize(("paid", "wanted"), [(0.0, "verdict_unpaid"), (None, "verdict_not_reached")])
def test_an_infinite_threshold_has_a_sentence_without_a_number(analysis, paid, wanted):
    endless = {**analysis.verdict.threshold, "rate": None, "money": None}
    state = replace(analysis)
    state.__dict__["verdict"] = replace(analysis.verdict, verdict="not reached", paid=paid, threshold=endless)
    page = first_page(state)
    assert page.verdict.id == f"{wanted}_unreachable"
    assert "would reach" in marked(page.verdict)
    assert [finding.id for finding in page.sensible] == ["sensible_none"]


def test_the_interval_is_that_of_the_finding(analysis):
    """In fractions of the benchmark: money of the interval times rate over money of the saving."""
    page, verdict = first_page(analysis), analysis.verdict
    benchmark = verdict.measured["money"] / verdict.measured["rate"]
    assert page.interval == pytest.approx([verdict.interval[end] / benchmark for end in ("lower", "upper")])
    assert [row.saving for row in page.earned] == [0.0, 0.03, 0.05, 0.1]
    assert page.earned[1].paid == 100 * verdict.detection["0.03"]["value"]


def test_a_study_with_nothing_but_refusals_says_why(analysis, without, tmp_path):
    refused = analysis.result.savings.assign(status="refused", reason="no donor is near", saving=float("nan"))
    bare = without(
        analysis.result,
        savings=refused,
        counterfactuals={},
        case_thresholds=pd.DataFrame(),
        settlement=pd.DataFrame(),
        backtest=None,
        advice=None,
        no_advice="No backtest was run.",
    )
    page = write_report(bare, tmp_path).read_text(encoding="utf-8")
    first = page[: page.index("<nav")]
    assert "No verdict: the <a" in first
    assert "no donor is near" in first
    assert "answer-picture" not in first


@pytest.mark.usefixtures("no_pictures")
def test_a_title_is_escaped_and_whole(analysis, without, tmp_path, write):
    title = "<script>alert(1)</script> “quoted” & 'single' \"double\" \u202eright to left" + "🩺" * 150
    named = replace(analysis, result=without(analysis.result, title=title))
    page = write(named, tmp_path).read_text(encoding="utf-8")
    assert "<script" not in page
    assert unescape(re.search(r"<h1>(.*?)</h1>", page)[1]) == title
