"""Draws: shapes and labels, finite numbers, and correct statements about their uncertainty and information."""

import numpy as np

from ssinfer.check import Check
from ssinfer.counterfactual import DIMS
from ssinfer.errors import NotSupportedError
from ssinfer.plugins.conformance.trial import Trial, draws_differ, tampered, units_of


def shapes(trial: Trial) -> Check:
    """Check dimensions (chain, draw, unit, period) and their labels: treated units and performance periods."""
    name = "shapes"
    cf = trial.first
    units = [str(unit) for unit in cf.benchmark["unit"].values]
    periods = list(cf.benchmark["period"].values)
    for what, given, needed in (
        ("dimensions", cf.benchmark.dims, DIMS),
        ("units", units, list(trial.design.treated)),
        ("periods", periods, list(trial.design.performance)),
    ):
        if given != needed:
            return Check(name, "FAIL", message=f"{what} are {given}; the design needs {needed}")
    return Check(name, "PASS", float(np.prod(cf.benchmark.shape[:2])), f"{cf.benchmark.shape} {DIMS}")


def finite(trial: Trial) -> Check:
    """Check that every draw is a finite number."""
    n_bad, size = 0, 0
    for draws in (trial.first.benchmark, trial.first.expected, trial.first.confidence):
        if draws is not None:
            n_bad += int((~np.isfinite(draws.values)).sum())
            size += draws.size
    return Check("finite", "FAIL" if n_bad else "PASS", float(n_bad), f"{n_bad} of {size} draws are not finite")


def uncertainty(trial: Trial) -> Check:
    """Check `uncertainty`: a distribution has distinct draws, and only a posterior gives credible intervals."""
    name = "uncertainty"
    cf = trial.first
    draws = cf.pooled()
    distinct = len(np.unique(draws))
    if cf.uncertainty != "none" and distinct < 20:
        return Check(name, "FAIL", distinct, f"claims {cf.uncertainty!r} with {distinct} distinct draws")
    if cf.uncertainty == "none" and distinct > 1:
        return Check(name, "FAIL", distinct, f"claims 'none' with {distinct} distinct draws")
    if cf.failures:
        return Check(name, "NOT EVALUATED", distinct, "; ".join(cf.failures))
    supported = {
        "credible": cf.uncertainty == "posterior",
        "confidence": cf.confidence is not None or cf.uncertainty == "sampling",
    }
    for kind, given in supported.items():
        try:
            cf.interval(0.9, kind=kind)
            as_stated = given
        except NotSupportedError:
            as_stated = not given
        if not as_stated:
            return Check(name, "FAIL", distinct, f"{kind} intervals on uncertainty {cf.uncertainty!r}")
    return Check(name, "PASS", distinct, f"{cf.uncertainty!r}, {distinct} distinct draws")


def information(trial: Trial) -> Check:
    """Check `information`: at "signing", no donor's performance spending changes a draw."""
    cf = trial.first
    donors = tuple(unit for unit in units_of(trial.data) if unit not in trial.design.treated)
    other = trial.fit(tampered(trial.data, donors, trial.design.performance, 1.07))
    gap = draws_differ(cf, other)
    if cf.information == "signing" and gap > 0:
        return Check("information", "FAIL", gap, "claims 'signing' and uses the controls' performance period")
    if cf.information == "settlement" and gap == 0:
        return Check("information", "FAIL", gap, "claims 'settlement' and uses nothing of the performance period")
    return Check("information", "PASS", gap, f"{cf.information!r}: draws move by {gap:.3g} with the controls' spending")
