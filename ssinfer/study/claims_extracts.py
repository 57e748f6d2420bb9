"""Extracts the claims of a study under its population and its definitions of spending."""

import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ssinfer.claims import ClaimsTables, Extract, Population, RunOut, Spending, Truncation, extract
from ssinfer.claims.names import labels_of, name_as_tables
from ssinfer.cohort.cohort import Cohort
from ssinfer.errors import SsinferError, StudyError, did_you_mean
from ssinfer.periods import read_periods, span
from ssinfer.simulation.claims import SimulatedClaims
from ssinfer.study.config import StudyConfig
from ssinfer.study.config_base import Periods, Span
from ssinfer.study.config_claims import InsuredConfig, SpendingConfig

Use = tuple[str, bool]  # name of a definition of spending, and whether spending is truncated


@dataclass(frozen=True, eq=False)
class OpenedClaims:
    """Tables of claims that are open, the data in words, and the simulation behind them if there is one."""

    tables: ClaimsTables
    label: str
    note: str
    simulated: SimulatedClaims | None = None


@dataclass(frozen=True, eq=False)
class StudyExtracts:
    """Extracted claims of a study."""

    population: Population
    extracts: Mapping[str, Extract]  # by definition of spending
    uses: Mapping[str, Use]  # by comparison
    cohorts: Mapping[Use, Cohort]  # also each definition without truncation


def extract_claims(
    config: StudyConfig, periods: tuple[Any, ...], spendings: Mapping[str, Spending], tables: ClaimsTables
) -> StudyExtracts:
    """Extract claims once per definition of spending."""
    insured = config.population.insured or InsuredConfig()
    accept = config.data.accept
    population = population_of(insured, periods, tables, accept)
    extracts = {}
    limits = {} if config.data.plausible is None else {"plausible": config.data.plausible}
    for name, spending in spendings.items():
        try:
            extracts[name] = extract(tables, population, spending, periods=periods, accept=accept, **limits)
        except SsinferError as error:
            raise StudyError(f"spending {name!r}: {error}") from error
    uses = {part.name: (config.definition_of(part).name, part.truncated) for part in config.comparison}
    wanted = {*uses.values(), *((name, False) for name in extracts)}
    cohorts = {use: extracts[use[0]].cohort(truncated=use[1]) for use in wanted}
    return StudyExtracts(population, extracts, uses, cohorts)


def population_of(
    part: InsuredConfig, periods: tuple[Any, ...], tables: ClaimsTables | None = None, accept: Sequence[str] = ()
) -> Population:
    """Return the population that a study file describes; without `tables` its names are not checked."""
    practices = labels_of(tables.enrolment, "practice") if tables is not None and part.units else ()
    values = part.model_dump(exclude={"units", "baseline"}) | {"baseline": window_of(part.baseline, periods)}
    units: dict[str, str] = {}
    for unit, patterns in part.units.items():
        for pattern in patterns if practices else ():
            matching = fnmatch.filter(practices, pattern) if pattern.endswith("*") else [pattern]
            if not matching:
                raise StudyError(
                    f"population.insured.units: no practice is called {pattern!r}. {did_you_mean(pattern, practices)}"
                )
            for practice in matching:
                if units.setdefault(practice, unit) != unit:
                    raise StudyError(f"population.insured.units: practice {practice!r} is in two units. Keep one.")
    try:
        population = Population(**values, units=units)
        return population if tables is None else name_as_tables(population, tables, accept)
    except SsinferError as error:
        raise StudyError(f"population.insured: {error}") from error


def spending_of(part: SpendingConfig) -> Spending:
    """Return the definition of spending that a study file describes."""
    values = part.model_dump(exclude={"name", "truncation", "run_out", "reference_tariffs"})
    tariffs = part.reference_tariffs
    try:
        return Spending(
            **values,
            truncation=None if part.truncation is None else Truncation(**part.truncation.model_dump()),
            run_out=None if part.run_out is None else RunOut(**part.run_out.model_dump()),
            reference_tariffs=None if tariffs is None else pd.DataFrame(tariffs),
        )
    except SsinferError as error:
        raise StudyError(f"spending {part.name!r}: {error}") from error


def periods_between(first: object, last: object) -> tuple[Any, ...]:
    """Return the periods from `first` to `last`, both included."""
    try:
        return tuple(span(first, last))
    except SsinferError as error:
        raise StudyError(f"data.periods: {error}") from error


def window_of(wanted: Periods, periods: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the periods that a study file names, as a span or one by one."""
    timeline = read_periods(periods)
    named = (wanted.first, wanted.last) if isinstance(wanted, Span) else tuple(wanted)
    columns = []
    for label in named:
        column = timeline.column(label)
        if column is None:
            raise StudyError(f"Period {label!r} is not in the claims' periods: {timeline.describe()}.")
        columns.append(column)
    return periods[columns[0] : columns[1] + 1] if isinstance(wanted, Span) else tuple(periods[c] for c in columns)
