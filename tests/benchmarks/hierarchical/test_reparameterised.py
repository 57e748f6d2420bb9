"""Authority: the written-out PyMC model itself. A change of variables changes a density by its Jacobian and no more."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from scipy import stats
from scipy.fft import dct

import ssinfer as ss
from ssinfer.benchmarks.hierarchical.layout import lay_out
from ssinfer.benchmarks.hierarchical.method import HierarchicalBenchmark
from ssinfer.benchmarks.hierarchical.reference import _fitted, reference_model
from ssinfer.benchmarks.hierarchical.reparameterised import partially_noncentred_model
from ssinfer.benchmarks.problem import Problem

UNITS, PERIODS = 5, 4


def layout_of(**options):
    rng = np.random.default_rng(3)
    sizes = np.exp(rng.uniform(np.log(500), np.log(50_000), (UNITS, PERIODS + 1)))
    spending = 2_000 * np.exp(rng.normal(0, 0.05, (UNITS, 1)) + rng.normal(0, 2.5 / np.sqrt(sizes)))
    panel = ss.Panel(tuple("abcde"), tuple(range(PERIODS + 1)), spending, sizes)
    design = ss.Design(treated=["b"], baseline=[0, 1, 3], performance=[4], masked=[2])  # a gap of two periods
    return lay_out(Problem.of(panel, design), HierarchicalBenchmark(**options))


def by_hand(layout, signed, persistence, turbulence, period, coordinates):
    """The change of variables of one draw, unit by unit and period by period: standard effects and log Jacobian."""
    time, seen = layout.model.time, layout.seen > 0
    centred = time - time.mean()
    deviation = np.abs(signed["noise"]) * np.sqrt(layout.model.sampling)
    standard = {name: np.zeros_like(z) for name, z in coordinates.items()}
    jacobian = 0.0
    for i in range(UNITS):
        cells = np.flatnonzero(seen[i])
        columns = np.column_stack([np.ones(PERIODS), centred])[cells]
        contrasts = np.linalg.solve(columns.T @ columns, columns.T)
        left = layout.y[i] - period
        for k, name in enumerate(("level", "trend")):
            covariance = np.diag(deviation[i, cells] ** 2)
            if "shock" in signed:
                lag = np.abs(np.subtract.outer(time[cells], time[cells]))
                covariance = covariance + signed["shock"] ** 2 * persistence**lag * np.outer(
                    turbulence[cells], turbulence[cells]
                )
            variance, gain = contrasts[k] @ covariance @ contrasts[k], signed[name]
            observed = contrasts[k] @ left[cells]
            keep = np.sqrt(variance / (gain**2 + variance))
            standard[name][i] = gain * observed / (gain**2 + variance) + keep * coordinates[name][i]
            jacobian += np.log(keep)
        if "shock" not in signed:
            continue
        left = left - signed["level"] * standard["level"][i] - signed["trend"] * standard["trend"][i] * centred
        before = 0.0
        for t in range(PERIODS):
            kept = persistence ** (time[t] - time[t - 1]) if t else 0.0
            gain = signed["shock"] * np.sqrt(1 - kept**2)
            if seen[i, t]:
                variance = (deviation[i, t] / turbulence[t]) ** 2
                keep = np.sqrt(variance / (gain**2 + variance))
                centre = gain * (left[t] / turbulence[t] - kept * before) / (gain**2 + variance)
            else:
                keep, centre = 1.0, 0.0
            standard["shock"][i, t] = centre + keep * coordinates["shock"][i, t]
            before = kept * before + gain * standard["shock"][i, t]
            jacobian += np.log(keep)
    return standard, jacobian


@pytest.mark.parametrize(
    ("options", "likelihood"),
    [({}, "student"), ({"shock": None}, "normal")],  # normal shocks: tests/evidence/test_hierarchical_nuts.py
)
def test_the_density_is_that_of_the_definition_times_the_jacobian(options, likelihood):
    layout = layout_of(**options)
    scale = {p.name: p.scale for p in layout.model.parameters if p.kind == "deviation"}
    definition = reference_model(layout, likelihood).compile_logp(jacobian=False, mode="FAST_COMPILE")
    partial = partially_noncentred_model(layout, likelihood).compile_logp(jacobian=False, mode="FAST_COMPILE")
    rng = np.random.default_rng(5)
    for _ in range(3):
        z = {name: float(rng.normal()) for name in scale}
        signed = {name: scale[name] * z[name] for name in scale}
        persistence = float(rng.uniform(0.1, 0.9))
        factors = [p for p in layout.model.parameters if p.kind == "factor"]
        v = rng.normal(size=len(factors))
        turbulence = (
            np.exp([p.scale * each for p, each in zip(factors, v, strict=True)]) if factors else np.ones(PERIODS)
        )
        rotated = rng.normal(0, 0.05, PERIODS)
        period = dct(np.eye(PERIODS), norm="ortho", axis=0).T @ rotated
        ahead = rng.normal(size=(1, 1))
        effects = {"level": rng.normal(size=UNITS), "trend": rng.normal(size=UNITS)}
        if "shock" in scale:
            effects["shock"] = rng.normal(size=(UNITS, PERIODS))
        standard, jacobian = by_hand(layout, signed, persistence, turbulence, period, effects)

        time = layout.model.time - layout.model.time.mean()
        unit = layout.treated[0]
        mean = period + signed["level"] * standard["level"][unit] + signed["trend"] * standard["trend"][unit] * time
        if "shock" in scale:
            shock = 0.0
            for t in range(PERIODS):
                kept = persistence ** float(layout.model.time[t] - layout.model.time[t - 1]) if t else 0.0
                shock = kept * shock + signed["shock"] * np.sqrt(1 - kept**2) * standard["shock"][unit, t]
            mean = mean + turbulence[-1] * shock  # of the last period alone, which is the performance period
        deviation = np.abs(signed["noise"]) * np.sqrt(layout.model.sampling[unit, -1])

        # a negative standard deviation stands for its absolute value with the sign of its effects turned
        turn = {name: np.sign(signed[name]) for name in scale}
        here = {f"{name}_signed": value for name, value in z.items()}
        here |= {f"{name}_partial": value for name, value in effects.items()}
        here |= {"period_rotated": rotated, "ahead_z": ahead}
        there = {f"{name}_log__": np.log(abs(value)) for name, value in signed.items()}
        there |= {f"{name}_z": turn[name] * value for name, value in standard.items()}
        there |= {"period": period, "y_ahead": mean[-1] + deviation * ahead}
        if "shock" in scale:
            logit = np.log(persistence / (1 - persistence))
            here["persistence_logodds__"] = there["persistence_logodds__"] = logit
        if factors:
            here["volatility_z"] = v
            there |= {f"{p.name}_log__": p.scale * each for p, each in zip(factors, v, strict=True)}
        # half-normal of the value against normal of z; normal of y_ahead against normal of its z
        between = sum(np.log(2.0) - np.log(s) for s in scale.values()) - np.log(deviation)
        between -= sum(np.log(p.scale) + p.scale * each for p, each in zip(factors, v, strict=True))  # lognormal
        assert float(partial(here)) == pytest.approx(float(definition(there)) - between + jacobian, abs=1e-8)


def test_the_log_likelihood_of_fitted_cells_is_normal_about_their_mean():
    """Authority: scipy.stats; the groups that `nuts_groups` hands on have the names that it asks for."""
    layout = layout_of()
    rng = np.random.default_rng(1)
    cells = int(layout.seen.sum())
    posterior = xr.Dataset(
        {
            "fitted_mean": (("chain", "draw", "fitted_mean_dim_0"), rng.normal(0, 0.05, (2, 3, cells))),
            "noise": (("chain", "draw"), rng.uniform(1, 4, (2, 3))),
        },
        coords={"chain": [0, 1], "draw": [0, 1, 2]},
    )
    groups = _fitted(layout, posterior, rng)
    unit, period = np.nonzero(layout.seen)
    deviation = posterior["noise"].values[..., None] * np.sqrt(layout.model.sampling[unit, period])
    expected = stats.norm.logpdf(layout.y[unit, period], posterior["fitted_mean"].values, deviation)
    log_likelihood = groups["log_likelihood"]["y"]
    assert log_likelihood.dims == ("chain", "draw", "y_dim_0")
    np.testing.assert_allclose(log_likelihood, expected, rtol=1e-12)
    away = (groups["posterior_predictive"]["y"].values - posterior["fitted_mean"].values) / deviation
    assert np.abs(away).max() < 5
    assert 0.7 < away.std() < 1.3
