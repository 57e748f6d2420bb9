"""The hierarchical model written out in PyMC: the readable definition, which tests compare with the exact fit."""

from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
import pandas as pd
import xarray as xr

from ssinfer.benchmarks.hierarchical.layout import Layout
from ssinfer.benchmarks.hierarchical.parameters import Parameter
from ssinfer.benchmarks.hierarchical.reparameterised import DEGREES, UNIT_SCALE, partially_noncentred_model
from ssinfer.check import Check, tabulate
from ssinfer.convergence import convergence_checks, convergence_failures
from ssinfer.errors import NotSupportedError

TARGET_ACCEPT = 0.95  # of NUTS: at 0.8 one of a thousand transitions diverged on small panels, at 0.9 none


def reference_model(layout: Layout, likelihood: Literal["normal", "student"] = "normal") -> Any:
    """Return a pymc.Model with every effect explicit; Student-t innovations have 4 degrees of freedom, variance 1."""
    import pymc as pm  # noqa: PLC0415  (heavy)
    import pytensor.tensor as pt  # noqa: PLC0415

    model = layout.model
    if len(model.blocks) > 1 or model.season is not None:
        cure = "Use inference='exact' for these terms. Trend, shock and noise are written out."
        raise NotSupportedError("The written-out PyMC model", "neighbours, covariates, breaks and seasons", cure)
    units, periods = layout.y.shape
    scale = {parameter.name: parameter.scale for parameter in model.parameters}
    with pm.Model() as out:
        value = {parameter.name: _prior(pm, parameter) for parameter in model.parameters}
        period = pm.Normal("period", 0.0, model.period_scale, shape=periods)
        level = value.get("level", model.own_level) * pm.Normal("level_z", shape=units)
        structure = period[None, :] + level[:, None]
        if "trend" in scale:
            trend = value["trend"] * pm.Normal("trend_z", shape=units)
            structure = structure + trend[:, None] * (model.time - model.time.mean())[None, :]
        mean = structure
        if "shock" in scale:
            shocks = _shocks(pm, pt, value, model.time, units, likelihood)
            if model.volatility:
                shocks = shocks * pt.stack([value[name] for name in model.volatility])[None, :]
            mean = mean + shocks
        deviation = value.get("noise", 1.0) * np.sqrt(model.sampling)
        observed = layout.seen > 0
        pm.Normal("y", mean[observed.nonzero()], deviation[observed.nonzero()], observed=layout.y[observed])
        shape, ahead = (len(layout.treated), len(layout.ahead)), np.ix_(layout.treated, layout.ahead)
        pm.Deterministic("expected_ahead", structure[layout.treated][:, layout.ahead])
        pm.Normal("y_ahead", mean[layout.treated][:, layout.ahead], deviation[ahead], shape=shape)
    return out


def _prior(pm: Any, parameter: Parameter) -> Any:
    """Return the prior of a parameter."""
    if parameter.kind == "deviation":
        return pm.HalfNormal(parameter.name, parameter.scale)
    if parameter.kind == "persistence":
        return pm.Beta(parameter.name, 2.0, 2.0)
    return pm.LogNormal(parameter.name, 0.0, parameter.scale)


def _shocks(pm: Any, pt: Any, value: dict[str, Any], time: Any, units: int, likelihood: str) -> Any:
    """Return a stationary AR(1) with SD `shock`, non-centred; over a gap of g periods the persistence has power g."""
    if likelihood == "student":
        z = pm.StudentT("shock_z", nu=DEGREES, mu=0.0, sigma=UNIT_SCALE, shape=(units, len(time)))
    else:
        z = pm.Normal("shock_z", shape=(units, len(time)))
    columns = [value["shock"] * z[:, 0]]
    for t in range(1, len(time)):
        kept = value["persistence"] ** float(time[t] - time[t - 1])
        columns.append(kept * columns[-1] + value["shock"] * pt.sqrt(1.0 - kept**2) * z[:, t])
    return pt.stack(columns, axis=1)  # noqa: PD013  (a tensor)


def sample_reference(
    layout: Layout, *, draws: int, chains: int, seed: int, likelihood: Literal["normal", "student"] = "normal"
) -> Any:
    """Return the DataTree of `partially_noncentred_model` sampled by NUTS (nutpie); `draws` is the number per chain."""
    import pymc as pm  # noqa: PLC0415

    definition = reference_model(layout, likelihood)
    with partially_noncentred_model(layout, likelihood):
        sampler = {"nuts_sampler": "nutpie", "target_accept": TARGET_ACCEPT, "progressbar": False}
        tree = pm.sample(draws=draws, tune=1000, chains=chains, cores=1, random_seed=seed, **sampler)
    with definition:
        prior = pm.sample_prior_predictive(draws=500, random_seed=seed + 2)
    groups = {name: group.to_dataset() for source in (prior, tree) for name, group in source.children.items()}
    fitted = _fitted(layout, groups["posterior"], np.random.default_rng(seed + 1))
    return xr.DataTree.from_dict(groups | fitted)


def _fitted(layout: Layout, posterior: xr.Dataset, rng: np.random.Generator) -> dict[str, xr.Dataset]:
    """Return log likelihood and replicates of the fitted cells given all effects: normal about their mean."""
    seen = layout.seen > 0
    mean = posterior["fitted_mean"]
    deviation = posterior.get("noise", 1.0) * xr.ones_like(mean) * np.sqrt(layout.model.sampling)[seen]
    deviation = deviation.transpose(*mean.dims)
    standard = (layout.y[seen] - mean) / deviation
    density = -0.5 * (np.log(2 * np.pi) + standard**2) - np.log(deviation)
    replicates = mean + deviation * rng.standard_normal(mean.shape)
    name = {mean.dims[-1]: "y_dim_0"}
    return {
        "log_likelihood": density.rename("y").rename(name).to_dataset(),
        "posterior_predictive": replicates.rename("y").rename(name).to_dataset(),
    }


def nuts_groups(tree: xr.DataTree, names: list[str]) -> dict[str, xr.Dataset]:
    """Return the groups of the DataTree: parameters, sampler statistics, and fitted cells on the model's scale."""
    groups = {name: tree[name].to_dataset()[names] for name in ("posterior", "prior")}
    groups["sample_stats"] = tree["sample_stats"].to_dataset()
    for name in ("log_likelihood", "posterior_predictive", "prior_predictive", "observed_data"):
        fitted = tree[name].to_dataset()[["y"]]
        groups[name] = fitted.rename({"y": "fitted", fitted["y"].dims[-1]: "fitted_cell"})
    return groups


def nuts_checks(tree: Any, names: list[str], more: Iterable[Check] = ()) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return convergence checks of the parameters and predictions, and more; and the names of those that failed."""
    import arviz as az  # noqa: PLC0415  (heavy)

    r_hat, ess = az.rhat(tree, var_names=names), az.ess(tree, var_names=names)
    diverging = tree["sample_stats"]["diverging"]
    checks = convergence_checks(
        {name: float(r_hat[name].max(skipna=False)) for name in names},
        {name: float(ess[name].min(skipna=False)) for name in names},
        int(diverging.sum()),
        int(diverging.size),
    )
    return tabulate([*checks, *more]), convergence_failures(checks)
