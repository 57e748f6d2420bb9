"""Savings: benchmark less observed spending, draw by draw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
import xarray as xr

from ssinfer.level import check_level

Uncertainty = Literal["posterior", "sampling", "none"]


@dataclass(frozen=True, eq=False, repr=False)
class Savings:
    """Savings = benchmark - spending, per insured-year: positive when less was spent than the benchmark.

    Attributes
    ----------
    benchmark : DataArray (chain, draw, unit, period)
    spending, insured_years : DataArray (unit, period)
    uncertainty : what the draws are
    """

    benchmark: xr.DataArray
    spending: xr.DataArray
    insured_years: xr.DataArray
    uncertainty: Uncertainty

    @property
    def draws(self) -> xr.DataArray:
        """Draws B - Y, in spending per insured-year."""
        return (self.benchmark - self.spending).rename("saving")

    @property
    def rate(self) -> xr.DataArray:
        """Draws (B - Y) / B: for description. Payment tests use `measured_rate`."""
        return (self.draws / self.benchmark).rename("savings_rate")

    @property
    def measured(self) -> xr.DataArray:
        """Measured saving M = Bbar - Y (unit, period), Y a constant."""
        return self.benchmark.mean(("chain", "draw"), skipna=False) - self.spending

    @property
    def measured_rate(self) -> xr.DataArray:
        """Measured savings rate M / Bbar (unit, period), the number that is held against a threshold."""
        return self.measured / self.benchmark.mean(("chain", "draw"), skipna=False)

    def pooled(self) -> Savings:
        """Return the saving pooled over units and periods by insured-years, formed draw by draw."""
        weights = self.insured_years
        total = float(weights.sum())
        labels = {"unit": ["pooled"], "period": ["pooled"]}

        def pool(values: xr.DataArray) -> xr.DataArray:
            summed = (values.where(weights > 0, 0.0) * weights).sum(("unit", "period")) / total
            return summed.expand_dims(labels, axis=(-2, -1))

        insured = xr.DataArray([[total]], coords=labels, dims=("unit", "period"))
        return Savings(pool(self.benchmark), pool(self.spending), insured, self.uncertainty)

    def summary(self, level: float = 0.95) -> pd.DataFrame:
        """Return a row per unit and period and a pooled row.

        Returns
        -------
        pandas.DataFrame
            unit, period, benchmark (Bbar), spending, saving, savings_rate (measured), lower and upper
            (equal-tailed interval of the saving), probability_positive (share of draws above zero).
        """
        level = check_level(level)
        parts = [self] if self.draws.sizes["unit"] * self.draws.sizes["period"] == 1 else [self, self.pooled()]
        rows: list[tuple[Any, ...]] = []
        for part in parts:
            draws = part.draws.values
            mean = part.benchmark.mean(("chain", "draw"), skipna=False).values
            for i, t in np.argwhere(part.insured_years.values > 0).tolist():
                cell = draws[:, :, i, t]
                spent = float(part.spending.values[i, t])
                lower, upper = np.quantile(cell, [(1 - level) / 2, (1 + level) / 2])
                labels = (part.spending["unit"].values[i], part.spending["period"].values[t])
                measured = mean[i, t] - spent
                rows.append(
                    (*labels, mean[i, t], spent, measured, measured / mean[i, t], lower, upper, (cell > 0).mean())
                )
        names = ["unit", "period", "benchmark", "spending", "saving", "savings_rate", "lower", "upper"]
        return pd.DataFrame(rows, columns=[*names, "probability_positive"])

    def __repr__(self) -> str:
        part = self.pooled()
        return (
            f"Savings: {part.measured.item():,.2f} per insured-year ({100 * part.measured_rate.item():.2f}% of the "
            f"benchmark), SD {float(part.draws.std()):,.2f} ({self.uncertainty})"
        )
