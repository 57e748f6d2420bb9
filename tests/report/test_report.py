"""The report is self-contained, gives the same bytes for the same result, is escaped, and names absent parts."""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from html import unescape
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import pandas as pd
import pytest
from small_study import tables_of

from ssinfer.console.design_table import design_table
from ssinfer.errors import StudyError
from ssinfer.language import speak
from ssinfer.report import write_report
from ssinfer.report.summarise import assemble
from ssinfer.report.table import FRAMES, TABLES
from ssinfer.report.text.absent import absent_findings
from ssinfer.report.text.finding import finding_sentences
from ssinfer.sentences import in_words
from ssinfer.study.disclosure import disclosed

POLICY = "default-src 'none'; style-src 'unsafe-inline'"
SLIDERS = ("insured", "years", "level", "saving")
FIGURES = {"placebo_savings", "false_payments", "threshold_by_size", "case", "earnings"}
VOID = {"meta", "link", "br", "img", "hr", "input"}


class Page(HTMLParser):
    """Every tag with its attributes; fails on tags that are not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def folder(study, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    (folder / "scores.csv").write_text("kept")
    (folder / "figures").mkdir()
    (folder / "figures" / "old.svg").write_text("old")
    return write_report(study, folder).parent


@pytest.fixture(scope="module")
def page(folder):
    return (folder / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def data(analysis):
    return assemble(analysis)


def region(page: str, name: str) -> str:
    """The text of one section, tags and white space removed."""
    section = re.search(rf'<section[^>]*id="{name}".*?</section>', page, flags=re.DOTALL)
    assert section, name
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", section.group()))).strip()


def absent(analysis):
    """The sentences on what is absent from a report."""
    with speak(currency="EUR"):
        return [in_words(finding) for finding in absent_findings(analysis)]


def test_page_is_well_formed_and_ids_are_unique(page):
    ids = [attrs["id"] for _, attrs in Page(page).tags if "id" in attrs]
    assert len(ids) == len(set(ids))


def test_every_reference_inside_the_page_has_its_target(page):
    tags = Page(page).tags
    ids = {attrs["id"] for _, attrs in tags if "id" in attrs}
    wanted = {value[1:] for _, a in tags for key, value in a.items() if key.endswith("href") and value.startswith("#")}
    wanted |= set(re.findall(r"url\(#([^)]+)\)", page))
    assert wanted
    assert wanted <= ids


def test_nothing_is_loaded_and_only_the_sliders_run(page):
    tags = Page(page).tags
    assert not {tag for tag, _ in tags} & {"link", "iframe", "object", "embed", "img", "image"}
    for tag, attrs in tags:
        for key, value in attrs.items():
            assert not key.startswith("on"), (tag, key)
            if key == "src" or (key.endswith("href") and tag != "a"):
                assert (value or "").startswith("#"), (tag, key, value)
    assert "@import" not in page
    assert not re.search(r"url\((?!#)", page)
    [script] = re.findall(r"<script>(.*?)</script>", page, flags=re.DOTALL)
    allowed = b64encode(sha256(script.encode()).digest()).decode()
    assert f"content=\"{POLICY}; script-src 'sha256-{allowed}'\"" in page
    assert not re.search(r"\bfetch\b|XMLHttp|import|https?:|innerHTML|\beval\b", script)


def test_without_the_script_no_slider_is_shown_and_the_setting_is(page):
    inputs = [attrs for tag, attrs in Page(page).tags if tag == "input"]
    assert [each["id"] for each in inputs if "hidden" in each] == [f"slider-{name}" for name in SLIDERS]
    assert "Insured persons 20,000 Performance years 1 Level 95% True saving 3.0%" in region(page, "what-if")


def test_writing_replaces_figures_and_keeps_other_files(folder):
    """That the same result gives the same bytes is shown in tests/study/test_rewrite.py."""
    assert {path.name for path in folder.iterdir()} == {"scores.csv", "report.html", "figures"}
    assert {path.stem for path in (folder / "figures").iterdir()} == FIGURES
    for name in FIGURES:
        ET.parse(folder / "figures" / f"{name}.svg")  # noqa: S314  (our own file)


def test_a_failing_figure_leaves_no_half_written_report(analysis, write, tmp_path, monkeypatch):
    def fail(*_):
        raise RuntimeError("no ink")

    monkeypatch.setattr("ssinfer.report.pictures.svg_of", fail)
    with pytest.raises(RuntimeError, match="no ink"):
        write(analysis, tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.usefixtures("no_pictures")
def test_links_of_a_report_elsewhere_lead_to_the_folder_and_no_amount_breaks(study, tmp_path):
    page = write_report(study, tmp_path, "nl", "../a run/").read_text(encoding="utf-8")
    links = re.findall(r'<a href="([^#"]+)">', page[page.index("<figure id") : page.index('id="context"')])
    assert links
    assert all(re.fullmatch(r"\.\./a%20run/\w+\.\w+", link) for link in links)
    assert not re.search(r"€ \d|\d ±|± \d|−€", page)


def test_a_file_with_the_name_of_the_folder_is_refused(study, tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(StudyError, match="Name another folder"):
        write_report(study, tmp_path / "out")


def test_unit_names_are_escaped(page):
    assert page.lower().count("<script") == 1  # its own
    assert "&lt;script&gt;" in page
    assert "Title &lt;b&gt;" in page
    assert "A$B$" in page  # no mathematics made of dollar signs


def test_first_line_says_which_data(page):
    assert '<html lang="en">' in page
    body = page[page.index("<body>") :]
    assert re.search(
        r'<body>\s*<main>\s*<header>\s*<p class="kind" id="data-note">Simulated data: not a finding</p>', body
    )


def test_the_finding_has_the_numbers_of_the_result(study, page):
    """Every number is computed again from the frames of the result."""
    order = study.backtest.ranking()
    best = order.iloc[0]
    threshold = study.case_thresholds[study.case_thresholds["decides"]].iloc[0]
    saving = study.savings[study.savings["design"] == "a"].iloc[0]
    text = region(page, "in-full")
    assert f"“{best['design']}” ({study.design_labels[best['design']]}) then detects a true saving of 3% in" in text
    assert f"{100 * best['detection_rate_3']:.0f} ±" in text
    assert f"the threshold of {100 * threshold['rate']:.1f}%, EUR {threshold['money']:.0f} per insured-year" in text
    assert f"At this threshold {100 * threshold['false_payment_rate']:.0f} ±" in text
    assert "Programmes have reported 1% to 10% lower spending growth" in text
    assert f"EUR {abs(saving['saving']):.0f} per insured-year {'less' if saving['saving'] > 0 else 'more'} than" in text
    reaches = "This reaches the threshold" if threshold["passed"] else "This does not reach the threshold"
    assert reaches in text


def test_payments_under_sampling_noise_alone_are_in_the_text(page):
    text = region(page, "sampling")
    assert re.search(r"would pay \d+ ± \d+% of contracts without savings, although it promises 2.5%", text)
    assert "With Medicare's k = 2.135 it would pay" in text


def test_every_design_is_reported(data):
    for name in ("designs", "scores", "payments", "savings"):
        assert set(tables_of(data)[name].column("label")) == {"a", "b"}, name
    assert set(data.figures["placebo_savings"]["design"]) == {"a", "b"}


def test_intervals_that_are_not_rejected_are_not_called_calibrated(page):
    assert "calibrated" not in page.lower()
    assert "not transportable" in page.lower()


def test_provenance_is_printed(page):
    text = region(page, "methods")
    for value in ("0.0", "d1", "s1", "numpy 2", "seed 3"):
        assert value in text


def test_a_contract_group_below_the_limit_is_suppressed_everywhere(analysis, study, without, write, tmp_path):
    small_study = without(study, suppress_below=20_500)  # the case has 20,000
    small_analysis = replace(analysis, result=disclosed(small_study))
    data = assemble(small_analysis)
    page = write(small_analysis, tmp_path, data).read_text(encoding="utf-8")
    assert not {"savings", "thresholds", "settlement", "intervals"} & set(tables_of(data))
    assert "case" not in data.figures
    assert "contract group" not in set(data.figures["threshold_by_size"]["item"])
    assert not (tmp_path / "figures" / "case.svg").exists()
    assert set(data.figures["placebo_savings"]["item"]) == {"placebo contract"}
    assert "fewer than 20500 insured" in page
    page = page.replace("\u00a0", " ")  # the space of an amount
    console = design_table(small_study)
    assert console.count("hidden: the contract group is too small to be shown") == 2
    assert not [row["spending"] for _, row in small_study.savings.iterrows() if f"{row['spending']:,.0f}" in console]
    # mean bonuses of the placebos may be the same number of euros by chance
    page = re.sub(r'<figure id="figure-earnings">.*?</figure>', "", page, flags=re.DOTALL)
    for _, row in small_study.savings.iterrows():
        for name in ("benchmark", "spending", "saving"):
            assert f"EUR {abs(row[name]):,.0f}" not in page
    assert "1,234" not in page  # the settlement


def test_the_limit_itself_is_shown(analysis, study, without):
    shown = replace(analysis, result=disclosed(without(study, suppress_below=20_000)))
    assert len(TABLES.find("savings").build(shown).rows) == 2


def test_small_placebos_are_not_drawn(analysis, study, without):
    """Units with placebos below the limit leave the figure, and the report says how many."""
    rows = study.backtest.placebos
    small = rows[(rows["role"] == "placebo") & (rows["insured_years"] < 9_000)]["unit"].nunique()
    assert small >= 3
    hiding = replace(analysis, result=disclosed(without(study, suppress_below=9_000)))
    assert any(said.startswith(f"{small} units are hidden") for said in absent(hiding))
    drawn = FRAMES.find("placebo_savings").frame(hiding)["item"]
    assert (drawn == "placebo contract").sum() == 2 * rows["origin"].nunique() * (39 - small)


def test_without_settlement(analysis, study, without):
    part = replace(analysis, result=without(analysis.result, settlement=study.settlement[:0]))
    assert isinstance(TABLES.find("settlement").build(part), str)
    assert any(said.startswith("No settlement") for said in absent(part))


@pytest.mark.usefixtures("no_pictures")
def test_without_backtest(study, without, tmp_path):
    page = write_report(without(study, backtest=None), tmp_path).read_text(encoding="utf-8")
    assert "No backtest was run" in region(page, "in-full")
    assert f'content="{POLICY}"' in page
    assert "<script" not in page
    assert {path.stem for path in (tmp_path / "figures").iterdir()} == {"case"}


def test_backtest_only(analysis, without):
    empty = {name: getattr(analysis.result, name)[:0] for name in ("savings", "case_thresholds", "settlement")}
    part = without(analysis.result, counterfactuals={}, **empty)
    data = assemble(replace(analysis, result=part))
    assert any("is not measured" in sentence for sentence in data.finding)
    assert set(data.figures) == FIGURES - {"case"}


def test_a_sealed_saving_and_a_refused_one(analysis, study, without):
    sealed = pd.DataFrame(
        [
            {"design": "a", "method": "admin", "status": "sealed", "reason": "The panel has no spending."},
            {"design": "b", "method": "admin", "status": "refused", "reason": "No donors <left>."},
        ]
    )
    thresholds = study.case_thresholds.drop(columns="passed")
    part = without(study, savings=sealed, case_thresholds=thresholds, settlement=study.settlement[:0])
    part = replace(analysis, result=part)
    assert isinstance(TABLES.find("savings").build(part), str)
    assert any("No donors <left>." in said for said in absent(part))
    assert any("is not measured" in said for said in finding_sentences(part))


def test_refusals_are_counted(analysis, study, data):
    rows = study.backtest.placebos.copy()
    chosen = rows.index[(rows["role"] == "placebo") & (rows["design"] == "a")][:7]
    rows.loc[chosen, ["status", "reason"]] = ["refused", "ConvergenceError: the fit did not converge"]
    part = replace(study, backtest=replace(study.backtest, placebos=rows))
    assert TABLES.find("refusals").build(replace(analysis, result=part)).rows[0][:3] == (
        "a",
        "refused",
        f"7 of {int(((rows['role'] == 'placebo') & (rows['design'] == 'a')).sum()):,}",
    )
    assert "refusals" not in tables_of(data)
    (section,) = (section for section in data.sections if section.name == "comparison")
    assert section.reasons["refusals"] == "No placebo contract was refused, and no fit failed."
