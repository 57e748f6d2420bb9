"""Cohort: persons attributed to units, their spending and insured-years over periods."""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd

from ssinfer.cohort_columns import (
    cell_grid,
    covariate_column,
    label_column,
    number_column,
    person_rows,
    plain_label,
    unit_sums,
)
from ssinfer.errors import CohortError, did_you_mean
from ssinfer.panel import Panel

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Labels = NDArray[Any]

# A quarter of 92 days in a year of 365 is 0.2521 of a year; two insured-years in one period of a year are a mistake.
_MOST_INSURED = 1.01


@dataclass(frozen=True, eq=False, repr=False)
class Cohort:
    """Persons, the unit each is attributed to, and their spending over periods.

    n persons, T periods. A person is attributed to **one** unit for all periods: the practice at
    attribution (closed cohort), whoever treats them later. In an open population a person who changes
    practice has a row in each, with disjoint insured-years: `person` may therefore repeat, the pair
    (person, unit) may not.

    Attributes
    ----------
    person : array (n,)
        Identifiers.
    unit : array of str (n,)
        Practice (or other unit) of attribution.
    periods : tuple (T,)
        Sortable labels, ascending.
    spending : array (n, T)
        Money spent on the person **in** the period: a total, not per year. 0 where not insured. NaN where the
        person was insured and the spending is not known (yet): the unit's cell of the panel is then missing.
    insured_years : array (n, T)
        Part of a year insured in the period, so at most about 0.25 in a quarter. 0: not insured.
    region : array of str (n,) or None
        Region of attribution; constant within a unit is not required.
    covariates : mapping of str to array (n,)
        Baseline covariates: numbers (age, case mix) or labels (sex, SES). Never coded after the start.

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
    covariates: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        n = len(self.person)
        if n == 0 or not self.periods:
            raise CohortError("A cohort needs at least one person and one period.")
        object.__setattr__(self, "periods", tuple(self.periods))
        object.__setattr__(self, "person", label_column(self.person, n, "person", text=False))
        object.__setattr__(self, "unit", label_column(self.unit, n, "unit"))
        if self.region is not None:
            object.__setattr__(self, "region", label_column(self.region, n, "region"))
        for name in ("spending", "insured_years"):
            object.__setattr__(self, name, cell_grid(getattr(self, name), (n, len(self.periods)), name))
        frozen = {name: covariate_column(values, n, name) for name, values in self.covariates.items()}
        object.__setattr__(self, "covariates", MappingProxyType(frozen))
        _check(self)

    def __reduce__(self) -> tuple[Any, ...]:
        parts = (self.person, self.unit, self.periods, self.spending, self.insured_years, self.region)
        return type(self), (*parts, dict(self.covariates))

    @classmethod
    def from_frame(
        cls,
        frame: pd.DataFrame,
        person: str = "person",
        unit: str = "unit",
        period: str = "period",
        spending: str = "spending",
        insured_years: str = "insured_years",
        region: str | None = None,
        covariates: Sequence[str] = (),
    ) -> Self:
        """Read a long frame with a row per person (in a unit) and period.

        A person without a row for a period was not insured in it.

        Parameters
        ----------
        frame : pandas.DataFrame
            Long frame; rows in any order.
        person, unit, period, spending, insured_years : str
            Names of the columns. Spending is the total of the period.
        region : str, optional
            Column with the region of attribution.
        covariates : sequence of str
            Baseline covariates: constant over the rows of a person.

        Returns
        -------
        Cohort

        Raises
        ------
        CohortError
            A column is missing, a label is missing, a person has two rows for a period in the same unit,
            a covariate changes over a person's rows, or the values contradict each other.
        """
        fixed = [*([] if region is None else [region]), *covariates]
        for name in [person, unit, period, spending, insured_years, *fixed]:
            if name not in frame.columns:
                raise CohortError(f"The frame has no column {name!r}. {did_you_mean(name, frame.columns)}")
        if frame.empty:
            raise CohortError("The frame has no rows. Pass a long frame with a row per person and period.")
        keys = frame[[person, unit, period]]
        if keys.isna().to_numpy().any():
            count = int(keys.isna().any(axis=1).sum())
            raise CohortError(f"{count} rows have no label in {person!r}, {unit!r} or {period!r}. Name or drop them.")
        try:
            periods = tuple(plain_label(label) for label in sorted(pd.unique(frame[period])))
        except TypeError:
            kinds = " and ".join(sorted({type(label).__name__ for label in frame[period]}))
            raise CohortError(f"Column {period!r} mixes {kinds}, which cannot be sorted. Use one type.") from None
        rows, first = person_rows(frame[person], frame[unit])
        order = {label: place for place, label in enumerate(periods)}
        codes, labels = pd.factorize(frame[period])
        places = np.array([order[plain_label(label)] for label in labels], dtype=np.intp)[codes]
        n, n_periods = len(first), len(periods)
        cell = rows * n_periods + places
        counts = np.bincount(cell, minlength=n * n_periods)
        if counts.max() > 1:
            at = int(np.flatnonzero(counts[cell] > 1)[0])
            raise CohortError(
                f"Person {frame[person].iloc[at]!r} has more than one row in unit {frame[unit].iloc[at]!r} for period "
                f"{frame[period].iloc[at]!r} ({int((counts > 1).sum())} such cells). Add up their rows first."
            )
        grids = {}
        for name in (spending, insured_years):
            values = np.zeros(n * n_periods)
            values[cell] = number_column(frame[name])
            grids[name] = values.reshape(n, n_periods)
        for name in fixed:
            column = frame[name]
            changes = column.to_numpy() != column.iloc[first].to_numpy()[rows]
            changes &= ~(column.isna().to_numpy() & column.isna().iloc[first].to_numpy()[rows])
            if changes.any():
                at = int(np.flatnonzero(changes)[0])
                raise CohortError(
                    f"{name!r} of person {frame[person].iloc[at]!r} changes over periods "
                    f"({column.iloc[first[rows[at]]]!r}, then {column.iloc[at]!r}). A covariate is a baseline value: "
                    "keep the one at attribution."
                )
        return cls(
            person=frame[person].iloc[first].to_numpy(),
            unit=frame[unit].iloc[first].astype(str).to_numpy(),
            periods=periods,
            spending=grids[spending],
            insured_years=grids[insured_years],
            region=None if region is None else frame[region].iloc[first].to_numpy(),
            covariates={name: frame[name].iloc[first].to_numpy() for name in covariates},
        )

    def to_frame(self) -> pd.DataFrame:
        """Return the long frame: person, unit, period, spending, insured_years, region if known, covariates."""
        n, n_periods = self.spending.shape
        columns: dict[str, Any] = {
            "person": np.repeat(self.person, n_periods),
            "unit": np.repeat(self.unit, n_periods),
            "period": list(self.periods) * n,
            "spending": self.spending.ravel(),
            "insured_years": self.insured_years.ravel(),
        }
        if self.region is not None:
            columns["region"] = np.repeat(self.region, n_periods)
        for name, values in self.covariates.items():
            columns[name] = np.repeat(values, n_periods)
        return pd.DataFrame(columns)

    @property
    def units(self) -> tuple[str, ...]:
        """Labels of the units, in the order of their first appearance."""
        return tuple(str(label) for label in pd.unique(self.unit))

    def unit_rows(self) -> NDArray[np.intp]:
        """Return, per person, the row of their unit in :attr:`units` and in the panel (n,)."""
        return np.asarray(pd.factorize(self.unit)[0], dtype=np.intp)

    def unit_regions(self) -> NDArray[Any] | None:
        """Return the region of most of each unit's persons, in the order of :attr:`units`; None where none is known."""
        if self.region is None:
            return None
        frame = pd.DataFrame({"unit": self.unit_rows(), "region": self.region})
        counts = frame.value_counts(["unit", "region"], sort=False).rename("n").reset_index()
        most = counts.sort_values(["unit", "n", "region"], ascending=[True, False, True]).drop_duplicates("unit")
        return most.set_index("unit")["region"].reindex(range(len(self.units))).to_numpy(dtype=object)

    def columns(self, labels: Iterable[object]) -> NDArray[np.intp]:
        """Return the column numbers of periods; an unknown label is refused with the range at hand."""
        place = {label: column for column, label in enumerate(self.periods)}
        found = []
        for label in labels:
            if label not in place:
                raise CohortError(
                    f"The cohort has no period {label!r}: its periods run from {self.periods[0]!r} to "
                    f"{self.periods[-1]!r}. Choose among them, or load more periods."
                )
            found.append(place[label])
        return np.array(found, dtype=np.intp)

    def covariate(self, name: str) -> NDArray[Any]:
        """Return a covariate (n,); an unknown name is refused with the nearest."""
        if name not in self.covariates:
            raise CohortError(f"The cohort has no covariate {name!r}. {did_you_mean(name, self.covariates)}")
        return self.covariates[name]

    def numeric_covariates(self) -> dict[str, Floats]:
        """Return covariates as numbers (n,): a label becomes one indicator per level, named ``sex=V``."""
        numbers: dict[str, Floats] = {}
        for name, values in self.covariates.items():
            if values.dtype.kind == "f":
                numbers[name] = values
            else:
                for level in sorted(pd.unique(values)):
                    numbers[f"{name}={level}"] = (values == level).astype(np.float64)
        return numbers

    def mean_spending(self, periods: Iterable[object] | None = None) -> Floats:
        """Return each person's spending per insured-year over some periods (n,); NaN if never insured in them."""
        columns = slice(None) if periods is None else self.columns(periods)
        years = self.insured_years[:, columns].sum(axis=1)
        money = self.spending[:, columns].sum(axis=1)
        return np.asarray(np.divide(money, years, out=np.full(len(years), np.nan), where=years > 0))

    def select(
        self,
        *,
        units: Iterable[object] | None = None,
        persons: Iterable[object] | NDArray[np.bool_] | None = None,
        periods: Iterable[object] | None = None,
    ) -> Self:
        """Return the cohort of some units, persons (identifiers, or a mask of shape (n,)) and periods."""
        keep = np.ones(len(self.person), dtype=bool)
        if units is not None:
            wanted = [str(label) for label in ([units] if isinstance(units, str) else units)]
            known = set(self.units)
            for label in wanted:
                if label not in known:
                    raise CohortError(f"The cohort has no unit {label!r}. {did_you_mean(label, self.units)}")
            keep &= np.isin(self.unit, wanted)
        if persons is not None:
            mask = np.asarray(persons if isinstance(persons, np.ndarray) else list(persons))
            if mask.dtype == bool:
                if mask.shape != keep.shape:
                    raise CohortError(f"The mask has shape {mask.shape}; one value per person is {keep.shape}.")
                keep &= mask
            else:
                unknown = mask[~np.isin(mask, self.person)]
                if len(unknown):
                    raise CohortError(
                        f"{len(unknown)} persons are not in the cohort, first {plain_label(unknown[0])!r}."
                    )
                keep &= np.isin(self.person, mask)
        if not keep.any():
            raise CohortError("Nobody is left after the selection. Widen it.")
        columns = None if periods is None else np.sort(self.columns(periods))
        return self.take(np.flatnonzero(keep), columns)

    def take(self, rows: NDArray[np.intp], columns: NDArray[np.intp] | None = None) -> Self:
        """Return some rows, in the order given, and some columns, by their numbers."""
        places = np.arange(len(self.periods)) if columns is None else columns
        return replace(
            self,
            person=self.person[rows],
            unit=self.unit[rows],
            periods=tuple(self.periods[column] for column in places),
            spending=self.spending[np.ix_(rows, places)],
            insured_years=self.insured_years[np.ix_(rows, places)],
            region=None if self.region is None else self.region[rows],
            covariates={name: values[rows] for name, values in self.covariates.items()},
        )

    def with_units(self, unit: Labels) -> Self:
        """Return the same persons attributed to other units (n,): pseudo-practices, for placebos.

        Rows of a person that come to lie in one unit (they changed practice inside it) are added up; region and
        covariates are those of the first.
        """
        labels = label_column(unit, len(self.person), "unit")
        persons, units = pd.factorize(self.person)[0].astype(np.int64), pd.factorize(labels)
        codes, pairs = pd.factorize(persons * len(units[1]) + units[0])
        if len(pairs) == len(codes):
            return replace(self, unit=labels)
        first = np.unique(codes, return_index=True)[1]
        return replace(
            self,
            person=self.person[first],
            unit=labels[first],
            spending=unit_sums(codes, self.spending, len(pairs)),
            insured_years=unit_sums(codes, self.insured_years, len(pairs)),
            region=None if self.region is None else self.region[first],
            covariates={name: values[first] for name, values in self.covariates.items()},
        )

    def to_panel(self) -> Panel:
        r"""Aggregate to units x periods.

        With y spending and w insured-years of person i, the mean is the ratio :math:`Y = \sum y_i / \sum w_i` and
        its sampling variance, over persons drawn independently, the linearised

        .. math:: V = \frac{m}{m-1} \frac{\sum_i (y_i - Y w_i)^2}{(\sum_i w_i)^2},

        m the persons with w > 0 (Cochran, Sampling Techniques, 3rd ed. 1977, section 6.3, without finite-population
        correction: the persons insured now stand for those who might have been). It is missing where m < 2 or
        everybody spent alike. Covariates are insured-year-weighted means of the persons' baseline values, so they move
        only with who is insured.

        Returns
        -------
        Panel
        """
        rows, labels = self.unit_rows(), self.units
        years = unit_sums(rows, self.insured_years, len(labels))
        money = unit_sums(rows, self.spending, len(labels))
        persons = unit_sums(rows, (self.insured_years > 0).astype(np.float64), len(labels))
        years[years == 0] = np.nan
        mean = money / years
        squares = unit_sums(rows, self.residuals(mean) ** 2, len(labels))
        variance = np.full(mean.shape, np.nan)
        np.divide(squares * persons, (persons - 1) * years**2, out=variance, where=persons > 1)
        # Rounding leaves a residual of 1e-16 where all spend alike: no variance was learned there.
        variance[~(variance > 1e-20 * mean**2)] = np.nan
        covariates = {
            name: unit_sums(rows, values[:, None] * self.insured_years, len(labels)) / years
            for name, values in self.numeric_covariates().items()
        }
        return Panel(labels, self.periods, mean, years, variance, None, covariates)

    def residuals(self, mean: Floats | None = None) -> Floats:
        """Return :math:`y_i - Y w_i` (n, T), Y the mean of the person's unit in the period; 0 where not insured.

        The ratio's influence function: sums of squares and products of it are variances and covariances of means.
        """
        rows = self.unit_rows()
        if mean is None:
            n_units = int(rows.max()) + 1
            years = unit_sums(rows, self.insured_years, n_units)
            mean = np.divide(unit_sums(rows, self.spending, n_units), years, out=np.zeros(years.shape), where=years > 0)
        residuals = self.spending - np.nan_to_num(mean)[rows] * self.insured_years
        return np.asarray(np.where(self.insured_years > 0, residuals, 0.0))

    def correlation(self, *, same_persons: bool = True) -> pd.DataFrame:
        """Return the correlation of persons' spending between periods (T, T), within units.

        Parameters
        ----------
        same_persons : bool
            True: over persons insured in both periods, the R and r of
            :math:`k^2 = cv^2 (1 + w'Rw - 2 w'r)`. False: the correlation of the units' sampling *errors*, in
            which persons insured in one period only contribute nothing to the covariance.

        Returns
        -------
        pandas.DataFrame
            Rows and columns are periods; NaN where nobody is insured in both, or spending does not vary.
        """
        e = np.nan_to_num(self.residuals())
        products = e.T @ e
        if same_persons:
            here = (self.insured_years > 0).astype(np.float64)
            squares = (e**2).T @ here  # [t, s]: sum of squares in t over those insured in both
            scale = np.sqrt(squares * squares.T)
        else:
            scale = np.sqrt(np.outer(np.diag(products), np.diag(products)))
        values = np.divide(products, scale, out=np.full(products.shape, np.nan), where=scale > 0)
        index = pd.Index(list(self.periods), name="period")
        return pd.DataFrame(values, index=index, columns=index.copy())

    def sampling_covariance(self, unit: str) -> Floats:
        """Return the covariance of a unit's means over periods (T, T); its diagonal is the panel's variance."""
        one = self.select(units=[unit])
        e = one.residuals()
        years = one.insured_years.sum(axis=0)
        here = (one.insured_years > 0).astype(np.float64)
        both = here.T @ here
        factor = np.divide(both, both - 1, out=np.full(both.shape, np.nan), where=both > 1)
        covariance = np.divide(
            e.T @ e, np.outer(years, years), out=np.full(both.shape, np.nan), where=np.outer(years, years) > 0
        )
        return np.asarray(np.where(both == 0, 0.0, factor * covariance))

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

    def __repr__(self) -> str:
        years = self.insured_years.sum()
        covariates = f", covariates {', '.join(self.covariates)}" if self.covariates else ""
        n, digits = len(pd.unique(self.person)), 0 if years >= 1000 else 1
        return (
            f"Cohort: {n:,} persons in {len(self.units):,} units x {len(self.periods)} periods ({self.periods[0]} to "
            f"{self.periods[-1]}), {years:,.{digits}f} insured-years{covariates}"
        )


def _check(cohort: Cohort) -> None:
    if any(not earlier < later for earlier, later in itertools.pairwise(cohort.periods)):
        raise CohortError(f"Periods must ascend without repeats, got {list(cohort.periods)[:6]}.")
    pairs = pd.factorize(cohort.person)[0].astype(np.int64) * len(cohort.units) + cohort.unit_rows()
    if len(np.unique(pairs)) < len(pairs):
        at = int(np.flatnonzero(pd.Series(pairs).duplicated().to_numpy())[0])
        raise CohortError(
            f"Person {plain_label(cohort.person[at])!r} occurs twice in unit {cohort.unit[at]!r}. Add up their rows."
        )
    years, money = cohort.insured_years, cohort.spending
    wrong = np.argwhere(~((years >= 0) & (years <= _MOST_INSURED)))
    if len(wrong):
        row, column = wrong[0]
        raise CohortError(
            f"insured_years of person {plain_label(cohort.person[row])!r} in period {cohort.periods[column]!r} is "
            f"{years[row, column]} ({len(wrong)} such cells); allowed: 0 to 1, parts of a year. "
            "Check for overlapping spans."
        )
    if np.isinf(money).any():
        raise CohortError("Spending holds infinite values. Correct them at the source.")
    stray = np.argwhere((years == 0) & ~(money == 0))
    if len(stray):
        row, column = stray[0]
        raise CohortError(
            f"Person {plain_label(cohort.person[row])!r} has spending {money[row, column]} in period "
            f"{cohort.periods[column]!r} without being insured ({len(stray)} such cells). Exclude and count such "
            "claims first, or correct the enrolment."
        )
