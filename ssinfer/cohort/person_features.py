"""Features of persons from their history before a start: bounded functions of earlier spending, age, sex and labels."""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ssinfer.arguments import Number, Optional, Several, checked
from ssinfer.cohort.cohort import Cohort
from ssinfer.errors import CohortError
from ssinfer.names import as_names
from ssinfer.periods import parse_period, read_periods
from ssinfer.typing import Booleans, Floats, Label, Positions

MIN_INSURED_YEARS = 0.02  # a week: with less, a rate per insured-year says nothing
CAP_QUANTILE = 0.997  # of spending per insured-year: above it the square root and the rate itself do not rise
AGE_BAND_YEARS = 5
OLDEST_BAND = 90
LIFE_STAGES = (0, 18, 45, 65, 80, 200)  # ages between which the effect of last year's spending may differ
EARLIER_YEARS = 3  # years of history with features of their own; all older periods together are one more
_YEAR = re.compile(r"(?:19|20)\d\d")


@checked(CohortError, masked=Several(), covariates=Optional(Several()), years_earlier=Number(0))
def person_features(
    cohort: Cohort,
    before: Label,
    *,
    masked: Iterable[Any] = (),
    covariates: Sequence[str] | None = None,
    years_earlier: float = 0.0,
) -> pd.DataFrame:
    r"""Return features of each row of a cohort (n, p) from the time before the period `before`; none is later.

    With r the spending per insured-year in a part of the history, c its quantile 0.997 over persons, and m a thousandth
    of the mean of the whole history, the parts "year 1" (the last before the start), "year 2", "year 3", "older" and
    the last four quarters each give

    .. math:: \log(1 + r / m), \; \sqrt{\min(r, c) / m}, \; \min(r, c) / m, \; 1\{\text{no history}\}, \; \text{share
              of the part insured.}

    The log of year 1 is given by stage of life as well, ages below 18, 45, 65, 80 and above. A history belongs to the
    person: rows of one person in several units share it. Age gives indicators of five-year bands, by sex if the cohort
    has the label ``sex``; each level of another label gives an indicator, and a number is taken as it is.

    Parameters
    ----------
    cohort : Cohort
    before : period of the cohort. Only spending and insured time of earlier periods enter.
    masked : periods that do not enter
    covariates : sequence of str or None. Baseline covariates beside the history; None: all.
    years_earlier : float. Years by which `before` lies before the time at which ages are given.

    Raises
    ------
    CohortError : `before` is no period of the cohort, nothing lies before it, or the name or a value of a covariate
        names a time at or after it

    Examples
    --------
    >>> cohort = Cohort(np.arange(3), np.array(["a", "a", "b"]), (2018, 2019), np.array([[9.0, 1], [0, 1], [90, 1]]),
    ...                 np.ones((3, 2)), covariates={"age": [41, 44, 83], "sex": ["V", "M", "V"]})
    >>> person_features(cohort, 2019)[["year 1: log", "age 40 to 44, sex V"]].astype(float).round(2).values.tolist()
    [[5.61, 1.0], [0.0, 0.0], [7.91, 0.0]]
    """
    names, (values,) = feature_grids(cohort, before, masked, covariates, years_earlier, (1.0,))
    return pd.DataFrame(values, columns=names)


def feature_grids(
    cohort: Cohort,
    before: Label,
    masked: Iterable[Any],
    covariates: Sequence[str] | None,
    years_earlier: float,
    scales: Sequence[float],
) -> tuple[list[str], list[NDArray[np.float32]]]:
    """Return the names of the features, and their values (n, p) with the spending in each unit times each of `scales`.

    Histories that persons have from other units stay as they are, as do caps and the unit of money.
    """
    start = int(cohort.columns([before])[0])
    hidden = cohort.columns(masked)
    parts = list(_parts(start, read_periods(cohort.periods).per_year or 1, hidden))
    if not parts:
        raise CohortError(f"No period of the cohort lies before {before!r}. Extract earlier periods, or start later.")
    chosen = tuple(cohort.covariates) if covariates is None else as_names(covariates)
    for name in chosen:
        _refuse_later(name, cohort.covariate(name), before)
    fixed: dict[str, NDArray[Any]] = dict(_demography(cohort, chosen, years_earlier))
    age = np.asarray(cohort.covariate("age"), float) - years_earlier if "age" in chosen else None
    varying: list[dict[str, Floats]] = [{} for _ in scales]
    for name, rate, own, cap, none, share in _rates(cohort, parts, np.setdiff1d(np.arange(start), hidden)):
        fixed |= {f"{name}: none": none, f"{name}: share": share}
        for columns, scale in zip(varying, scales, strict=True):
            scaled = rate + np.float32(scale - 1.0) * own
            bounded = np.minimum(scaled, cap)
            log = np.log1p(scaled)
            columns |= {f"{name}: log": log, f"{name}: root": np.sqrt(bounded), f"{name}: rate": bounded}
            if name == "year 1" and age is not None:
                for low, high in pairwise(LIFE_STAGES):
                    columns[f"year 1: log, from age {low}"] = np.where((age >= low) & (age < high), log, 0)
    grids = []
    for columns in varying:
        grid = np.empty((len(cohort.person), len(fixed) + len(columns)), dtype=np.float32)
        for place, values in enumerate([*fixed.values(), *columns.values()]):
            grid[:, place] = values
        grids.append(grid)
    return [*fixed, *varying[0]], grids


def _rates(
    cohort: Cohort, parts: Iterable[tuple[str, Positions, float]], used: Positions
) -> Iterator[tuple[str, NDArray[np.float32], NDArray[np.float32], np.float32, Booleans, Floats]]:
    """Yield, per part: name, rates (n,) in thousandths of the mean, those of the unit, cap, who has none, shares."""
    person, _ = pd.factorize(cohort.person)
    known = np.isfinite(cohort.spending)
    money, years = np.where(known, cohort.spending, 0.0), np.where(known, cohort.insured_years, 0.0)
    unit = max(money[:, used].sum() / max(years[:, used].sum(), MIN_INSURED_YEARS), 1e-300) / 1000
    for name, part, length in parts:
        spent, insured = (np.bincount(person, grid[:, part].sum(axis=1))[person] for grid in (money, years))
        none = insured <= MIN_INSURED_YEARS
        spent = np.maximum(spent, 0.0)
        both = np.stack([spent, np.clip(money[:, part].sum(axis=1), 0.0, spent)])
        rate, own = np.where(none, 0.0, both / np.maximum(insured, MIN_INSURED_YEARS) / unit)
        cap = 0.0 if none.all() else np.quantile(rate[~none], CAP_QUANTILE)
        shares = np.minimum(insured / length, 1.0)
        yield name, rate.astype(np.float32), own.astype(np.float32), np.float32(cap), none, shares


def _parts(start: int, per_year: int, hidden: Positions) -> Iterator[tuple[str, Positions, float]]:
    """Yield name, columns and length in years of each part of the history that has a period."""
    bounds = [(f"year {k}", start - k * per_year, start - (k - 1) * per_year, 1.0) for k in range(1, EARLIER_YEARS + 1)]
    oldest = start - EARLIER_YEARS * per_year
    bounds.append(("older", 0, oldest, oldest / per_year))
    if per_year >= 4 and per_year % 4 == 0:
        quarter = per_year // 4
        bounds += [(f"quarter {k}", start - k * quarter, start - (k - 1) * quarter, 0.25) for k in range(1, 5)]
    for name, low, high, length in bounds:
        part = np.setdiff1d(np.arange(max(low, 0), max(high, 0)), hidden)
        if len(part):
            yield name, part, length * len(part) / (high - low)


def _demography(cohort: Cohort, names: Sequence[str], years_earlier: float) -> Iterator[tuple[str, Floats]]:
    """Yield indicators of age bands by sex and of the levels of labels, and numbers as they are."""
    for name in names:
        values = cohort.covariate(name)
        if values.dtype.kind == "f" and name != "age":
            yield name, values
            continue
        codes, levels = (np.zeros(len(values), int), [""]) if name == "age" else pd.factorize(values, sort=True)
        if name == "age":
            band = (np.clip(values - years_earlier, 0, OLDEST_BAND) // AGE_BAND_YEARS).astype(int)
            sex = cohort.covariate("sex") if "sex" in names else values
            by_sex, sexes = (codes, levels) if sex.dtype.kind == "f" else pd.factorize(sex, sort=True)
            codes = band * len(sexes) + by_sex
            bands = range(0, OLDEST_BAND + 1, AGE_BAND_YEARS)
            texts = [f"age {low} to {low + AGE_BAND_YEARS - 1}" for low in bands]
            texts = [f"{text}, sex {level}" if level else text for text in texts for level in sexes]
        else:
            texts = [f"{name}={level}" for level in levels]
        for code, text in enumerate(texts):
            yield text, codes == code


def _refuse_later(name: str, values: Any, before: Label) -> None:
    """Refuse a covariate whose name, or whose values as dates, lie at or after the start."""
    try:
        start = parse_period(before).first_day
    except (ValueError, AttributeError):  # labels without a calendar have no dates to compare with
        return
    late = [year for year in _YEAR.findall(name) if int(year) >= start.year]
    if not late and values.dtype.kind == "O":
        dates = pd.to_datetime(pd.Series(pd.unique(values)), format="%Y-%m-%d", errors="coerce").dropna()
        late = [str(date.date()) for date in dates if date.date() >= start]
    if late:
        raise CohortError(
            f"covariates has {name!r}, which names {late[0]}, and the features end before {before!r}: what is coded "
            "later may be changed by the contract. Name covariates that were known before, or build it from earlier "
            "periods."
        )
