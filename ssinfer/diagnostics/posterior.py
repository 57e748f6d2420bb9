"""Posterior: how far the data moved its parameters from their priors, and whether it predicts the data it has seen."""

import numpy as np
import xarray as xr
from scipy.special import ndtri

from ssinfer.check import Check, Status
from ssinfer.counterfactual import Counterfactual
from ssinfer.typing import Floats

MIN_CONTRACTION, MIN_TAIL = 0.1, 0.01


def prior_contraction(cf: Counterfactual) -> list[Check]:
    """Return 1 - variance of each parameter's posterior, in normal scores of its prior: 0 nothing is learned, 1 all.

    A normal score is the standard normal quantile at the rank among the prior draws of `cf.inference`. Below 0.1 the
    check warns: the prior decides. All treated units count together (Betancourt 2018, doi:10.48550/arXiv.1803.08393).
    """
    posterior, prior = (cf.inference.get(name, xr.Dataset()) for name in ("posterior", "prior"))
    checks = []
    for name in sorted(str(name) for name in set(posterior) & set(prior)):
        before = np.sort(prior[name].values, axis=None)
        ranks = np.searchsorted(before, posterior[name].values.ravel())
        value = 1.0 - float(ndtri((ranks + 0.5) / (before.size + 1)).var())
        status: Status = "PASS" if value >= MIN_CONTRACTION else "WARN"
        checks.append(Check(f"contraction: {name}", status, value, limit=MIN_CONTRACTION))
    return checks


def replicated_spread(cf: Counterfactual) -> tuple[Floats, float]:
    r"""Return the spread of the fitted cells in each replicate from the posterior, and in the data; empty without any.

    The spread is the SD over units and periods of :math:`y_{it} / \bar y_i`, less its mean over units: shocks and
    noise, which make the error of the benchmark. The replicates have new unit effects (mixed predictive check: Marshall
    and Spiegelhalter 2003, doi:10.1002/sim.1403).
    """
    groups = cf.inference
    if "fitted_cell_unit" not in groups.get("constant_data", ()):
        return np.empty(0), np.nan
    owner = groups["constant_data"]["fitted_cell_unit"].values  # cells are ordered by unit
    units, counts = np.unique(owner, return_counts=True)
    complete = np.isin(owner, units[counts == counts.max()])

    def spread(values: Floats) -> Floats:
        y = values.reshape(-1, len(owner))[:, complete].reshape(-1, int(complete.sum() // counts.max()), counts.max())
        relative = y / y.mean(axis=2, keepdims=True)
        return np.asarray((relative - relative.mean(axis=1, keepdims=True)).std(axis=(1, 2)))

    replicated, observed = (spread(groups[name]["fitted"].values) for name in ("posterior_predictive", "observed_data"))
    return replicated, float(observed.item())


def predictive_check(cf: Counterfactual) -> list[Check]:
    """Judge the spread of the data among those of :func:`replicated_spread`; no check without replicates.

    `figure` is the two-sided tail probability. Below 0.01 the check warns if the replicates spread more (intervals are
    too wide), and fails if they spread less.
    """
    replicated, observed = replicated_spread(cf)
    if not len(replicated):
        return []
    above = float((replicated >= observed).mean())
    tail = 2.0 * min(above, 1.0 - above)
    status: Status = "PASS" if tail >= MIN_TAIL else "WARN" if above > tail else "FAIL"
    return [Check("posterior predictive", status, tail, limit=MIN_TAIL)]
