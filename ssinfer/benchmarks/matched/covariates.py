"""What persons are compared on: covariates of the score, exact strata, tie-breaking ids, truncated spending."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ssinfer.benchmarks.matched.scores.propensity import refuse_unseen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ssinfer.benchmarks.matched.cohort_problem import CohortProblem
    from ssinfer.cohort.cohort import Cohort
    from ssinfer.design import Design
    from ssinfer.typing import Booleans, Floats

    Codes = NDArray[np.int64]

ENTRANT = "entered after the baseline"
PRIOR_SPENDING = ("log(1 + prior spending)", "no prior spending")


def truncation_caps(cohort: Cohort, design: Design, quantile: float) -> Floats:
    """Return the cap on spending per insured-year of each period (T,): a quantile of persons outside, by years."""
    outside = ~np.isin(cohort.unit, np.array(design.treated, dtype=object))
    caps = np.full(len(cohort.periods), np.inf)
    for column in range(len(cohort.periods)):
        years, spending = cohort.insured_years[:, column], cohort.spending[:, column]
        there = outside & (years > 0) & np.isfinite(spending)
        if not there.any():
            continue
        rate = spending[there] / years[there]
        order = np.argsort(rate)
        share = np.cumsum(years[there][order])
        caps[column] = rate[order][np.searchsorted(share, quantile * share[-1])]
    return caps


def truncate(cohort: Cohort, caps: Floats) -> Cohort:
    """Return the cohort with spending per insured-year capped in each period."""
    years = cohort.insured_years
    return replace(cohort, spending=np.where(years > 0, np.minimum(cohort.spending, caps * years), cohort.spending))


def score_covariates(
    problem: CohortProblem, chosen: Sequence[str] | None, *, prior_spending: bool
) -> dict[str, Floats]:
    """Return the covariates of the score (n,), labels as indicators less the first level."""
    cohort, treated = problem.cohort, problem.is_treated
    names = list(cohort.covariates) if chosen is None else list(chosen)
    columns: dict[str, Floats] = {}
    for name in names:
        values = cohort.covariate(name)[problem.rows]
        if values.dtype.kind == "f":
            columns[name] = values
        else:
            codes, labels = pd.factorize(values, sort=True)
            inside, outside = (np.bincount(codes[group], minlength=len(labels)) for group in (treated, ~treated))
            for place, level in enumerate(labels):
                refuse_unseen(f"{level!r} of covariate {name!r}", int(inside[place]), int(outside[place]))
                if place:  # the first level is the reference
                    columns[f"{name}={level}"] = (codes == place).astype(np.float64)
    entrant = entrants(problem)
    if entrant[treated].any() and entrant[~treated].any():
        columns[ENTRANT] = entrant.astype(np.float64)
    if prior_spending:
        rate = np.divide(problem.before[:, 0], problem.before[:, 1], out=np.zeros(len(entrant)), where=~entrant)
        columns[PRIOR_SPENDING[0]] = np.log1p(np.maximum(rate, 0.0))
        columns[PRIOR_SPENDING[1]] = ((rate <= 0) & ~entrant).astype(np.float64)
    return {name: values for name, values in columns.items() if values.min() < values.max()}


def entrants(problem: CohortProblem) -> Booleans:
    """Return who was not insured in the baseline (n,)."""
    return np.asarray(problem.before[:, 1] <= 0)


def exact_strata(problem: CohortProblem, exact: Sequence[str]) -> Any:
    """Return labels of exact strata (n,), or None; persons who entered later are a stratum of their own."""
    entrant = entrants(problem)
    labels = [problem.cohort.covariate(name)[problem.rows] for name in exact]
    if not labels and not entrant.any():
        return None
    codes = entrant.astype(np.int64)
    names = [np.where(entrant, ENTRANT, "in the baseline").astype(object)] if entrant.any() else []
    for values in labels:
        level, uniques = pd.factorize(values)
        codes = codes * len(uniques) + level
    first = np.unique(codes, return_index=True, return_inverse=True)
    text = [" x ".join(str(part[row]) for part in [*labels, *names]) for row in first[1]]
    return np.array(text, dtype=object)[first[2]]


def person_ids(problem: CohortProblem) -> Codes:
    """Return numbers that break ties (n,): a shuffled order of persons, the same whatever the order of rows.

    Identifiers as they are would be no neutral rule: they often run by region or date of enrolment, and whoever is
    treated would be given the same first persons of every tie. So identifiers are hashed, and the hash is salted with
    those of the treated persons: another treated group breaks its ties otherwise.
    """
    person = problem.cohort.person[problem.rows]
    hashed = pd.util.hash_array(person if person.dtype.kind in "iu" else person.astype(str).astype(object))
    salt = np.bitwise_xor.reduce(hashed[problem.is_treated])
    mixed = (hashed ^ salt) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
    labels = np.array(problem.panel.units, dtype=object)
    unit = np.argsort(np.argsort(labels))[problem.unit]  # a person may have a row in two units
    ids = np.empty(len(person), dtype=np.int64)
    ids[np.lexsort((unit, mixed))] = np.arange(len(person))
    return ids
