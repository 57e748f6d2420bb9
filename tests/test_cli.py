"""The command line: every command on a small study; an error is exit code 2 and one line on standard error."""

import json
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pandas as pd
import pytest

import ssinfer as ss
from ssinfer.cli import app, main
from ssinfer.precompile import Compiled
from ssinfer.simulation.panel import simulate_panel
from ssinfer.study.config import read_study

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
BACKTEST = {"scores.csv", "detection.csv", "thresholds.csv", "placebos.parquet"}
EVALUATE = {"savings.nc", "savings.csv", "case_thresholds.csv", "settlement.csv"}
ALWAYS = {"manifest.json", "report.html", "figures"}


@pytest.fixture
def folder(tmp_path):
    simulated = simulate_panel(24, tuple(range(2012, 2018)), start=2017, saving=0.03, seed=4, covid=False)
    simulated.panel.to_frame().drop(columns="sampling_variance").to_csv(tmp_path / "panel.csv", index=False)
    (tmp_path / "study.toml").write_text(STUDY)
    return tmp_path


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
    assert "<script" not in page
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["ssinfer"] == ss.__version__
    if "backtest" in manifest["parts"]:
        assert len(pd.read_csv(out / "scores.csv")) == 1  # one design, one method


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


def test_power_prints_medicares_table(ssinfer):
    # thresholds.md at 5,000 insured: SE 3.02%, MSR 3.9%, false payments .098, power .265 / .383 / .642 at 2, 3, 5%
    code, printed, _ = ssinfer("power", "--insured", "5000", "--years", "1", "--kind", "schedule")
    assert code == 0
    row = printed.splitlines()[-1].split()
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


ERRORS = {
    "study absent": (["run", "absent.toml", "--out", "out"], "Cannot read the study file"),
    "study key": (["run", "odd.toml", "--out", "out"], "unknown key 'sharng' (line 1)"),
    "out is a file": (["evaluate", "study.toml", "--out", "panel.csv"], "is a file; name a folder"),
    "out is full": (["evaluate", "study.toml", "--out", "."], "is not empty and holds no manifest.json of ssinfer"),
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


def test_wrong_usage_exits_with_2(ssinfer):
    code, _, said = ssinfer("run")
    assert code == 2
    assert "Missing argument" in said
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
    assert said.startswith("ssinfer: Mean spending is EUR 2.")
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
