"""Fixtures of the report's tests."""

from dataclasses import replace

import pytest
from small_study import analysis, compared, study  # noqa: F401

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
def no_pictures(monkeypatch):
    """Leave the figures of reports empty, for tests of their words."""
    monkeypatch.setattr("ssinfer.figures.figure.Figure.draw", lambda *_: None)
    monkeypatch.setattr("ssinfer.report.write.svg_of", lambda _: "<svg></svg>")


@pytest.fixture
def without():
    """Return a study without some of its parts."""
    return replace
