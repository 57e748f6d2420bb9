"""One package, one estimator, one panel: time, memory and result of its fit, as JSON on the last line printed.

Run by peers.py with the Python of the package: ``python peer_fits.py PACKAGE ESTIMATOR PANEL.npz``. The panel holds
``spending`` (unit x period), the treated unit first, and ``before``, the number of baseline periods. What a package
needs around its fit, such as its own frame, is made before the clock starts. The first fit warms up and compiles.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd

REPEATS, SHORT, LONG = 3, 0.25, 20.0  # a repeat takes SHORT processor seconds at least; above LONG there is none
DISTRIBUTION = {"diff_diff": "diff-diff", "causalpy": "CausalPy"}


class Data:
    """The panel in the shapes that packages ask for; spending of units u0000 (treated), u0001, ... in whole periods."""

    def __init__(self, file: str) -> None:
        with np.load(file) as stored:
            self.Y, self.before = stored["spending"], int(stored["before"])
        self.units = [f"u{i:04d}" for i in range(len(self.Y))]
        self.wide = pd.DataFrame(self.Y.T, columns=self.units)
        self.donors = self.wide[self.units[1:]]
        long = self.wide.rename_axis("time").reset_index().melt("time", var_name="unit", value_name="y")
        long["treated_unit"] = (long["unit"] == self.units[0]).astype(int)
        long["treated"] = long["treated_unit"] * (long["time"] >= self.before)
        self.long = long
        self.after = list(range(self.before, self.Y.shape[1]))

    def mean_gap(self, weights: np.ndarray) -> float:
        """Return treated less weighted donors, the mean over the performance periods."""
        return float((self.Y[0] - weights @ self.Y[1:])[self.before :].mean())

    def ordered(self, weights: dict) -> np.ndarray:
        return np.array([weights.get(unit, 0.0) for unit in self.units[1:]], dtype=float)


def ssinfer(data: Data, estimator: str):
    import ssinfer as ss

    panel = ss.Panel.from_frame(
        data.long[["unit", "time", "y"]], unit="unit", period="time", spending="y", insured_years=None
    )
    design = ss.Design(treated=[data.units[0]], baseline=range(data.before), performance=data.after)
    method = {
        "synthetic control": ss.SyntheticControl(inference="none"),
        "synthetic control, all placebos": ss.SyntheticControl(),
        "demeaned synthetic control": ss.SyntheticControl(intercept=True, inference="none"),
        "synthetic DiD": ss.SyntheticDiD(inference="none"),
        "Bayesian synthetic control": ss.SyntheticControl(inference="bayes"),
    }[estimator]

    def fit():
        cf = method.fit(panel, design, seed=1)
        weights = data.ordered(cf.weights.loc[data.units[0]].to_dict())
        return weights, -cf.savings().pooled().measured.item()

    return fit


def panelkit(data: Data, estimator: str):
    import panelkit

    method = {
        "synthetic control": panelkit.SyntheticControl(),
        "synthetic control, all placebos": panelkit.SyntheticControl(inference="placebo"),
        "demeaned synthetic control": panelkit.DemeanedSC(),
        "synthetic DiD": panelkit.SyntheticDiD(),
    }[estimator]

    def fit():
        result = method.fit(data.Y, treated=[0], treat_time=data.before)
        weights = np.zeros(len(data.Y))
        weights[result.donor_ids] = result.weights[: len(result.donor_ids)]
        return weights[1:], result.att

    return fit


def pysyncon(data: Data, estimator: str):
    import pysyncon

    del estimator
    before = data.wide.iloc[: data.before]
    X0, X1 = before[data.units[1:]], before[data.units[0]]

    def fit():
        synth = pysyncon.Synth()
        synth.fit(X0=X0, X1=X1, Z0=X0, Z1=X1, custom_V=np.full(data.before, 1 / data.before))
        return synth.W, data.mean_gap(synth.W)

    return fit


def mlsynth(data: Data, estimator: str):
    import mlsynth

    settings = {
        "df": data.long, "outcome": "y", "treat": "treated", "unitid": "unit", "time": "time", "display_graphs": False,
    }  # fmt: skip

    def fit():
        if estimator == "synthetic DiD":
            return None, float(mlsynth.SDID({**settings, "B": 0}).fit().att)  # unit weights are not in its result
        result = mlsynth.VanillaSC({**settings, "inference": False}).fit()
        return data.ordered(result.weights.donor_weights), float(result.effects.att)

    return fit


def diff_diff(data: Data, estimator: str):
    import diff_diff as dd

    def fit():
        if estimator == "synthetic DiD":  # its variance cannot be left out: the fewest replicates
            method = dd.SyntheticDiD(variance_method="placebo", n_bootstrap=2, seed=1)
            result = method.fit(data.long, "y", "treated_unit", "unit", "time", post_periods=data.after)
            return data.ordered(result.unit_weights), float(result.att)
        method = dd.SyntheticControl(v_method="custom", custom_v=np.ones(data.before), standardize="none")
        result = method.fit(data.long, "y", "treated", "unit", "time")
        return data.ordered(result.donor_weights), float(result.att)

    return fit


def azcausal(data: Data, estimator: str):
    from azcausal.core.panel import CausalPanel
    from azcausal.estimators.panel.sdid import SDID

    del estimator
    treated = data.long.pivot_table(index="time", columns="unit", values="treated")
    panel = CausalPanel({"outcome": data.wide, "intervention": treated}).setup(
        outcome="outcome", intervention="intervention"
    )

    def fit():
        effect = SDID().fit(panel).effect
        return data.ordered(effect["omega"].to_dict()), float(effect.value)

    return fit


def causalpy(data: Data, estimator: str):
    import causalpy as cp

    before = data.before

    def point():
        weights = cp.skl_models.WeightedProportion().fit(data.Y[1:, :before].T, data.Y[0, :before]).get_coeffs()
        return weights, data.mean_gap(weights)

    def bayes():
        sampling = {"draws": 500, "tune": 500, "chains": 2, "cores": 1, "random_seed": 1, "progressbar": False}
        model = cp.pymc_models.WeightedSumFitter(sample_kwargs=sampling)
        cp.SyntheticControl(data.wide, before, data.units[1:], data.units[:1], model=model)
        beta = model.idata.posterior["beta"].mean(("chain", "draw"))
        weights = np.ravel(beta.to_numpy())
        return weights, data.mean_gap(weights)

    return bayes if estimator.startswith("Bayesian") else point


def peak_mb() -> float:
    """Return the peak of resident memory of this program (ru_maxrss would also hold what its parent had)."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def measure(package: str, estimator: str, file: str) -> dict:
    """Return the figures of a fit; what a package raises is its message."""
    import_module(package)
    imported = peak_mb()
    fit = globals()[package](Data(file), estimator)
    start = time.process_time()
    weights, effect = fit()
    first = time.process_time() - start
    seconds = []
    for _ in range(REPEATS if first < LONG else 0):
        start, fits = time.process_time(), 0
        while not fits or time.process_time() - start < SHORT:
            weights, effect = fit()
            fits += 1
        seconds.append((time.process_time() - start) / fits)
    return {
        "version": version(DISTRIBUTION.get(package, package)),
        "seconds": sorted(seconds or [first]),
        "first": first,
        "imported_mb": imported,
        "peak_mb": peak_mb(),
        "weights": None if weights is None else weights.tolist(),
        "effect": effect,
    }


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    try:
        print(json.dumps(measure(*sys.argv[1:])))
    except Exception as error:  # noqa: BLE001 - the failure of a peer is a row of the table
        print(json.dumps({"error": f"{type(error).__name__}: {error}"[:200]}))
