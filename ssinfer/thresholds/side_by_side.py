"""compare_fits: the results of several methods as numbers; print_fits: as a table of a paper, side by side."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ssinfer.arguments import checked
from ssinfer.counterfactual import Counterfactual
from ssinfer.errors import DataError, SsinferError
from ssinfer.level import check_level
from ssinfer.printed import ABSENT, count, percent, plain
from ssinfer.schema import Column, FrameSchema
from ssinfer.sentences import say
from ssinfer.thresholds.compare import MONEY, RATE
from ssinfer.thresholds.confidence import confidence_threshold
from ssinfer.thresholds.credible import credible_threshold
from ssinfer.thresholds.kind import ThresholdKey
from ssinfer.thresholds.names import threshold_name

KINDS = {each.__name__.removesuffix("_threshold"): each for each in (credible_threshold, confidence_threshold)}
FITS = FrameSchema(
    "fits",
    "one row per fit",
    Column("name", "text", "", "Name of the fit."),
    Column("uncertainty", "text", "", "posterior, sampling or none: the draws of the interval."),
    Column("level", "float", "fraction", "Level of the interval and of the thresholds."),
    Column("benchmark", "float", MONEY, "Mean benchmark."),
    Column("saving", "float", MONEY, "Measured saving; NaN without spending of the performance periods."),
    Column("lower", "float", MONEY, "Lower end of the equal-tailed interval; NaN if there is none."),
    Column("upper", "float", MONEY, "Upper end of the equal-tailed interval; NaN if there is none."),
    Column("savings_rate", "float", RATE, "Measured saving."),
    Column("credible", "float", RATE, "One-sided credible threshold, flat prior; NaN if there is none."),
    Column("confidence", "float", RATE, "One-sided confidence threshold; NaN if there is none."),
    Column("insured_years", "float", "insured-years", "Of the performance periods; NaN if they are unknown."),
    Column("units", "int", "units", "Treated units."),
    Column("periods", "int", "periods", "Performance periods."),
    Column("checks", "int", "checks", "Diagnostics that were evaluated."),
    Column("failed", "int", "checks", "Diagnostics that failed."),
)


@checked(DataError)
def compare_fits(
    fits: Counterfactual | Sequence[Counterfactual] | Mapping[str, Counterfactual], level: float = 0.95
) -> pd.DataFrame:
    """Return estimate, interval, thresholds, size and diagnostics of several fits; :func:`print_fits` prints them.

    Parameters
    ----------
    fits : mapping of names to Counterfactuals, or a sequence of these, which are named by their methods
    level : level of the interval of the saving, and of the one-sided thresholds; a fraction

    Returns
    -------
    pandas.DataFrame with one row per fit and the columns, units and meanings of `FITS`. An interval or threshold that
        the fit refuses, because a check failed or it has no such draws, is NaN.

    Examples
    --------
    >>> import numpy as np, ssinfer as ss
    >>> draws = 100 + np.random.default_rng(1).standard_normal(4000)
    >>> cf = ss.Counterfactual.from_draws(draws, "posterior", spending=97.0, insured_years=20_000)
    >>> table = compare_fits({"own draws": cf})
    >>> table[["saving", "savings_rate", "credible"]].round(3).values.tolist()
    [[2.99, 0.03, 0.016]]
    >>> print_fits(table)["own draws"].tolist()
    ['100', '3', '1 to 5', '3.0%', '1.6%', '–', '20,000', '1 × 1', '0 / 0']
    """
    level = check_level(level)
    listed: Any = [fits] if isinstance(fits, Counterfactual) else fits
    named = listed if isinstance(listed, Mapping) else {getattr(cf, "method", ""): cf for cf in listed}
    if wrong := [each for each in named.values() if not isinstance(each, Counterfactual)]:
        raise DataError(f"fits holds a {type(wrong[0]).__name__}; each is a Counterfactual, as method.fit returns it.")
    if not named or len(named) < len(listed):
        raise DataError(f"fits has {len(listed)} fits of {len(named)} methods. Give a mapping of own names to fits.")
    return FITS.frame([{"name": str(name), "level": level, **_numbers(cf, level)} for name, cf in named.items()])


def _numbers(cf: Counterfactual, level: float) -> dict[str, Any]:
    draws, years = cf.pooled() - cf.pooled_spending, cf.insured_years.values
    known, tails = cf.uncertainty != "none" and not cf.failures, [(1 - level) / 2, (1 + level) / 2]
    ends = np.quantile(draws, tails) if known else [math.nan] * 2
    rates = {}
    for kind, threshold in KINDS.items():
        try:
            rates[kind] = threshold(cf, level, "one-sided").rate
        except SsinferError:
            rates[kind] = math.nan
    status = pd.Series(dtype=str) if cf.diagnostics is None else cf.diagnostics["status"]
    return {
        "uncertainty": cf.uncertainty, "benchmark": cf.level, "saving": draws.mean(), "lower": ends[0],
        "upper": ends[1], "savings_rate": draws.mean() / cf.level, **rates,
        "insured_years": math.nan if np.isin(years, (0.0, 1.0)).all() else years.sum(),
        "units": years.shape[0], "periods": years.shape[1],
        "checks": int((status != "NOT EVALUATED").sum()), "failed": int((status == "FAIL").sum()),
    }  # fmt: skip


@checked(DataError)
def print_fits(table: pd.DataFrame, currency: str = "EUR") -> pd.DataFrame:
    """Return the numbers of :func:`compare_fits` in print: one row per number, one column per fit.

    Money is rounded to whole units of `currency`, a text for the labels. ``print_fits(table).to_latex(escape=True)``
    is a table for a paper.
    """
    rows = []
    for row in FITS.conform(table).to_dict("records"):
        digits = 0 if row["benchmark"] >= 50 else 2
        ends = [plain(row[end], digits) for end in ("lower", "upper")]
        rows.append(
            [
                *(plain(row[name], digits) for name in ("benchmark", "saving")),
                ABSENT if ABSENT in ends else say("range", low=ends[0], high=ends[1]),
                *(percent(row[name], decimals=1) for name in ("savings_rate", *KINDS)),
                count(row["insured_years"]),
                f"{row['units']} × {row['periods']}",
                f"{row['checks'] - row['failed']} / {row['failed']}",
            ]
        )
    level = table["level"].iloc[0] if len(table) else 0.95
    names = [threshold_name(ThresholdKey(kind, level), short=True) for kind in KINDS]
    labels = [say(f"fits.{name}", currency=currency, level=100 * level) for name in ("benchmark", "saving", "interval")]
    labels += [say("fits.rate"), *names, say("column.insured_years"), say("fits.size"), say("fits.checks")]
    return pd.DataFrame(np.array(rows, dtype=object).T, index=labels, columns=table["name"].tolist())
