"""Invariance: currency, order and names of units; and the treated unit's spending sealed away."""

from __future__ import annotations

import numpy as np

from ssinfer.plugins.trial import (
    Check,
    Trial,
    moments_differ,
    reordered,
    same_draws,
    scaled,
    tampered,
    units_of,
)

# Two sets of draws of the same law differ by Monte Carlo error only: means by about SD sqrt(2 / ESS), log SDs by
# sqrt(1 / ESS). An effective size of 200 is granted, and four standard errors.
MEAN_TOLERANCE = 0.4
SD_TOLERANCE = 0.28


def currency(trial: Trial) -> Check:
    """In cents and in thousands the draws are the same law, rescaled."""
    worst = 0.0
    for factor in (100.0, 0.001):
        mean, spread = moments_differ(trial.first, trial.fit(scaled(trial.data, factor)), factor)
        worst = max(worst, abs(mean) / MEAN_TOLERANCE, abs(spread) / SD_TOLERANCE)
        if len(trial.first.pooled()) < 2:
            worst = max(worst, abs(mean) / 1e-6)
    message = "largest change in units of its Monte Carlo tolerance, cents and thousands"
    return Check("currency", "PASS" if worst <= 1 else "FAIL", worst, message)


def order(trial: Trial) -> Check:
    """Units in another order and under other names give the same law."""
    rng = np.random.default_rng(1)
    names = {unit: f"renamed {place}" for place, unit in enumerate(rng.permutation(units_of(trial.data)).tolist())}
    design = trial.design.replace(treated=[names[unit] for unit in trial.design.treated])
    mean, spread = moments_differ(trial.first, trial.fit(reordered(trial.data, names, rng), design))
    worst = max(abs(mean) / MEAN_TOLERANCE, abs(spread) / SD_TOLERANCE)
    if len(trial.first.pooled()) < 2:
        worst = abs(mean) / 1e-6
    message = "largest change in units of its Monte Carlo tolerance, units shuffled and renamed"
    return Check("order", "PASS" if worst <= 1 else "FAIL", worst, message)


def sealing(trial: Trial) -> Check:
    """Tampering with the treated unit's performance spending changes no benchmark draw."""
    worst = 0.0
    for factor in (3.0, np.nan):
        data = tampered(trial.data, trial.design.treated, trial.design.performance, factor)
        try:
            worst = max(worst, same_draws(trial.first, trial.fit(data)))
        except Exception as error:  # noqa: BLE001  (a method that cannot do without the sealed cells fails here)
            return Check(
                "sealing", "FAIL", message=f"needs the treated unit's spending: {type(error).__name__}: {error}"
            )
    message = "largest change of a draw when the treated unit's performance spending is tripled or taken out"
    return Check("sealing", "PASS" if worst == 0 else "FAIL", worst, message)


def own_donor(trial: Trial) -> Check:
    """Find no weight of the treated unit in its own comparison group."""
    weights = trial.first.weights
    if weights is None:
        return Check("own_donor", "NOT EVALUATED", message="the method gives no donor weights")
    own = [unit for unit in trial.design.treated if unit in set(weights.columns)]
    share = float(weights[own].abs().to_numpy().sum()) if own else 0.0
    return Check("own_donor", "FAIL" if share > 0 else "PASS", share, "weight of treated units among donors")
