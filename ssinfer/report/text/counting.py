"""Sentences on the counted population of a study on claims: its groups, and the findings in the claims."""

from collections.abc import Iterator

import pandas as pd

from ssinfer.printed import count, listed, plain, quoted, total
from ssinfer.report.analysis import Analysis, span
from ssinfer.study.data import ClaimsCount

GROUPS = {
    "intact": "The {practices} practices outside the contract are donors and placebos as they are.",
    "bundles": (
        "The {practices} practices outside the contract were combined, intact and in random order (seed {seed}), into "
        "{units} groups of about {size} insured, as many as {group} has. The groups are the donors and the placebos."
    ),
    "regional bundles": (
        "The {practices} practices outside the contract were combined within their region, intact and in random order "
        "(seed {seed}), into {units} groups of about {size} insured, as many as {group} has. The groups are the donors "
        "and the placebos, and a region is one block of the cross-fitting."
    ),
    "random": (
        "The insured outside the contract were divided at random (seed {seed}) into {units} groups of {size}. Their "
        "thresholds contain sampling noise alone and are too small for a contract with practices."
    ),
}
NOTICED = {
    "negative lines": "lines with a negative amount (corrections)",
    "repeated lines": "lines that repeat another line in every column",
    "repriced lines": "lines repriced at reference tariffs",
    "deaths of unknown persons": "deaths of persons who are not in the table of insured",
    "deaths before birth": "deaths before the year of birth",
}


def counting_sentences(analysis: Analysis) -> Iterator[str]:
    """Return the groups of the population, the contracts, and the remarks on each definition of spending."""
    result, claims = analysis.result, analysis.result.claims
    if claims is None:
        return
    treated, groups = next(iter(result.designs.values())).treated, claims.groups
    yield GROUPS[groups.kind].format(
        practices=count(len([unit for unit in claims.practices.units if unit not in treated])),
        units=len([unit for unit in result.panel.units if unit not in treated]),
        size=f"{groups.size or 0:,}",
        seed=groups.seed,
        group=analysis.group,
    )
    if claims.left_over:
        where = " in their region" if groups.kind == "regional bundles" else ""
        yield f"{count(claims.left_over)} insured were left over: too few for another group{where}."
    if claims.contracted:
        names = list(claims.contracted)
        shown = listed(names) if len(names) <= 6 else f"{listed(names[:6])} and {len(names) - 6} more"
        yield f"Neither donors nor placebos, because they have a contract of their own: {shown}."
    yield from _by_definition(claims, result.currency)
    if claims.why_no_truth:
        yield claims.why_no_truth
    sizes = "" if groups.size is None else " The size of a group counts all persons who were in it at any time."
    yield f"Claims of {span(result.panel.periods)}.{sizes}"


def _by_definition(claims: ClaimsCount, currency: str) -> Iterator[str]:
    for name, extract in claims.extracts.items():
        if extract.sensitivity:
            yield (
                "SENSITIVITY ANALYSIS, never the main estimand: the population depends on events after the start of "
                f"the contract ({'; '.join(extract.sensitivity)})."
            )
        costs = extract.own_costs
        if len(costs):
            yield (
                f"Not part of spending ({quoted(name)}): {total(float(costs['spending'].sum()), currency)} of the "
                f"contract's own fees and programme costs in {count(costs['lines'].sum())} lines (own_costs.csv)."
            )
        if extract.completion is not None:
            yield _completion(name, extract.completion)
        noticed = extract.noticed
        if remarks := [f"{count(noticed[key])} {words}" for key, words in NOTICED.items() if noticed.get(key)]:
            yield f"Counted under {quoted(name)}, although they are unusual: {listed(remarks)}."


def _completion(name: str, table: pd.DataFrame) -> str:
    row = table.iloc[0]
    return (
        f"Under {quoted(name)} lines count if they are paid within {int(row['months'])} months of their period, for "
        "all groups and periods. They are multiplied by "
        f"{plain(float(row['factor']), 4)} ± {plain(float(row['standard_error']), 4)} for payments still to come "
        "(chain ladder). Both arms have the same factor: it changes money and not rates, and its error is part of the "
        "intervals of the saving in money."
    )
