r"""Provisional settlement: what the final saving and payment may still be, before the run-out is over.

Estimand: the measured saving of the same method and terms when every period has had its run-out. With B and Y the
provisional benchmark and spending (per insured-year, completed by the same factors), the final saving is

    S = B (1 + c + d) - Y (1 + c + u),   c ~ N(0, common^2),   u = sqrt(v(n)) t,   d = sqrt(sum_j w_j^2 v(n_j)) t'

c is the error of the completion factors, equal for all units, so that it hardly touches the rate. Its variance is that
of Mack (1993, doi 10.2143/AST.23.2.2005092), added over periods as if these errors were equal: an upper bound. u is the
group's own run-out, and d that of the donors with weights w (1 over their number without weights). Both have Student t
with J - 1 degrees of freedom, and the variance v = fixed + shrinking / n at n insured-years, fitted to J other units in
earlier years: their final spending over what the same factors made of the view at the same age, less the mean of the
units (the provisional settlements of placebos). What it does not hold: persons and prices that change afterwards.

A threshold T that a fit learns from the donors' spending moves too. With E the null error of the fit, and E', T' those
of fits on donors' spending times 1 + u' (u' as u, drawn anew), the final threshold is

    T sd(E) / sqrt(mean var(E')) + sd(T') z,   z ~ N(0, 1)

The donors' run-out adds a variance r^2 to that of the final error, var(E) = f^2 + r^2; the fits E' have it twice, and
f^2 / var(E) = (1 + r^2 / f^2)^-1 is taken as var(E) / var(E'): extrapolation to no error (SIMEX: Cook and Stefanski
1994, doi 10.1080/01621459.1994.10476871), on a scale that stays positive.
"""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from ssinfer.counterfactual import Counterfactual
from ssinfer.errors import StudyError
from ssinfer.kernels.variance_components import variance_function
from ssinfer.panel import Panel
from ssinfer.typing import Floats

MAX_WINDOWS = 3  # earlier years whose view is rebuilt: each reads the claims again
MIN_UNITS = 10  # other units, for the variance of the run-out
N_DRAWS = 4000
N_PAIRS = 10  # pairs of fits whose spending has more run-out error, of either sign
LEVEL = 0.9

type Settle = Callable[..., Any]


@dataclass(frozen=True)
class RunOutNoise:
    """Relative errors of the completed spending of a performance window; see the module for the model."""

    common: float  # standard error of the factors, a fraction of spending
    fixed: float = 0.0  # variance of a unit's own run-out that does not shrink with size
    shrinking: float = 0.0  # variance times insured-years
    sizes: Mapping[str, float] = field(default_factory=dict)  # insured-years of the other units
    n_units: int = 2
    n_windows: int = 0
    to_come: float = 0.0  # share of the final spending of the group that is still to be paid, expected

    def variance(self, insured_years: Any) -> Any:
        """Return the variance of a group's own run-out."""
        return self.fixed + self.shrinking / insured_years


def earlier_days(extracted: dt.date, months: int, youngest: int, first: int, per_year: int) -> dict[int, dt.date]:
    """Return the day of each earlier window's view, by number of years before the contract's; none that is not final.

    `youngest` is the age of the last performance period in months, `first` the position of the first one.
    """
    years = range(1, first // per_year + 1)
    back = {years: (extracted + pd.Timedelta(days=1)) - pd.DateOffset(years=years) for years in years}
    final = [years for years in back if youngest + 12 * years >= months][:MAX_WINDOWS]
    return {years: (back[years] - pd.Timedelta(days=1)).date() for years in final}


def run_out_noise(
    panel: Panel,
    earlier: Mapping[int, Panel],
    treated: Sequence[str],
    performance: Sequence[Any],
    completion: pd.DataFrame,
) -> RunOutNoise | None:
    """Return the errors of a performance window, None if its run-out is over.

    Parameters
    ----------
    panel : completed spending now; earlier windows are final
    earlier : views of the same units by number of years before the contract's window, completed by the same factors
    treated, performance, completion : units and periods of the contract; factors by young period
    """
    columns, per_year = panel.columns(performance), panel.timeline.per_year or 1
    names = [panel.timeline.name(int(t)) for t in columns]
    young = completion.set_index(completion["period"].astype(str)).reindex(names)
    if young["factor"].isna().all():
        return None
    outside = np.isin(panel.units, treated)
    others = [unit for unit, out in zip(panel.units, outside, strict=True) if not out]
    years: Any = panel.insured_years
    errors, sizes = [], []
    for back, view in earlier.items():
        window = columns - back * per_year
        weight = years[~outside][:, window]
        final, known = ((part.spending[part.rows(others)][:, window] * weight).sum(axis=1) for part in (panel, view))
        complete = np.isfinite(final + known) & (known > 0)
        ratio, money = final[complete] / known[complete], known[complete]
        if complete.sum() >= MIN_UNITS:
            errors.append(np.sqrt(len(ratio) / (len(ratio) - 1)) * (ratio / np.average(ratio, weights=money) - 1))
            sizes.append(weight.sum(axis=1)[complete])
    if not errors:
        raise StudyError(
            f"A provisional settlement learns what may still change from an earlier year that is final, with at least "
            f"{MIN_UNITS} other units; {len(earlier)} earlier years are final, and there are {len(others)} units. "
            "Deliver the claims of an earlier year too, make smaller groups, or settle when the run-out is over."
        )
    size = np.concatenate(sizes)
    scale = float(size.mean())
    fixed, shrinking = variance_function(np.concatenate(errors), np.column_stack([np.ones(size.size), scale / size]))
    rows = panel.rows(treated)
    money = (panel.spending[rows][:, columns] * years[rows][:, columns]).sum(axis=0)
    share = money / money.sum()
    relative = (young["standard_error"] / young["factor"]).fillna(0.0).to_numpy()
    return RunOutNoise(
        common=float(share @ relative),
        fixed=float(fixed),
        shrinking=float(shrinking) * scale,
        sizes={
            unit: n for unit, n in zip(others, years[~outside][:, columns].sum(axis=1).tolist(), strict=True) if n > 0
        },
        n_units=min(map(len, errors)),
        n_windows=len(errors),
        to_come=float(share @ (1 - 1 / young["factor"].fillna(1.0).to_numpy())),
    )


def final_factors(
    noise: RunOutNoise, cf: Counterfactual, rng: np.random.Generator, shape: Any, insured_years: float | None = None
) -> list[Floats]:
    """Return draws of final over provisional benchmark and spending of a fit, both pooled (over `insured_years`)."""
    insured_years = float(cf.insured_years.sum()) if insured_years is None else insured_years
    common = 1 + noise.common * rng.standard_normal(shape)
    sizes = pd.Series(noise.sizes, dtype=float)
    weights = pd.Series(1 / max(len(sizes), 1), sizes.index) if cf.weights is None else cf.weights.mean(axis=0)
    weights = weights.reindex(sizes.index).fillna(0.0)
    own = [(weights**2 * noise.variance(sizes)).sum(), noise.variance(insured_years)]
    return [common + np.sqrt(variance) * rng.standard_t(noise.n_units - 1, shape) for variance in own]


def final_thresholds(
    noise: RunOutNoise,
    panel: Panel,
    performance: Sequence[Any],
    refit: Callable[[Panel], tuple[float, float]],
    rng: np.random.Generator,
) -> Floats:
    """Return draws of the final threshold, a rate; `refit` returns threshold and SD of the null error on a panel."""
    cells = np.ix_(panel.rows(list(noise.sizes)), panel.columns(performance))
    deviation = np.sqrt(noise.variance(np.array([*noise.sizes.values()])))
    (rate, sd), moved = refit(panel), []
    for _ in range(N_PAIRS):
        error = deviation * rng.standard_t(noise.n_units - 1, len(deviation))
        for factor in (1 + error, 1 - error):
            spending = panel.spending.copy()
            spending[cells] *= factor[:, None]
            moved.append(refit(replace(panel, spending=spending)))
    rates, deviations = np.array(moved).T
    shrunk = sd / np.sqrt((deviations**2).mean()) if sd > 0 else 1.0
    return np.asarray(rate * shrunk + rates.std() * rng.standard_normal(N_DRAWS))


def provisional_row(
    noise: RunOutNoise, cf: Counterfactual, rng: np.random.Generator, threshold: Any, settle: Settle | None
) -> dict[str, Any]:
    """Return what the final settlement may be: columns of provisional.csv, without labels.

    `threshold` is a rate, or draws of the final one; NaN without one. `settle` settles draws of benchmark and spending;
    None without a contract.
    """
    factors = final_factors(noise, cf, rng, N_DRAWS)
    benchmark, spending = cf.level * factors[0], cf.pooled_spending * factors[1]
    paid = None if settle is None else np.asarray(settle(benchmark=benchmark, spending=spending).payment)
    return final_amounts(noise, float(cf.insured_years.sum()), benchmark, spending, threshold, paid)


def final_amounts(
    noise: RunOutNoise, insured_years: float, benchmark: Floats, spending: Floats, threshold: Any, paid: Floats | None
) -> dict[str, Any]:
    """Return columns of provisional.csv from draws of the final benchmark, spending and payment."""
    saving, tails = benchmark - spending, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
    row = {name: getattr(noise, name) for name in ("to_come", "n_units", "n_windows")}
    row |= {"saving": saving.mean(), "common_error": noise.common}
    row |= {"final_threshold": np.mean(threshold), "final_threshold_se": np.std(threshold)}
    row |= {"own_error": np.sqrt(noise.variance(insured_years))}
    row |= dict(zip(("lower", "upper"), np.quantile(saving, tails), strict=True))
    if np.isfinite(threshold).all():
        row["reaches"] = np.mean((saving > 0) & (saving / benchmark >= threshold))
    if paid is not None:
        row |= {"paid": np.mean(paid > 0), "payment": paid.mean()}
        row |= dict(zip(("payment_lower", "payment_upper"), np.quantile(paid, tails), strict=True))
    return row
