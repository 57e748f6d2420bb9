"""Systems without locks of POSIX: what writes is refused by the sentence of the install page, and reading works."""

import importlib.util
import os
import sys
from pathlib import Path

import pandas as pd
import pytest

from ssinfer import lock
from ssinfer.atomic import atomic_files, atomic_folder, output_folder, temporary_folder
from ssinfer.cli import main
from ssinfer.datasets.io.frame_cache import cached_frame
from ssinfer.errors import NotSupportedError
from ssinfer.guard import process
from ssinfer.simulation.claims import simulate_claims

INSTALL = " ".join((Path(__file__).parents[1] / "docs" / "start" / "install.md").read_text(encoding="utf-8").split())
WRITING = "Writing results is not supported for Windows, which has no file locks of POSIX. Use Linux, macOS or WSL."
STRANGERS = "A method of another package is not supported for studies on Windows. Use ss.backtest from Python."


@pytest.fixture
def windows(monkeypatch):
    monkeypatch.setattr(lock, "fcntl", None)
    monkeypatch.delattr(os, "fork")


def test_the_module_is_imported_without_locks(monkeypatch):
    monkeypatch.setitem(sys.modules, "fcntl", None)
    spec = importlib.util.spec_from_file_location("lock_of_windows", lock.__file__)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.fcntl is None


@pytest.mark.usefixtures("windows")
@pytest.mark.parametrize(
    "writing",
    [atomic_folder, atomic_files, output_folder, lambda folder: temporary_folder("claims-", folder.parent)],
    ids=["atomic_folder", "atomic_files", "output_folder", "temporary_folder"],
)
def test_writing_is_refused_by_the_sentence_of_the_page(writing, tmp_path):
    with pytest.raises(NotSupportedError) as refused, writing(tmp_path / "out"):
        pass
    assert str(refused.value) == WRITING
    assert WRITING in INSTALL
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.usefixtures("windows")
@pytest.mark.parametrize("command", [["run", "study.toml", "--out", "out"], ["simulate", "--out", "out"]])
def test_commands_that_write_end_with_one_line(command, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["ssinfer", *command])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert capsys.readouterr().err == f"ssinfer: {WRITING}\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("windows")
def test_simulated_claims_are_refused(tmp_path):
    with pytest.raises(NotSupportedError, match="Writing results is not supported"):
        simulate_claims(tmp_path / "claims", seed=1)


@pytest.mark.usefixtures("windows")
def test_a_method_of_another_package_is_refused_in_studies():
    with pytest.raises(NotSupportedError) as refused:
        process._fork_server(-1)
    assert str(refused.value) == STRANGERS
    assert STRANGERS in INSTALL


@pytest.mark.usefixtures("windows")
def test_published_data_are_read_without_a_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SSINFER_CACHE_DIR", str(tmp_path))
    frame = pd.DataFrame({"a": [1, 2]})
    for _ in range(2):
        pd.testing.assert_frame_equal(cached_frame("a", [], "options", lambda: frame), frame)
    assert not list(tmp_path.rglob("*.parquet"))
