"""Invariance: to currency, to order and names of units, and to the treated unit's performance spending."""

from dataclasses import replace
from typing import Any

import numpy as np

from ssinfer.check import Check
from ssinfer.cohort.case_mix import CASE_MIX_EXPECTED
from ssinfer.panel import Panel
from ssinfer.plugins.conformance.trial import Trial, distribution_differs, draws_differ, tampered, units_of


def currency(trial: Trial) -> Check:
    """Check that draws in cents and in thousands have the same distribution, rescaled."""
    factors = (100.0, 0.001)
    worst = max(distribution_differs(trial.first, trial.fit(_scaled(trial, factor)), factor) for factor in factors)
    message = "largest change in units of its Monte Carlo tolerance, cents and thousands"
    return Check("currency", "PASS" if worst <= 1 else "FAIL", worst, message)


def order(trial: Trial) -> Check:
    """Check that units in another order and under other names give the same distribution."""
    rng = np.random.default_rng(1)
    names = {unit: f"renamed {index}" for index, unit in enumerate(rng.permutation(units_of(trial.data)).tolist())}
    design = trial.design.replace(treated=[names[unit] for unit in trial.design.treated])
    worst = distribution_differs(trial.first, trial.fit(_reordered(trial.data, names, rng), design))
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


def _scaled(trial: Trial, factor: float) -> Any:
    """Return the trial's data in another currency unit, with covariates that are money."""
    data = trial.data
    if isinstance(data, Panel):
        variance = data.sampling_variance
        money = {CASE_MIX_EXPECTED, trial.design.standard}
        covariates = {name: values * (factor if name in money else 1.0) for name, values in data.covariates.items()}
        variance = None if variance is None else variance * factor**2
        return replace(data, spending=data.spending * factor, sampling_variance=variance, covariates=covariates)
    return replace(data, spending=data.spending * factor)


def _reordered(data: Any, names: dict[str, str], rng: np.random.Generator) -> Any:
    """Return the data with units (or persons) in another order and under other names."""
    if isinstance(data, Panel):
        order = rng.permutation(len(data.units))
        shuffled = data.select(units=[data.units[row] for row in order])
        return replace(shuffled, units=tuple(names[unit] for unit in shuffled.units))
    order = rng.permutation(len(data.person))
    units = np.array([names[str(unit)] for unit in data.unit[order]], dtype=object)
    return replace(
        data,
        person=data.person[order],
        unit=units,
        spending=data.spending[order],
        insured_years=data.insured_years[order],
        region=None if data.region is None else data.region[order],
        covariates={name: values[order] for name, values in data.covariates.items()},
    )
