"""Ends that are no exceptions: no process and no person's data stay, and an earlier result stays whole."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ssinfer import atomic
from ssinfer.atomic import atomic_folder, output_folder, temporary_folder
from ssinfer.cli import main
from ssinfer.errors import StudyError

COMMAND = [sys.executable, "-c", "from ssinfer.cli import main; main()"]
STUDY = """
title = "claims"
question = "which design?"
[data]
source = "simulated_claims"
periods = { first = "2021Q1", last = "2022Q4" }
[data.simulation]
n_insured = 9000
insured_under_contract = 350
first = "2021Q1"
last = "2022Q4"
start = "2022Q1"
practice_size = 110
n_regions = 4
covid = false
[population]
treated = ["contract"]
[population.insured]
insurers = ["A"]
units = { contract = ["Vlissingen *"] }
[windows]
baseline = { first = "2021Q1", last = "2021Q4" }
performance = { first = "2022Q1", last = "2022Q4" }
[[spending]]
name = "all care"
duplicates = "keep"
[[comparison]]
name = "a"
[[method]]
method = "AdministrativeBenchmark"
parameters = { n_draws = 800, history = 0 }
[threshold]
kind = "confidence"
level = 0.95
side = "one-sided"
"""
SECONDS = 5.0  # from the start to the end of the study, about


def start(folder: Path, *arguments: str, **options) -> subprocess.Popen:
    """Start a run whose temporary folders are inside `folder`, and whose processes are known by SSINFER_TEST."""
    (folder / "study.toml").write_text(STUDY)
    (folder / "tmp").mkdir(exist_ok=True)
    environment = os.environ | {"TMPDIR": str(folder / "tmp"), "SSINFER_TEST": str(folder)}
    command = [*COMMAND, "run", "study.toml", "--out", "out", "--jobs", "2", *arguments]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, cwd=folder, env=environment, text=True, **pipes, **options)


def processes(folder: Path) -> list[str]:
    """Return the processes that a run in `folder` started and that are alive."""
    mark, alive = f"SSINFER_TEST={folder}".encode(), []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (path / "environ").read_bytes().split(b"\0") and ") Z" not in (path / "stat").read_text():
                alive.append((path / "cmdline").read_text())
        except OSError:
            continue
    return alive


def personal(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "tmp").glob("ssinfer-claims-*"))


def check_end(folder: Path, how: signal.Signals, after: float) -> None:
    run = start(folder)
    time.sleep(after)
    run.send_signal(how)
    said = run.communicate(timeout=60)[1]
    stopped = run.returncode
    deadline = time.monotonic() + 5
    while processes(folder) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert processes(folder) == [], (how, after)
    assert "Traceback" not in said, said
    if how != signal.SIGKILL:
        assert personal(folder) == [], (how, after)
        assert not list(folder.glob(".out*")), (how, after)
    assert stopped != 0 or (folder / "out" / "manifest.json").is_file()
    if (folder / "out").exists():
        assert {"manifest.json", "report.html", "savings.nc"} <= {path.name for path in (folder / "out").iterdir()}


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="reads /proc: Linux")
@pytest.mark.parametrize(("how", "after"), [(signal.SIGKILL, 2.2), (signal.SIGTERM, 2.8)])
def test_no_process_and_no_data_stay(tmp_path, how, after):
    """Fault R19, R20: of killed runs, 8 of 12 left claims and 9 of 12 left workers. Ctrl-C has the handler of TERM."""
    check_end(tmp_path, how, after)


def test_an_interrupt_while_an_object_is_deleted_ends_the_run():
    """Fault R20: Python prints such an interrupt and goes on, so that a run did not end with its parent."""
    code = (
        "import signal, time\nfrom ssinfer import cli\n"
        "class Deleted:\n    def __del__(self):\n        signal.raise_signal(signal.SIGTERM)\n"
        "def app():\n    Deleted()\n    print(1)\n    time.sleep(20)\n"
        "cli.app = app\ncli.main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=15)
    assert (done.stdout, done.stderr.splitlines()[-1]) == ("1\n", "KeyboardInterrupt")
    assert "Exception ignored" not in done.stderr


@pytest.fixture
def other(tmp_path):
    """Another process that holds the lock of a folder called out."""
    code = (
        "import sys\nfrom pathlib import Path\nfrom ssinfer.lock import locked\n"
        f"with locked(Path({str(tmp_path / '.out.lock')!r})):\n    print(flush=True)\n    sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        yield process
        process.kill()


def test_a_folder_that_another_process_writes_is_refused(tmp_path, other, monkeypatch, capsys):
    """Fault R6: two runs into one folder both ended with 0, and one result was gone."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["ssinfer", "run", "study.toml", "--out", "out"])
    for write in (main, lambda: write_into(tmp_path / "out")):
        with pytest.raises((SystemExit, StudyError)) as ended:
            write()
    assert "Another process is writing" in str(ended.value)
    assert capsys.readouterr().err == (
        "ssinfer: Another process is writing out. Wait for its end, or name another folder.\n"
    )
    other.kill()
    other.wait()
    write_into(tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def write_into(folder):
    with atomic_folder(folder) as temporary:
        (temporary / "a.csv").write_text("new")


def test_links_are_followed_and_the_working_folder_is_refused(tmp_path, monkeypatch):
    """Fault R8: a link was replaced by a folder; `--out .` failed after the whole study."""
    (tmp_path / "link").symlink_to("target")  # of nothing, at first
    for _ in range(2):
        write_into(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target" / "a.csv").read_text() == "new"
    (tmp_path / "here" / "below").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here" / "below")
    for place in (".", "..", tmp_path):
        with pytest.raises(StudyError, match="holds the working folder"):
            write_into(Path(place))
    with pytest.raises(StudyError, match="cannot be written: File name too long"):
        write_into(tmp_path / ("x" * 250))


def test_what_a_killed_run_left_is_put_back_or_removed_and_named(tmp_path):
    """Fault R21: hidden folders stayed for ever, and a result could be in one of them only."""
    for name in (".out-abcdefgh/old/out", ".out-ijklmnop/new", ".out-put-abcdefgh/new", ".other-abcdefgh/new"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / ".out-abcdefgh/old/out/a.csv").write_text("earlier")
    said = []
    with output_folder(tmp_path / "out", said.append):
        pass
    assert (tmp_path / "out" / "a.csv").read_text() == "earlier"
    assert [line.split("/")[-1] for line in said] == [
        "out was put back: a run was ended while it replaced it.",
        ".out-abcdefgh, left by a run that was ended, was removed.",
        ".out-ijklmnop, left by a run that was ended, was removed.",
    ]
    assert {path.name for path in tmp_path.iterdir()} == {"out", ".out-put-abcdefgh", ".other-abcdefgh"}


def test_temporary_folders_of_ended_processes_are_removed(tmp_path):
    """Fault R19: a later start clears claims of persons; those of a process at work stay."""
    for name in ("claims-abcdefgh", "claims-kept", "claims-newfiles"):
        (tmp_path / name).mkdir()
    os.utime(tmp_path / "claims-abcdefgh", (1, 1))
    with temporary_folder("claims-", tmp_path) as first, temporary_folder("claims-", tmp_path) as second:
        os.utime(first, (1, 1))
        with temporary_folder("claims-", tmp_path):
            assert first.is_dir()
        assert {path.name for path in tmp_path.iterdir()} == {first.name, second.name, "claims-kept", "claims-newfiles"}
        assert first.stat().st_mode & 0o777 == 0o700


def test_a_result_replaces_an_earlier_one_in_one_step(tmp_path, monkeypatch):
    """Fault R21: between two renames there was no result. Without an exchange of the system there are two renames."""
    for exchange in (atomic._exchange, lambda _new, _target: False):
        monkeypatch.setattr(atomic, "_exchange", exchange)
        write_into(tmp_path / "out")
        assert [path.name for path in tmp_path.iterdir()] == ["out"]
    if sys.platform == "linux":
        monkeypatch.undo()
        (tmp_path / "new").mkdir()
        assert atomic._exchange(tmp_path / "new", tmp_path / "out")
        assert (tmp_path / "new" / "a.csv").exists()
