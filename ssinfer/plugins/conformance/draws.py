"""Draws: shapes and labels, finite numbers, and correct statements about their uncertainty and information."""

import numpy as np

from ssinfer.counterfactual import DIMS, Counterfactual
from ssinfer.errors import NotSupportedError
from ssinfer.plugins.conformance.trial import Trial, Verdict, draws_differ, tampered, units_of


def shapes(trial: Trial) -> Verdict:
    """Check the labels of draws (treated units, performance periods) and of `fitted` (the same, baseline periods)."""
    draws, fitted = trial.first.benchmark, trial.first.fitted
    for name, array, periods in (
        ("benchmark", draws, trial.design.performance),
        ("fitted", fitted, trial.design.baseline),
    ):
        for dim, needed in (("unit", trial.design.treated), ("period", periods)):
            labels = list(needed) if array is None else array[dim].values.tolist()
            if labels != list(needed):
                return False, np.nan, f"{dim}s of {name} are {labels}; the design needs {list(needed)}"
    return True, float(np.prod(draws.shape[:2])), f"{draws.shape} {DIMS}"


def finite(trial: Trial) -> Verdict:
    """Check that every draw is a finite number."""
    kinds = (trial.first.benchmark, trial.first.expected, trial.first.confidence)
    draws = np.concatenate([draws.values.ravel() for draws in kinds if draws is not None])
    n_bad = int((~np.isfinite(draws)).sum())
    return n_bad == 0, n_bad, f"{n_bad} of {draws.size} draws are not finite"


def uncertainty(trial: Trial) -> Verdict:
    """Check `uncertainty`: a distribution has distinct draws, and only a posterior gives credible intervals."""
    cf = trial.first
    distinct = len(np.unique(cf.pooled()))
    if (cf.uncertainty != "none" and distinct < 20) or (cf.uncertainty == "none" and distinct > 1):
        return False, distinct, f"claims {cf.uncertainty!r} with {distinct} distinct draws"
    if cf.failures:
        return None, distinct, "; ".join(cf.failures)
    for kind, given in kinds_of_draws(cf).items():
        try:
            cf.interval(0.9, kind=kind)
            as_stated = given
        except NotSupportedError:
            as_stated = not given
        if not as_stated:
            return False, distinct, f"{kind} intervals on uncertainty {cf.uncertainty!r}"
    return True, distinct, f"{cf.uncertainty!r}, {distinct} distinct draws"


def kinds_of_draws(cf: Counterfactual) -> dict[str, bool]:
    """Return whether a counterfactual has draws of a posterior, and of a sampling distribution."""
    sampling = cf.confidence is not None or cf.uncertainty == "sampling"
    return {"credible": cf.uncertainty == "posterior", "confidence": sampling}


def information(trial: Trial) -> Verdict:
    """Check `information`: at "signing", no donor's performance spending changes a draw."""
    cf = trial.first
    donors = tuple(unit for unit in units_of(trial.data) if unit not in trial.design.treated)
    gap = draws_differ(cf, trial.fit(tampered(trial.data, donors, trial.design.performance, 1.07)))
    if cf.information == "signing" and gap > 0:
        return False, gap, "claims 'signing' and uses the controls' performance period"
    if cf.information == "settlement" and gap == 0:
        return False, gap, "claims 'settlement' and uses nothing of the performance period"
    return True, gap, f"{cf.information!r}: draws move by {gap:.3g} with the controls' spending"
