"""Makes the data of a study from claims: extracts them, then groups their persons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ssinfer.study.claims_extracts import extract_claims, population_of, spending_of, window_of
from ssinfer.study.claims_groups import group_persons
from ssinfer.study.config_claims import InsuredConfig

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from ssinfer.study.claims_extracts import OpenedClaims
    from ssinfer.study.config import StudyConfig
    from ssinfer.study.data import StudyData


def load_claims(
    config: StudyConfig, periods: tuple[Any, ...], source: AbstractContextManager[OpenedClaims]
) -> StudyData:
    """Return the data of a study on claims.

    Values of the study file that contradict each other are refused before `source` opens the tables.
    """
    definitions = [config.definition_of(comparison) for comparison in config.comparison]
    spendings = {definition.name: spending_of(definition) for definition in definitions}
    population_of(config.population.insured or InsuredConfig(), periods, ())
    for window in (config.windows.baseline, config.windows.performance):
        window_of(window, periods)
    with source as claims:
        return group_persons(config, claims, extract_claims(config, periods, spendings, claims.tables))
