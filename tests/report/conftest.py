"""Fixtures of the report's tests."""

from dataclasses import replace

import pytest
from small_study import analysis, compared, study  # noqa: F401

from ssinfer.report import write_report
from ssinfer.report.summarise import assemble


@pytest.fixture
def write(monkeypatch):
    """Return a function that writes the report of an analysis, which is not computed again."""

    def written(analysed, folder):
        monkeypatch.setattr("ssinfer.report.write.summarise", lambda _: assemble(analysed))
        return write_report(analysed.result, folder)

    return written


@pytest.fixture
def without():
    """Return a study without some of its parts."""
    return replace
