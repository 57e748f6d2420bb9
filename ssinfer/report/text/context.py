"""Published numbers for comparison, and the glossary: what every report says."""

from ssinfer.sentences import say

PUBLISHED = (  # name of the sentence, source, DOI
    ("reported", "", ""),
    ("mssp_2013_2021", "Ryan and Markovitz 2023.", ""),
    ("mssp_2013_2016", "Avalere Health 2018, against the Congressional Budget Office's projection of 2010.", ""),
    ("mssp_2023", "Centers for Medicare and Medicaid Services, announcement of October 2024.", ""),
    ("pioneer", "L&M Policy Research 2015, evaluation of the Pioneer model, net of shared savings paid.", ""),
    ("all_in", "Gigengack, Cattel and Eijkenaar 2025.", "10.1007/s10198-025-01765-8"),
    ("msr", "42 CFR 425.604(b) and 425.605(b)(1).", ""),
    ("delia", "DeLia, Hoover and Cantor 2012.", "10.5600/mmrr.002.04.a04"),
)
GLOSSARY = (
    "design saving savings_rate benchmark contract_group insured_year placebo_contract threshold confidence_interval "
    "cross_fitted false_payment_rate detection_rate bias sd coverage k group_shock one_error"
)


def published() -> tuple[tuple[str, str, str], ...]:
    """Return published numbers in words, each with its source and DOI; empty if there is none."""
    return tuple((say(f"published.{name}"), source, doi) for name, source, doi in PUBLISHED)


def glossary() -> tuple[tuple[str, str, str], ...]:
    """Return the names of the terms, the terms, and their meanings."""
    return tuple((name, say(f"glossary.{name}"), say(f"glossary.{name}.meaning")) for name in GLOSSARY.split())
