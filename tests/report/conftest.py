"""Fixtures of the report's tests."""

from dataclasses import replace

import pytest
from small_study import analysis, compared, study, without_pictures  # noqa: F401

from ssinfer.report import write_report
from ssinfer.report.summarise import assemble


@pytest.fixture
def write(monkeypatch):
    """Return a function that writes the report of an analysis, which is not computed again."""

    def written(analysed, folder, data=None):
        monkeypatch.setattr("ssinfer.report.write.analyse", lambda _: analysed)
        monkeypatch.setattr("ssinfer.report.write.assemble", lambda _: data or assemble(analysed))
        return write_report(analysed.result, folder)

    return written


@pytest.fixture
def no_pictures():
    """Leave the figures of reports empty, for tests of their words."""
    with without_pictures():
        yield


@pytest.fixture
def without():
    """Return a study without some of its parts."""
    return replace
