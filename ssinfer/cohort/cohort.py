"""Cohort: persons attributed to units, their spending and insured-years over periods."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ssinfer.accept import check_accept
from ssinfer.arguments import Optional, Several, checked
from ssinfer.cohort.columns import (
    check_persons,
    covariate_column,
    pair_rows,
    person_labels,
    read_persons,
    selected_rows,
)
from ssinfer.cohort.moments import covariance_of_means, mean_and_variance, residual_correlation, residuals_of_ratio
from ssinfer.errors import CohortError
from ssinfer.kernels.groups import group_sums
from ssinfer.names import as_names, match_names, refuse_similar
from ssinfer.notebook import as_html
from ssinfer.panel import Panel, cell_grid, period_columns
from ssinfer.periods import read_periods
from ssinfer.typing import Booleans, Floats, Positions

Labels = NDArray[Any]


@checked(CohortError, person=Several(), unit=Several(), region=Optional(Several()))
@dataclass(frozen=True, eq=False, repr=False)
class Cohort:
    """Persons, the unit to which each is attributed, and their spending: n persons, T periods.

    A person is attributed to **one** unit for all periods: the practice at attribution (closed cohort), whoever treats
    the person later. In an open population, a person who changes practice has one row in each practice, with disjoint
    insured-years. So `person` may repeat, but the pair (person, unit) may not.

    Attributes
    ----------
    person, unit : array (n,). Identifiers, and the practice (or other unit) of attribution.
    periods : tuple (T,). Sortable labels, ascending.
    spending : array (n, T)
        Money spent on the person **in** the period: a total, not per year. 0 if the person was not insured. NaN if the
        person was insured and the spending is not known (yet): the unit's cell of the panel is then missing.
    insured_years : array (n, T)
        Fraction of a year insured in the period, so at most about 0.25 in a quarter. 0: not insured.
    region : array of str (n,) or None. Region of attribution. Persons of one unit may have different regions.
    covariates : mapping of str to array (n,)
        Baseline covariates: numbers (age, case mix) or labels (sex, SES). Never coded after the start.
    accept : frozenset of str, words of :data:`ssinfer.accept.ACCEPT` by which the user overruled doubts

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"id": [1, 1, 2, 2, 3, 3], "gp": ["a"] * 4 + ["b"] * 2, "year": [2018, 2019] * 3,
    ...                       "cost": [100.0, 50.0, 0.0, 900.0, 20.0, 0.0], "years": [1, 1, 1, 0.5, 1, 1],
    ...                       "age": [40, 40, 71, 71, 8, 8]})
    >>> cohort = Cohort.from_frame(frame, person="id", unit="gp", period="year", spending="cost",
    ...                            insured_years="years", covariates=["age"])
    >>> cohort
    Cohort: 3 persons in 2 units x 2 periods (2018 to 2019), 5.5 insured-years, covariates age
    >>> cohort.to_panel().spending.round(2).tolist()
    [[50.0, 633.33], [20.0, 0.0]]
    """

    person: Labels
    unit: Labels
    periods: tuple[Any, ...]
    spending: Floats
    insured_years: Floats
    region: Labels | None = None
    covariates: Mapping[str, Labels] = field(default_factory=dict)
    accept: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        n, shape = len(self.person), (len(self.person), len(self.periods))
        if 0 in shape:
            raise CohortError("A cohort needs at least one person and one period.")
        covariates = {name: covariate_column(values, n, name) for name, values in self.covariates.items()}
        frozen: dict[str, Any] = {
            "periods": tuple(self.periods),
            "person": person_labels(self.person, n, "person", text=False),
            "unit": person_labels(self.unit, n, "unit"),
            "region": None if self.region is None else person_labels(self.region, n, "region"),
            "spending": cell_grid(self.spending, shape, "spending", "persons", CohortError),
            "insured_years": cell_grid(self.insured_years, shape, "insured_years", "persons", CohortError),
            "covariates": MappingProxyType(covariates),
        }
        for name, value in frozen.items():
            object.__setattr__(self, name, value)
        check_persons(self.person, self.unit, self.periods, self.spending, self.insured_years)

    def __reduce__(self) -> tuple[Any, ...]:
        parts = (self.person, self.unit, self.periods, self.spending, self.insured_years, self.region)
        return type(self), (*parts, dict(self.covariates), self.accept)

    @classmethod
    @checked(CohortError)
    def from_frame(
        cls,
        frame: Any,
        person: str = "person",
        unit: str = "unit",
        period: str = "period",
        spending: str = "spending",
        insured_years: str = "insured_years",
        region: str | None = None,
        covariates: str | Sequence[str] = (),
        accept: str | Iterable[str] = (),
    ) -> Self:
        """Read a long frame with one row per person, unit and period; without a row, a person was not insured.

        Parameters
        ----------
        frame : pandas, polars or Arrow table, or dict of arrays; rows and columns in any order
        person, unit, period, spending, insured_years, region : str. Columns; spending is the total of the period.
        covariates : sequence of str. Baseline covariates: constant over the rows of a person.
        accept : sequence of str. Doubts to overrule: words of :data:`ssinfer.accept.ACCEPT`.

        Raises
        ------
        CohortError : a column or label is missing, a person has two rows for a period in the same unit, names of units
            are similar, a covariate changes over a person's rows, or the values contradict each other
        """
        keys, accepted = (person, unit, period), check_accept(accept)
        parts = read_persons(frame, keys, (spending, insured_years), region, as_names(covariates))
        cohort = cls(**parts, accept=accepted)
        refuse_similar(cohort.units, "Units", accepted, CohortError)
        return cohort

    def to_frame(self) -> pd.DataFrame:
        """Return the long frame: person, unit, period, spending, insured_years, region if known, covariates."""
        n, n_periods = self.spending.shape
        region = {} if self.region is None else {"region": self.region}
        persons = {"person": self.person, "unit": self.unit, **region, **self.covariates}
        frame = pd.DataFrame({name: np.repeat(values, n_periods) for name, values in persons.items()})
        frame.insert(2, "period", list(self.periods) * n)
        frame.insert(3, "spending", self.spending.ravel())
        frame.insert(4, "insured_years", self.insured_years.ravel())
        return frame

    @cached_property
    def _units(self) -> tuple[Positions, tuple[str, ...]]:
        rows, labels = pd.factorize(self.unit)
        rows = np.asarray(rows, dtype=np.intp)
        rows.setflags(write=False)
        return rows, tuple(str(label) for label in labels)

    @property
    def units(self) -> tuple[str, ...]:
        """Labels of the units, in the order of their first appearance."""
        return self._units[1]

    def unit_rows(self) -> Positions:
        """Return, per person, the row of their unit in :attr:`units` and in the panel (n,)."""
        return self._units[0]

    def unit_regions(self) -> Labels | None:
        """Return the region of most persons of each unit, the first by sorting of equals; None if not known."""
        if self.region is None:
            return None
        counts = pd.crosstab(self.unit_rows(), self.region)
        return np.asarray(counts.columns, dtype=object)[counts.to_numpy().argmax(axis=1)]

    def columns(self, labels: Iterable[object]) -> Positions:
        """Return the column numbers of periods; an unknown period is refused."""
        return period_columns(read_periods(self.periods), labels, "The cohort has no period", CohortError)

    def covariate(self, name: str) -> Labels:
        """Return a covariate (n,); an unknown name is refused with the nearest one."""
        return self.covariates[match_names([name], self.covariates, "The cohort has no covariate", CohortError)[0]]

    @checked(CohortError, persons=Optional(Several()))
    def select(
        self,
        *,
        units: str | Iterable[object] | None = None,
        persons: Iterable[object] | Booleans | None = None,
        periods: Iterable[object] | None = None,
    ) -> Self:
        """Return the cohort of some units, persons (identifiers, or a mask of shape (n,)) and periods."""
        rows = selected_rows(self.person, self.unit, units, persons)
        return self.take(rows, None if periods is None else np.sort(self.columns(periods)))

    def take(self, rows: Positions, columns: Positions | None = None) -> Self:
        """Return rows in the given order, and columns, both by their numbers."""
        columns = np.arange(len(self.periods)) if columns is None else columns
        return replace(
            self,
            **self._persons(rows),
            periods=tuple(self.periods[column] for column in columns),
            spending=self.spending[np.ix_(rows, columns)],
            insured_years=self.insured_years[np.ix_(rows, columns)],
        )

    def _persons(self, rows: Positions) -> dict[str, Any]:
        """Return person, unit, region and covariates of some rows."""
        return {
            "person": self.person[rows],
            "unit": self.unit[rows],
            "region": None if self.region is None else self.region[rows],
            "covariates": {name: values[rows] for name, values in self.covariates.items()},
        }

    def with_units(self, unit: Labels) -> Self:
        """Return the same persons attributed to other units (n,), such as pseudo-practices.

        Rows of a person that then have the same unit are added up, with region and covariates of the first.
        """
        labels = person_labels(unit, len(self.person), "unit")
        pairs, first = pair_rows(self.person, labels)
        return replace(
            self,
            **{**self._persons(first), "unit": labels[first]},
            spending=group_sums(pairs, self.spending, len(first)),
            insured_years=group_sums(pairs, self.insured_years, len(first)),
        )

    @checked(CohortError, outside=Several())
    def to_panel(self, *, outside: Iterable[object] = (), before: object = None) -> Panel:
        """Aggregate to units x periods.

        The mean of a unit is money divided by insured-years. Its sampling variance is that of a ratio; see
        :func:`~ssinfer.cohort.moments.mean_and_variance`. Covariates are means of the persons' baseline values,
        weighted by insured-years. Each level of a label becomes a share, named ``sex=V``.

        Parameters
        ----------
        outside, before : sequence of str, period. The panel's `person_correlation` leaves out the persons of these
            units and the periods from this one on: :meth:`correlation` with ``same_persons=False``. None: it has none.
        """
        rows, labels = self.unit_rows(), self.units
        mean, years, variance = mean_and_variance(rows, self.spending, self.insured_years)
        numbers: dict[str, Floats] = {}
        for name, values in self.covariates.items():
            if values.dtype.kind == "f":
                numbers[name] = values
            else:
                numbers |= {f"{name}={level}": (values == level) * 1.0 for level in sorted(set(values))}
        covariates = {
            name: group_sums(rows, values[:, None] * self.insured_years, len(labels)) / years
            for name, values in numbers.items()
        }
        panel = Panel(labels, self.periods, mean, years, variance, None, covariates, accept=self.accept)
        if before is None:
            return panel
        known = np.full((len(self.periods), len(self.periods)), np.nan)
        others, first = ~np.isin(rows, panel.rows(outside)), self.columns([before])[0]
        money, insured = self.spending[others, :first], self.insured_years[others, :first]
        errors = residuals_of_ratio(rows[others], money, insured, mean[:, :first])
        # rounded, so that the fingerprint is the same on every machine
        known[:first, :first] = residual_correlation(errors, insured, same_persons=False).round(6)
        return replace(panel, person_correlation=known)

    def residuals(self) -> Floats:
        """Return the influence function of the ratio, :math:`y_i - Y w_i` (n, T), Y the mean of the person's unit."""
        return residuals_of_ratio(self.unit_rows(), self.spending, self.insured_years)

    @checked(CohortError)
    def correlation(self, *, same_persons: bool = True) -> pd.DataFrame:
        """Return the correlation of persons' spending between periods (T, T), within units.

        With `same_persons` it is over persons insured in both periods: the R and r of
        :math:`k^2 = cv^2 (1 + w'Rw - 2 w'r)`. Without, it is the correlation of the units' sampling *errors*, in which
        persons insured in only one of the periods do not enter the covariance. NaN if no person is insured in both, or
        spending does not vary.
        """
        index = pd.Index(list(self.periods), name="period")
        values = residual_correlation(self.residuals(), self.insured_years, same_persons=same_persons)
        return pd.DataFrame(values, index=index, columns=index.copy())

    def sampling_covariance(self, unit: str) -> Floats:
        """Return the covariance of a unit's means over periods (T, T); its diagonal is the panel's variance."""
        persons = self.select(units=[unit])
        return covariance_of_means(persons.residuals(), persons.insured_years)

    def fingerprint(self) -> str:
        """Return a SHA-256 of labels and values, the data hash of reports and manifests."""
        digest = hashlib.sha256(repr(self.periods).encode())
        labels = {"person": self.person, "unit": self.unit, "region": self.region, **self.covariates}
        for name, values in labels.items():
            digest.update(name.encode())
            if values is not None:
                digest.update(pd.util.hash_array(np.asarray(values)).tobytes())
        for grid in (self.spending, self.insured_years):
            digest.update(np.ascontiguousarray(grid).tobytes())
        return digest.hexdigest()

    def facts(self) -> dict[str, Any]:
        """Return what notebooks show, by label; None: nothing."""
        years = self.insured_years.sum()
        return {
            "persons": f"{len(pd.unique(self.person)):,}",
            "units": f"{len(self.units):,}",
            "periods": f"{len(self.periods)} periods ({self.periods[0]} to {self.periods[-1]})",
            "insured-years": f"{years:,.{0 if years >= 1000 else 1}f}",
            "covariates": ", ".join(self.covariates) or None,
        }

    def __repr__(self) -> str:
        persons, units, periods, years, covariates = self.facts().values()
        known = f", covariates {covariates}" if covariates else ""
        return f"Cohort: {persons} persons in {units} units x {periods}, {years} insured-years{known}"

    _repr_html_ = as_html
