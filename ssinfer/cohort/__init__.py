"""Persons, their attribution to units, and their spending over periods."""

from ssinfer.cohort.cohort import Cohort as Cohort
