"""Makes the data of a study from claims: extracts them, groups their persons, and finds the known truth."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import cache
from itertools import chain, product
from typing import Any

import numpy as np
import pandas as pd

from ssinfer.claims import Population
from ssinfer.claims.backend.calendar import Calendar, day_of
from ssinfer.claims.before import tables_before
from ssinfer.cohort.case_mix import CASE_MIX_EXPECTED, STANDARDS, expected_spending
from ssinfer.cohort.cohort import Cohort
from ssinfer.cohort.pseudo_practices import pseudo_practices
from ssinfer.cohort.truncated import elasticity_before
from ssinfer.errors import ClaimsError, StudyError, raised_as
from ssinfer.finding import Finding
from ssinfer.names import match_names
from ssinfer.panel import Panel
from ssinfer.periods import PER_YEAR, read_periods, span
from ssinfer.simulation.claims import SimulatedClaims
from ssinfer.simulation.known_saving import KnownSaving, known_saving
from ssinfer.study.claims_extracts import OpenedClaims, StudyExtracts, extract_claims, population_of, spending_of
from ssinfer.study.config import StudyConfig
from ssinfer.study.config_blocks import WindowsConfig
from ssinfer.study.config_claims import GroupsConfig, SpendingConfig
from ssinfer.study.contract_years import settled_so_far
from ssinfer.study.data import WINDOW_KEYS, ClaimsCount, ProgrammeData, StudyData, View, named_periods
from ssinfer.study.designs import StudyDesign
from ssinfer.study.provisional import RunOutNoise, run_out_noise

Standard = tuple[str, tuple[Any, ...]]  # a name of STANDARDS, and the periods of which it learns
ONE_OPEN_UNIT = "The true saving is known for one unit, all of its insured and an open population only."
ALL_SPENDING = "The true saving is known for all prices and payments; for some categories only if all save alike."


def load_claims(
    config: StudyConfig, first: object, last: object, data: AbstractContextManager[OpenedClaims]
) -> StudyData:
    """Return the data of a study on claims; contradictions in the study file are refused before tables are opened."""
    with raised_as(StudyError, "data.periods:"):
        periods = span(first, last)
    config = settled_so_far(config, periods)
    if config.term is not None and config.settled < config.term.years:  # later years are not due yet
        performance = [named_periods(part.performance, periods, "windows.performance") for part in config.fits.values()]
        periods = periods[: 1 + max(periods.index(labels[-1]) for labels in performance)]
    for design in config.fits.values():
        spending_of(design.spending)
        population = population_of(config.case, design.population, periods)
        if population.earlier_spending:
            _check_year(design, population, periods)
        for key in WINDOW_KEYS:
            named_periods(getattr(design, key), periods, f"windows.{key}")
    with data as opened:
        claims = opened
        if (seal := config.seal) is not None:
            for design in config.fits.values():
                seal.check_baseline(periods, named_periods(design.baseline, periods, "windows.baseline"))
            known, present = tables_before(opened.tables, seal.end_of_claims(periods), seal.as_of)
            seal.present |= present
            claims = replace(opened, tables=known, simulated=None)
        return _group_persons(config, claims, extract_claims(config, periods, claims.tables))


def _check_year(design: StudyDesign, population: Population, periods: tuple[Any, ...]) -> None:
    """Refuse performance periods in which earlier spending chooses persons by what happens after their start."""
    calendar, performance = Calendar.of(periods), named_periods(design.performance, periods, "windows.performance")
    year = PER_YEAR[calendar.frequency]
    if len(performance) > year or (periods.index(performance[0]) - calendar.position(population.start)) % year:
        raise StudyError(
            f"population {design.population.name!r}: earlier_spending chooses persons anew for each year from start "
            f"{population.start!r}, and the performance of {design.name!r} is {performance[0]} to {performance[-1]}. "
            "Give start the first performance period, and a performance of one year at most."
        )


def _group_persons(config: StudyConfig, claims: OpenedClaims, extracted: StudyExtracts) -> StudyData:
    """Return cohorts and panels of groups of practices, with the case-mix standard and coordinates as covariates."""
    case, uses = config.case, extracted.uses
    cohorts = {use: extracted.cohorts[use] for use in dict.fromkeys(uses.values())}
    first_use = uses[config.main_design.fit]  # it makes the groups
    practices = cohorts[first_use]
    like = practices
    if config.groups_until is not None:  # persons who were enrolled later change no group
        early = np.array(Calendar.of(practices.periods).first) < day_of(config.groups_until)
        like = practices.take(np.flatnonzero((practices.insured_years[:, early] > 0).any(axis=1)))
    complaint = "case.treated: no unit of the claims is called"
    advice = "Units of several practices are named in case.units."
    treated = list(match_names(config.contracted, practices.units, complaint, StudyError, advice))
    under_contract = next(iter(extracted.extracts.values())).under_contract
    complaint = "case.under_contract: no unit of the claims is called"
    stated = match_names(case.under_contract, practices.units, complaint, StudyError)
    contracted = tuple(unit for unit in dict.fromkeys((*under_contract, *stated)) if unit not in treated)
    groups = case.groups or GroupsConfig()
    if groups.kind != "intact" and groups.size is None:
        groups = groups.model_copy(update={"size": int(np.isin(practices.unit, treated).sum() // len(treated))})
    for (name, _), cohort in cohorts.items():
        if absent := [unit for unit in treated if unit not in cohort.units]:
            raise StudyError(f"population {name!r} has no insured of {', '.join(absent)}. Choose a wider population.")

    @cache  # a design's own spending may be that of the whole population
    def grouped(cohort: Cohort) -> Cohort:
        exclude = [unit for unit in contracted if unit in practices.units]
        with raised_as(StudyError, "case.groups:"):
            return pseudo_practices(
                cohort, groups.kind, size=groups.size, exclude=exclude, keep=treated, seed=groups.seed, like=like
            )

    after = (named_periods(part.performance, practices.periods, "performance") for part in config.fits.values())
    start = min(chain(*after), key=practices.periods.index)
    views, ages = {}, {uses[fit]: design.population.ages for fit, design in config.fits.items()}
    standards, wanted = _standards(config, practices.periods)
    for use, cohort in cohorts.items():
        exclude, nearest = [unit for unit in (*treated, *contracted) if unit in cohort.units], ages[use] is not None
        expected = {
            name: expected_spending(cohort, window, exclude=exclude, nearest=nearest, by=STANDARDS[key])
            for name, (key, window) in wanted.items()
            if cohort.covariates.keys() >= {*STANDARDS[key]}
        }
        covariates = {**cohort.covariates, **expected, **coordinates(case.places, cohort)}
        persons = grouped(replace(cohort, covariates=covariates))
        caps = extracted.caps(*use)
        plain = persons if caps is None else grouped(extracted.cohorts[use[0], False])
        views[use] = View(persons.to_panel(outside=treated, before=start), persons, plain, caps)
    first = views[first_use].cohort or practices
    truth, why_no_truth = _known_savings(config, treated, claims.simulated, extracted)
    left_over = len(pd.unique(practices.person)) - len(pd.unique(first.person))
    born = claims.tables.insured.select("person", "birth_year").to_pandas().set_index("person")["birth_year"]
    born = born.loc[practices.person].to_numpy(dtype=np.float64)
    parts = extracted.extracts, practices, groups, left_over, contracted, uses
    count = ClaimsCount(*parts, truth, why_no_truth, born, extracted.repriced)
    by_fit = {name: views[use] for name, use in sorted(uses.items(), key=lambda item: item[1] != first_use)}
    of = {"source": claims.label, "n": len(first.units) - len(treated), "size": groups.size}
    label = Finding(f"data_label.groups.{groups.kind.replace(' ', '_')}", of)
    fall = dict[str, float]()
    for fit, design in config.fits.items():
        plain, per_year = extracted.cohorts[uses[fit][0], False], PER_YEAR[Calendar.of(practices.periods).frequency]
        during = plain.columns(named_periods(design.performance, practices.periods, "windows.performance"))
        others = plain.take(np.flatnonzero(~np.isin(plain.unit, [*treated, *contracted])))
        fall[fit] = elasticity_before(others, extracted.caps(*uses[fit]), during, per_year)
    programme = ProgrammeData(grouped(extracted.whole), {k: grouped(c) for k, c in extracted.categories.items()})
    run_out = _run_out(config, extracted, {name: view.panel for name, view in by_fit.items()}, grouped)
    panel, known = views[first_use].panel, (programme, standards, (), run_out, fall)
    return StudyData(panel, label, claims.note, by_fit, count, *known)


def _run_out(
    config: StudyConfig, extracted: StudyExtracts, panels: Mapping[str, Panel], grouped: Callable[[Cohort], Cohort]
) -> dict[tuple[str, str, int], RunOutNoise]:
    """Return the errors of completed spending by group, fits whose run-out is not over, and contract year (0: all)."""
    found: dict[tuple[str, str, int], RunOutNoise] = {}
    for fit, design in config.fits.items():
        completion, panel = extracted.extracts[extracted.uses[fit][0]].completion, panels[fit]
        if completion is not None and "period" in completion:
            views = {back: grouped(cohort).to_panel() for back, cohort in extracted.earlier[fit].items()}
            performance = named_periods(design.performance, panel.periods, "windows.performance")
            with raised_as(StudyError, f"design {design.name!r}:"):
                size = len(performance) // max(config.settled, 1)
                years = [performance[size * year : size * (year + 1)] for year in range(config.settled)]
                for own, (year, part) in product(config.studies, enumerate([performance, *years])):
                    noise = run_out_noise(panel, views, own.case.treated, part, completion)
                    found |= {} if noise is None else {(own.only_group, fit, year): noise}
    return found


def _standards(config: StudyConfig, periods: tuple[Any, ...]) -> tuple[dict[str, str], dict[str, Standard]]:
    """Return the covariate of each fit's standard, and each covariate's standard and baseline without masked periods.

    That of another baseline than the study's has its periods in its name.
    """
    main, names = _learned(config.windows, periods), dict[str, str]()
    wanted = {CASE_MIX_EXPECTED: (CASE_MIX_EXPECTED, main)}
    for fit, design in config.fits.items():
        if (key := design.comparison.standard) in STANDARDS:
            window = _learned(design, periods)
            names[fit] = key if window == main else f"{key}, {', '.join(map(str, window))}"
            wanted[names[fit]] = key, window
    return names, wanted


def _learned(part: WindowsConfig | StudyDesign, periods: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the baseline periods that are not masked; all of them if every one is, which the design refuses."""
    baseline, masked = (named_periods(getattr(part, key), periods, f"windows.{key}") for key in ("baseline", "masked"))
    hidden = {*map(read_periods(periods).column, masked)}
    return tuple(period for period in baseline if periods.index(period) not in hidden) or baseline


def coordinates(places: Mapping[str, tuple[float, float]], cohort: Cohort) -> dict[str, Any]:
    """Return latitude and longitude of each person's region (n,), in degrees; nothing if the study names no places."""
    if not places:
        return {}
    if cohort.region is None:
        raise StudyError("case.places needs the persons' region. Add the column to the table of insured.")
    codes, regions = pd.factorize(cohort.region)
    named = match_names(regions, places, "case.places has no region", StudyError)
    points = np.array([places[name] for name in named])[codes]
    return {"latitude": points[:, 0], "longitude": points[:, 1]}


def _known_savings(
    config: StudyConfig, treated: list[str], simulated: SimulatedClaims | None, extracted: StudyExtracts
) -> tuple[dict[str, KnownSaving], str]:
    """Return the true saving by name of the fits, or the reason why there is none."""
    if simulated is None:
        return {}, ""
    populations = extracted.populations.values()
    if len(treated) > 1 or any(part.kind == "closed" or part.sensitivity for part in populations):
        return {}, ONE_OPEN_UNIT
    persons = simulated.persons()
    savings = {}
    for fit, design in config.fits.items():
        definition, use = design.spending, extracted.uses[fit]
        plain = SpendingConfig(**definition.model_dump(include={"name", "label", "truncation", "duplicates"}))
        narrowed = plain.model_copy(update={key: getattr(definition, key) for key in ("include", "exclude", "unknown")})
        saving = simulated.setting.saving
        rate = saving if definition != plain and isinstance(saving, float) else None
        if definition != (plain if rate is None else narrowed):
            return {}, ALL_SPENDING
        cohort = extracted.cohorts[use[0], False]
        if treated[0] not in cohort.units:
            return {}, ""
        performance = named_periods(design.performance, cohort.periods, "windows.performance")
        try:
            savings[fit] = known_saving(persons, cohort, treated[0], performance, extracted.caps(*use), rate)
        except ClaimsError as error:  # some savings are of persons or days that do not count
            return {}, str(error)
    return savings, ""
