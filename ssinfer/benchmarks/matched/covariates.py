"""Covariates of the score, exact strata, numbers that break ties, and truncated spending."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from ssinfer.benchmarks.matched.cohort_problem import CohortProblem
from ssinfer.benchmarks.matched.scores.separation import refuse_unseen
from ssinfer.cohort.cohort import Cohort
from ssinfer.cohort.person_features import person_features
from ssinfer.design import Design
from ssinfer.errors import DesignError
from ssinfer.kernels.quantiles import weighted_quantile
from ssinfer.names import as_names, match_names
from ssinfer.typing import Booleans, Floats, Integers

ENTRANT = "entered after the baseline"
NO_PRIOR_SPENDING = "no prior spending"


def truncation_caps(cohort: Cohort, design: Design, quantile: float) -> Floats:
    """Return caps on spending per insured-year (T,): a quantile, by insured-years, of persons in untreated units."""
    treated = match_names(design.treated, cohort.units, "The cohort has no treated unit", DesignError)
    outside = ~np.isin(cohort.unit, np.array(treated, dtype=object))
    caps = np.full(len(cohort.periods), np.inf)
    for column in range(len(cohort.periods)):
        years, spending = cohort.insured_years[:, column], cohort.spending[:, column]
        known = outside & (years > 0) & np.isfinite(spending)
        if not known.any():
            continue
        caps[column] = weighted_quantile(spending[known] / years[known], years[known], quantile)
    return caps


def truncate(cohort: Cohort, design: Design, quantile: float) -> Cohort:
    """Return the cohort with spending per insured-year capped in each period, at :func:`truncation_caps`."""
    years, caps = cohort.insured_years, truncation_caps(cohort, design, quantile)
    return replace(cohort, spending=np.where(years > 0, np.minimum(cohort.spending, caps * years), cohort.spending))


def score_covariates(
    problem: CohortProblem, chosen: Sequence[str] | None, terms: Mapping[str, Floats]
) -> dict[str, Floats]:
    """Return the covariates of the score (n,). Each level of a label becomes an indicator, except the first level."""
    cohort, treated = problem.cohort, problem.is_treated
    columns: dict[str, Floats] = {}
    for name in cohort.covariates if chosen is None else as_names(chosen):
        values = cohort.covariate(name)[problem.rows]
        if values.dtype.kind == "f":
            columns[name] = values
            continue
        codes, labels = pd.factorize(values, sort=True)
        inside, outside = (np.bincount(codes[group], minlength=len(labels)) for group in (treated, ~treated))
        for code, level in enumerate(labels):
            refuse_unseen(f"{level!r} of covariate {name!r}", int(inside[code]), int(outside[code]))
            if code:  # the first level is the reference
                columns[f"{name}={level}"] = (codes == code).astype(np.float64)
    entrant = entrants(problem)
    if entrant[treated].any() and entrant[~treated].any():
        columns[ENTRANT] = entrant.astype(np.float64)
    # Rates and shares are nearly collinear with the other terms of prior spending.
    columns |= {name: values for name, values in terms.items() if name.endswith(("log", "root", NO_PRIOR_SPENDING))}
    return {name: values for name, values in columns.items() if values.min() < values.max()}


def history(problem: CohortProblem) -> dict[str, Floats]:
    """Return bounded terms of each person's baseline spending (n,), by year; periods outside the baseline are masked.

    A linear term under a log link is an exponential of spending: one person can then hold most of the benchmark.
    """
    cohort, before = problem.cohort, int(problem.performance_columns.min())
    masked = [cohort.periods[column] for column in np.setdiff1d(np.arange(before), problem.baseline)]
    frame = person_features(cohort, cohort.periods[before], masked=masked, covariates=()).iloc[problem.rows]
    names = [name for name in map(str, frame) if re.fullmatch(r"(year \d|older): (log|root|rate|share)", name)]
    none = ((problem.before[:, 0] <= 0) & ~entrants(problem)).astype(np.float64)
    return {f"prior spending, {name}": frame[name].to_numpy(np.float64) for name in names} | {NO_PRIOR_SPENDING: none}


def entrants(problem: CohortProblem) -> Booleans:
    """Return whether each person was not insured in the baseline (n,)."""
    return np.asarray(problem.before[:, 1] <= 0)


def exact_strata(problem: CohortProblem, exact: Sequence[str]) -> Any:
    """Return the label of each person's exact stratum (n,), or None. Entrants have strata of their own."""
    entrant = entrants(problem)
    labels = [problem.cohort.covariate(name)[problem.rows] for name in as_names(exact)]
    if not labels and not entrant.any():
        return None
    if entrant.any():
        labels.append(np.where(entrant, ENTRANT, "in the baseline").astype(object))
    frame = pd.DataFrame(dict(enumerate(labels)))
    text = [" x ".join(map(str, stratum)) for stratum in frame.drop_duplicates().itertuples(index=False)]
    return np.array(text, dtype=object)[frame.groupby(list(frame), sort=False).ngroup()]


def person_ids(problem: CohortProblem) -> Integers:
    """Return numbers that break ties (n,): a shuffled order of persons that does not depend on the order of rows."""
    person = problem.cohort.person[problem.rows]
    # raw identifiers often follow region or enrolment date: they are hashed, salted with those of the treated
    hashed = pd.util.hash_array(person if person.dtype.kind in "iu" else person.astype(str).astype(object))
    salt = np.bitwise_xor.reduce(hashed[problem.is_treated])
    mixed = (hashed ^ salt) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
    labels = np.array(problem.panel.units, dtype=object)
    unit = np.argsort(np.argsort(labels))[problem.unit]  # a person may have a row in two units
    ids = np.empty(len(person), dtype=np.int64)
    ids[np.lexsort((unit, mixed))] = np.arange(len(person))
    return ids
