"""Invariance: to currency, to order and names of units, and to the treated unit's performance spending."""

import numpy as np

from ssinfer.check import Check
from ssinfer.plugins.conformance.trial import (
    Trial,
    distribution_differs,
    draws_differ,
    reordered,
    scaled,
    tampered,
    units_of,
)


def currency(trial: Trial) -> Check:
    """Check that draws in cents and in thousands have the same distribution, rescaled."""
    factors = (100.0, 0.001)
    worst = max(distribution_differs(trial.first, trial.fit(scaled(trial, factor)), factor) for factor in factors)
    message = "largest change in units of its Monte Carlo tolerance, cents and thousands"
    return Check("currency", "PASS" if worst <= 1 else "FAIL", worst, message)


def order(trial: Trial) -> Check:
    """Check that units in another order and under other names give the same distribution."""
    rng = np.random.default_rng(1)
    names = {unit: f"renamed {index}" for index, unit in enumerate(rng.permutation(units_of(trial.data)).tolist())}
    design = trial.design.replace(treated=[names[unit] for unit in trial.design.treated])
    worst = distribution_differs(trial.first, trial.fit(reordered(trial.data, names, rng), design))
    message = "largest change in units of its Monte Carlo tolerance, units shuffled and renamed"
    return Check("order", "PASS" if worst <= 1 else "FAIL", worst, message)


def sealing(trial: Trial) -> Check:
    """Check that no change of the treated unit's performance spending changes a draw."""
    worst = 0.0
    for factor in (3.0, np.nan):
        data = tampered(trial.data, trial.design.treated, trial.design.performance, factor)
        try:
            changed = trial.fit(data)
        except Exception as error:  # noqa: BLE001  (a method that needs the treated unit's spending fails here)
            return Check(
                "sealing", "FAIL", message=f"needs the treated unit's spending: {type(error).__name__}: {error}"
            )
        if trial.repeats == 0:
            worst = max(worst, draws_differ(trial.first, changed))
        else:  # draws do not repeat: only their distributions can be compared
            worst = max(worst, distribution_differs(trial.first, changed) - 1)
    message = "largest change of a draw when the treated unit's performance spending is tripled or removed"
    return Check("sealing", "PASS" if worst == 0 else "FAIL", worst, message)


def own_donor(trial: Trial) -> Check:
    """Check that no treated unit has a weight in the comparison group."""
    weights = trial.first.weights
    if weights is None:
        return Check("own_donor", "NOT EVALUATED", message="the method gives no donor weights")
    among_donors = [unit for unit in trial.design.treated if unit in set(weights.columns)]
    share = float(weights[among_donors].abs().to_numpy().sum())
    return Check("own_donor", "FAIL" if share > 0 else "PASS", share, "weight of treated units among donors")
