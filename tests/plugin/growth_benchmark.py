"""GrowthBenchmark: baseline spending times the donors' mean growth; a stranger's method without ssinfer's base."""

import numpy as np
import xarray as xr
from sklearn.base import BaseEstimator

from ssinfer.counterfactual import Counterfactual
from ssinfer.errors import NotSupportedError
from ssinfer.protocol import Capabilities


class GrowthBenchmark(BaseEstimator):
    needs = "panel"
    capabilities = Capabilities(several_treated=False, confidence=True)

    def __init__(self, draws=1000, last=None):  # constructors only store
        self.draws = draws
        self.last = last

    def fit(self, data, design, *, seed=None):
        if len(design.treated) > 1 or design.starts:
            raise NotSupportedError("More than one treated unit or start", "GrowthBenchmark", "Fit one by one.")
        baseline = [period for period in design.baseline if period not in design.masked][-(self.last or 0) :]
        performance = [period for period in design.performance if period not in design.masked]
        treated, donors = data.rows(design.treated), design.donor_rows(data)
        level = data.spending[:, data.columns(baseline)].mean(axis=1, keepdims=True)
        growth = data.spending[:, data.columns(performance)] / level  # (units, periods); only donors' is read
        mean = growth[donors].mean(axis=0)
        # a donor's own distance from the mean stands for the treated unit's: one donor per draw, all periods
        error = (growth[donors] - mean) * np.sqrt(len(donors) / (len(donors) - 1)) * np.sqrt(1 + 1 / len(donors))
        picked = np.random.default_rng(seed).integers(len(donors), size=(1, self.draws))
        draws = level[treated][None, None] * (mean + error[picked])[:, :, None]  # (chain, draw, unit, period)

        cells = np.ix_(treated, data.columns(performance))
        coords = {"unit": list(design.treated), "period": performance}
        sizes = np.ones(cells[0].shape) if data.insured_years is None else data.insured_years[cells]
        labels = {"chain": [0], "draw": np.arange(self.draws), **coords}
        return Counterfactual(
            method="GrowthBenchmark",
            design=design,
            benchmark=xr.DataArray(draws, labels, ("chain", "draw", "unit", "period")),
            spending=xr.DataArray(data.spending[cells], coords, ("unit", "period")),
            insured_years=xr.DataArray(sizes * np.ones(draws.shape[2:]), coords, ("unit", "period")),
            uncertainty="sampling",
        )
