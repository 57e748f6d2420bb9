"""Completion factors: the spending of a period that is still to be paid, from the development of earlier periods."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import ibis
import numpy as np
import pandas as pd

from ssinfer.claims.backend.calendar import Calendar, day_of, epoch_day, months_until, running_month
from ssinfer.claims.backend.exact_cents import cents, sums
from ssinfer.claims.lines import COUNTED, definition
from ssinfer.claims.spending import RunOut, Spending
from ssinfer.claims.tables.tables import ClaimsTables
from ssinfer.errors import ClaimsError


def check_maturity(run_out: RunOut, calendar: Calendar) -> None:
    """Refuse a run-out that is longer than the time since the last period; a provisional one needs its end only."""
    available = _months_between(calendar, len(calendar.periods) - 1, run_out.extracted)
    if available < (0 if run_out.provisional else run_out.months):
        raise ClaimsError(
            f"Run-out of {run_out.months} months, but claims were extracted on {run_out.extracted}, {available} full "
            f"months after the end of {calendar.periods[-1]!r}. Shorten the run-out or end the study earlier."
            + ("" if run_out.provisional else " Or pass provisional=True, if each period of it is over.")
        )


def completed(
    cells: Any, tables: ClaimsTables, spending: Spending, calendar: Calendar, as_of: dt.date | None = None
) -> tuple[Any, pd.DataFrame | None]:
    """Return cells with cents times the completion factor, and the factors with their standard errors, if asked.

    With a provisional run-out each young period has its own row (`period`) and factor: from its age on the day `as_of`
    (default: that of the extraction), by the triangle of the extraction.
    """
    run_out = spending.run_out
    if run_out is None or not (run_out.complete or run_out.provisional):
        return cells, None
    if run_out.complete:
        factor, error = completion_factor(_development(tables, calendar, run_out, spending), run_out.months)
        table = pd.DataFrame({"months": [run_out.months], "factor": [factor], "standard_error": [error]})
        return _multiplied(cells, factor), table
    ages = [_months_between(calendar, t, as_of or run_out.extracted) for t in range(len(calendar.periods))]
    young = {t: age for t, age in enumerate(ages) if 0 <= age < run_out.months}
    if not young:
        return cells, None
    table = age_factors(_development(tables, calendar, run_out, spending), run_out.months, young, calendar.year)
    cases = ((cells["t"] == t, factor) for t, factor in zip(young, table["factor"], strict=True))
    return _multiplied(cells, ibis.cases(*cases, else_=1.0)), table


def _multiplied(cells: Any, factor: Any) -> Any:
    return cells.mutate(cents=(cells["cents"].cast("float64") * factor + 0.5).floor().cast("int64"))


def age_factors(triangle: pd.DataFrame, months: int, young: Mapping[int, int], years: Sequence[int]) -> pd.DataFrame:
    """Return period, months (its age), factor to `months` and standard error of each young period (row: age).

    The error is Mack's of a prediction: that of the factor, and that of the period's own development. Refused if the
    periods that reached `months` lie in one calendar year (`years`, one per row of the triangle): how speed of payment
    differs between years is then unknown.
    """
    reached = np.isfinite(triangle[months]) if months in triangle else np.zeros(len(triangle), dtype=bool)
    final = {year for year, known in zip(years, reached, strict=True) if known}
    if len(final) < 2:
        raise ClaimsError(
            f"A provisional run-out of {months} months learns its completion factors from years that are complete, and "
            f"the triangle has {f'one: {min(final)}' if final else 'none'}. Two are needed, because payments are "
            "slower in some years. Deliver the claims of an earlier year too, with their days of payment, or settle "
            "when the run-out is over."
        )
    values = triangle.to_numpy(dtype=np.float64)
    rows = [
        (triangle.index[t], age, *completion_factor(triangle, age, months, float(values[t, age])))
        for t, age in young.items()
    ]
    return pd.DataFrame(rows, columns=["period", "months", "factor", "standard_error"])


def _development(tables: ClaimsTables, calendar: Calendar, run_out: RunOut, spending: Spending) -> pd.DataFrame:
    """Return cumulative cents per period and month after its end (0: the period itself); NaN after the extraction."""
    claims = tables.claims
    rows = claims.mutate(
        t=calendar.running(claims["date"]), cents=cents(claims["amount"]), day=epoch_day(claims["paid"])
    )
    rows = rows.filter(rows["t"] >= 0, rows["t"] < len(calendar.periods), rows["day"] <= day_of(run_out.extracted))
    verdict, _ = definition(rows, replace(spending, run_out=None), calendar)
    rows = rows.filter(verdict == COUNTED)
    rows = rows.mutate(age=running_month(rows["paid"]) - calendar.last_month(rows["t"]))
    rows = rows.mutate(age=(rows["age"] > 0).ifelse(rows["age"], 0))
    paid = sums(rows, ("t", "age"), "cents").to_pandas()
    ages = np.array([_months_between(calendar, t, run_out.extracted) for t in range(len(calendar.periods))])
    oldest = int(ages.max())
    grid = np.zeros((len(calendar.periods), oldest + 1))
    paid = paid[paid["age"] <= oldest]
    grid[paid["t"].astype(int), paid["age"].astype(int)] = paid["cents"]
    cumulative = np.cumsum(grid, axis=1)
    cumulative[np.arange(oldest + 1) > ages[:, None]] = np.nan
    return pd.DataFrame(cumulative, index=pd.Index(calendar.periods, name="period"))


def completion_factor(
    triangle: pd.DataFrame, months: int, until: int | None = None, paid: float = np.inf
) -> tuple[float, float]:
    r"""Return the factor from `months` to `until` (default: the end of the triangle), and its standard error.

    Chain ladder on cumulative payments C (period i, month k; NaN if not observed yet): link ratio
    :math:`f_k = \sum_i C_{i,k+1} / \sum_i C_{ik}` over periods that reach month k + 1, factor
    :math:`\prod_{k \ge months} f_k`; variance of each ratio :math:`\sigma_k^2 / \sum_i C_{ik}`,
    :math:`\sigma_k^2 = \frac{1}{n_k - 1} \sum_i C_{ik} (C_{i,k+1}/C_{ik} - f_k)^2`, relative variances added (Mack
    1993, doi 10.2143/AST.23.2.2005092). The variance of a ratio of one period is the smallest of the two variances
    before it and their extrapolation, as in Mack; NaN if there are none. With `paid`, what a period to be predicted
    has paid in `months`, its own process variance :math:`\sigma_k^2 / C_k` is added.
    """
    values = triangle.to_numpy(dtype=np.float64)
    last = values.shape[1] - 1 if until is None else until
    if not 0 <= months <= last:
        raise ClaimsError(f"The triangle knows months 0 to {last} of development, not {months}.")
    factor, relative = 1.0, 0.0
    sigma2: list[float] = []
    for month in range(last):
        both = np.isfinite(values[:, month + 1]) & (values[:, month] > 0)
        if not both.any():
            if month < months:
                continue
            raise ClaimsError(
                f"No period has payments in month {month} and is observed in month {month + 1} of its development. "
                "Extract claims of earlier periods too, or shorten the run-out."
            )
        now, then = values[both, month], values[both, month + 1]
        ratio = then.sum() / now.sum()
        if both.sum() > 1:
            sigma2.append(float((now * (then / now - ratio) ** 2).sum() / (both.sum() - 1)))
        elif len(sigma2) > 1:
            before, latest = sigma2[-2:]
            sigma2.append(min(latest**2 / before if before > 0 else 0.0, before, latest))
        if month >= months:
            noise = sigma2[-1] if sigma2 else np.nan
            relative += noise * (1 / now.sum() + 1 / (paid * factor)) / ratio**2
            factor *= float(ratio)
    return factor, float(factor * np.sqrt(relative))


def _months_between(calendar: Calendar, t: int, extracted: dt.date) -> int:
    """Return full months from the end of period t to the extraction; a month counts once its last day is extracted."""
    return months_until(extracted) - int(calendar.last_month(t))
