"""Extracts the claims of a study under its population and its definitions of spending."""

import datetime as dt
import fnmatch
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import pandas as pd

from ssinfer.claims import ClaimsTables, Extract, Population, RunOut, Spending, Truncation, extract
from ssinfer.claims.backend.calendar import Calendar
from ssinfer.claims.backend.scratch import Scratch
from ssinfer.claims.names import labels_of, name_as_tables
from ssinfer.cohort.cohort import Cohort
from ssinfer.errors import StudyError, did_you_mean, raised_as
from ssinfer.finding import Finding
from ssinfer.periods import PER_YEAR, parse_period
from ssinfer.simulation.claims import SimulatedClaims
from ssinfer.study.config import StudyConfig
from ssinfer.study.config_blocks import CaseConfig, PopulationConfig
from ssinfer.study.config_claims import SpendingConfig
from ssinfer.study.data import named_periods
from ssinfer.study.designs import StudyDesign
from ssinfer.study.provisional import earlier_days
from ssinfer.study.source import PUBLIC_KEYS

Job = tuple[PopulationConfig, SpendingConfig]  # one extraction
Use = tuple[str, bool]  # name of an extraction, and whether its spending is truncated
WHOLE = "all spending"  # name of the extraction of all spending of the settling population without its filters
PERSON_FILTERS = "ages ses regions covariates first_year_of_life last_year_of_life earlier_spending minimum_enrolment"
UNFILTERED = {key: PopulationConfig.model_fields[key].default for key in (*PERSON_FILTERS.split(), "after_leaving")}


@dataclass(frozen=True, eq=False)
class OpenedClaims:
    """Tables of claims that are open, what the data are, and the simulation behind them if there is one."""

    tables: ClaimsTables
    label: Finding | str
    note: Finding | str
    simulated: SimulatedClaims | None = None


@dataclass(frozen=True, eq=False)
class StudyExtracts:
    """Extracted claims of a study."""

    extracts: Mapping[str, Extract]  # by name of the extraction
    populations: Mapping[str, Population]  # by name of the extraction
    uses: Mapping[str, Use]  # by name of the fits
    whole: Cohort  # all spending of the whole population
    categories: Mapping[str, Cohort]  # of the whole population, by category in which a programme saves
    cohorts: Mapping[Use, Cohort]  # of each use, and without truncation
    earlier: Mapping[str, Mapping[int, Cohort]]  # by fits with a provisional run-out: views of years before (years)
    repriced: tuple[Cohort, Cohort] | None  # the main use without truncation, at prices and at reference tariffs

    def caps(self, name: str, truncated: bool) -> dict[int, float] | None:
        """Return the limits of an extraction's truncation by calendar year, per insured-year."""
        return self.extracts[name].caps if truncated else None


def extract_claims(config: StudyConfig, periods: tuple[Any, ...], tables: ClaimsTables) -> StudyExtracts:
    """Extract claims once per population and definition of spending; a truncation comes with its definition."""
    jobs, uses = _jobs(config)
    whole_use = next((name for name, job in jobs.items() if _of_everything(job)), WHOLE)
    population, spending = config.main_design.population, config.main_design.spending
    kept = spending.model_dump(include={"own_costs", "duplicates"})
    whole = population.model_copy(update=UNFILTERED), SpendingConfig(name=WHOLE, unknown="include", **kept)
    wanted = {**jobs, **({WHOLE: whole} if whole_use == WHOLE else {})}
    saved = dict.fromkeys(category for scenario in config.scenario for category in scenario.categories or ())
    parts = {name: (whole[0], SpendingConfig(include=[name], unknown="exclude")) for name in saved}
    tariffs = next((each.reference_tariffs for each in (spending, *config.spending) if each.reference_tariffs), None)
    other = {"reference_tariffs": None if spending.reference_tariffs else tariffs, "truncation": None}
    limits = {} if config.data.plausible is None else {"plausible": config.data.plausible}
    populations: dict[str, Population] = {}

    def extracted(name: str, job: Job, what: str, limits: dict[str, Any]) -> Extract:
        populations[name] = population_of(config.case, job[0], periods, tables, config.data.accept)
        options = {"periods": periods, "accept": config.data.accept, "shared": shared, **limits}
        with raised_as(StudyError, f"{what} {name!r}:"):
            return extract(tables, populations[name], spending_of(job[1]), **options)

    with closing(Scratch(tables.connection)) as shared:
        categories = {name: extracted(name, job, "scenario.categories", {}).cohort() for name, job in parts.items()}
        extracts = {name: extracted(name, job, "spending", limits) for name, job in wanted.items()}
        job = population, spending.model_copy(update=other)
        revalued = extracted("reference_tariffs", job, "spending", limits).cohort() if tariffs else None

        @cache
        def view(use: Use, day: dt.date) -> Cohort:
            name, truncated = use
            spending, caps = spending_of(jobs[name][1]), extracts[name].caps if truncated else None
            limit = None if caps is None else Truncation(amount=caps)
            options: Any = {"periods": periods, "accept": config.data.accept, "shared": shared, "as_of": day}
            with raised_as(StudyError, f"spending {name!r} as of {day}:"):
                once = extract(tables, populations[name], replace(spending, truncation=limit), **options)
            return once.cohort(truncated=truncated)

        days = {fit: _days_of_views(design, periods) for fit, design in config.fits.items()}
        earlier = {fit: {back: view(uses[fit], day) for back, day in each.items()} for fit, each in days.items()}
    used = dict.fromkeys((*uses.values(), *((name, False) for name in jobs)))
    cohorts = {use: extracts[use[0]].cohort(truncated=use[1]) for use in used}
    everybody = cohorts.get((whole_use, False)) or extracts[whole_use].cohort()
    repriced = None
    if revalued is not None:
        own = cohorts[uses[config.main_design.fit][0], False]
        repriced = (revalued, own) if spending.reference_tariffs else (own, revalued)
    named = {name: extracts[name] for name in jobs}
    return StudyExtracts(named, populations, uses, everybody, categories, cohorts, earlier, repriced)


def _days_of_views(design: StudyDesign, periods: tuple[Any, ...]) -> dict[int, dt.date]:
    """Return the days of the views of earlier years that a provisional settlement learns from; none if it is final."""
    run_out = design.spending.run_out
    if run_out is None or not run_out.provisional:
        return {}
    columns = sorted(map(periods.index, named_periods(design.performance, periods, "windows.performance")))
    age = parse_period(periods[columns[-1]]).months_until(run_out.extracted)
    if age >= run_out.months:
        return {}
    return earlier_days(run_out.extracted, run_out.months, age, columns[0], PER_YEAR[Calendar.of(periods).frequency])


def _jobs(config: StudyConfig) -> tuple[dict[str, Job], dict[str, Use]]:
    """Return the extractions by name, and the use of each name of fits."""
    several = len({design.population.content for design in config.fits.values()}) > 1
    groups: dict[str, list[str]] = {}  # fits of one population and definition, but for its truncation
    for fit, design in config.fits.items():
        plain = design.spending.model_copy(update={"truncation": None})
        groups.setdefault(repr((design.population.content, plain.content)), []).append(fit)
    jobs: dict[str, Job] = {}
    uses: dict[str, Use] = {}
    for fits in groups.values():
        held: dict[str, str] = {}  # name of the extraction by truncation; it also gives spending without truncation
        for fit in sorted(fits, key=lambda fit: config.fits[fit].spending.truncation is None):
            design, truncation = config.fits[fit], config.fits[fit].spending.truncation
            named = config.fits[fits[0]].spending if not held else design.spending
            name = f"{design.population.name}: {named.name}" if several else named.name
            if truncation is None and held:
                name = next(iter(held.values()))
            name = held.setdefault(repr(truncation), name)
            jobs.setdefault(name, (design.population, design.spending))
            uses[fit] = name, truncation is not None
    order = dict.fromkeys(uses[fit][0] for fit in config.fits)
    return {name: jobs[name] for name in order}, {fit: uses[fit] for fit in config.fits}


def _of_everything(job: Job) -> bool:
    """Return whether an extraction holds all spending of a population without filters of persons."""
    persons, spending = job
    filtered = persons.content != persons.model_copy(update=UNFILTERED).content
    narrowed = spending.include is not None or spending.exclude or spending.product_groups_exclude
    return not (filtered or narrowed or spending.run_out or spending.reference_tariffs or spending.unknown == "exclude")


def population_of(
    case: CaseConfig,
    part: PopulationConfig,
    periods: tuple[Any, ...],
    tables: ClaimsTables | None = None,
    accept: Sequence[str] = (),
) -> Population:
    """Return the population that a study file describes; without `tables` its names are not checked."""
    practices = labels_of(tables.enrolment, "practice") if tables is not None and case.units else ()
    values = part.model_dump(exclude={"name", "label", "spillover", *PUBLIC_KEYS})
    values["baseline"] = named_periods(part.baseline, periods, "population.baseline")
    units: dict[str, str] = {}
    for unit, patterns in case.units.items():
        for pattern in patterns if practices else ():
            matching = fnmatch.filter(practices, pattern) if pattern.endswith("*") else [pattern]
            if not matching:
                raise StudyError(f"case.units: no practice is called {pattern!r}. {did_you_mean(pattern, practices)}")
            for practice in matching:
                if units.setdefault(practice, unit) != unit:
                    raise StudyError(f"case.units: practice {practice!r} is in two units. Keep one.")
    with raised_as(StudyError, f"population {part.name!r}:"):
        population = Population(**values, units=units)
        return population if tables is None else name_as_tables(population, tables, accept)


def spending_of(part: SpendingConfig) -> Spending:
    """Return the definition of spending that a study file describes."""
    values = part.model_dump(exclude={"name", "label", *PUBLIC_KEYS, "truncation", "run_out", "reference_tariffs"})
    tariffs = part.reference_tariffs
    with raised_as(StudyError, f"spending {part.name!r}:"):
        return Spending(
            **values,
            truncation=None if part.truncation is None else Truncation(**part.truncation.model_dump()),
            run_out=None if part.run_out is None else RunOut(**part.run_out.model_dump()),
            reference_tariffs=None if tariffs is None else pd.DataFrame(tariffs),
        )
