"""Simulation-based calibration of the hierarchical benchmark.

    python hierarchical_sbc.py docs/evidence 2000              # ranks and figure
    python hierarchical_sbc.py docs/evidence 0 1000 half.csv   # ranks of panels 0 to 999, saved in half.csv
    python hierarchical_sbc.py docs/evidence half.csv other.csv
    python hierarchical_sbc.py docs/evidence 0 200 spatial.csv neighbours    # panels with neighbours
    python hierarchical_sbc.py docs/evidence 0 2000 own.csv own              # levels with the almost flat prior

Parameters are drawn from the prior, a panel is drawn given the parameters (with fixed prior constants), and the
posterior of the panel is computed. The rank of each true quantity in its posterior must then be uniform: of every
parameter, of the sealed outcome of the treated unit, and of the log likelihood at the truth (a quantity that depends on
the data: Modrák et al. 2023, doi 10.1214/23-BA1404). Ranks are exact shares of posterior weight, which thinned draws
would only estimate.

The computation is that of `fit`, with further rounds where weights are not reliable. Each panel has its own seed.
Panels whose fit is refused are counted, and their ranks are reported too: `table` shows that leaving them out changes
nothing.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import kstwo, norm

from ssinfer.benchmarks.hierarchical.model import PanelModel
from ssinfer.benchmarks.hierarchical.parameters import FLAT, Parameter
from ssinfer.benchmarks.hierarchical.predictions import predict_placebos, reweight_for_placebo, sample_placebos
from ssinfer.benchmarks.hierarchical.proposal import build_panel_proposal
from ssinfer.benchmarks.hierarchical.reml import simulate_panel
from ssinfer.benchmarks.priors import VOLATILITY_LOG_SD

UNITS, PERIODS = 25, 5
NODES = 1024
NEIGHBOURS = (
    Parameter("neighbour_level", "deviation", 0.05),
    Parameter("neighbour_shock", "deviation", 0.02),
    Parameter("neighbour_persistence", "persistence"),
)


def frozen_model(*, neighbours=False, own=False):
    """Fixed prior constants of the size that Dutch municipalities give, and sizes that differ fiftyfold.

    With neighbours the units lie on a map of 5 x 5 places, 15 km apart, in an order that has nothing to do with size.
    """
    loadings = np.ones((UNITS, 1))
    if neighbours:
        place = np.arange(UNITS) * 7 % UNITS
        east, north = 15.0 * (place % 5), 15.0 * (place // 5)
        values, vectors = np.linalg.eigh(
            np.exp(-np.hypot(np.subtract.outer(east, east), np.subtract.outer(north, north)) / 25)
        )
        loadings = np.column_stack([loadings, vectors[:, -10:] * np.sqrt(values[-10:])])
    sizes = np.exp(np.linspace(np.log(2_000), np.log(100_000), UNITS))
    volatility = tuple(f"volatility_{period}" for period in range(PERIODS))
    return PanelModel(
        time=np.arange(PERIODS, dtype=float),
        sampling=np.repeat(1 / sizes[:, None], PERIODS, axis=1),
        loadings=loadings,
        neighbours=loadings.shape[1] - 1,
        covariates=0,
        season=None,
        parameters=(
            *(() if own else (Parameter("level", "deviation", 0.10),)),
            *(() if neighbours else (Parameter("trend", "deviation", 0.01),)),
            Parameter("shock", "deviation", 0.02),
            Parameter("persistence", "persistence"),
            Parameter("noise", "deviation", 5.0),
            *(NEIGHBOURS if neighbours else ()),
            *(Parameter(name, "factor", VOLATILITY_LOG_SD) for name in volatility),
        ),
        period_scale=0.3,
        level_scale=0.1,
        own_level=FLAT * 0.05,
    )


def ranks(start, stop, seed=1, *, neighbours=False, own=False):
    """Return posterior ranks in (0, 1), one row per simulated panel from start to stop - 1."""
    model = frozen_model(neighbours=neighbours, own=own)
    seen = np.ones((UNITS, PERIODS))
    treated, ahead = np.array([UNITS // 2]), np.array([PERIODS - 1])
    seen[treated, ahead] = 0.0
    rows = []
    for number in range(start, stop):
        rng = np.random.default_rng([seed, number])
        truth = rng.standard_normal(model.size)
        y = simulate_panel(model, truth, rng) + model.period_scale * rng.standard_normal(PERIODS)
        known = y * seen
        data = (known, seen, treated, ahead)
        if neighbours:
            posterior, mean, covariance = next(sample_placebos(model, *data, NODES))
        else:
            proposal = build_panel_proposal(model, known, seen, NODES)
            predictions = predict_placebos(model, proposal.nodes, *data)
            posterior, mean, covariance = reweight_for_placebo(model, proposal, predictions, 0, data, NODES)
        weights = posterior.weights
        row = {p.name: weights @ (posterior.nodes[:, j] < truth[j]) for j, p in enumerate(model.parameters)}
        row["y_ahead"] = weights @ norm.cdf((y[treated, ahead] - mean[:, 1]) / np.sqrt(covariance[:, 1, 1]))
        at_truth = model.log_posterior(truth, known, seen) - float(model.log_prior(truth))
        likelihood = posterior.log_target - model.log_prior(posterior.nodes)
        row["log_likelihood"] = weights @ (likelihood < at_truth)
        row["pareto_k"], row["effective"] = posterior.pareto_k, posterior.effective
        row["refused"] = bool(posterior.failures)
        rows.append(row)
    return pd.DataFrame(rows, index=pd.RangeIndex(start, stop, name="panel"))


QUANTITIES = (
    "level",
    "trend",
    "shock",
    "persistence",
    "noise",
    "neighbour_level",
    "neighbour_shock",
    "neighbour_persistence",
    "volatility_0",
    f"volatility_{PERIODS - 1}",
    "y_ahead",
    "log_likelihood",
)


def quantities(frame):
    """Names of the quantities that the model has."""
    return [name for name in QUANTITIES if name in frame]


def band(frame, level=0.05):
    """Half-width of simultaneous ECDF bands: exact (Kolmogorov) along each ECDF, Bonferroni over the quantities."""
    return float(kstwo.ppf(1 - level / len(quantities(frame)), len(frame)))


def distances(frame):
    """Largest distance between the ECDF of each quantity's ranks and the uniform."""
    grid = np.arange(1, len(frame) + 1) / len(frame)
    out = {}
    for name in quantities(frame):
        ordered = np.sort(frame[name].to_numpy())
        out[name] = float(np.maximum(np.abs(grid - ordered), np.abs(grid - 1 / len(frame) - ordered)).max())
    return out


def table(frame):
    """Distances of the fitted panels, and of all panels with the refused ones; the last row is the band."""
    fitted = frame[~frame["refused"]]
    out = pd.DataFrame({"fitted": distances(fitted), "with the refused": distances(frame)})
    out.loc["band"] = [band(fitted), band(frame)]
    return out


def draw(frame, folder):
    """Write a figure of ECDF differences with their simultaneous bands."""
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams["svg.hashsalt"] = "hierarchical_sbc"
    import matplotlib.pyplot as plt

    fitted = frame[~frame["refused"]]
    folder.mkdir(parents=True, exist_ok=True)
    figure, axis = plt.subplots(figsize=(7, 4))
    grid = np.linspace(0, 1, 401)
    for name in quantities(frame):
        share = np.searchsorted(np.sort(fitted[name].to_numpy()), grid, side="right") / len(fitted)
        axis.plot(grid, share - grid, label=name, linewidth=1)
    for side in (-1, 1):
        axis.axhline(side * band(fitted), color="grey", linestyle="--", linewidth=1)
    axis.set(
        xlabel="rank of the truth in its posterior",
        ylabel="ECDF minus uniform",
        title=f"{len(fitted):,} simulated panels ({len(frame) - len(fitted)} more refused)",
    )
    axis.legend(fontsize=7, ncols=3)
    figure.savefig(folder / "hierarchical_sbc.svg", metadata={"Date": None})
    plt.close(figure)


def main(folder, arguments):
    """Run, or combine saved ranks, and print."""
    if len(arguments) > 2 and arguments[2].endswith(".csv") and not arguments[0].endswith(".csv"):
        start, stop, file, *kind = arguments
        ranks(int(start), int(stop), **dict.fromkeys(kind, True)).to_csv(file)
        return
    if arguments[0].endswith(".csv"):
        frame = pd.concat([pd.read_csv(file, index_col="panel") for file in arguments])
    else:
        frame = ranks(0, int(arguments[0]))
    draw(frame, folder)
    sys.stdout.write(f"{len(frame)} panels, {int(frame['refused'].sum())} refused\n{table(frame).round(4)}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
