"""`ssinfer report`: the report again from a finished folder, with equal bytes; a mistake leaves all as it is."""

import hashlib
import json
import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest
from small_study import without_pictures

from ssinfer._version import __version__
from ssinfer.errors import StudyError
from ssinfer.guard.method import GuardedMethod
from ssinfer.panel import Panel
from ssinfer.report import write_report
from ssinfer.structure import unpack
from ssinfer.study import write_study
from ssinfer.study.disclosure import disclosed
from ssinfer.study.hidden import CONTRACT_GROUP, HiddenGroups
from ssinfer.study.report_data import CLASSES, _panel, report_data
from ssinfer.study.rewrite import rewrite_report

SETTLED = """
[[threshold]]
kind = "placebo"
level = 0.90
"""
OF_REPORT = {"report.html", "SHA256SUMS", "manifest.json", "ro-crate-metadata.json"}


@pytest.fixture(scope="module")
def result(small_study):
    return small_study(SETTLED)


@pytest.fixture(scope="module")
def written(result, tmp_path_factory):
    with without_pictures():
        return write_study(result, tmp_path_factory.mktemp("out") / "out", report=write_report)


@pytest.fixture
def folder(written, tmp_path):
    return shutil.copytree(written, tmp_path / "folder")


def files(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def page_of(tag):
    """Return a stand-in for the writer of reports."""

    def write(_result, folder, language, files):
        (folder / "figures").mkdir()
        (folder / "figures" / "new.svg").write_text(tag)
        (folder / "report.html").write_text(f"{tag} {language} {files}".strip())

    return write


def test_the_report_in_its_own_language_has_the_bytes_of_the_run(folder):
    """Without pictures; tests/study/test_disclosure.py has them."""
    before = files(folder)
    with without_pictures():
        assert rewrite_report(folder, write_report) == folder / "report.html"
    assert files(folder) == before


def test_another_language_changes_the_report_and_its_hashes_only(folder):
    before = files(folder)
    rewrite_report(folder, page_of("page"), "nl")
    after = files(folder)
    figures = {name for name in before if name.startswith("figures/")}
    assert {name for name in before | after if before.get(name) != after.get(name)} == (
        OF_REPORT | figures | {"figures/new.svg"}
    )
    assert after["report.html"] == b"page nl"
    subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=folder, check=True)
    manifest = json.loads(after["manifest.json"])
    assert manifest["files"].keys() == after.keys() - {"manifest.json"}
    assert all(hashlib.sha256(after[name]).hexdigest() == digest for name, digest in manifest["files"].items())


def test_out_writes_one_file_and_leaves_the_folder(folder, tmp_path):
    before = files(folder)
    out = tmp_path / "new" / "verslag.html"
    folder.chmod(0o700)  # a study on claims
    assert rewrite_report(folder, page_of("page"), "nl", out) == out
    assert files(out.parent) == {"verslag.html": b"page nl ../folder/"}
    assert out.stat().st_mode & 0o077 == 0
    assert files(folder) == before


def change_manifest(folder, **values):
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | values))


def damage(folder):
    path = folder / "report_data.zip"
    path.write_bytes(path.read_bytes()[:-1])


def forge(folder):
    """Write other data with the right hash."""
    (folder / "report_data.zip").write_bytes(b"PK")
    (folder / "SHA256SUMS").write_text(f"{hashlib.sha256(b'PK').hexdigest()}  report_data.zip\n")


REFUSED = {
    "no folder of ssinfer": (lambda f: (f / "manifest.json").unlink(), {}, "manifest.json: No such.*ssinfer run"),
    "another version": (
        lambda f: change_manifest(f, ssinfer="0.0.9"),
        {},
        f"0.0.9; {__version__} reads no other.*Use 0",
    ),
    "confidential": (
        lambda f: change_manifest(f, confidential=True),
        {},
        "confidential.*--confidential and --language",
    ),
    "no data": (lambda f: (f / "report_data.zip").unlink(), {}, "report_data.zip is missing.*ssinfer run"),
    "damaged data": (damage, {}, "report_data.zip is missing or damaged.*SHA256SUMS.*ssinfer run"),
    "other data": (forge, {}, "report_data.zip does not hold.*ssinfer run"),
    "no catalogue": (lambda _: None, {"language": "xx"}, "'xx', which has no catalogue.*nl"),
    "out is a folder": (lambda _: None, {"out": ""}, "is a folder.*Name another file"),
    "out is in the folder": (lambda _: None, {"out": "folder/nl.html"}, "a file in .*Name another file"),
}


@pytest.mark.parametrize("mistake", REFUSED)
def test_what_cannot_be_written_is_refused_and_changes_nothing(folder, tmp_path, mistake):
    change, options, words = REFUSED[mistake]
    change(folder)
    before = files(tmp_path)
    options = {name: tmp_path / value if name == "out" else value for name, value in options.items()}
    with pytest.raises(StudyError, match=words):
        rewrite_report(folder, write_report, **options)
    assert files(tmp_path) == before


def test_equal_results_have_equal_bytes_without_times_and_draws_of_placebos(result):
    shown = disclosed(result)
    later = replace(shown, manifest={**shown.manifest, "created": "later", "times": []})
    content = report_data(shown)
    assert content == report_data(later)
    held = unpack(content, CLASSES)
    assert held["backtest"].errors is None
    assert len(held["panel"].units) == len(result.panel.units)
    assert np.isfinite(held["panel"].spending).any(axis=1).sum() == 1


def test_a_method_of_another_package_keeps_its_name(result):
    held = unpack(report_data(replace(disclosed(result), methods={"own": GuardedMethod("x")})), CLASSES)["methods"]
    assert isinstance(held["own"], GuardedMethod)
    assert f"{held['own']!r}" == repr("x")


@pytest.mark.parametrize("years", [[[1.0], [3.0], [4.0]], None])
def test_a_contract_that_is_shown_as_one_is_held_as_one(years):
    panel = Panel(("a", "b", "c"), (2020,), [[100.0], [200.0], [300.0]], years)
    held = _panel(panel, {"a", "b"}, HiddenGroups(10, pooled=True), "d")
    assert held.spending[:2].ravel().tolist() == ([175.0] * 2 if years else [150.0] * 2)
    assert np.isnan(held.spending[2]).all()
    assert held.units == ("a", "b", "other unit 2")


def test_a_contract_that_is_hidden_in_a_design_is_not_held():
    panel = Panel(("a", "b"), (2020,), [[100.0], [200.0]], [[1.0], [2.0]])
    hidden = HiddenGroups(10, apart=frozenset({("d", CONTRACT_GROUP)}))
    for groups in (hidden, HiddenGroups(10, frozenset({CONTRACT_GROUP}))):
        held = _panel(panel, {"a"}, groups, "d")
        assert np.isnan([held.spending, held.insured_years]).all()
    assert _panel(panel, {"a"}, hidden, "other").spending[0, 0] == 100.0
