"""Fixtures of the console's tests."""

from small_study import compared, study  # noqa: F401
