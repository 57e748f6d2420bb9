"""The first page: one verdict, one picture, and limits with failed checks first, for every state of a study."""

import ast
import inspect
import json
import re
import shutil
import subprocess
from dataclasses import replace
from html import unescape
from itertools import product

import pandas as pd
import pytest
from markupsafe import escape
from small_study import without_pictures

from ssinfer.backtesting.frames import rows_with
from ssinfer.language import language, speak
from ssinfer.report.analysis import Analysis
from ssinfer.report.first_page import first_page
from ssinfer.report.template import MAX_LIMITS, marked
from ssinfer.report.write import write_report
from ssinfer.sentences import in_words, say
from ssinfer.study.limits import level_dependence, other_limits
from ssinfer.study.next_contract import next_contract
from ssinfer.study.verdict import _missing
from ssinfer.thresholds.kind import ThresholdKey

CHECKS = {  # figure against limit: a ratio of 2, 10, 4 (a limit from below), 1.5, 3, and no limit
    "held_out_fit": (0.02, 0.01),
    "convex_hull": (0.10, 0.01),
    "effective_donors": (0.75, 3.0),
    "baseline_fit": (0.015, 0.01),
    "leave_one_donor_out": (0.03, 0.01),
    "placebo_in_time": (-0.05, float("nan")),
}
BROWSER = shutil.which("chromium")
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


@pytest.mark.parametrize("tag", ["en", "nl"])
def test_every_reason_why_there_is_no_verdict_has_a_first_sentence(tag):
    """Each id that a verdict gives as its reason has the sentence of the first page, in each language."""
    calls = [node for node in ast.walk(ast.parse(inspect.getsource(_missing))) if isinstance(node, ast.Call)]
    made = [call.args[0] for call in calls if isinstance(call.func, ast.Name) and call.func.id == "Finding"]
    reasons = {leaf.value for node in made for leaf in ast.walk(node) if isinstance(leaf, ast.Constant)}
    reasons = {reason for reason in reasons if isinstance(reason, str) and reason != "status"} | {"refused"}
    assert len(reasons) >= 8
    assert not [reason for reason in reasons if f"verdict_{reason}" not in language(tag).texts]


def test_failed_checks_come_first_the_worst_by_figure_against_limit(failing):
    page = first_page(failing)
    assert page.failed == 6
    assert [limit.numbers["check"].id.removeprefix("check.") for limit in page.limits[:MAX_LIMITS]] == WORST_FIRST
    assert [limit.id for limit in page.limits[6:]] == ["limit_agree_unpaid", "limit_spillover"]


@pytest.fixture(scope="module")
def pages(failing, tmp_path_factory) -> dict[str, str]:
    """The report of a study with six failed checks, by language, without its figures."""
    folder = tmp_path_factory.mktemp("pages")
    with without_pictures() as patch:
        patch.setattr("ssinfer.report.write.analyse", lambda _: failing)
        return {
            tag: write_report(failing.result, folder / tag, tag).read_text(encoding="utf-8") for tag in ("en", "nl")
        }


@pytest.mark.parametrize(("saved", "found"), [(0.0, []), (0.3, [0.3])])
def test_a_group_that_differed_in_earlier_years_is_said(analysis, saved, found):
    """Placebos err by some percent; the group's own mean before the contract is 0 or 30%."""
    state = replace(analysis)
    placebos = analysis.result.backtest.placebos.copy()
    placebos.loc[placebos["role"] == "case", "savings_rate"] = saved
    rows = placebos[placebos["method"] == analysis.main[1]]
    state.__dict__["placebos"] = lambda _, role="placebo": rows_with(rows, role=role, status="ok")
    limits = [limit for limit in other_limits(state) if limit.id == "limit_earlier_years"]
    assert [limit.numbers["rate"] for limit in limits] == pytest.approx(found)


@pytest.mark.parametrize(
    ("slope", "se", "own", "words"),
    [
        (-0.35, 0.05, 1.2, "15% above the others 5.2 points too little (± 0.8)"),
        (0.35, 0.05, 1.2, "15% above the others 5.2 points too much (± 0.8)"),
        (-0.35, 0.05, 1.2, "this group spent 120% of what the others spent: a difference of 7.0 points"),
        (-0.02, 0.005, 1.3, "a difference of 0.6 points"),  # 0.3 points at 15%
        (-0.02, 0.005, 1.1, ""),  # below half a point
        (-0.35, 0.2, 1.2, ""),  # within two standard errors
        (float("nan"), float("nan"), 1.2, ""),
    ],
)
def test_dependence_on_the_level_is_said(analysis, slope, se, own, words):
    backtest = analysis.result.backtest
    scores = backtest.scores.assign(level_slope=slope, level_slope_se=se)
    changed = replace(backtest, scores=scores, placebos=backtest.placebos.assign(relative_level=own))
    state = replace(analysis, result=replace(analysis.result, backtest=changed))
    with speak("en"):
        said = in_words(level_dependence(state))
    assert (words in said) if words else said == ""


def test_the_page_names_three_limits_and_links_to_the_others(pages):
    for page, more in zip(pages.values(), ("and 5 more limits", "en nog 5 beperkingen"), strict=True):
        limits = page[page.index('id="limits"') : page.index("<nav")]
        assert limits.count("<li>") == MAX_LIMITS + 1
        assert f'<a href="#more-limits">{more}</a>' in limits
        assert page[page.index('id="more-limits"') :].split("</ul>")[0].count("<li>") == 5
        assert page.count('class="verdict"') == 1
        assert page[page.index("<nav") : page.index("</nav>")].count("<a ") <= 6  # contents on one line
        assert not re.search(r"(EUR|€) \d|± 0<", page)
        for link in set(re.findall(r'href="#([\w-]+)"', page)):
            assert f'id="{link}"' in page, link


MEASURE = """
const box = (e) => e.getBoundingClientRect(), all = (f, what) => [...f.contentDocument.querySelectorAll(what)];
const apart = (a, b) => a.right <= b.left || b.right <= a.left || a.bottom <= b.top + 1 || b.bottom <= a.top + 1;
onload = () => { document.body.dataset.found = JSON.stringify([...document.querySelectorAll("iframe")].map((f) => {
  const svg = all(f, "#answer-picture")[0], words = [...svg.querySelectorAll("text")].map(box);
  const lines = [...svg.querySelectorAll(".threshold, .interval"), ...svg.querySelectorAll("circle")].map(box);
  return { bottom: box(all(f, "nav")[0]).bottom, contents: box(all(f, "nav ol")[0]).height,
    wide: all(f, ".two *, .three *").filter((e) => box(e).right > f.clientWidth).length,
    outside: words.filter((w) => w.left < box(svg).left - 1 || w.right > box(svg).right + 1).length,
    crossed: words.flatMap((w) => lines.filter((l) => !apart(w, l))).length,
    covered: words.flatMap((w, i) => words.slice(i + 1).filter((v) => !apart(w, v))).length }; })); };
"""


@pytest.mark.skipif(BROWSER is None, reason="no chromium on this machine")
def test_the_page_fits_a_laptop_a_phone_and_a4_and_no_line_crosses_words(pages, tmp_path):
    """Measured in a browser; A4 is 180 x 267 mm within its margins, with the style of print."""
    frames, pixels = [], 96 / 25.4
    media = {"laptop": (1280, 900), "phone": (390, 10_000), "A4": (round(180 * pixels), round(267 * pixels))}
    for page, (medium, size) in product(pages.values(), media.items()):
        text = page.replace("@media print", "@media all") if medium == "A4" else page
        text = text.replace("@media screen and (max-width: 860px)", "@media not all") if medium == "A4" else text
        frames.append(
            f'<iframe width="{size[0]}" height="{size[1]}" style="border:0" srcdoc="{escape(text)}"></iframe>'
        )
    (tmp_path / "all.html").write_text(
        f"<meta charset=utf-8><script>{MEASURE}</script>{''.join(frames)}", encoding="utf-8"
    )
    options = ("--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", f"file://{tmp_path / 'all.html'}")
    seen = subprocess.run([BROWSER, *options], capture_output=True, text=True, timeout=60, check=True).stdout
    found = json.loads(unescape(re.search(r'data-found="([^"]*)"', seen)[1]))
    assert len(found) == 6
    for (tag, (medium, size)), at in zip(product(pages, media.items()), found, strict=True):
        where = (tag, medium, at)
        assert at["bottom"] <= size[1], where
        assert medium == "phone" or at["contents"] < 25, where
        assert [at[name] for name in ("wide", "outside", "crossed", "covered")] == [0, 0, 0, 0], where


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


@pytest.mark.usefixtures("no_pictures")
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
    assert "<script>alert" not in page
    assert re.search(r"<h1>(.*?)</h1>", page)[1].count("🩺") == title.count("🩺")


BLOCKS = {"population": "insured", "spending": "all", "comparison": "p", "windows": "w", "method": "admin"}
STUDY = {
    "spending": [{"name": "cut", "truncation": {"amount": 22_500, "percentile": None}}],
    "comparison": [{"name": "q", "label": {"en": "the country", "nl": "het land"}}],
}
LARGER = {"block": "size", "entry": "twice as many insured", "source": "computed", "insured": 40_000.0}
NEEDED = {**LARGER, "entry": "insured needed", "insured": 36_217.0}


@pytest.mark.parametrize(
    ("outcome", "other", "steps", "ids", "changes"),
    [
        ("feasible", {}, [(LARGER, -0.1)], ["feasible", "same", "no_more"], ""),
        ("feasible", {}, [(LARGER, 0.1)], ["feasible", "same", "more"], ""),
        (
            "feasible",
            {"spending": "cut", "comparison": "q"},
            [],
            ["feasible_changed", "change"],
            "leave out spending above EUR 22,500 per person and year and compare with another group (the country)",
        ),
        ("good enough", {"comparison": "b"}, [], ["feasible", "better"], "compare with another group"),
        ("weak", {"comparison": "b"}, [], ["weak", "nearest_change"], "compare with another group"),
        ("not feasible", {}, [(LARGER, 0.1)], ["not_feasible", "no_size", "nearest_same"], ""),
        ("not feasible", {}, [(LARGER, 0.1), (NEEDED, 0.2)], ["not_feasible", "enough", "nearest_same"], ""),
    ],
)
def test_the_advice_says_what_to_change_and_what_that_brings(analysis, outcome, other, steps, ids, changes):
    today = {"design": "a", "settles": True, **BLOCKS}
    designs = pd.DataFrame([today, {**today, "design": "b", "settles": False, **other}])
    ladder = [{**step, "detection_rate_difference": more, "detection_rate_difference_se": 0.02} for step, more in steps]
    ladder = pd.DataFrame([dict.fromkeys(LARGER | {"detection_rate_difference": 0.0}, ""), *ladder])
    result, advice = analysis.result, analysis.result.advice
    settled = ThresholdKey(**result.manifest["settles"]["threshold"])
    chosen = replace(advice.specification, design="b" if other else "a", threshold=settled)
    table = advice.table.assign(design="elsewhere")
    if outcome == "good enough":  # today's row finds 60 of 100 where 50 are asked
        today = {**vars(chosen), **settled.labels, "design": result.manifest["settles"]["fit"], "admitted": True}
        table = pd.DataFrame([{**today, "detection_rate": 0.6, "detection_rate_se": 0.05}])
        outcome = "feasible"
    advice = replace(advice, table=table)
    manifest = {**result.manifest, "study": STUDY}
    tables = {"designs.csv": designs, "ladder.csv": ladder}
    result = replace(
        result, manifest=manifest, tables=tables, advice=replace(advice, outcome=outcome, specification=chosen)
    )
    with speak("en", "EUR"):
        found = [*next_contract(replace(analysis, result=result))]
        assert [finding.id.removeprefix("next_") for finding in found] == ids
        said = next(finding for finding in found if "changes" in finding.numbers).numbers
        assert say("x", "{changes:listed}", **said) == changes
        assert said["design"] == ("a named group" if other else "all others")
    for tag in ("en", "nl"):
        with speak(tag, "EUR"):
            assert all("{" not in marked(finding) for finding in found)


def test_the_payment_is_insured_years_times_saving_times_share(analysis):
    measured = {**analysis.verdict.measured, "rate": 0.05, "money": 125.0, "total": 125.0 * 20_000}
    state = replace(analysis)
    state.__dict__["verdict"] = replace(analysis.verdict, verdict="reached", paid=0.5 * 125 * 20_000, measured=measured)
    (proof,) = first_page(state).proof
    assert dict(proof.numbers) == {"years": 20_000.0, "money": 125.0, "share": 0.5, "paid": 1_250_000.0}
    assert [row.error for row in first_page(state).earned if row.error is not None and row.error < 1] == []
