"""Known true savings of a study on simulated claims."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ssinfer.simulation.known_saving import KnownSaving, known_saving
from ssinfer.study.claims_extracts import window_of
from ssinfer.study.config_claims import SpendingConfig

if TYPE_CHECKING:
    from ssinfer.simulation.claims import SimulatedClaims
    from ssinfer.study.claims_extracts import StudyExtracts
    from ssinfer.study.config import StudyConfig

ONE_OPEN_UNIT = "The true saving is known for one unit, all of its insured and an open population only."
ALL_SPENDING = "The true saving is known for all spending, without choice of categories, prices or run-out, only."


def known_savings(
    config: StudyConfig, simulated: SimulatedClaims | None, extracted: StudyExtracts
) -> tuple[dict[str, KnownSaving], str]:
    """Return the true saving per comparison, or the reason why there is none."""
    if simulated is None:
        return {}, ""
    treated = config.population.treated
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
