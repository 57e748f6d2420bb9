"""Cohort: persons, their periods and their spending."""

from ssinfer.cohort.cohort import Cohort as Cohort
