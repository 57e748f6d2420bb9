"""Fixtures shared with the tests of report and console."""

from small_study import study  # noqa: F401
