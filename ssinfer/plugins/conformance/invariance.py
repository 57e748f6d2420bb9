"""Invariance: to currency, to order and names of units, and to the treated unit's performance spending."""

from dataclasses import replace
from typing import Any

import numpy as np

from ssinfer.cohort.case_mix import CASE_MIX_EXPECTED
from ssinfer.panel import Panel
from ssinfer.plugins.conformance.trial import Trial, Verdict, distribution_differs, draws_differ, tampered, units_of


def currency(trial: Trial) -> Verdict:
    """Check that draws in cents and in thousands have the same distribution, rescaled."""
    factors = (100.0, 0.001)
    worst = max(distribution_differs(trial.first, trial.fit(_scaled(trial, factor)), factor) for factor in factors)
    return worst <= 1, worst, "largest change in units of its Monte Carlo tolerance, cents and thousands"


def order(trial: Trial) -> Verdict:
    """Check that units in another order and under other names give the same distribution."""
    rng = np.random.default_rng(1)
    names = {unit: f"renamed {index}" for index, unit in enumerate(rng.permutation(units_of(trial.data)).tolist())}
    design = trial.design.replace(treated=[names[unit] for unit in trial.design.treated])
    worst = distribution_differs(trial.first, trial.fit(_reordered(trial.data, names, rng), design))
    return worst <= 1, worst, "largest change in units of its Monte Carlo tolerance, units shuffled and renamed"


def sealing(trial: Trial) -> Verdict:
    """Check that no change of the treated unit's performance spending changes a draw."""
    worst = 0.0
    for factor in (3.0, np.nan):
        data = tampered(trial.data, trial.design.treated, trial.design.performance, factor)
        try:
            changed = trial.fit(data)
        except Exception as error:  # noqa: BLE001  (a method that needs the treated unit's spending fails here)
            return False, np.nan, f"needs the treated unit's spending: {type(error).__name__}: {error}"
        if trial.repeats == 0:
            worst = max(worst, draws_differ(trial.first, changed))
        else:  # draws do not repeat: only their distributions can be compared
            worst = max(worst, distribution_differs(trial.first, changed) - 1)
    message = "largest change of a draw when the treated unit's performance spending is tripled or removed"
    return worst == 0, worst, message


def own_donor(trial: Trial) -> Verdict:
    """Check that no treated unit has a weight in the comparison group."""
    weights = trial.first.weights
    if weights is None:
        return None, np.nan, "the method gives no donor weights"
    among_donors = [unit for unit in trial.design.treated if unit in set(weights.columns)]
    share = float(weights[among_donors].abs().to_numpy().sum())
    return share == 0, share, "weight of treated units among donors"


def _scaled(trial: Trial, factor: float) -> Any:
    """Return the trial's data in another currency unit, with covariates that are money."""
    data, spending = trial.data, trial.data.spending * factor
    if not isinstance(data, Panel):
        return replace(data, spending=spending)
    money = {CASE_MIX_EXPECTED, trial.design.standard}
    covariates = {name: values * (factor if name in money else 1.0) for name, values in data.covariates.items()}
    variance = None if data.sampling_variance is None else data.sampling_variance * factor**2
    return replace(data, spending=spending, sampling_variance=variance, covariates=covariates)


def _reordered(data: Any, names: dict[str, str], rng: np.random.Generator) -> Any:
    """Return the data with units (or persons) in another order and under other names."""
    if isinstance(data, Panel):
        order = rng.permutation(len(data.units))
        shuffled = data.select(units=[data.units[row] for row in order])
        return replace(shuffled, units=tuple(names[unit] for unit in shuffled.units))
    shuffled = data.take(rng.permutation(len(data.person)))
    return replace(shuffled, unit=np.array([names[str(unit)] for unit in shuffled.unit], dtype=object))
