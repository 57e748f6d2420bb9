"""The sliders of the report: complete without the script, and equal to `ssinfer power --json` to the printed digit."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import replace
from html import unescape
from itertools import product

import numpy as np
import pytest
from markupsafe import escape
from small_study import without_pictures
from typer.testing import CliRunner

from ssinfer.cli import app
from ssinfer.language import speak
from ssinfer.printed import count, plain
from ssinfer.report import write_report
from ssinfer.report.table import TABLES
from ssinfer.report.tables.explorer import LEVELS, SAVINGS, SIZES, YEARS, what_if_lead
from ssinfer.study.case_thresholds import planned, size_of_contract
from ssinfer.study.disclosure import disclosed
from ssinfer.thresholds.planning.scenario import Scenario

BROWSER = shutil.which("chromium")
RULES = (["--kind", "confidence"], ["--sampling-only"], ["--kind", "schedule"], ["--kind", "fixed"])
FIELDS = ("threshold", "false_payment_rate", "detection_rate", "expected_bonus")


def printed(row: dict[str, float], saving: float) -> list[str]:
    """The cells of one row of `power_table`, by its names, in the language in use."""
    names = {"detection_rate": f"detection_rate_{100 * saving:g}", "expected_bonus": f"expected_bonus_{100 * saving:g}"}
    return [plain(100 * row[names.get(name, name)], 2 if name == "expected_bonus" else 1) for name in FIELDS]


def by_command(options: list[str], saving: float) -> list[str]:
    said = CliRunner().invoke(app, options)
    assert said.exit_code == 0, said.output
    return printed(json.loads(said.output)["rows"][0], saving)


@pytest.fixture(scope="module")
def pages(analysis, tmp_path_factory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("sliders")
    with without_pictures() as patch:
        patch.setattr("ssinfer.report.write.analyse", lambda _: analysis)
        written = {tag: write_report(analysis.result, folder / tag, tag) for tag in ("en", "nl")}
    return {tag: path.read_text(encoding="utf-8") for tag, path in written.items()}


def test_the_table_of_the_page_has_the_values_of_its_commands(analysis):
    table = TABLES.find("explorer").build(analysis)
    command = re.search(r"ssinfer (power .*)", table.notes[-1])[1].split()
    for rule, row in zip(RULES, table.rows, strict=True):
        assert list(row[1:]) == by_command([*command, *rule], 0.03)
    assert len({row[1:] for row in table.rows}) == 4


def test_the_scenario_has_the_noise_of_the_placebos_at_the_size_of_the_contract(analysis):
    """SE^2 = k^2 / n + tau^2 with n insured-years over all years, whatever the number of years."""
    noise, design = analysis.noise[analysis.main].components, analysis.result.designs["a"]
    assert size_of_contract(analysis.result.panel, design) == (20_000.0, 1, 3)
    for years in (1, 3):
        scenario, _ = planned(noise, 20_000, years, 3)
        assert scenario.standard_error == pytest.approx(np.hypot(noise.k / (20_000 * years) ** 0.5, noise.shock))


def test_no_sliders_without_error_components_or_of_a_hidden_group(analysis, study, without):
    hidden = replace(analysis, result=disclosed(without(study, suppress_below=20_500)))  # the group has 20,000
    for state in (replace(analysis, noise={}), hidden):
        assert TABLES.find("explorer").build(state) == ""
        assert list(what_if_lead(state)) == []


DRIVE = """
const settings = SETTINGS;
onload = () => { document.body.dataset.found = JSON.stringify([...document.querySelectorAll("iframe")].map((frame) => {
  const page = frame.contentDocument, text = (what) => [...page.querySelectorAll(what)].map((e) => e.textContent);
  const read = () => [text("#explorer tbody td.number"), text("#settings p output"), text("#settings-said")[0]];
  const injected = page.createElement("script");
  injected.textContent = "document.title = 'ran'";
  page.body.append(injected);
  const start = read();
  return { start, hidden: page.querySelectorAll("#settings input[hidden]").length, title: page.title,
    moved: settings.map((setting) => {
      for (const [name, value] of Object.entries(setting)) {
        const input = page.getElementById(`slider-${name}`);
        input.value = JSON.parse(input.dataset.positions).findIndex(([known]) => known === value);
        for (const kind of ["input", "change"]) input.dispatchEvent(new Event(kind));
      }
      return read(); }) }; })); };
"""


def in_browser(pages, settings, folder):
    """What the pages show at the start and at each setting of the sliders."""
    frames = "".join(f'<iframe srcdoc="{escape(page)}"></iframe>' for page in pages)
    script = DRIVE.replace("SETTINGS", json.dumps(settings))
    (folder / "all.html").write_text(f"<meta charset=utf-8><script>{script}</script>{frames}", encoding="utf-8")
    options = ("--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", f"file://{folder / 'all.html'}")
    seen = subprocess.run([BROWSER, *options], capture_output=True, text=True, timeout=120, check=True).stdout
    return json.loads(unescape(re.search(r'data-found="([^"]*)"', seen)[1]))


@pytest.mark.evidence
@pytest.mark.skipif(BROWSER is None, reason="no chromium on this machine")
def test_each_slider_moves_and_five_settings_are_those_of_the_command(pages, analysis, tmp_path):
    own = {"insured": 20_000, "years": 1, "level": 0.95, "saving": 0.03}
    moves = [{"insured": 75_000}, {"years": 5}, {"level": 0.8}, {"saving": 0.1}]
    settings = [{**own, **move} for move in moves] + [{"insured": 510, "years": 10, "level": 0.99, "saving": 0.005}]
    table = TABLES.find("explorer").build(analysis)
    [*command] = re.search(r"ssinfer (power .*)", table.notes[-1])[1].split()
    found = in_browser(pages.values(), settings, tmp_path)
    for tag, page in zip(pages, found, strict=True):
        with speak(tag):
            own = TABLES.find("explorer").build(analysis)
            assert page["start"][0] == [cell for row in own.rows for cell in row[1:]]
            assert (page["hidden"], page["title"]) == (0, "Title <b>")
            for setting, (cells, labels, said) in zip(settings, page["moved"], strict=True):
                n, years, level, saving = setting.values()
                given = [part for name, value in setting.items() for part in (f"--{name}", f"{value}")]
                plain_options = [*command[: command.index("--insured")], *given, "--json"]
                expected = [cell for rule in RULES for cell in by_command([*plain_options, *rule], saving)]
                assert cells == expected, (tag, setting)
                assert labels == [count(n), count(years), f"{plain(100 * level, 0)}%", f"{plain(100 * saving, 1)}%"]
                assert all(cell in said for cell in expected[:4])


@pytest.mark.evidence
@pytest.mark.skipif(BROWSER is None, reason="no chromium on this machine")
def test_a_grid_of_settings_agrees_to_the_printed_digit(pages, analysis, tmp_path):
    """1,200 settings times 16 numbers: every corner, and positions over all of each slider."""
    rng = np.random.default_rng(5)
    sliders = {"insured": SIZES, "years": [*YEARS], "level": LEVELS, "saving": SAVINGS}
    ends = [[values[0], values[-1]] for values in sliders.values()]
    drawn = [[values[rng.integers(len(values))] for values in sliders.values()] for _ in range(1_184)]
    settings = [dict(zip(sliders, setting, strict=True)) for setting in (*product(*ends), *drawn)]
    [page] = in_browser([pages["en"]], settings, tmp_path)
    command = re.search(r"--k (\S+) --shock-sd (\S+)", TABLES.find("explorer").build(analysis).notes[-1])
    now = Scenario(insured=1, k=float(command[1]), shock_sd=float(command[2]))
    rules = (now, replace(now, believed_shock=False), replace(now, kind="schedule"), replace(now, kind="fixed"))
    wrong = []
    for setting, (cells, _, _) in zip(settings, page["moved"], strict=True):
        n, years, level, saving = setting.values()
        cell = [replace(rule, insured=n, years=years, level=level) for rule in rules]
        rates = [(s.threshold, s.paid(0.0), s.paid(saving), s.expected_bonus(saving)) for s in cell]
        expected = [plain(100 * rate, 2 if k == 3 else 1) for row in rates for k, rate in enumerate(row)]
        wrong += [(setting, a, b) for a, b in zip(cells, expected, strict=True) if a != b]
    assert wrong == []
