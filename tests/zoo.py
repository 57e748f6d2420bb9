"""A zoo of dishonest and broken methods of another package; each class breaks one promise of docs/providers.md."""

# ruff: noqa: ARG002

import dataclasses
import os
import random
import time
import warnings

import numpy as np
import xarray as xr
from sklearn.base import BaseEstimator

from ssinfer.counterfactual import Counterfactual

LAST = []  # what an animal remembers


class Honest(BaseEstimator):
    """Growth of a random donor; what it is not told (NaN) stays NaN in its result."""

    needs = "panel"

    def __init__(self, n_draws=60):
        self.n_draws = n_draws

    def fit(self, data, design, *, seed=None):
        rows, donors = data.rows(design.treated), design.donor_rows(data)
        cells = np.ix_(rows, data.columns(design.performance))
        level = data.spending[:, data.columns(design.baseline)].mean(axis=1, keepdims=True)
        growth = (data.spending[:, cells[1][0]] / level)[donors]
        chosen = np.random.default_rng(seed).integers(len(donors), size=(1, self.n_draws))
        coords = {"unit": list(design.treated), "period": list(design.performance)}
        return Counterfactual(
            method=type(self).__name__,
            design=design,
            benchmark=xr.DataArray(
                level[rows][None, None] * growth[chosen][:, :, None], coords, ("chain", "draw", "unit", "period")
            ),
            spending=xr.DataArray(data.spending[cells], coords, ("unit", "period")),
            insured_years=xr.DataArray(data.insured_years[cells], coords, ("unit", "period")),
            uncertainty="sampling",
        )

    def changed(self, cf, **parts):
        return dataclasses.replace(cf, **parts)


class WritesIntoData(Honest):
    def fit(self, data, design, *, seed=None):
        data.spending.flags.writeable = True
        data.spending[np.ix_(data.rows(design.treated), data.columns(design.performance))] *= 0.5
        return super().fit(data, design, seed=seed)


class ReadsSealedCells(Honest):
    def fit(self, data, design, *, seed=None):
        cf = super().fit(data, design, seed=seed)
        seen = data.spending[np.ix_(data.rows(design.treated), data.columns(design.performance))]
        return self.changed(cf, benchmark=0 * cf.benchmark + 1.05 * seen)


class LiesOnSpending(Honest):
    def fit(self, data, design, *, seed=None):
        cf = super().fit(data, design, seed=seed)
        return self.changed(cf, spending=0.8 * cf.benchmark.mean(("chain", "draw")))


class LiesOnInsuredYears(Honest):
    def fit(self, data, design, *, seed=None):
        cf = super().fit(data, design, seed=seed)
        return self.changed(cf, insured_years=10 * cf.insured_years)


class ReturnsAnotherUnit(Honest):
    def fit(self, data, design, *, seed=None):
        other, *donors = (data.units[row] for row in design.donor_rows(data))
        return super().fit(data, design.replace(treated=[other], donors=donors), seed=seed)


class ChangesTheWorld(Honest):
    def fit(self, data, design, *, seed=None):
        np.random.seed(1)  # noqa: NPY002
        random.seed(1)
        os.environ["ZOO"] = "1"
        os.chdir("/")
        return super().fit(data, design, seed=seed)


class LeavesByExit(Honest):
    def fit(self, data, design, *, seed=None):
        raise SystemExit(0)


class LeavesAtOnce(Honest):
    def fit(self, data, design, *, seed=None):
        os._exit(0)


class Hangs(Honest):
    def fit(self, data, design, *, seed=None):
        time.sleep(3600)


class Forks(Honest):
    def fit(self, data, design, *, seed=None):
        os.fork()
        return super().fit(data, design, seed=seed)


class PrintsWithoutEnd(Honest):
    def fit(self, data, design, *, seed=None):
        while True:
            print("again" * 1000)  # noqa: T201
            warnings.warn("again", stacklevel=1)


class ReturnsNaN(Honest):
    def fit(self, data, design, *, seed=None):
        cf = super().fit(data, design, seed=seed)
        return self.changed(cf, benchmark=np.nan * cf.benchmark, insured_years=np.nan * cf.insured_years)


class Remembers(Honest):
    """Draws depend on what was fitted before in the same process."""

    def fit(self, data, design, *, seed=None):
        LAST.append(design)
        cf = super().fit(data, design, seed=seed)
        return self.changed(cf, benchmark=cf.benchmark * (1 + 0.01 * len(LAST)))


# by name: words of the reason for which its fits are refused; "" if a note says what it changed
ZOO = {
    "WritesIntoData": "cannot set WRITEABLE flag",
    "ReadsSealedCells": "draws that are not finite",
    "LiesOnSpending": "gave spending",
    "LiesOnInsuredYears": "gave insured_years",
    "ReturnsAnotherUnit": "gave a result for another design",
    "ChangesTheWorld": "",
    "LeavesByExit": "SystemExit: 0",
    "LeavesAtOnce": "ended its process (exit",
    "Hangs": "did not end its fit within",
    "Forks": "",
    "PrintsWithoutEnd": "did not end its fit within",
    "ReturnsNaN": "draws that are not finite",
}
