"""KILL, TERM and INT at 20 random moments each, and limits of the machine."""

import random
import resource
import signal
from pathlib import Path

import pytest
from test_ends import SECONDS, check_end, personal, start

pytestmark = [
    pytest.mark.evidence,
    pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="reads /proc: Linux"),
]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_no_process_and_no_data_stay(tmp_path, how, evidence_share):
    """Fault R19, R20: at random moments of the whole run, into a folder that then holds a whole result or none."""
    moments = random.Random(int(how))  # noqa: S311
    for _ in range(20 if evidence_share == 1 else 2):
        check_end(tmp_path, how, moments.uniform(0.2, 1.0) * SECONDS)


@pytest.mark.parametrize("size", [10_000, 100_000])
def test_a_file_that_may_not_grow_is_one_line(tmp_path, size):
    """Fault R22: HDF5 ended the process with 66 lines."""
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))  # noqa: E731
    run = start(tmp_path, preexec_fn=limit)
    said = run.communicate(timeout=120)[1]
    assert run.returncode in (2, 70)
    assert said.startswith("ssinfer: ")
    assert said.count("\n") == 1
    assert not (tmp_path / "out").exists()
    assert not list(tmp_path.glob(".out*"))
    assert personal(tmp_path) == []
