"""Measures of balance between treated persons and controls, and their table. None of them uses an outcome."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from ssinfer.typing import Booleans, Floats, Positions

EQUIPOISE_BOUNDS = (0.3, 0.7)  # of the preference score (Walker et al. 2013)
MAX_SCORE = 0.9  # above it hardly any control is comparable (Crump et al. 2009)
SMD = "smd (SD of the treated)"  # the header names the denominator
AFTER = " after"
NO_SPREAD = 1e-12  # of the largest value: a smaller spread is rounding, and is not judged


def standardised_mean_difference(x: Floats, treated: Booleans, weights: Floats) -> float:
    """Return the weighted difference of means over the SD of the treated before adjustment (doi:10.1002/sim.3697)."""
    difference = float(
        np.average(x[treated], weights=weights[treated]) - np.average(x[~treated], weights=weights[~treated])
    )
    sd = float(np.sqrt(x[treated].var(ddof=0 if is_indicator(x) else 1)))
    if sd > NO_SPREAD * float(np.abs(x).max()):
        return difference / sd
    return 0.0 if abs(difference) < 1e-12 * (1 + float(np.abs(x).max())) else float(np.copysign(np.inf, difference))


def is_indicator(x: Floats) -> bool:
    """Return whether a covariate takes only the values 0 and 1."""
    return bool(((x == 0) | (x == 1)).all())


def weighted_variance(x: Floats, weights: Floats) -> float:
    r"""Return :math:`\frac{W}{W^2 - \sum w^2} \sum w (x - \bar x)^2`, the n - 1 variance if weights are equal."""
    total = float(weights.sum())
    mean = float(weights @ x) / total
    divisor = total**2 - float((weights**2).sum())
    return float(weights @ (x - mean) ** 2) * total / divisor if divisor > 0 else 0.0


def variance_ratio(x: Floats, treated: Booleans, weights: Floats) -> float:
    """Return the variance among treated persons over that among controls; NaN for an indicator or a constant."""
    if is_indicator(x) or float(np.ptp(x)) <= NO_SPREAD * float(np.abs(x).max()):
        return float("nan")
    of_controls = weighted_variance(x[~treated], weights[~treated])
    return weighted_variance(x[treated], weights[treated]) / of_controls if of_controls > 0 else float("inf")


def kolmogorov_smirnov(x: Floats, treated: Booleans, weights: Floats, order: Positions) -> float:
    """Return the largest distance of the weighted distribution functions; `order` is ``np.argsort(x)``."""
    signed = np.where(treated, weights / weights[treated].sum(), -weights / weights[~treated].sum())
    steps = np.cumsum(signed[order])
    last_of_tie = np.append(x[order][1:] != x[order][:-1], True)
    return float(np.abs(steps[last_of_tie]).max())


def preference_score(score: Floats, treated: Booleans) -> Floats:
    """Return the propensity score e without the prevalence P of treatment: logit F = logit e - logit P."""
    share = treated.mean()
    logit = np.log(score) - np.log1p(-score) - np.log(share / (1 - share))
    return np.asarray(1 / (1 + np.exp(-logit)))


def equipoise(score: Floats, treated: Booleans) -> float:
    """Return the share of preference scores from 0.3 to 0.7 (Walker et al. 2013, doi:10.2147/CER.S40357)."""
    low, high = EQUIPOISE_BOUNDS
    preference = preference_score(score, treated)
    return float(((preference >= low) & (preference <= high)).mean())


def overlap(score: Floats, treated: Booleans, weights: Floats) -> float:
    """Return the weighted share of treated persons with a score of at most 0.9 (Crump 2009, doi:10.1093/biomet/asn055).

    Their rule of thumb keeps scores from 0.1 to 0.9. The lower end concerns persons who are compared with the treated
    only for an effect on all persons: an effect on the treated does not need it.
    """
    return float(np.average(score[treated] <= MAX_SCORE, weights=weights[treated]))


def common_support(score: Floats, treated: Booleans, weights: Floats) -> float:
    """Return the weighted share of treated persons whose score is in the controls' range (doi:10.1214/09-STS313)."""
    low, high = float(score[~treated].min()), float(score[~treated].max())
    return float(np.average((score[treated] >= low) & (score[treated] <= high), weights=weights[treated]))


def balance_table(covariates: Mapping[str, Floats], treated: Booleans, weights: Floats) -> pd.DataFrame:
    """Return the balance of each covariate (n,), one row each, before and after adjustment by weights."""
    stages = {"": np.ones(len(treated)), AFTER: weights}
    rows = []
    for name, values in covariates.items():
        x = np.asarray(values, dtype=np.float64)
        order = np.argsort(x)
        row: dict[str, object] = {"covariate": name}
        for suffix, w in stages.items():
            for group, members in (("treated", treated), ("control", ~treated)):
                row[f"mean_{group}{suffix}"] = float(np.average(x[members], weights=w[members]))
            row[SMD + suffix] = standardised_mean_difference(x, treated, w)
            row["variance_ratio" + suffix] = variance_ratio(x, treated, w)
            row["ks" + suffix] = kolmogorov_smirnov(x, treated, w, order)
        rows.append(row)
    return pd.DataFrame(rows).set_index("covariate")
