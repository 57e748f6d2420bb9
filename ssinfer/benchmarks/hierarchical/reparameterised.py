"""The written-out hierarchical model in partially non-centred coordinates, in which NUTS samples well.

In `reference_model` each effect is a gain g times a standard normal ζ, and weak data make the posterior a funnel. Here
ζ is written relative to an observation h = g ζ + v of the effect, given everything written before it, with var v = 1/I:

    ζ = g I h / (1 + g² I) + z / √(1 + g² I)

z is near standard normal for strong data (I large: centred) and weak data (I = 0: non-centred). The density is the
prior's at ζ times dζ/dz, exact for any h and I. For level and trend, h is least squares on the unit's cells minus the
period effects. For the innovation of u, h is (y_t - structure) / v_t minus the carried-over part, I = v_t² n_t / κ².
Period effects are rotated to a constant and contrasts. An SD is the absolute value of a normal: no boundary at zero.
"""

from typing import Any, Literal

import numpy as np
from scipy.fft import dct

from ssinfer.benchmarks.hierarchical.layout import Layout
from ssinfer.benchmarks.hierarchical.model import PanelModel
from ssinfer.typing import Booleans, Floats

DEGREES = 4.0  # of freedom of the Student-t shocks, which are scaled to variance 1
UNIT_SCALE = float(np.sqrt((DEGREES - 2.0) / DEGREES))


def partially_noncentred_model(layout: Layout, likelihood: Literal["normal", "student"] = "normal") -> Any:
    """Return `reference_model` in partially non-centred coordinates z; variables keep names and posteriors."""
    import pymc as pm  # noqa: PLC0415  (heavy)
    import pytensor.tensor as pt  # noqa: PLC0415

    model, seen = layout.model, layout.seen > 0
    units, periods = layout.y.shape
    names = {parameter.name for parameter in model.parameters}
    with pm.Model() as out:
        value = {"level": model.own_level}
        value |= {p.name: _parameter(pm, pt, p) for p in model.parameters if p.kind != "factor"}
        volatility = _volatility(pm, pt, model)
        rotated = pm.Normal("period_rotated", 0.0, model.period_scale, shape=periods)
        rotation = dct(np.eye(periods), norm="ortho", axis=0).T  # orthogonal, with a constant first column
        period = pm.Deterministic("period", rotation @ rotated)
        deviation = value.get("noise", 1.0) * np.sqrt(model.sampling)
        time = model.time - model.time.mean()
        lag = np.abs(np.subtract.outer(model.time, model.time))
        structure = pt.zeros((units, periods)) + period[None, :]
        residual = layout.y - period[None, :]
        terms = {"level": np.ones(periods), **({"trend": time} if "trend" in names else {})}
        for (name, column), contrast in zip(terms.items(), _least_squares(list(terms.values()), seen), strict=True):
            variance = (contrast**2 * deviation**2).sum(axis=1)
            if "shock" in names:
                correlation = value["persistence"] ** lag * volatility[:, None] * volatility[None, :]
                variance = variance + value["shock"] ** 2 * ((contrast @ correlation) * contrast).sum(axis=1)
            z = pm.Flat(f"{name}_partial", shape=units)
            zeta, keep = _effect(pt, z, value[name], (contrast * residual).sum(axis=1), 1.0 / variance)
            pm.Potential(f"{name}_density", pm.logp(pm.Normal.dist(0.0, 1.0), zeta) + pt.log(keep))
            structure = structure + (value[name] * zeta)[:, None] * column[None, :]

        mean = structure
        if "shock" in names:
            z = pm.Flat("shock_partial", shape=(units, periods))
            information = np.where(seen, 1.0, 0.0) / deviation**2 * volatility**2
            cells = (z, (layout.y - structure) / volatility, information)
            shock, zeta, keep = _shocks(pt, value, model.time, cells)
            prior = pm.Normal.dist(0.0, 1.0)
            if likelihood == "student":
                prior = pm.StudentT.dist(nu=DEGREES, mu=0.0, sigma=UNIT_SCALE)
            pm.Potential("shock_density", pm.logp(prior, zeta) + pt.log(keep))
            mean = structure + volatility * shock
        spread = abs(deviation)
        fitted = pm.Deterministic("fitted_mean", mean[seen.nonzero()])
        pm.Normal("y", fitted, spread[seen.nonzero()], observed=layout.y[seen])
        pm.Deterministic("expected_ahead", structure[layout.treated][:, layout.ahead])
        ahead = pm.Normal("ahead_z", shape=(len(layout.treated), len(layout.ahead)))
        outcome = mean[layout.treated][:, layout.ahead] + spread[np.ix_(layout.treated, layout.ahead)] * ahead
        pm.Deterministic("y_ahead", outcome)
    return out


def _parameter(pm: Any, pt: Any, parameter: Any) -> Any:
    """Return the variable of a parameter. That of a standard deviation may be negative: its absolute value is named."""
    if parameter.kind == "persistence":
        return pm.Beta(parameter.name, 2.0, 2.0)
    signed = parameter.scale * pm.Normal(f"{parameter.name}_signed")
    pm.Deterministic(parameter.name, pt.abs(signed))
    return signed


def _volatility(pm: Any, pt: Any, model: PanelModel) -> Any:
    """Return v_t (T,): ones if the model has no volatility."""
    factors = [parameter for parameter in model.parameters if parameter.kind == "factor"]
    if not factors:
        return np.ones(len(model.time))
    scales = np.array([parameter.scale for parameter in factors])
    volatility = pt.exp(scales * pm.Normal("volatility_z", shape=len(factors)))
    for t, parameter in enumerate(factors):
        pm.Deterministic(parameter.name, volatility[t])
    return volatility


def _least_squares(columns: list[Floats], seen: Booleans) -> Floats:
    """Return the contrasts (K, N, T) that give each unit's K coefficients from its cells; zero where unseen."""
    design = np.stack(columns, axis=1)
    out = np.zeros((design.shape[1], *seen.shape))
    for i, mask in enumerate(seen):
        out[:, i, mask] = np.linalg.pinv(design[mask])
    return out


def _effect(pt: Any, z: Any, gain: Any, observed: Any, information: Any) -> tuple[Any, Any]:
    """Return ζ and dζ/dz."""
    precision = 1.0 + gain**2 * information
    keep = 1.0 / pt.sqrt(precision)
    return gain * information * observed / precision + keep * z, keep


def _shocks(pt: Any, value: dict[str, Any], time: Floats, cells: tuple[Any, Any, Any]) -> tuple[Any, Any, Any]:
    """Return shock s_t = k s_t-1 + g ζ_t, ζ and dζ/dz (N, T) from z, the residual, and the information of each cell."""
    z, residual, information = cells
    kept = pt.concatenate([pt.zeros(1), value["persistence"] ** np.diff(time)])[None, :]
    gain = value["shock"] * pt.sqrt(1.0 - kept**2)
    fresh_zeta, keep = _effect(pt, z, gain, residual, information)  # as if nothing were carried over
    slope, fresh = kept * keep**2, gain * fresh_zeta
    columns = [fresh[:, 0]]
    for t in range(1, len(time)):
        columns.append(slope[:, t] * columns[-1] + fresh[:, t])
    shock = pt.stack(columns, axis=1)
    carried = kept * pt.concatenate([pt.zeros_like(shock[:, :1]), shock[:, :-1]], axis=1)
    zeta, _ = _effect(pt, z, gain, residual - carried, information)
    return shock, zeta, keep
