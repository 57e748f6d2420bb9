"""Simulation-based calibration of the posterior of systematic error.

`python tests/evidence/calibration_sbc.py 2000` prints the table.

Placebo sets are drawn from the prior, with sizes and standard errors of four kinds in turn. Each is integrated with the
nodes, weights and refusals of `calibrate`, on the scale of the prior: the rule that the prior follows the placebos' own
SD is conditioned on. The rank of each true quantity in its posterior must be uniform: every parameter, the error of a
new contract of twice the typical size, and the log likelihood at the truth, which depends on the data (Modrák et al.
2023, doi 10.1214/23-BA1404).
"""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy.stats import kstwo, norm

from ssinfer.thresholds.placebo_posterior import MEAN_SD, SLOPE_SD, PlaceboPosterior
from ssinfer.thresholds.placebo_rows import CalibrationPlacebos

PARAMETERS = ("mean", "slope", "scale", "excess", "unit_sd", "origin_sd")
QUANTITIES = (*PARAMETERS, "new_error", "log_likelihood")
NEW_RATIO = 2.0
# units, origins, every how many rows are kept, SD of log size
KINDS = ((30, 4, 1, 0.6), (40, 1, 1, 0.6), (45, 3, 3, 0.6), (25, 3, 2, 1.5))


def placebo_set(number, rng):
    """Return the arrays of a placebo set drawn from the prior, and its true parameters."""
    n_units, n_origins, step, spread = KINDS[number % len(KINDS)]
    size = np.exp(spread * rng.standard_normal(n_units))
    unit = np.repeat(np.arange(n_units), n_origins)
    origin = np.tile(np.arange(n_origins), n_units)
    # every unit keeps at least one row; with a step of 3 of 3 origins it keeps exactly one
    kept = (np.arange(len(unit)) // n_origins + origin) % step == 0
    if step == n_origins:
        kept = origin == unit % n_origins
    elif step > 1:
        kept |= origin == 0
    unit, origin = unit[kept], origin[kept]
    ratio = (size / np.exp(np.log(size).mean()))[unit]
    s = 0.7 / np.sqrt(ratio) * rng.uniform(0.5, 1.8, len(unit))
    unmeasured = CalibrationPlacebos(
        y=np.zeros(len(unit)), s=s, ratio=ratio, typical_size=1.0, unit=unit, origin=origin, block=unit,
        n_units=n_units, n_origins=n_origins,
    )  # fmt: skip
    model = PlaceboPosterior.of(unmeasured, 1.0)
    x = rng.standard_normal(len(model.names))
    truth = {name: float(value[0]) for name, value in model.natural(x[None]).items()}
    truth |= {"mean": MEAN_SD * rng.standard_normal(), "slope": SLOPE_SD * rng.standard_normal()}
    y = (
        truth["mean"]
        + truth["slope"] * np.log(ratio)
        + truth["unit_sd"] * rng.standard_normal(n_units)[unit]
        + truth["origin_sd"] * rng.standard_normal(n_origins)[origin]
        + np.sqrt((truth["scale"] * s) ** 2 + truth["excess"] ** 2 / ratio) * rng.standard_normal(len(unit))
    )
    model = PlaceboPosterior.of(replace(unmeasured, y=y), 1.0)
    assert all((truth[name] > 0) == (name in model.names) for name in ("unit_sd", "origin_sd"))
    return model, x, truth


def spread_of(parameters):
    """Return the SD of the systematic error of a new contract, mean and slope apart."""
    return np.sqrt(parameters["unit_sd"] ** 2 + parameters["origin_sd"] ** 2 + parameters["excess"] ** 2 / NEW_RATIO)


def ranks(start, stop, seed=1):
    """Return posterior ranks in (0, 1): one row per placebo set, numbered start to stop - 1."""
    rows = []
    for number in range(start, stop):
        rng = np.random.default_rng([seed, number])
        model, x, truth = placebo_set(number, rng)
        posterior = model.integrate()
        parameters, weights = model.natural(posterior.nodes), posterior.weights
        likelihood, centre, root = model._likelihoods(posterior.nodes)
        a, b, c = root.T
        sd = {"slope": 1 / c, "mean": np.sqrt(1 + (b / c) ** 2) / a}
        row = {name: weights @ (parameters[name] < truth[name]) for name in model.names}
        row |= {
            name: weights @ norm.cdf((truth[name] - centre[:, j]) / sd[name])
            for j, name in enumerate(("mean", "slope"))
        }
        # mean + slope log r: variance l' (L L')^-1 l by forward substitution
        log_ratio = np.log(NEW_RATIO)
        variance = (1 / a) ** 2 + ((log_ratio - b / a) / c) ** 2 + spread_of(parameters) ** 2
        new = truth["mean"] + truth["slope"] * log_ratio + spread_of(truth) * rng.standard_normal()
        expected = centre @ [1.0, log_ratio]
        row["new_error"] = weights @ norm.cdf((new - expected) / np.sqrt(variance))
        row["log_likelihood"] = weights @ (likelihood < model._likelihoods(x[None])[0][0])
        row |= {"pareto_k": posterior.pareto_k, "effective": posterior.effective, "nodes": len(weights)}
        row["refused"] = bool(posterior.failures)
        rows.append(row)
    return pd.DataFrame(rows, index=pd.RangeIndex(start, stop, name="set")).reindex(
        columns=[*QUANTITIES, "pareto_k", "effective", "nodes", "refused"]
    )


def table(frame):
    """Return per quantity the number of sets, the largest distance of its ECDF to the uniform, and the band.

    Bands are simultaneous: exact (Kolmogorov) along each ECDF, Bonferroni over the quantities at 5%.
    """
    rows = []
    for name in QUANTITIES:
        ordered = np.sort(frame[name].dropna().to_numpy())
        grid = np.arange(1, len(ordered) + 1) / len(ordered)
        distance = np.maximum(np.abs(grid - ordered), np.abs(grid - 1 / len(ordered) - ordered)).max()
        rows.append((name, len(ordered), distance, kstwo.ppf(1 - 0.05 / len(QUANTITIES), len(ordered))))
    return pd.DataFrame(rows, columns=["quantity", "sets", "distance", "band"]).set_index("quantity")


if __name__ == "__main__":
    every = ranks(0, int(sys.argv[1]))
    sys.stdout.write(f"{table(every).round(4)}\n{every[['pareto_k', 'effective', 'nodes']].describe()}\n")
    sys.stdout.write(f"refused: {int(every['refused'].sum())} of {len(every)}\n")
