"""Savings: benchmark minus observed spending, draw by draw."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
import xarray as xr

from ssinfer.drawing import draw, frame_of
from ssinfer.errors import RefusalError
from ssinfer.level import check_level
from ssinfer.notebook import as_html

Uncertainty = Literal["posterior", "sampling", "none"]


def money(value: float) -> str:
    """Return money per insured-year as text: two decimals, or three digits where these would be 0.0 (millions)."""
    return f"{value:,.2f}" if value == 0 or abs(value) >= 0.1 else f"{value:.3g}"


@dataclass(frozen=True, eq=False, repr=False)
class Savings:
    """Savings: benchmark minus spending, in EUR per insured-year; positive when less was spent than the benchmark.

    Attributes
    ----------
    benchmark : xarray.DataArray (chain, draw, unit, period), draws in EUR per insured-year
    spending, insured_years : xarray.DataArray (unit, period), observed spending and its weight in insured-years
    uncertainty : "posterior", "sampling" or "none": draws of a posterior, a sampling distribution, or a single point
    """

    benchmark: xr.DataArray
    spending: xr.DataArray
    insured_years: xr.DataArray
    uncertainty: Uncertainty

    @property
    def draws(self) -> xr.DataArray:
        """Draws of the saving B - Y, in EUR per insured-year."""
        return (self.benchmark - self.spending).rename("saving")

    @property
    def rate(self) -> xr.DataArray:
        """Draws of the savings rate (B - Y) / B, for description. Payment tests use `measured_rate`."""
        self._refuse_rates()
        return (self.draws / self.benchmark).rename("savings_rate")

    @property
    def measured(self) -> xr.DataArray:
        """Measured saving M = Bbar - Y (unit, period), in EUR per insured-year; Bbar is the mean benchmark."""
        return self.benchmark.mean(("chain", "draw"), skipna=False) - self.spending

    @property
    def measured_rate(self) -> xr.DataArray:
        """Measured savings rate M / Bbar (unit, period), a fraction. Refused unless each Bbar is positive."""
        self._refuse_rates()
        return self.measured / self.benchmark.mean(("chain", "draw"), skipna=False)

    def _refuse_rates(self) -> None:
        """Refuse savings rates if the mean benchmark of a cell is not positive."""
        mean = self.benchmark.mean(("chain", "draw"), skipna=False)
        for i, t in np.argwhere(mean.values <= 0)[:1].tolist():
            unit, period = mean["unit"].values.tolist()[i], mean["period"].values.tolist()[t]
            of = "over all units and periods" if unit == period == "pooled" else f"of {unit!r} in {period!r}"
            refuse_rate(float(mean[i, t]), of)

    def pooled(self) -> "Savings":
        """Return the saving pooled over units and periods, weighted by insured-years, draw by draw."""
        sizes = self.insured_years
        total = float(sizes.sum())
        labels = {"unit": ["pooled"], "period": ["pooled"]}

        def pool(values: xr.DataArray) -> xr.DataArray:
            summed = (values.where(sizes > 0, 0.0) * sizes).sum(("unit", "period")) / total
            return summed.expand_dims(labels, axis=(-2, -1))

        insured = xr.DataArray([[total]], coords=labels, dims=("unit", "period"))
        return Savings(pool(self.benchmark), pool(self.spending), insured, self.uncertainty)

    def summary(self, level: float = 0.95) -> pd.DataFrame:
        """Return one row per unit and period, and a pooled row. Money is in EUR per insured-year.

        The columns are unit, period, benchmark (mean), spending, saving, savings_rate (measured), lower and upper
        (equal-tailed interval of the saving with probability `level`), probability_positive (share of positive draws).
        The last three are NaN for a point estimate.
        """
        level = check_level(level)
        tables = [self] if self.draws.sizes["unit"] * self.draws.sizes["period"] == 1 else [self, self.pooled()]
        rows: list[tuple[Any, ...]] = []
        for savings in tables:
            draws, rates = savings.draws.values, savings.measured_rate.values
            mean = savings.benchmark.mean(("chain", "draw"), skipna=False).values
            for i, t in np.argwhere(savings.insured_years.values > 0).tolist():
                cell = draws[:, :, i, t]
                spent = float(savings.spending.values[i, t])
                interval = [*np.quantile(cell, [(1 - level) / 2, (1 + level) / 2]), (cell > 0).mean()]
                if self.uncertainty == "none":
                    interval = [np.nan] * 3
                labels = (savings.spending["unit"].values[i], savings.spending["period"].values[t])
                rows.append((*labels, mean[i, t], spent, mean[i, t] - spent, rates[i, t], *interval))
        names = ["unit", "period", "benchmark", "spending", "saving", "savings_rate", "lower", "upper"]
        return pd.DataFrame(rows, columns=[*names, "probability_positive"])

    def plot(self, *, thresholds: Any = None, ax: Any = None) -> Any:
        """Draw the distribution of the pooled savings rate with thresholds; return a matplotlib Figure.

        Parameters
        ----------
        thresholds : Threshold or rate (a fraction of the benchmark), several, or a mapping of names to these
        ax : matplotlib Axes, Figure or SubFigure to draw into and return; None: a new Figure

        Raises
        ------
        RefusalError : the saving is a point estimate, or the mean benchmark is not positive
        ParameterError : `thresholds` holds what is no rate; `ax` is of another class

        Examples
        --------
        >>> import numpy as np, ssinfer as ss
        >>> draws = 100 + np.random.default_rng(1).standard_normal(4000)
        >>> cf = ss.Counterfactual.from_draws(draws, "posterior", spending=97.0)
        >>> cf.savings().plot(thresholds={"agreed": 0.02, "credible": ss.credible_threshold(cf)}).axes[0].get_xlabel()
        'Saving, % of the benchmark (posterior under a flat prior)'
        """
        return draw("saving", frame_of("saving", self, thresholds=thresholds), ax)

    def facts(self) -> dict[str, Any]:
        """Return what notebooks show, by label; None: nothing."""
        pooled = self.pooled()
        saving, benchmark = pooled.measured.item(), float(pooled.benchmark.mean())
        rate = f" ({100 * saving / benchmark:.2f}% of the benchmark)" if benchmark > 0 else ""
        draws, known = pooled.draws.values, self.uncertainty != "none"
        return {
            "saving": f"{money(saving)} per insured-year{rate}",
            "95% interval": " to ".join(map(money, np.quantile(draws, [0.025, 0.975]))) if known else None,
            "share of draws above zero": f"{100 * (draws > 0).mean():.0f}%" if known else None,
            "uncertainty": f"SD {money(float(draws.std()))} ({self.uncertainty})",
        }

    def __repr__(self) -> str:
        facts = self.facts()
        return f"Savings: {facts['saving']}, {facts['uncertainty']}"

    _repr_html_ = as_html


def refuse_rate(benchmark: float, of: str) -> None:
    """Refuse a rate of a mean benchmark that is not positive; `of` says which benchmark it is."""
    if benchmark <= 0:
        raise RefusalError(
            f"The mean benchmark {of} is {money(benchmark)} per insured-year; a savings rate or threshold needs a "
            "positive one. Read the saving in money, or use spending that is positive."
        )
