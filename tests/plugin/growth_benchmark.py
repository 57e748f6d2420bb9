"""GrowthBenchmark: baseline spending times the mean growth of donors; a method without a base class of ssinfer."""

import numpy as np
import xarray as xr
from sklearn.base import BaseEstimator

from ssinfer.counterfactual import Counterfactual
from ssinfer.errors import NotSupportedError
from ssinfer.protocol import Capabilities


class GrowthBenchmark(BaseEstimator):
    needs = "panel"
    capabilities = Capabilities(several_treated=False, confidence=True)

    def __init__(self, n_draws=1000, last=None):  # constructors only store
        self.n_draws = n_draws
        self.last = last

    def fit(self, data, design, *, seed=None):
        if len(design.treated) > 1 or design.starts:
            raise NotSupportedError("More than one treated unit or start", "GrowthBenchmark", "Fit one by one.")
        baseline = [period for period in design.baseline if period not in design.masked][-(self.last or 0) :]
        performance = [period for period in design.performance if period not in design.masked]
        treated, donors = data.rows(design.treated), design.donor_rows(data)
        level = data.spending[:, data.columns(baseline)].mean(axis=1, keepdims=True)
        growth = data.spending[:, data.columns(performance)] / level  # (units, periods); only that of donors is used
        mean = growth[donors].mean(axis=0)
        # the distance of a random donor from the mean stands for that of the treated unit, in all periods of a draw
        error = (growth[donors] - mean) * np.sqrt(len(donors) / (len(donors) - 1)) * np.sqrt(1 + 1 / len(donors))
        chosen = np.random.default_rng(seed).integers(len(donors), size=(1, self.n_draws))
        draws = level[treated][None, None] * (mean + error[chosen])[:, :, None]  # (chain, draw, unit, period)

        cells = np.ix_(treated, data.columns(performance))
        coords = {"unit": list(design.treated), "period": performance}
        sizes = np.ones(cells[0].shape) if data.insured_years is None else data.insured_years[cells]
        labels = {"chain": [0], "draw": np.arange(self.n_draws), **coords}
        return Counterfactual(
            method="GrowthBenchmark",
            design=design,
            benchmark=xr.DataArray(draws, labels, ("chain", "draw", "unit", "period")),
            spending=xr.DataArray(data.spending[cells], coords, ("unit", "period")),
            insured_years=xr.DataArray(sizes * np.ones(draws.shape[2:]), coords, ("unit", "period")),
            uncertainty="sampling",
        )
