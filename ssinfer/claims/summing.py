"""Insured days and cents of persons, aggregated to a panel or collected in a cohort."""

from dataclasses import dataclass
from typing import Any

import ibis
import numpy as np
import pandas as pd

from ssinfer.claims.backend.calendar import Calendar
from ssinfer.claims.backend.exact_cents import whole_sum
from ssinfer.claims.tables.tables import ClaimsTables
from ssinfer.cohort.cohort import Cohort
from ssinfer.panel import Panel


@dataclass(frozen=True, eq=False)
class PersonCells:
    """Insured days, cents and `kept` cents (after truncation) per person, unit (a number) and t: an Ibis table."""

    table: Any
    units: tuple[str, ...]
    tables: ClaimsTables
    calendar: Calendar
    reference_year: int  # of the covariate age
    accept: frozenset[str]  # doubts that the user overruled

    def _persons(self) -> tuple[Any, list[str]]:
        """Return persons with their covariates, and the names of the covariates with levels."""
        insured = self.tables.insured
        age = ibis.greatest(self.reference_year - insured["birth_year"].cast("int64"), 0).cast("int64")
        optional = [name for name in ("ses", "region") if name in insured.columns]
        labels = {name: ibis.coalesce(insured[name], "unknown") for name in optional}
        return insured.select("person", "sex", age=age, **labels), ["sex", *(["ses"] if "ses" in labels else [])]

    def panel(self, amount: str = "cents") -> Panel:
        """Return the panel of `amount` (cents or kept), as Cohort.to_panel defines it."""
        who, labelled = self._persons()
        joined = self.table.left_join(who, "person")
        levels = {name: sorted(who.select(name).distinct().to_pandas()[name]) for name in labelled}
        y, w = (joined[name].cast("decimal(18, 0)") for name in (amount, "days"))  # exact in any order of lines
        shares = {
            f"{name}={level}": whole_sum((joined[name] == level).ifelse(joined["days"], 0))
            for name in labelled
            for level in levels[name]
        }
        sums = joined.group_by("unit", "t").aggregate(
            persons=joined.count(),
            days=whole_sum(joined["days"]),
            cents=whole_sum(joined[amount]),
            yy=(y * y).sum().cast("float64"),
            yw=(y * w).sum().cast("float64"),
            ww=(w * w).sum().cast("float64"),
            age=whole_sum(joined["age"] * joined["days"]),
            **shares,
        )
        frame = sums.order_by("unit", "t").to_pandas()
        rows, labels = pd.factorize(frame["unit"])
        columns = frame["t"].to_numpy(dtype=np.intp)

        def grid(name: str) -> np.ndarray[Any, np.dtype[np.float64]]:
            out = np.full((len(labels), len(self.calendar.periods)), np.nan)
            out[rows, columns] = frame[name].to_numpy(dtype=np.float64)
            return out

        lengths = self.calendar.year_days.astype(np.float64)
        days, persons, money = grid("days"), grid("persons"), grid("cents")
        ratio = money / days  # cents per day
        squares = grid("yy") - 2 * ratio * grid("yw") + ratio**2 * grid("ww")
        mean = ratio * lengths / 100
        with np.errstate(divide="ignore", invalid="ignore"):
            variance = squares * persons / ((persons - 1) * days**2) * (lengths / 100) ** 2
        variance[~((persons > 1) & (variance > 1e-12 * mean**2))] = np.nan
        covariates = {name: grid(name) / days for name in ("age", *shares)}
        units = tuple(self.units[int(number)] for number in labels)
        return Panel(units, self.calendar.periods, mean, days / lengths, variance, None, covariates, accept=self.accept)

    def cohort(self, amount: str = "cents") -> Cohort:
        """Return the cohort of `amount` (cents or kept)."""
        who, labelled = self._persons()
        cells = self.table.select("person", "unit", "t", "days", amount=amount)
        frame = cells.order_by("unit", "person", "t").to_pandas()
        new = ((frame["person"] != frame["person"].shift()) | (frame["unit"] != frame["unit"].shift())).to_numpy()
        rows, first = np.cumsum(new) - 1, np.flatnonzero(new)
        columns = frame["t"].to_numpy(dtype=np.intp)
        spending, years = np.zeros((2, len(first), len(self.calendar.periods)))
        spending[rows, columns] = frame["amount"].to_numpy(dtype=np.float64) / 100
        years[rows, columns] = frame["days"].to_numpy(dtype=np.float64) / self.calendar.year_days[columns]
        person = frame["person"].to_numpy()[first]
        info = who.to_pandas().set_index("person").loc[person]
        return Cohort(
            person=person,
            unit=np.array(self.units, dtype=object)[frame["unit"].to_numpy(dtype=np.intp)[first]],
            periods=self.calendar.periods,
            spending=spending,
            insured_years=years,
            region=info["region"].to_numpy() if "region" in info else None,
            covariates={name: info[name].to_numpy() for name in ("age", *labelled)},
            accept=self.accept,
        )
