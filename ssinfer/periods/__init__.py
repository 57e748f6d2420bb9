"""Periods: years, quarters, months and other stretches of time, read from any usual spelling."""

from ssinfer.periods.period import PER_YEAR, Frequency, Period
from ssinfer.periods.reading import Timeline, consecutive, parse_period, read_periods, span
from ssinfer.periods.spelling import plain_label

__all__ = [
    "PER_YEAR",
    "Frequency",
    "Period",
    "Timeline",
    "consecutive",
    "parse_period",
    "plain_label",
    "read_periods",
    "span",
]
