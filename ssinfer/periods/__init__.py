"""Periods: years, quarters, months and other stretches of time, read from any usual spelling."""

from ssinfer.periods.period import PER_YEAR as PER_YEAR
from ssinfer.periods.period import Frequency as Frequency
from ssinfer.periods.period import Period as Period
from ssinfer.periods.reading import Timeline as Timeline
from ssinfer.periods.reading import consecutive as consecutive
from ssinfer.periods.reading import parse_period as parse_period
from ssinfer.periods.reading import read_periods as read_periods
from ssinfer.periods.reading import span as span
from ssinfer.periods.spelling import plain_label as plain_label
