"""Expected time: closed form of a cost that placebos of a fold share."""

from typing import Any

import pytest

import ssinfer as ss
from ssinfer.backtesting.task import Task
from ssinfer.study import expected_time


@pytest.mark.parametrize(("method", "folds"), [(ss.HierarchicalBenchmark(), 8), (ss.AdministrativeBenchmark(), 1)])
@pytest.mark.parametrize("n", [3, 132])
def test_shared_work_counts_once_per_fold(monkeypatch, method, folds, n):
    """A call costs 0.9 s and 0.04 s per placebo: a task of n placebos in f folds costs f 0.9 + n 0.04."""
    now = [0.0]

    def run(task: Task, _data: Any) -> None:
        assert set(task.units) == {"u0"}  # one placebo several times: one fold
        now[0] += 0.9 + 0.04 * len(task.units)

    monkeypatch.setattr(expected_time, "run_task", run)
    monkeypatch.setattr(expected_time, "process_time", lambda: now[0])
    units = tuple(f"u{i}" for i in range(n))
    task = Task("design", "method", None, method, None, units, (), 1)  # type: ignore[arg-type]
    expected = (min(folds, n) * 0.9 + n * 0.04) / n
    assert expected_time.seconds_per_fit(task, None) == pytest.approx(expected)
