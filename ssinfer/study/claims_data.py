"""Makes the data of a study from claims: extracts them, groups their persons, and finds the known truth."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from ssinfer.cohort.case_mix import CASE_MIX_EXPECTED, expected_spending
from ssinfer.cohort.cohort import Cohort
from ssinfer.cohort.pseudo_practices import pseudo_practices
from ssinfer.errors import SsinferError, StudyError
from ssinfer.names import match_names
from ssinfer.simulation.claims import SimulatedClaims
from ssinfer.simulation.known_saving import KnownSaving, known_saving
from ssinfer.study.claims_extracts import (
    OpenedClaims,
    StudyExtracts,
    extract_claims,
    population_of,
    spending_of,
    window_of,
)
from ssinfer.study.config import StudyConfig
from ssinfer.study.config_claims import GroupsConfig, InsuredConfig, SpendingConfig
from ssinfer.study.data import ClaimsCount, StudyData, View

ONE_OPEN_UNIT = "The true saving is known for one unit, all of its insured and an open population only."
ALL_SPENDING = "The true saving is known for all spending, without choice of categories, prices or run-out, only."


def load_claims(
    config: StudyConfig, periods: tuple[Any, ...], source: AbstractContextManager[OpenedClaims]
) -> StudyData:
    """Return the data of a study on claims; contradictions in the study file are refused before tables are opened."""
    definitions = [config.definition_of(comparison) for comparison in config.comparison]
    spendings = {definition.name: spending_of(definition) for definition in definitions}
    population_of(config.population.insured or InsuredConfig(), periods)
    for window in (config.windows.baseline, config.windows.performance):
        window_of(window, periods)
    with source as claims:
        return _group_persons(config, claims, extract_claims(config, periods, spendings, claims.tables))


def _group_persons(config: StudyConfig, claims: OpenedClaims, extracted: StudyExtracts) -> StudyData:
    """Return cohorts and panels of groups of practices, with the case-mix standard and coordinates as covariates."""
    uses, cohorts = extracted.uses, extracted.cohorts
    first_use = uses[config.comparison[0].name]
    practices = cohorts[first_use]
    complaint = "population.treated: no unit of the claims is called"
    advice = "Units of several practices are named in population.insured.units."
    treated = list(match_names(config.population.treated, practices.units, complaint, StudyError, advice))
    under_contract = next(iter(extracted.extracts.values())).under_contract
    complaint = "population.under_contract: no unit of the claims is called"
    stated = match_names(config.population.under_contract, practices.units, complaint, StudyError)
    contracted = tuple(unit for unit in dict.fromkeys((*under_contract, *stated)) if unit not in treated)
    groups = config.population.groups or GroupsConfig()
    if groups.kind != "intact" and groups.size is None:
        groups = groups.model_copy(update={"size": int(np.isin(practices.unit, treated).sum() // len(treated))})
    views = {use: _view(config, cohort, groups, treated, contracted) for use, cohort in cohorts.items()}
    grouped = views[first_use].cohort
    truth, why_no_truth = _known_savings(config, treated, claims.simulated, extracted)
    left_over = len(pd.unique(practices.person)) - len(pd.unique(grouped.person))
    count = ClaimsCount(
        extracted.extracts, practices, groups, left_over, contracted, uses, truth=truth, why_no_truth=why_no_truth
    )
    by_comparison = {name: views[use] for name, use in uses.items()}
    size = "" if groups.size is None else f" of about {groups.size:,} insured"
    kind = {"intact": "practices", "random": "groups of random insured"}.get(groups.kind, f"{groups.kind} of practices")
    label = f"{claims.label}; {len(grouped.units) - len(treated)} {kind}{size} outside the contract"
    return StudyData(views[first_use].panel, label, claims.note, by_comparison, count)


def _view(
    config: StudyConfig, cohort: Cohort, groups: GroupsConfig, treated: list[str], contracted: tuple[str, ...]
) -> View:
    baseline = window_of(config.windows.baseline, cohort.periods)
    exclude = [unit for unit in contracted if unit in cohort.units]
    expected = expected_spending(cohort, baseline, exclude=[*treated, *exclude])
    places = coordinates(config.population.places, cohort)
    cohort = replace(cohort, covariates={**cohort.covariates, CASE_MIX_EXPECTED: expected, **places})
    try:
        grouped = pseudo_practices(
            cohort, groups.kind, size=groups.size, exclude=exclude, keep=treated, seed=groups.seed
        )
    except SsinferError as error:
        raise StudyError(f"population.groups: {error}") from error
    return View(grouped.to_panel(), grouped)


def coordinates(places: Mapping[str, tuple[float, float]], cohort: Cohort) -> dict[str, Any]:
    """Return latitude and longitude of each person's region (n,), in degrees; nothing if the study names no places."""
    if not places:
        return {}
    if cohort.region is None:
        raise StudyError("population.places needs the persons' region. Add the column to the table of insured.")
    codes, regions = pd.factorize(cohort.region)
    named = match_names(regions, places, "population.places has no region", StudyError)
    points = np.array([places[name] for name in named])[codes]
    return {"latitude": points[:, 0], "longitude": points[:, 1]}


def _known_savings(
    config: StudyConfig, treated: list[str], simulated: SimulatedClaims | None, extracted: StudyExtracts
) -> tuple[dict[str, KnownSaving], str]:
    """Return the true saving per comparison, or the reason why there is none."""
    if simulated is None:
        return {}, ""
    if len(treated) > 1 or extracted.population.kind == "closed" or extracted.population.sensitivity:
        return {}, ONE_OPEN_UNIT
    persons = simulated.persons()
    savings = {}
    for comparison in config.comparison:
        definition = config.definition_of(comparison)
        plain = SpendingConfig(name=definition.name, truncation=definition.truncation, duplicates=definition.duplicates)
        if definition != plain:
            return {}, ALL_SPENDING
        caps = None
        if comparison.truncated:
            table = extracted.extracts[definition.name].truncation
            assert table is not None  # noqa: S101  (validated by the study file)
            caps = dict(zip(table["year"].astype(int), table["cap"], strict=True))
        cohort = extracted.cohorts[definition.name, False]
        if treated[0] not in cohort.units:
            return {}, ""
        performance = window_of(config.windows.performance, cohort.periods)
        savings[comparison.name] = known_saving(persons, cohort, treated[0], performance, caps=caps)
    return savings, ""
