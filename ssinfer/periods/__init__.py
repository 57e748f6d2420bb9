"""Periods: years, quarters, months and other stretches of time, read from any usual spelling."""

from ssinfer.periods.period import PER_YEAR, Frequency, Period
from ssinfer.periods.reading import Timeline, consecutive, parse_period, read_periods, span

__all__ = ["PER_YEAR", "Frequency", "Period", "Timeline", "consecutive", "parse_period", "read_periods", "span"]
