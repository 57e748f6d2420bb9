"""The folder as RO-Crate 1.1: `rocrate` reads it; equal results have equal bytes."""

import json
import shutil

import pytest
from rocrate.rocrate import ROCrate

from ssinfer._version import __version__
from ssinfer.study.crate import CRATE, crate
from ssinfer.study.result import seal, sha256

FILES = ("thresholds.csv", "groups/A b/finding.json", "figures/case.svg", "report.html", "study.toml", "savings.nc")
MANIFEST = {
    "title": "A study",
    "date": "2023-12-31",
    "data": "panel a b.csv",
    "note": "simulated",
    "ssinfer": __version__,
    "seed": 5,
    "study_hash": "5e",
    "parts": ["backtest", "evaluate"],
    "inputs": {"a b.csv": "0f"},
    "versions": {"numpy": "2.0"},
    "created": "2026-01-01T00:00:00+00:00",
    "times": [1.0],
}


@pytest.fixture
def folder(tmp_path):
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    seal(tmp_path, MANIFEST, {name: sha256(tmp_path / name) for name in FILES})
    return tmp_path


def test_rocrate_reads_the_folder(folder):
    read = ROCrate(folder)
    root = read.root_dataset
    assert (root["name"], root["description"]) == ("A study", "panel a b.csv simulated")
    assert (str(root["datePublished"])[:10], read.version) == ("2023-12-31", "1.1")
    parts = {part["name"]: part for part in root["hasPart"]}
    assert parts.keys() == {*FILES, "manifest.json", "SHA256SUMS"}
    assert {name: part["encodingFormat"] for name, part in parts.items() if part["encodingFormat"] != "text/plain"} == {
        "thresholds.csv": "text/csv",
        "groups/A b/finding.json": "application/json",
        "figures/case.svg": "image/svg+xml",
        "report.html": "text/html",
        "study.toml": "application/toml",
        "savings.nc": "application/x-netcdf",
        "manifest.json": "application/json",
    }
    assert all(len(part["description"]) > 5 for part in parts.values())
    assert parts["thresholds.csv"]["description"].startswith("One row per")
    run = root["mentions"]
    run = run[0] if isinstance(run, list) else run
    tool = run["instrument"]
    assert (run.type, tool.type, tool["name"], tool["version"]) == (
        "CreateAction",
        "SoftwareApplication",
        "ssinfer",
        __version__,
    )
    assert tool["license"]["@id"].endswith("BSD-3-Clause")
    assert [entity["name"] for entity in run["object"]] == ["study.toml", "a b.csv"]
    assert {entity["name"] for entity in run["result"]} == parts.keys() - {"study.toml"}


def test_it_is_sealed_and_has_no_hash_of_a_file_and_no_time_of_the_run(folder):
    manifest = json.loads((folder / "manifest.json").read_text())
    text = (folder / CRATE).read_text()
    assert manifest["files"][CRATE] == sha256(folder / CRATE)
    assert f"{sha256(folder / CRATE)}  {CRATE}\n" in (folder / "SHA256SUMS").read_text()
    assert not any(digest in text for digest in manifest["files"].values())
    names = {*FILES, "manifest.json", "SHA256SUMS"}
    assert crate({**MANIFEST, "created": "2027-01-01T00:00:00+00:00", "times": []}, names) == text
    without = json.loads(crate({**MANIFEST, "date": None}, names))
    assert next(part["datePublished"] for part in without["@graph"] if part["@id"] == "./") == "2026-01-01"


def test_writing_again_leaves_the_same_bytes(folder, tmp_path_factory):
    again = tmp_path_factory.mktemp("again")
    shutil.copytree(folder, again, dirs_exist_ok=True)
    files = json.loads((again / "manifest.json").read_text())["files"]
    seal(again, MANIFEST, {name: digest for name, digest in files.items() if name != "SHA256SUMS"})
    assert all((again / name).read_bytes() == (folder / name).read_bytes() for name in (CRATE, "SHA256SUMS"))
