"""`ssinfer verify` by the command: the sample study, and two contracts on their agreements, run again in full."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from ssinfer.study.result import sha256

pytestmark = pytest.mark.evidence
GOLDEN = Path(__file__).parents[1] / "golden_agreements" / "panel"
GROUPS = """
[[group]]
name = "North"
treated = ["unit 00"]
[[group]]
name = "South"
treated = ["unit 01", "unit 02"]
share = 0.3
"""


def command(*words, code=0):
    words = [sys.executable, "-m", "ssinfer", *map(str, words)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr + done.stdout
    return done.stdout


def test_a_copy_of_the_sample_is_verified_and_changes_are_found(tmp_path):
    """One test, so that the sample is run once: two workers would run it twice."""
    command("new", sample := tmp_path / "study", "--sample", "--yes")
    command("run", sample / "study.toml", "--out", sample / "out")
    home = shutil.copytree(sample, tmp_path / "copy")
    found = json.loads(command("verify", home / "out", "--json", "--out", tmp_path / "record.json"))
    assert json.loads((tmp_path / "record.json").read_text()) == found
    assert (found["verified"], found["findings"], found["left"], found["versions"]) == (True, [], [], {})
    assert found["inputs"] == {"practices.csv": sha256(home / "practices.csv")}
    assert found["cells"]["thresholds.csv"] == pd.read_csv(home / "out" / "thresholds.csv").size
    assert {"report.html", "figures/case.svg", "report_data.zip"} <= {*found["equal"]}
    one_changed_threshold(shutil.copytree(sample, tmp_path / "threshold"))
    one_changed_byte(shutil.copytree(sample, tmp_path / "byte"))


def one_changed_threshold(home):
    path = home / "out" / "thresholds.csv"
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    row = table.index[(table["kind"] == "placebo") & (table["design"] == "b")][0]
    old = table.loc[row, "threshold"]
    table.loc[row, "threshold"] = f"{float(old) + 0.001:.4f}"
    table.to_csv(path, index=False)
    findings = json.loads(command("verify", home / "out", "--json", code=1))["findings"]
    assert [finding["id"] for finding in findings] == ["verify.file_changed", "verify.cell"]
    assert {finding["file"] for finding in findings} == {"thresholds.csv"}
    assert (findings[1]["column"], findings[1]["old"], findings[1]["new"]) == (
        "threshold",
        table.loc[row, "threshold"],
        old,
    )
    assert {name: table.loc[row, name] for name in findings[1]["row"]} == findings[1]["row"]


def one_changed_byte(home):
    content = bytearray((home / "practices.csv").read_bytes())
    content[-3] = ord("1") if content[-3] != ord("1") else ord("2")
    (home / "practices.csv").write_bytes(content)
    said = command("verify", home / "out", code=1)
    assert all(text in said for text in ("practices.csv", sha256(home / "practices.csv"), "Nothing", "NOT VERIFIED"))


def test_contracts_on_their_agreements_are_verified(tmp_path):
    study = (GOLDEN / "study.toml").read_text(encoding="utf-8")
    method = 'method = "SyntheticControl"\nparameters = { inference = "none" }'
    study = study.replace('[case]\ntreated = ["unit 00"]\n', "").replace("[agreement]", f"{GROUPS}[agreement]")
    study = study.replace(method, 'method = "AdministrativeBenchmark"\nparameters = { history = 0, n_draws = 200 }')
    (tmp_path / "study.toml").write_text(study, encoding="utf-8")
    panel = pd.read_csv(GOLDEN / "panel.csv")
    panel[panel["period"] > 2017].to_csv(tmp_path / "panel.csv", index=False)  # two windows
    command("sign", tmp_path / "study.toml", "--out", tmp_path / "signed")
    signed = ("--agreement", tmp_path / "signed", "--data", tmp_path / "panel.csv")
    command("run", *signed, "--out", tmp_path / "out", "--confidential")
    assert all(json.loads(path.read_text())["confidential"] for path in (tmp_path / "out").rglob("manifest.json"))
    assert "VERIFIED" in command("verify", tmp_path / "out")
    path = tmp_path / "out" / "groups" / "South" / "settlement.csv"
    path.write_text(path.read_text().replace("providers", "nobody"))
    assert "groups/South/settlement.csv, row (" in command("verify", tmp_path / "out", code=1).replace("\n", " ")
