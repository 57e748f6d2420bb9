r"""The written-out hierarchical model in coordinates in which NUTS moves freely: the same model, other coordinates.

In the model as it reads (:mod:`ssinfer.benchmarks.hierarchical.reference`) each effect is a gain g times a standard
normal ζ. Where data say much of ζ and little of g the posterior is a funnel, and the level of all units trades off
against the period effects. Here ζ is written around what the data say of it. With h = g ζ + v, v of variance 1 / I,
an observation of the effect given everything written before it,

.. math:: \zeta = \frac{g I h}{1 + g^2 I} + \frac{z}{\sqrt{1 + g^2 I}}

so z is near standard normal whether the data are strong (I large: the centred form) or weak (I = 0: the non-centred
one). The density is the prior's at ζ times dζ/dz: no approximation enters, whatever h and I are. They are

- level and trend of a unit: least squares on the unit's cells less the period effects, with the variance that shock
  and noise give it;
- shock: the innovation of u in period t, seen through (y_t less structure) / v_t less what u carries over;
  I = v_t² n_t / noise².

Period effects are rotated to a constant and contrasts, which leaves independent normal priors as they are. A standard
deviation is the absolute value of a normal variable: half-normal, and without an edge at zero.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from scipy.fft import dct

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ssinfer.benchmarks.hierarchical.layout import Layout
    from ssinfer.benchmarks.hierarchical.model import PanelModel
    from ssinfer.typing import Floats


DEGREES = 4.0  # of the Student-t shocks; scaled to variance 1
UNIT_SCALE = float(np.sqrt((DEGREES - 2.0) / DEGREES))


def placed_model(layout: Layout, likelihood: Literal["normal", "student"] = "normal") -> Any:
    """Return the pymc.Model of `reference_model` in coordinates placed by the data.

    Variables of the same names have the same posterior; "level_placed", "trend_placed" and "shock_placed" are the z.
    """
    import pymc as pm  # noqa: PLC0415  (heavy)
    import pytensor.tensor as pt  # noqa: PLC0415

    model, seen = layout.model, layout.seen > 0
    units, periods = layout.y.shape
    names = {parameter.name for parameter in model.parameters}
    with pm.Model() as out:
        value = {p.name: _parameter(pm, pt, p) for p in model.parameters if p.kind != "factor"}
        turbulence = _volatility(pm, pt, model)
        rotated = pm.Normal("period_rotated", 0.0, model.period_scale, shape=periods)
        period = pm.Deterministic("period", _rotation(periods) @ rotated)
        if model.known is not None:
            deviation: Any = np.sqrt(model.known)
        else:
            assert model.inverse_size is not None  # noqa: S101  (one of the two is given)
            deviation = value["noise"] * np.sqrt(model.inverse_size)

        time = model.time - model.time.mean()
        lag = np.abs(np.subtract.outer(model.time, model.time))
        structure = pt.zeros((units, periods)) + period[None, :]
        left = layout.y - period[None, :]
        terms = {"level": np.ones(periods), **({"trend": time} if "trend" in names else {})}
        for (name, column), contrast in zip(terms.items(), _least_squares(list(terms.values()), seen), strict=True):
            variance = (contrast**2 * deviation**2).sum(axis=1)
            if "shock" in names:
                correlation = value["persistence"] ** lag * turbulence[:, None] * turbulence[None, :]
                variance = variance + value["shock"] ** 2 * ((contrast @ correlation) * contrast).sum(axis=1)
            z = pm.Flat(f"{name}_placed", shape=units)
            zeta, keep = _place(pt, z, value[name], (contrast * left).sum(axis=1), 1.0 / variance)
            pm.Potential(f"{name}_density", pm.logp(pm.Normal.dist(0.0, 1.0), zeta) + pt.log(keep))
            structure = structure + (value[name] * zeta)[:, None] * column[None, :]

        mean = structure
        if "shock" in names:
            z = pm.Flat("shock_placed", shape=(units, periods))
            information = np.where(seen, 1.0, 0.0) / deviation**2 * turbulence**2
            cells = (z, (layout.y - structure) / turbulence, information)
            shock, zeta, keep = _shocks(pt, value, model.time, cells)
            law = pm.Normal.dist(0.0, 1.0)
            if likelihood == "student":
                law = pm.StudentT.dist(nu=DEGREES, mu=0.0, sigma=UNIT_SCALE)
            pm.Potential("shock_density", pm.logp(law, zeta) + pt.log(keep))
            mean = structure + turbulence * shock
        spread = abs(deviation)
        fitted = pm.Deterministic("fitted_mean", mean[seen.nonzero()])
        pm.Normal("y", fitted, spread[seen.nonzero()], observed=layout.y[seen])
        pm.Deterministic("expected_ahead", structure[layout.treated][:, layout.ahead])
        ahead = pm.Normal("ahead_z", shape=(len(layout.treated), len(layout.ahead)))
        outcome = mean[layout.treated][:, layout.ahead] + spread[np.ix_(layout.treated, layout.ahead)] * ahead
        pm.Deterministic("y_ahead", outcome)
    return out


def _parameter(pm: Any, pt: Any, parameter: Any) -> Any:
    """Return the variable of a parameter; that of a standard deviation may be negative, its absolute value is named."""
    if parameter.kind == "persistence":
        return pm.Beta(parameter.name, 2.0, 2.0)
    signed = parameter.scale * pm.Normal(f"{parameter.name}_signed")
    pm.Deterministic(parameter.name, pt.abs(signed))
    return signed


def _volatility(pm: Any, pt: Any, model: PanelModel) -> Any:
    """Return v_t (T,): ones where the model has none."""
    factors = [parameter for parameter in model.parameters if parameter.kind == "factor"]
    if not factors:
        return np.ones(len(model.time))
    scales = np.array([parameter.scale for parameter in factors])
    turbulence = pt.exp(scales * pm.Normal("volatility_z", shape=len(factors)))
    for t, parameter in enumerate(factors):
        pm.Deterministic(parameter.name, turbulence[t])
    return turbulence


def _rotation(periods: int) -> Floats:
    """Return an orthogonal matrix (T, T) whose first column is constant."""
    return np.asarray(dct(np.eye(periods), norm="ortho", axis=0).T)


def _least_squares(columns: list[Floats], seen: NDArray[np.bool_]) -> Floats:
    """Return the contrasts (K, N, T) that give each unit's K coefficients from its own cells, zero where unseen."""
    design = np.stack(columns, axis=1)
    out = np.zeros((design.shape[1], *seen.shape))
    for i, mask in enumerate(seen):
        out[:, i, mask] = np.linalg.pinv(design[mask])
    return out


def _place(pt: Any, z: Any, gain: Any, found: Any, information: Any) -> tuple[Any, Any]:
    """Return ζ and dζ/dz."""
    precision = 1.0 + gain**2 * information
    keep = 1.0 / pt.sqrt(precision)
    return gain * information * found / precision + keep * z, keep


def _shocks(pt: Any, value: dict[str, Any], time: Floats, cells: tuple[Any, Any, Any]) -> tuple[Any, Any, Any]:
    """Return shock, ζ and dζ/dz (N, T) from z, what is left after structure, and the information of each cell.

    With k the share carried over, s_t = k s_t-1 + g ζ_t is linear in s_t-1 and z_t, whose coefficients are formed for
    all cells at once; only the recurrence goes period by period.
    """
    z, left, information = cells
    kept = pt.concatenate([pt.zeros(1), value["persistence"] ** np.diff(time)])[None, :]
    gain = value["shock"] * pt.sqrt(1.0 - kept**2)
    still, keep = _place(pt, z, gain, left, information)  # as if nothing were carried over
    slope, fresh = kept * keep**2, gain * still
    columns = [fresh[:, 0]]
    for t in range(1, len(time)):
        columns.append(slope[:, t] * columns[-1] + fresh[:, t])
    shock = pt.stack(columns, axis=1)
    carried = kept * pt.concatenate([pt.zeros_like(shock[:, :1]), shock[:, :-1]], axis=1)
    zeta, _ = _place(pt, z, gain, left - carried, information)
    return shock, zeta, keep
