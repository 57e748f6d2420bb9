"""`ssinfer verify`: a finished folder against a new run; every change is found by its file, row and column."""

import json
import shutil

import pandas as pd
import pytest
import xarray as xr
from typer.testing import CliRunner

from ssinfer.cli import app
from ssinfer.errors import StudyError
from ssinfer.language import speak
from ssinfer.sentences import sentence
from ssinfer.study import verify, write_study
from ssinfer.study.result import seal, sha256

SETTLED = """
[[threshold]]
kind = "placebo"
level = 0.90
"""


def write_page(_result, folder, language="nl"):
    """A stand-in for the writer of reports."""
    (folder / "report.html").write_text(f'<html lang="{language}">')


@pytest.fixture(scope="module")
def result(small_study):
    return small_study(SETTLED)


@pytest.fixture(scope="module")
def written(result, small_plan, tmp_path_factory):
    """A finished folder with its data beside it, as `ssinfer run` leaves them."""
    home = tmp_path_factory.mktemp("verify")
    shutil.copy(small_plan(SETTLED).inputs["panel.csv"], home / "panel.csv")
    write_study(result, home / "out", report=write_page)
    return home


@pytest.fixture
def home(written, tmp_path):
    return shutil.copytree(written, tmp_path / "home")


@pytest.fixture
def found(home, written, result, monkeypatch):
    """Return what a verification finds; fits and files are those of the fixture (tests/evidence runs them again)."""
    fitted = []

    def again(*_, **__):
        fitted.append(True)
        return result

    monkeypatch.setattr(verify, "run_study", again)
    monkeypatch.setattr(verify, "write_study", lambda *_, **__: written / "out")

    def of(**options):
        return verify.verify_folder(home / "out", None, write_page, n_jobs=1, **options), len(fitted)

    return of


def change(path, column, row, value):
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    old = table.loc[row, column]
    table.loc[row, column] = value
    table.to_csv(path, index=False)
    return old


def test_a_finished_folder_is_verified(home, found):
    verified, _ = found()
    assert verified.findings == []
    assert verified.left == []
    assert {
        "thresholds.csv",
        "finding.json",
        "placebos.parquet",
        "manifest.json",
    } <= verified.cells.keys()
    assert {"report.html", "study.toml", "report_data.zip", "savings.nc"} <= {*verified.equal}
    others = {*verified.equal, "SHA256SUMS", "ro-crate-metadata.json"}
    assert verified.cells.keys() | others == {path.name for path in (home / "out").iterdir()}
    assert verified.inputs == {"panel.csv": sha256(home / "panel.csv")}


def test_a_changed_number_is_found_by_its_cell_and_by_its_hash(home, found):
    path = home / "out" / "thresholds.csv"
    row = pd.read_csv(path).query("kind == 'placebo'").index[0]
    old = change(path, "threshold", row, "0.1234")
    of_hash, cell = found()[0].findings
    assert (of_hash.id, of_hash.numbers["file"]) == ("verify.file_changed", "thresholds.csv")
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    assert cell.id == "verify.cell"
    numbers = dict(cell.numbers)
    keys = numbers.pop("row")
    assert numbers == {"file": "thresholds.csv", "column": "threshold", "n": 1, "old": "0.1234", "new": old}
    assert (table[[*keys]] == pd.Series(keys)).all(axis=1).to_numpy().nonzero()[0].tolist() == [row]


def test_a_number_whose_hash_was_made_anew_is_found(home, found):
    out = home / "out"
    change(out / "savings.csv", "saving", 0, "1.5")
    manifest = json.loads((out / "manifest.json").read_text())
    sums = {name: sha256(out / name) for name in manifest["files"] if name != "SHA256SUMS"}
    seal(out, {**manifest, "seed": 6}, sums)
    findings = found()[0].findings
    assert [(each.id, each.numbers["file"], each.numbers["column"]) for each in findings] == [
        ("verify.cell", "manifest.json", "seed"),
        ("verify.cell", "savings.csv", "saving"),
    ]


def test_a_changed_byte_of_the_data_is_found_before_any_fit(home, found):
    content, expected = bytearray((home / "panel.csv").read_bytes()), sha256(home / "panel.csv")
    content[-3] = ord("1") if content[-3] != ord("1") else ord("2")
    (home / "panel.csv").write_bytes(content)
    changed, fits = found()
    (finding,) = changed.findings
    assert finding.id == "verify.input_changed"
    now = {"expected": expected, "found": sha256(home / "panel.csv")}
    assert dict(finding.numbers) == {"file": "panel.csv", **now}
    assert fits == 0


def test_data_that_moved_are_named_and_found_with_data(home, found, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (home / "panel.csv").rename(tmp_path / "elsewhere" / "panel.csv")
    with pytest.raises(StudyError, match=r"'panel.csv' are in none of .*--data"):
        found()
    assert found(data=tmp_path / "elsewhere")[0].findings == []
    (missing,) = found(data=home)[0].findings
    assert missing.id == "verify.input_missing"


def test_files_that_were_added_removed_or_damaged_are_found(home, found):
    out = home / "out"
    (out / "note.txt").write_text("mine")
    (out / "scores.csv").unlink()
    (out / "placebos.parquet").write_bytes(b"PAR1")
    ids = [(each.id, each.numbers["file"]) for each in found()[0].findings]
    assert ids == [
        ("verify.file_changed", "placebos.parquet"),
        ("verify.file_missing", "scores.csv"),
        ("verify.file_added", "note.txt"),
        ("verify.unreadable", "placebos.parquet"),
    ]


def test_a_changed_study_is_found_before_any_fit(home, found):
    study = home / "out" / "study.toml"
    study.write_text(study.read_text().replace("seed = 5", "seed = 6"))
    changed, fits = found()
    assert ([each.id for each in changed.findings], fits) == (["verify.file_changed"], 0)
    manifest = json.loads((home / "out" / "manifest.json").read_text())
    manifest["files"]["study.toml"] = sha256(study)
    (home / "out" / "manifest.json").write_text(json.dumps(manifest))
    changed, fits = found()
    assert ([each.numbers.get("name") for each in changed.findings], fits) == (["study_hash"], 0)


def test_another_version_and_a_comparison_of_deliveries_are_refused(home, found):
    path = home / "out" / "manifest.json"
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps({**manifest, "ssinfer": "0.0.9"}))
    with pytest.raises(StudyError, match=r"of ssinfer 0\.0\.9.*ssinfer==0\.0\.9.*--any-version"):
        found()
    other = found(any_version=True)[0]
    assert (other.findings, {"report.html", "report_data.zip"} <= {*other.left}) == ([], True)
    path.write_text(json.dumps({**manifest, "previous": {}}))
    with pytest.raises(StudyError, match="--previous"):
        found()
    path.write_text("[]")
    with pytest.raises(StudyError, match="no manifest"):
        found()
    with pytest.raises(StudyError, match="allowed is 0"):
        found(tolerance=1.0)


def test_a_tolerance_is_a_fraction_of_the_largest_number_of_a_column():
    old = {"": pd.DataFrame({"unit": ["a", "b", "c"], "x": [1.0, -200.0, float("nan")]})}
    new = {"": pd.DataFrame({"unit": ["a", "b", "c"], "x": [1.00015, -200.0, float("nan")]})}
    assert list(verify._cells("f", old, new, 1e-6)) == []  # 0.00015 of 200
    (cell,) = verify._cells("f", old, new, 7e-7)
    assert (cell.numbers["row"], cell.numbers["old"], cell.numbers["new"]) == ({"unit": "a"}, "1.0", "1.00015")
    assert list(verify._cells("f", new, new, 0.0)) == []
    longer = {"": pd.concat([new[""], new[""]]).rename(columns={"x": "y"})}
    assert [part.id for part in verify._cells("f", old, longer, 0.0)] == [
        "verify.column_new",
        "verify.column_absent",
        "verify.rows",
    ]


def test_draws_are_compared_by_array(tmp_path):
    trees = []
    for value in (1.0, 2.0):
        data = xr.Dataset({"saving": ("draw", [0.5, float("nan"), value])})
        path = tmp_path / f"{value}.nc"
        path.write_bytes(xr.DataTree.from_dict({"a/admin/posterior": data}).to_netcdf(engine="h5netcdf"))
        trees.append(verify._tables(path))
    (cell,) = verify._cells("savings.nc", *trees, 0.0)
    assert dict(cell.numbers) == {
        "file": "savings.nc",
        "column": "/a/admin/posterior/saving value",
        "row": {"position": 2},
        "n": 1,
        "old": "1.0",
        "new": "2.0",
    }
    assert list(verify._cells("savings.nc", trees[0], trees[0], 0.0)) == []


@pytest.mark.parametrize("tag", ["en", "nl"])
def test_every_finding_has_a_sentence(tag):
    cell = {"file": "a.csv", "column": "rate", "row": "design = a", "old": "1", "new": "2", "n": 3}
    with speak(tag):
        said = sentence(verify.Finding("verify.cell", cell))
    assert all(text in said for text in ("a.csv", "design = a", "rate", "1", "2", "3"))


def test_the_command_ends_with_1_and_keeps_its_record(home):
    """With changed data, so that nothing is fitted; tests/evidence/test_verify.py has a whole run."""
    with (home / "panel.csv").open("ab") as file:
        file.write(b"\n")
    record = home / "record.txt"
    said = CliRunner().invoke(app, ["verify", str(home / "out"), "--out", str(record)])
    assert (said.exit_code, said.stdout) == (1, record.read_text())
    words = " ".join(said.stdout.split())
    assert "NOT VERIFIED" in words
    assert f"panel.csv has SHA-256 {sha256(home / 'panel.csv')}" in words
    said = CliRunner().invoke(app, ["verify", str(home / "out"), "--json", "--language", "nl"])
    document = json.loads(said.stdout)
    assert (document["verified"], document["seed"], document["findings"][0]["file"]) == (False, 5, "panel.csv")
