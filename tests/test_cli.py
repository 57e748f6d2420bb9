"""The command line: every command on a small study; an error is exit code 2 and one line on standard error."""

import json
import os
import re
import runpy
import subprocess
import sys
from html import escape
from io import BytesIO, StringIO, TextIOWrapper
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_study import without_pictures

import ssinfer as ss
from ssinfer.cli import app, main
from ssinfer.precompile import Compiled
from ssinfer.simulation.panel import simulate_panel
from ssinfer.study.config import read_study

pytestmark = pytest.mark.usefixtures("few_replicates")  # no standard error is judged
STUDY = """\
title = "A small study"
question = "Which design?"
[data]
source = "panel"
file = "panel.csv"
[population]
treated = ["treated"]
[windows]
baseline = [2014, 2015, 2016]
performance = [2017]
[[comparison]]
name = "all"
[[method]]
method = "AdministrativeBenchmark"
parameters = { n_draws = 400, history = 0 }
[threshold]
levels = [0.90]
injected = [0.0, 0.03]
kind = "confidence"
level = 0.90
[sharing]
contract = "kerngezond-vlissingen"
"""
SETTLE = ["settle", "--contract", "kerngezond-vlissingen", "--benchmark", "100", "--spending", "95"]
SETTLE += ["--insured-years", "20000"]
FITS = {"scores.csv", "detection.csv", "thresholds.csv", "placebos.parquet", "placebo_paths.parquet"}
BACKTEST = FITS | {"designs.csv", "scenarios.csv", "advice.csv", "ladder.csv"}
EVALUATE = {"savings.nc", "savings.csv", "case_thresholds.csv", "settlement.csv"}
EVALUATE |= {"weights.csv", "diagnostics.csv", "paths.csv"}
ALWAYS = {"manifest.json", "finding.json", "report.html", "figures", "study.toml", "SHA256SUMS", "dictionary.csv"}
ALWAYS |= {"ro-crate-metadata.json"}
ALWAYS |= {"report_data.zip"}


@pytest.fixture
def folder(tmp_path):
    simulated = simulate_panel(24, tuple(range(2012, 2018)), start=2017, saving=0.03, seed=4, covid=False)
    simulated.panel.to_frame().drop(columns="sampling_variance").to_csv(tmp_path / "panel.csv", index=False)
    (tmp_path / "study.toml").write_text(STUDY)
    return tmp_path


@pytest.fixture
def no_pictures():
    """Leave the figures of reports empty, for tests of words and files."""
    with without_pictures():
        yield


@pytest.fixture
def ssinfer(monkeypatch, capsys):
    """Call the command line in this process; returns exit code, standard output and standard error."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["ssinfer", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        printed = capsys.readouterr()
        return left.value.code or 0, printed.out, printed.err

    return call


@pytest.mark.parametrize(
    ("command", "files"),
    [("run", BACKTEST | EVALUATE), ("backtest", BACKTEST), ("evaluate", EVALUATE)],
)
def test_a_study(folder, ssinfer, command, files):
    out = folder / "out"
    code, printed, said = ssinfer(command, folder / "study.toml", "--out", out, "--jobs", 1)
    assert (code, said) == (0, ""), said
    assert {path.name for path in out.iterdir()} == files | ALWAYS
    assert printed.splitlines()[0].startswith("A small study: data of the study's own file panel.csv")
    assert "fixed before any result" in printed.splitlines()[1]
    assert str(out / "report.html") in printed.splitlines()[-1]
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "A small study" in page
    assert page.count("<script") == (command != "evaluate")  # of the sliders, which need a backtest
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["ssinfer"] == ss.__version__
    if "backtest" in manifest["parts"]:
        assert len(pd.read_csv(out / "scores.csv")) == 1  # one design, one method
    if command == "evaluate":
        dutch = folder / "verslag.html"
        assert ssinfer("report", out, "--language", "nl", "--out", dutch) == (0, f"{dutch}\n", "")
        assert '<html lang="nl"' in dutch.read_text(encoding="utf-8")
        assert (out / "report.html").read_text(encoding="utf-8") == page


def test_one_half_does_not_replace_the_other(folder, ssinfer):
    (folder / "out").mkdir()
    manifest = json.dumps({"study_hash": read_study(folder / "study.toml").fingerprint(), "parts": ["backtest"]})
    (folder / "out" / "manifest.json").write_text(manifest)
    code, _, said = ssinfer("evaluate", folder / "study.toml", "--out", folder / "out")
    assert code == 2
    assert "holds the backtest part of this study, which would be dropped" in said
    assert [path.read_text() for path in (folder / "out").iterdir()] == [manifest]


def test_precompile_names_what_it_compiled_or_why_it_cannot(ssinfer, tmp_path, monkeypatch):
    # the compilation itself is tests/test_precompile.py's
    done = [Compiled("SyntheticControl", 12.34, {}), Compiled("SyntheticDiD", 0.5, {"placebo": "too few units"})]
    with monkeypatch.context() as patched:
        patched.setattr("ssinfer.precompile.precompile", lambda n_jobs: done * n_jobs)
        code, printed, said = ssinfer("precompile", "--jobs", 1)
    assert (code, said) == (0, "")
    assert [line.split() for line in printed.splitlines()[:2]] == [
        ["SyntheticControl", "12.3", "s"],
        ["SyntheticDiD", "0.5", "s"],
    ]
    assert printed.splitlines()[2] == "  not placebo: too few units"
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "file"))
    code, _, said = ssinfer("precompile", "--jobs", 1)
    assert code == 2
    assert "Set NUMBA_CACHE_DIR to a folder that can" in said


def test_methods(ssinfer):
    code, printed, said = ssinfer("methods")
    assert (code, said) == (0, "")
    head, line, *rows = [row for row in printed.splitlines() if not row.startswith("not usable")]
    assert head.split() == ["method", "needs", "package", "supports"]
    assert set(line.strip()) in ({"─"}, {"-"})
    assert max(map(len, [head, *rows])) <= 80
    row = next(row for row in rows if row.startswith("AdministrativeBenchmark"))
    assert row.split()[1:] == ["panel", "ssinfer", ss.__version__, "several", "treated,", "covariates,"]
    assert rows[rows.index(row) + 1].split() == ["masks,", "confidence"]
    assert any(row.startswith("StackedBenchmark") for row in rows)


def test_thresholds(ssinfer):
    code, printed, said = ssinfer("thresholds")
    assert (code, said) == (0, "")
    head, _, *rows = printed.splitlines()
    assert " ".join(head.split()) == "kind label learns from levels settles"
    kinds = {row.split()[0]: row.split() for row in rows}
    # a confidence threshold comes from the fit, has levels, and may settle; Medicare's schedule has no levels
    assert kinds["confidence"][-3:] == ["fit", "yes", "yes"]
    assert kinds["schedule"][-3:] == ["size", "no", "yes"]


@pytest.mark.filterwarnings("default")
def test_an_old_name_of_a_key_is_one_line_on_standard_error(folder, ssinfer):
    old = (folder / "study.toml").read_text().replace('kind = "confidence"', 'gate = "confidence"')
    old = old.replace("n_draws = 400", "draws = 100")
    (folder / "study.toml").write_text(old)
    code, _, said = ssinfer("evaluate", folder / "study.toml", "--out", folder / "out", "--jobs", 1)
    assert code == 0
    key, parameter = said.splitlines()
    assert key.startswith("ssinfer: ")
    assert key.endswith('gate is now called kind. Write kind = "confidence".')
    assert parameter.startswith("ssinfer: AdministrativeBenchmark: argument 'draws' is now called 'n_draws'")


def test_contracts(ssinfer):
    code, printed, _ = ssinfer("contracts")
    assert code == 0
    assert "kerngezond-vlissingen" in printed
    assert "mssp-basic-e" in printed


def test_data_list(ssinfer):
    code, printed, _ = ssinfer("data", "list")
    assert code == 0
    head = printed.splitlines()[0].split()
    assert head == ["data", "set", "years", "found", "description"]
    assert any(row.startswith("vektis") for row in printed.splitlines())


def test_data_baskets(ssinfer):
    """Authority: comparable_spans of BASKETS, and the columns of the publisher's files."""
    code, printed, _ = ssinfer("data", "baskets")
    words = " ".join(printed.split())
    assert code == 0
    assert "total: years that can be compared are 2011-2012, 2013-2014, 2015-2016, 2017-2019 and 2020-2023." in words
    assert "SPECIALISTISCHE_GGZ (2014-2021)" in words


def test_version(ssinfer):
    assert ssinfer("version") == (0, f"{ss.__version__}\n", "")


def test_settle_in_words_and_as_json(ssinfer):
    code, printed, _ = ssinfer(*SETTLE)
    assert code == 0
    # kerngezond-vlissingen: (100 - 95) x 20,000 = 100,000 shared by halves
    assert printed.splitlines()[-1].split() == ["providers", "50,000.00"]
    code, printed, _ = ssinfer(*SETTLE, "--json")
    document = json.loads(printed)
    assert code == 0
    assert sum(document["lines"].values()) == pytest.approx(0.0)
    assert document["lines"]["providers"] == pytest.approx(50_000.0)


@pytest.mark.parametrize("tag", ["en", "nl"])
@pytest.mark.parametrize(
    "command",
    [
        ["methods"],
        ["thresholds"],
        ["contracts"],
        ["data", "list"],
        ["power"],
        ["power", "--insured", "500000", "--looks", "4", "--bias", "0.01"],
        [*SETTLE, "--threshold", "0.02"],
    ],
)
def test_tables_fit_eighty_columns(ssinfer, command, tag, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    code, printed, said = ssinfer(*command, "--language", tag)
    assert (code, said) == (0, "")
    assert max(len(line.rstrip()) for line in printed.splitlines()) <= 80


def test_power_says_first_what_it_assumes_and_its_shock_is_that_of_municipalities(ssinfer):
    """Authority: docs/method/estimand.md, SD of 1.2 to 1.3%; fault A14: 30% and not 63% of 20,000 find 3%."""
    _, printed, _ = ssinfer("power", "--insured", "20000", "--years", "1", "--k", "3.3")
    text = " ".join(printed.split())
    assert text.startswith(
        "Assumed: a confidence threshold of 95%, one-sided; a group shock with a standard deviation of 1.25%"
    )
    assert "3.3 / √n" in text
    _, table, _ = ssinfer("power", "--insured", "20000", "--years", "1", "--k", "3.3", "--csv")
    assert pd.read_csv(StringIO(table)).iloc[0]["detection_rate_3"] == pytest.approx(0.30, abs=0.02)
    _, printed, _ = ssinfer("power", "--insured", "20000", "--shock-sd", "0", "--kind", "schedule")
    assert "no group shock" in printed.split(";")[1]


def test_version_module_and_completion(ssinfer, monkeypatch, capsys):
    assert ssinfer("--version") == (0, f"{ss.__version__}\n", "")
    monkeypatch.setattr(sys, "argv", ["ssinfer", "--version"])
    with pytest.raises(SystemExit) as left:
        runpy.run_module("ssinfer", run_name="__main__")
    assert (left.value.code, capsys.readouterr().out) == (0, f"{ss.__version__}\n")
    words = {"_SSINFER_COMPLETE": "complete_bash", "COMP_WORDS": "ssinfer thr", "COMP_CWORD": "1"}
    code = "import sys; sys.argv = ['ssinfer']; from ssinfer.cli import main; main()"
    command = [sys.executable, "-c", code]
    completed = subprocess.run(command, env=os.environ | words, capture_output=True, text=True, check=False)
    assert completed.stdout.split() == ["thresholds"]


def test_power_prints_medicares_table(ssinfer):
    # thresholds.md at 5,000 insured: SE 3.02%, MSR 3.9%, false payments .098, power .265 / .383 / .642 at 2, 3, 5%
    code, printed, _ = ssinfer("power", "--insured", "5000", "--years", "1", "--kind", "schedule", "--shock-sd", "0")
    assert code == 0
    row = next(line.split() for line in printed.splitlines() if line.strip().startswith("5,000"))
    assert row[:2] == ["5,000", "1"]
    cells = [float(cell) for cell in row[2:]]
    assert cells[:3] == pytest.approx([3.02, 3.9, 9.8], abs=0.05)
    assert cells[4:7] == pytest.approx([26.5, 38.3, 64.2], abs=0.05)


def test_power_with_looks_simulation_and_csv(ssinfer):
    options = ["--insured", "20000", "--years", "1", "--shock-sd", "0.0125", "--csv"]
    _, plain, _ = ssinfer("power", *options)
    _, looked, _ = ssinfer("power", *options, "--looks", "4", "--simulated", "20000")
    final, with_looks = (pd.read_csv(StringIO(text)).iloc[0] for text in (plain, looked))
    assert with_looks["false_payment_rate_looks"] > final["false_payment_rate"] + 0.01
    assert with_looks["detection_rate_5"] == pytest.approx(final["detection_rate_5"], abs=0.015)
    _, credible, _ = ssinfer("power", *options, "--kind", "credible", "--prior", "sceptical")
    assert pd.read_csv(StringIO(credible)).iloc[0]["threshold"] > final["threshold"]


def test_power_prints_its_rows_and_their_scenario_as_json(ssinfer):
    options = ["--insured", "20000", "--years", "2", "--saving", "0.03", "--saving", "0.045", "--baseline-years", "2"]
    _, printed, _ = ssinfer("power", *options, "--json")
    said = json.loads(printed)
    scenario = ss.Scenario(insured=20_000, years=2, shock_sd=0.0125, baseline_weights=(1.0, 1.0))
    assert said["scenario"]["baseline_weights"] == [1.0, 1.0]
    assert "insured" not in said["scenario"]
    assert said["rows"] == ss.power_table(scenario, [20_000], [2], [0.03, 0.045]).to_dict("records")
    assert said["rows"][0]["expected_bonus_4.5"] == scenario.expected_bonus(0.045)


ERRORS = {
    "power json and csv": (["power", "--json", "--csv"], "Give one of them"),
    "power saving": (["power", "--saving", "3"], "savings"),
    "study absent": (["run", "absent.toml", "--out", "out"], "Cannot read the study file"),
    "study key": (["run", "odd.toml", "--out", "out"], "unknown key 'sharng' (line 1)"),
    "out is a file": (["evaluate", "study.toml", "--out", "panel.csv"], "is a file; name a folder"),
    "out is here": (["evaluate", "study.toml", "--out", "."], "holds the working folder"),
    "out is too long": (["evaluate", "study.toml", "--out", "x" * 250], "cannot be written: File name too long"),
    "contract": (["settle", "--contract", "kerngezond", *SETTLE[3:]], "kerngezond"),
    "benchmark": ([*SETTLE[:3], "--benchmark", "-1", *SETTLE[5:]], "benchmark"),
    "data set": (["data", "fetch", "vektiss"], "vektiss"),
    "power level": (["power", "--level", "95"], "as a fraction: 0.95"),
    "power gate": (["power", "--kind", "msr"], "'schedule'"),
    "method": (
        ["benchmark", "--panel", "panel.csv", "--design", "d.json", "--method", "Nobody", "--out", "o.json"],
        "no method 'Nobody'",
    ),
}


@pytest.mark.parametrize("mistake", ERRORS)
def test_an_error_is_exit_code_2_and_one_line(folder, ssinfer, monkeypatch, mistake):
    arguments, words = ERRORS[mistake]
    monkeypatch.chdir(folder)
    Path("odd.toml").write_text("sharng = 1\n" + STUDY)
    Path("d.json").write_text('{"schema_version": 1, "treated": "treated", "baseline": [2014], "performance": [2017]}')
    before = sorted(path.name for path in folder.iterdir())
    code, _, said = ssinfer(*arguments)
    assert code == 2, said
    assert said.startswith("ssinfer: ")
    assert said.count("\n") == 1
    assert words in said
    assert sorted(path.name for path in folder.iterdir()) == before, "something half-written was left"


def test_a_folder_that_cannot_be_made_is_one_line(folder, ssinfer):
    code, _, said = ssinfer("evaluate", folder / "study.toml", "--out", folder / "panel.csv" / "out")
    assert code == 2
    assert said.count("\n") == 1


SMALL = """\
title = "A small study"
question = "Which design?"
[data]
source = "panel"
file = "panel.csv"
[population]
treated = ["u00"]
[windows]
baseline = {baseline}
performance = {performance}
origins = {origins}
[[comparison]]
name = "all"
[[method]]
method = "{method}"
[sharing]
contract = "kerngezond-vlissingen"
"""
UNITS, ORIGINS, PERIODS = (1, 2, 3, 5, 10, 15, 18, 19, 20), (1, 2), (1, 2, 4)


def small_study(folder, units, origins, periods, method="AdministrativeBenchmark"):
    """Write a study with few units and two baseline years; returns its path."""
    years = list(range(2010, 2011 + origins + periods))
    frame = pd.DataFrame([(f"u{i:02d}", year) for i in range(units) for year in years], columns=["unit", "period"])
    noise = 0.02 * np.random.default_rng(units).standard_normal(len(frame))
    frame["spending"], frame["insured_years"] = 2500 * 1.02 ** (frame["period"] - 2010) * (1 + noise), 20_000.0
    frame.to_csv(folder / "panel.csv", index=False)
    first = years[-periods]
    windows = {"baseline": years[-periods - 2 : -periods], "performance": years[-periods:]}
    windows["origins"] = list(range(first - origins + 1, first + 1))
    (folder / "study.toml").write_text(SMALL.format(method=method, **windows))
    return folder / "study.toml"


def check_small_study(units, out, code, said):
    """Check that a study with few units has a complete folder without blank cells, or one line if it has no donor."""
    assert not out.with_name("out.failed").exists()
    if units == 1:
        assert (code, said.count("\n"), out.exists()) == (2, 1, False)
        assert "No donors are left for u00" in said
        return
    assert (code, said) == (0, "")
    page = (out / "report.html").read_text(encoding="utf-8")
    assert not re.search(r"<td[^>]*>(\s*|nan|None)</td>", page)
    assert "These are too few for placebo thresholds at 95%" in page or units == 20
    assert "Under that design, the" not in page or "then detects" in page
    thresholds = pd.read_csv(out / "case_thresholds.csv")
    judged = thresholds["rate"].notna() & thresholds["decides"]
    assert (thresholds["passed"].notna() == judged).all(), "one verdict, and none without a threshold"
    assert thresholds.loc[thresholds["rate"].isna(), "reason"].notna().all()
    settlement = pd.read_csv(out / "settlement.csv")
    for reason in settlement.loc[settlement["party"].isna(), "reason"]:
        assert escape(reason).replace("&#x27;", "&#39;") in page


PERSON = "Jansen, 1971-03-02"
CRASHES = {  # the function that fails, and the tables that are computed before
    "ssinfer.study.sharing.load_contract": set(),
    "ssinfer.backtesting.backtest.threshold_table": {"placebos.parquet"},
    "ssinfer.study.case._savings_row": FITS,
    "ssinfer.report.pictures.svg_of": FITS | EVALUATE - {"savings.nc"},
}


@pytest.mark.usefixtures("no_pictures")
@pytest.mark.parametrize("place", CRASHES)
def test_an_unexpected_exception_keeps_the_tables_and_prints_one_line(tmp_path, ssinfer, monkeypatch, place):
    """Fault A8: after an unexpected exception all fits were lost, below 40 lines of traceback."""

    def fail(*_, **__):
        raise KeyError(PERSON)

    study, failed = small_study(tmp_path, 5, 1, 1, "SyntheticControl"), tmp_path / "out.failed"
    monkeypatch.setattr(place, fail)
    code, _, said = ssinfer("run", study, "--out", tmp_path / "out", "--jobs", 1)
    assert (code, said.count("\n")) == (70, 1), said
    assert re.fullmatch(r"ssinfer: unexpected KeyError, error id [0-9a-f]{8}\. .*out was not written\. .*\n", said)
    assert f"{failed} has the tables so far" in said
    assert {path.name for path in failed.iterdir()} == CRASHES[place] | {"error.txt"}
    first, *_ = lines = (failed / "error.txt").read_text().splitlines()
    missing = (FITS | EVALUATE | ALWAYS) - CRASHES[place]
    assert set(re.search("Missing: (.*?)[.] Left out", first)[1].split(", ")) == missing
    assert said.split("error id ")[1][:8] in lines[1]
    assert any("test_cli.py" in line for line in lines), "the place of the fault"
    assert PERSON not in f"{said}{lines}"
    assert failed.stat().st_mode & 0o777 == 0o700
    assert not (tmp_path / "out").exists()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_the_next_run_clears_what_a_failed_run_left_and_nothing_else(tmp_path, ssinfer):
    """Fault A8: tables of a run that failed never stand beside a complete folder."""
    failed, study = tmp_path / "out.failed", small_study(tmp_path, 5, 1, 1)
    failed.mkdir()
    (failed / "mine.csv").write_text("mine")
    arguments = ("evaluate", study, "--out", tmp_path / "out", "--jobs", 1)
    code, _, said = ssinfer(*arguments)
    assert (code, said.count("\n")) == (2, 1)
    assert "out.failed is not of ssinfer, which writes there if a run fails. Move it, or change --out." in said
    assert (failed / "mine.csv").read_text() == "mine"
    (failed / "error.txt").write_text("Missing: ...")
    assert ssinfer(*arguments)[0] == 0
    assert not failed.exists()


def test_an_unexpected_exception_of_another_command_is_one_line(ssinfer, monkeypatch):
    """Fault A8: the same without a folder to write to."""
    monkeypatch.setattr("ssinfer.contracts.text.contracts_text", lambda **_: {}["kind"])
    code, printed, said = ssinfer("contracts")
    assert (code, printed, said.count("\n")) == (70, "", 1)
    assert "Report this id; SSINFER_TRACEBACK=1 shows where it happened." in said
    assert ssinfer("contracts") == (code, printed, said), "the same fault has the same id"
    monkeypatch.setenv("SSINFER_TRACEBACK", "1")
    with pytest.raises(KeyError, match="kind"):
        main()


@pytest.mark.usefixtures("no_pictures")
@pytest.mark.parametrize(("units", "origins", "periods"), [(1, 1, 1), (2, 2, 4), (5, 2, 4), (10, 1, 1)])
def test_few_units_have_a_report_that_says_what_is_missing(units, origins, periods, tmp_path, ssinfer):
    """Fault A8, rows 53 and 67: KeyError: 'kind' with 5 and 10 units. The whole grid is in tests/evidence."""
    study = small_study(tmp_path, units, origins, periods)
    code, printed, said = ssinfer("run", study, "--out", tmp_path / "out", "--jobs", 1)
    check_small_study(units, tmp_path / "out", code, said)
    assert units == 1 or f"0 of {(units - 1) * origins} fits have an estimate" in " ".join(printed.split())


@pytest.mark.usefixtures("no_pictures")
def test_too_few_placebos_for_a_threshold_are_said_on_the_console_and_in_the_finding(tmp_path, ssinfer):
    """Fault A8, row 67: blank cells on the console, and "Under that design" where none had been named."""
    study = small_study(tmp_path, 15, 1, 1, "SyntheticControl")
    study.write_text(f'{study.read_text()}\n[threshold]\nkind = "placebo"\n')
    code, printed, said = ssinfer("run", study, "--out", tmp_path / "out", "--jobs", 1)
    check_small_study(15, tmp_path / "out", code, said)
    assert "all: 14 of 14 fits have an estimate." in " ".join(printed.split())
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "No settlement under “all”: 14 placebo units cannot show a 95% threshold" in page


@pytest.mark.usefixtures("no_pictures")
def test_a_study_without_thresholds_says_so(tmp_path, ssinfer):
    """Fault A8: no placebo, model or size gives a threshold."""
    study = small_study(tmp_path, 3, 1, 1, "SyntheticControl")
    panel = pd.read_csv(tmp_path / "panel.csv").assign(insured_years=0.5)
    panel.to_csv(tmp_path / "panel.csv", index=False)
    code, _, said = ssinfer("run", study, "--out", tmp_path / "out", "--jobs", 1, "--confidential")
    check_small_study(3, tmp_path / "out", code, said)
    assert (
        "The contract group has no threshold. No placebo has a savings rate."
        in (tmp_path / "out/report.html").read_text()
    )


def test_wrong_usage_exits_with_2(ssinfer):
    code, _, said = ssinfer("run")
    assert code == 2
    assert "Missing option" in said
    assert ssinfer("rnu")[0] == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ["power", "--insured", "20.000"],
        [*SETTLE[:3], "--benchmark", "2.500", *SETTLE[5:]],
        [*SETTLE, "--assigned", "5,000"],
    ],
)
def test_a_number_that_looks_like_thousands_is_refused(ssinfer, arguments):
    """Fault A14 (116): `power --insured 20.000` was answered for 20 insured."""
    code, _, said = ssinfer(*arguments)
    assert code == 2
    assert "has a separator of thousands" in " ".join(said.replace("│", " ").split())


def test_plan_lists_designs_and_fits_and_migrate_writes_the_second_edition(folder, ssinfer):
    code, printed, said = ssinfer("plan", folder / "study.toml", "--jobs", 1)
    assert (code, said) == (0, "")
    assert printed.startswith("1 design, fitted as 1 pair of data and method")
    assert "settles" in printed
    before = read_study(folder / "study.toml").fingerprint()
    assert ssinfer("migrate", folder / "study.toml", "--out", folder / "new.toml")[:2] == (
        0,
        f"{folder / 'new.toml'}\n",
    )
    assert read_study(folder / "new.toml").fingerprint() == before
    code, _, said = ssinfer("migrate", folder / "new.toml")
    assert code == 2
    assert "is of the second edition" in said


def test_check_looks_at_the_data_and_fits_nothing(folder, ssinfer):
    code, printed, _ = ssinfer("check", folder / "study.toml")
    assert code == 0
    assert "6 years, 2012 to 2017" in printed
    assert printed.endswith("No fault found. Next step: ssinfer run.\n")
    frame = pd.read_csv(folder / "panel.csv")
    frame.assign(spending=frame["spending"] / 1000).to_csv(folder / "panel.csv", index=False)
    code, printed, said = ssinfer("check", folder / "study.toml")
    assert code == 2
    assert "6 years, 2012 to 2017" in printed
    assert "study.toml: Mean spending is EUR 2." in said
    assert said.count("\n") == 1


def test_every_command_is_called_by_a_test():
    from typer.main import get_command

    group = get_command(app)
    commands = {*group.commands, *group.commands["data"].commands}
    assert {"run", "backtest", "evaluate", "benchmark", "settle", "methods", "contracts", "fetch"} <= commands
    texts = [path.read_text(encoding="utf-8") for path in Path(__file__).parent.rglob("test_*.py")]
    assert [name for name in commands if not any(f'"{name}", ' in text or f'"{name}")' in text for text in texts)] == []


def test_the_installed_command_is_this_one():
    done = subprocess.run(
        [sys.executable, "-c", "from ssinfer.cli import main; main()", "--help"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    assert "benchmark" in done.stdout


def test_a_console_of_another_encoding_prints_what_it_can(tmp_path, monkeypatch):
    """Fault R42: a title with an arrow on a cp1252 console ended in a UnicodeEncodeError."""
    terms = 'name = "x"\ntitle = "Before \u2192 after, caf\u00e9"\nrule_year = 2024\n'
    (tmp_path / "x.toml").write_text(terms, encoding="utf-8")
    for arguments, printed in (
        (["settle", "--contract", str(tmp_path / "x.toml"), *SETTLE[3:]], "Before ? after, caf\u00e9"),
        (["thresholds"], "learns from"),
    ):
        console = BytesIO()
        monkeypatch.setattr(sys, "stdout", TextIOWrapper(console, encoding="cp1252", write_through=True))
        monkeypatch.setattr(sys, "argv", ["ssinfer", *arguments])
        with pytest.raises(SystemExit) as left:
            main()
        assert left.value.code in {0, None}
        assert printed in console.getvalue().decode("cp1252")
