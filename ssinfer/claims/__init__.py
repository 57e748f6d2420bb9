"""From claims to cohorts and panels, on Ibis. The names are loaded when first used."""

from ssinfer.later import lazy_names

ELSEWHERE = {
    "expected_spending": "ssinfer.cohort.case_mix",
    "intact_group_ratio": "ssinfer.backtesting.intact_groups",
    "known_saving": "ssinfer.simulation.known_saving",
    "pseudo_practices": "ssinfer.cohort.pseudo_practices",
}

__getattr__, __dir__, __all__ = lazy_names(__name__, __file__, ELSEWHERE)
