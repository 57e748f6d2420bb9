"""Invariance: currency, order and names of units; and the treated unit's spending sealed away."""

from __future__ import annotations

import numpy as np

from ssinfer.check import Check
from ssinfer.plugins.conformance.trial import (
    Trial,
    law_differs,
    reordered,
    same_draws,
    scaled,
    tampered,
    units_of,
)


def currency(trial: Trial) -> Check:
    """In cents and in thousands the draws are the same law, rescaled."""
    worst = max(law_differs(trial.first, trial.fit(scaled(trial, factor)), factor) for factor in (100.0, 0.001))
    message = "largest change in units of its Monte Carlo tolerance, cents and thousands"
    return Check("currency", "PASS" if worst <= 1 else "FAIL", worst, message)


def order(trial: Trial) -> Check:
    """Units in another order and under other names give the same law."""
    rng = np.random.default_rng(1)
    names = {unit: f"renamed {place}" for place, unit in enumerate(rng.permutation(units_of(trial.data)).tolist())}
    design = trial.design.replace(treated=[names[unit] for unit in trial.design.treated])
    worst = law_differs(trial.first, trial.fit(reordered(trial.data, names, rng), design))
    message = "largest change in units of its Monte Carlo tolerance, units shuffled and renamed"
    return Check("order", "PASS" if worst <= 1 else "FAIL", worst, message)


def sealing(trial: Trial) -> Check:
    """Tampering with the treated unit's performance spending changes no benchmark draw."""
    worst = 0.0
    for factor in (3.0, np.nan):
        data = tampered(trial.data, trial.design.treated, trial.design.performance, factor)
        try:
            found = trial.fit(data)
        except Exception as error:  # noqa: BLE001  (a method that cannot do without the sealed cells fails here)
            return Check(
                "sealing", "FAIL", message=f"needs the treated unit's spending: {type(error).__name__}: {error}"
            )
        # where draws do not repeat, only their law can be compared
        gap = same_draws(trial.first, found) if trial.repeats == 0 else max(law_differs(trial.first, found) - 1, 0.0)
        worst = max(worst, gap)
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
