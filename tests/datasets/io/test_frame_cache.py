"""The kept frames: rebuilt when an input changes or a kept file is damaged, never a reason to fail."""

from __future__ import annotations

import os

import pandas as pd
import pytest

from ssinfer.datasets.io.frame_cache import cached_frame


@pytest.fixture
def counted(tmp_path):
    source = tmp_path / "source.csv"
    source.write_text("1")
    calls = []

    def build():
        calls.append(1)
        return pd.DataFrame({"x": [1.0, 2.0]})

    return source, calls, build


def test_built_once_per_input_and_options(counted):
    source, calls, build = counted
    first = cached_frame("x", [source], 1, build)
    pd.testing.assert_frame_equal(first, cached_frame("x", [source], 1, build))
    assert len(calls) == 1
    cached_frame("x", [source], 2, build)
    assert len(calls) == 2
    source.write_text("22")
    cached_frame("x", [source], 1, build)
    assert len(calls) == 3
    os.utime(source, ns=(1, 1))
    cached_frame("x", [source], 1, build)
    assert len(calls) == 4


def test_a_damaged_kept_file_is_built_again(counted, own_cache):
    source, _, build = counted
    cached_frame("x", [source], 1, build)
    kept = next((own_cache / "frames").iterdir())
    kept.write_bytes(b"PAR1 damaged")
    pd.testing.assert_frame_equal(cached_frame("x", [source], 1, build), build())
    assert kept.read_bytes()[:4] == b"PAR1"
    assert len(list((own_cache / "frames").iterdir())) == 1


def test_without_a_writable_cache_folder_the_frame_is_built_each_time(counted, tmp_path, monkeypatch):
    source, calls, build = counted
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("SSINFER_CACHE_DIR", str(tmp_path / "file"))
    for _ in range(2):
        assert len(cached_frame("x", [source], 1, build)) == 2
    assert len(calls) == 2
