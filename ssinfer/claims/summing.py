"""Aggregates cells of persons to a panel, or collects them in a cohort."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ibis
import numpy as np
import pandas as pd

from ssinfer.cohort.cohort import Cohort
from ssinfer.panel import Panel

if TYPE_CHECKING:
    from ssinfer.claims.backend.calendar import Calendar
    from ssinfer.claims.tables.tables import ClaimsTables


def _persons(tables: ClaimsTables, reference_year: int) -> tuple[Any, list[str]]:
    """Return persons with their covariates, and the names of the covariates with levels."""
    insured = tables.insured
    columns: dict[str, Any] = {
        "age": (ibis.greatest(reference_year - insured["birth_year"].cast("int64"), 0)).cast("int64"),
        "sex": insured["sex"],
    }
    if "ses" in insured.columns:
        columns["ses"] = ibis.coalesce(insured["ses"], "unknown")
    if "region" in insured.columns:
        columns["region"] = ibis.coalesce(insured["region"], "unknown")
    return insured.select("person", **columns), [name for name in ("sex", "ses") if name in columns]


def panel_of(
    cells: Any, units: tuple[str, ...], tables: ClaimsTables, calendar: Calendar, reference_year: int, amount: str
) -> Panel:
    """Return the panel of cells (person, unit, t, days and `amount` in cents), as Cohort.to_panel defines it."""
    who, labelled = _persons(tables, reference_year)
    joined = cells.left_join(who, "person")
    levels = {name: sorted(who.select(name).distinct().to_pandas()[name]) for name in labelled}
    y, w = joined[amount].cast("float64"), joined["days"].cast("float64")
    shares = {
        f"{name}={level}": ((joined[name] == level).ifelse(joined["days"], 0)).sum().cast("int64")
        for name in labelled
        for level in levels[name]
    }
    sums = joined.group_by("unit", "t").aggregate(
        persons=joined.count(),
        days=joined["days"].sum().cast("int64"),
        cents=joined[amount].sum().cast("int64"),
        yy=(y * y).sum(),
        yw=(y * w).sum(),
        ww=(w * w).sum(),
        age=(joined["age"] * joined["days"]).sum().cast("int64"),
        **shares,
    )
    frame = sums.order_by("unit", "t").to_pandas()
    rows, labels = pd.factorize(frame["unit"])
    shape = (len(labels), len(calendar.periods))
    columns = frame["t"].to_numpy(dtype=np.intp)

    def grid(name: str) -> np.ndarray[Any, np.dtype[np.float64]]:
        out = np.full(shape, np.nan)
        out[rows, columns] = frame[name].to_numpy(dtype=np.float64)
        return out

    lengths = calendar.year_days.astype(np.float64)
    days, persons, money = grid("days"), grid("persons"), grid("cents")
    ratio = money / days  # cents per day
    squares = grid("yy") - 2 * ratio * grid("yw") + ratio**2 * grid("ww")
    mean = ratio * lengths / 100
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = squares * persons / ((persons - 1) * days**2) * (lengths / 100) ** 2
    variance[~((persons > 1) & (variance > 1e-12 * mean**2))] = np.nan
    covariates = {name: grid(name) / days for name in ("age", *shares)}
    return Panel(
        tuple(units[int(number)] for number in labels),
        calendar.periods,
        mean,
        days / lengths,
        variance,
        None,
        covariates,
    )


def cohort_of(
    cells: Any, units: tuple[str, ...], tables: ClaimsTables, calendar: Calendar, reference_year: int, amount: str
) -> Cohort:
    """Return the cohort of cells (person, unit, t, days and `amount` in cents)."""
    who, labelled = _persons(tables, reference_year)
    frame = cells.select("person", "unit", "t", "days", amount=amount).order_by("unit", "person", "t").to_pandas()
    pairs = (frame["person"] != frame["person"].shift()) | (frame["unit"] != frame["unit"].shift())
    rows = np.cumsum(pairs.to_numpy()) - 1
    first = np.flatnonzero(pairs.to_numpy())
    shape = (len(first), len(calendar.periods))
    columns = frame["t"].to_numpy(dtype=np.intp)
    spending, years = np.zeros(shape), np.zeros(shape)
    spending[rows, columns] = frame["amount"].to_numpy(dtype=np.float64) / 100
    years[rows, columns] = frame["days"].to_numpy(dtype=np.float64) / calendar.year_days[columns]
    person = frame["person"].to_numpy()[first]
    info = who.to_pandas().set_index("person").loc[person]
    return Cohort(
        person=person,
        unit=np.array(units, dtype=object)[frame["unit"].to_numpy(dtype=np.intp)[first]],
        periods=calendar.periods,
        spending=spending,
        insured_years=years,
        region=info["region"].to_numpy() if "region" in info else None,
        covariates={name: info[name].to_numpy() for name in ("age", *labelled)},
    )
