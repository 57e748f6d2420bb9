"""Refuses covariates that separate treated persons from controls, are collinear, missing or constant."""

from collections.abc import Mapping

import numpy as np

from ssinfer.errors import DataError, DesignError, RefusalError
from ssinfer.typing import Booleans, Floats

# Smallest eigenvalue of the information of standardised covariates. Below it, the standard error of a coefficient
# exceeds 1,000 standard deviations, which indicates a likelihood without a maximum.
MIN_INFORMATION = 1e-6
MIN_RELATIVE_EIGENVALUE = 1e-10  # of the covariates' correlation matrix; below it they are collinear


def usable_covariates(covariates: Mapping[str, Floats], treated: Booleans) -> tuple[Floats, list[str]]:
    """Return the covariates that vary (n, p) and their names, or refuse covariates that cannot give a score."""
    if treated.all() or not treated.any():
        raise DesignError(
            f"{int(treated.sum())} of {len(treated)} persons are treated: a propensity score needs both groups."
        )
    if not covariates:
        raise DesignError("No covariates are given for the propensity score. Name at least one baseline covariate.")
    columns = {name: np.asarray(values, dtype=np.float64) for name, values in covariates.items()}
    for name, column in columns.items():
        absent = int((~np.isfinite(column)).sum())
        if absent:
            raise DataError(
                f"Covariate {name!r} is missing or infinite for {absent} persons. Persons are never dropped "
                "silently: give a missing-indicator and a fill value, impute, or leave the persons out and count them."
            )
    # A constant carries no information on treatment.
    columns = {name: column for name, column in columns.items() if column.min() < column.max()}
    if not columns:
        raise DesignError(f"Every covariate is constant ({list(covariates)[:5]}): nothing distinguishes persons.")
    for name, column in columns.items():
        inside, outside = column[treated], column[~treated]
        if inside.min() > outside.max() or inside.max() < outside.min():
            raise RefusalError(
                f"Covariate {name!r} separates the groups perfectly: treated [{inside.min():g}, {inside.max():g}], "
                f"controls [{outside.min():g}, {outside.max():g}]. No person is comparable on it: leave it out of the "
                "score, or choose another comparison group."
            )
        for level in (0.0, 1.0) if set(np.unique(column[:1000])) <= {0.0, 1.0} else ():
            refuse_unseen(f"{name!r} = {level:g}", int((inside == level).sum()), int((outside == level).sum()))
    return np.column_stack(list(columns.values())), list(columns)


def refuse_unseen(level: str, n_treated: int, n_controls: int) -> None:
    """Refuse a level that only treated persons or only controls have."""
    if (n_treated > 0) != (n_controls > 0):
        others, have = ("controls", "treated persons") if n_treated else ("the treated", "controls")
        raise RefusalError(
            f"Level {level} is unseen among {others} ({n_treated or n_controls} {have} have it), so it separates them "
            "perfectly. Merge the level with another, or leave these persons out (Cohort.select) and count them."
        )


def refuse_collinear(scaled: Floats, names: list[str]) -> None:
    """Refuse standardised covariates (n, p) whose correlation matrix is singular."""
    values, vectors = np.linalg.eigh(scaled.T @ scaled / len(scaled))
    if values[0] < MIN_RELATIVE_EIGENVALUE * values[-1]:
        involved = [name for name, part in zip(names, vectors[:, 0], strict=True) if abs(part) > 1e-4]
        raise RefusalError(
            f"Covariates {involved} are collinear: their coefficients are not identified. Leave one of them out."
        )


def refuse_separation(scaled: Floats, score: Floats, treated: Booleans, names: list[str]) -> None:
    """Refuse, by name, standardised covariates (n, p) that separate the groups: the information of `score` vanishes."""
    design = np.column_stack([np.ones(len(scaled)), scaled])
    information = (design * np.nan_to_num(score * (1 - score))[:, None]).T @ design
    values, vectors = np.linalg.eigh(information)
    if values[0] > MIN_INFORMATION:
        return
    share = np.abs(vectors[1:, 0])
    involved = [names[column] for column in np.argsort(-share) if share[column] > 0.1 * share.max()][:3]
    right = int(((score > 0.5) == treated).sum())
    raise RefusalError(
        f"The covariates {involved} together separate treated persons ({int(treated.sum())}) from controls, completely "
        f"or in part, so the likelihood has no maximum ({right} of {len(treated)} persons are classified correctly). "
        "Leave them out, merge rare levels, or choose another comparison group."
    )


def refuse_certain(score: Floats) -> None:
    """Refuse scores of a classifier that are exactly 0 or 1."""
    certain = (score <= 0) | (score >= 1) | ~np.isfinite(score)
    if certain.any():
        raise RefusalError(
            f"The classifier gives a probability of exactly 0 or 1 to {int(certain.sum())} of {len(score)} persons: "
            "their log-odds are infinite. Regularise or calibrate it."
        )
