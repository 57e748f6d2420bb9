"""Panel: mean spending per insured-year of units over periods."""

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
from ssinfer.arguments import Several, check_arguments, checked, float_array
from ssinfer.errors import DataError, PanelError, raised_as
from ssinfer.input_table import data_frame, label_column, natural_order, number_column, plain_value, read_table
from ssinfer.names import as_names, match_names, refuse_controls, refuse_similar
from ssinfer.notebook import as_html
from ssinfer.periods import Timeline, plain_label, read_periods
from ssinfer.typing import Floats, Positions

CORRELATION_WITH = "person_correlation "  # a period: column of a long frame


@checked(PanelError)
@dataclass(frozen=True, eq=False, repr=False)
class Panel:
    """Mean spending per insured-year of units over periods, and its sampling noise as far as known.

    :meth:`from_frame` makes a panel from a long frame. The arrays are read-only and have shape (unit, period).

    Attributes
    ----------
    units : tuple of str. Labels; :meth:`from_frame` sorts them ("u2" before "u10"), whatever the order of rows.
    periods : tuple. Labels as given, ascending in time: years, quarters, months or others, see :mod:`ssinfer.periods`.
    spending : array (unit, period), mean per insured-year, in the currency of the data
        NaN: not observed, refused where needed. Rows may be absent only at both ends of a unit's history.
    insured_years : array (unit, period) or None
        Insured-years behind each mean. None: all units weigh the same, and the sampling noise is unknown.
    sampling_variance : array (unit, period) or None, variance of each mean, in squared currency
    cv : float or None; coefficient of variation of persons: variance of a mean = (cv x mean)² / insured-years
        Methods estimate it if neither `sampling_variance` nor `cv` is given.
    covariates : mapping of str to array (unit, period). Unit-level covariates, constant or varying over periods.
    periods_per_year : int or None
        Periods per year of labels without a calendar, such as 1, 2, 3; None for years, quarters and months.
    accept : frozenset of str, words of :data:`ssinfer.accept.ACCEPT` by which the user overruled doubts
    person_correlation : array (period, period) or None, correlation of sampling errors, as persons stay; NaN: unknown

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"gp": ["a", "a", "b", "b"], "year": [2018, 2019] * 2,
    ...                       "cost": [100.0, 104.0, 90.0, 93.0], "n": [5000.0, 5100.0, 800.0, 790.0]})
    >>> panel = Panel.from_frame(frame, unit="gp", period="year", spending="cost", insured_years="n")
    >>> panel
    Panel: 2 units x 2 years, 2018 to 2019, 790 to 5,100 insured-years per cell, sampling noise to be estimated
    """

    units: tuple[str, ...]
    periods: tuple[Any, ...]
    spending: Floats
    insured_years: Floats | None = None
    sampling_variance: Floats | None = None
    cv: float | None = None
    covariates: Mapping[str, Floats] = field(default_factory=dict)
    periods_per_year: int | None = None
    accept: frozenset[str] = frozenset()
    person_correlation: Floats | None = None
    timeline: Timeline = field(init=False, repr=False)

    def __post_init__(self) -> None:
        shape = (len(self.units), len(self.periods))
        object.__setattr__(self, "units", tuple(self.units))
        object.__setattr__(self, "accept", check_accept(self.accept))
        for name in ("spending", "insured_years", "sampling_variance", "person_correlation"):
            values, square = getattr(self, name), name == "person_correlation"
            if values is not None or name == "spending":
                form = (shape[1:] * 2, name, "periods") if square else (shape, name)
                object.__setattr__(self, name, cell_grid(values, *form))
        frozen = {name: cell_grid(values, shape, name) for name, values in self.covariates.items()}
        object.__setattr__(self, "covariates", MappingProxyType(frozen))
        object.__setattr__(self, "timeline", _timeline(self.units, self.periods, self.periods_per_year))
        _check_values(self)

    # The proxy of the covariates cannot be pickled. A plain dict can; it is frozen again by the constructor.
    def __reduce__(self) -> tuple[Any, ...]:
        parts = (self.units, self.periods, self.spending, self.insured_years, self.sampling_variance, self.cv)
        return type(self), (*parts, dict(self.covariates), self.periods_per_year, self.accept, self.person_correlation)

    @classmethod
    @checked(PanelError)
    def from_frame(
        cls,
        frame: Any,
        unit: str = "unit",
        period: str = "period",
        spending: str = "spending",
        insured_years: str | None = "insured_years",
        sampling_variance: str | None = None,
        cv: float | None = None,
        covariates: str | Sequence[str] = (),
        periods_per_year: int | None = None,
        accept: str | Iterable[str] = (),
    ) -> Self:
        """Read a long frame with one row per unit and period; "person_correlation 2018" of :meth:`to_frame` is read.

        Parameters
        ----------
        frame : pandas, polars or Arrow table, or dict of arrays; rows and columns in any order
        unit, period, spending, insured_years, sampling_variance : str. Names of the columns. Spending is the mean per
            insured-year. ``insured_years=None``: all units weigh the same, and the sampling noise is unknown.
        cv : float, optional. Coefficient of variation of persons, if known; not together with `sampling_variance`.
        covariates : sequence of str. Names of further columns to keep.
        periods_per_year : int, optional. Periods per year, for labels without a calendar.
        accept : sequence of str. Doubts to overrule: words of :data:`ssinfer.accept.ACCEPT`, such as "similar_names".

        Raises
        ------
        PanelError : a column is missing or holds text; a unit and period occur twice; names of units are similar; a
            period is missing in the middle of a unit's history; insured-years are zero, negative or missing
        """
        covariates, accepted = as_names(covariates), check_accept(accept)
        argument_of: dict[Any, str] = {unit: "unit", period: "period", spending: "spending"}  # by name of its column
        argument_of |= {insured_years: "insured_years", sampling_variance: "sampling_variance"}
        frame = data_frame(frame, PanelError)
        related = [name for name in frame.columns if str(name).startswith(CORRELATION_WITH)]
        wanted = [unit, period, spending, insured_years, sampling_variance, *covariates, *related]
        columns = [name for name in wanted if name is not None]
        frame = read_table(frame, columns, PanelError, argument_of)
        keys = frame[[unit, period]].apply(label_column, args=(PanelError,))
        if keys.isna().to_numpy().any():
            blank = keys.isna().any(axis=1).to_numpy()
            where = f"the first is row {blank.argmax() + 1} (line {blank.argmax() + 2} of a CSV file)"
            raise PanelError(
                f"{blank.sum()} rows have no label in {unit!r} or {period!r}, {where}. Drop or name them first."
            )
        twice = keys[keys.duplicated()]
        if len(twice):
            name, label = (plain_label(plain_value(value)) for value in twice.iloc[0])
            raise PanelError(
                f"Unit {name!r} has more than one row for period {label!r} ({len(twice)} duplicates in all). Keep one "
                "row per unit and period: aggregate first, weighting spending by insured-years."
            )
        units = natural_order(pd.unique(keys[unit]))
        refuse_similar(units, "Units", accepted, PanelError)
        periods, places = period_column(keys[period], PanelError)
        rows = pd.Categorical(keys[unit].astype(str), categories=list(units)).codes

        def grid(name: str) -> Floats:
            out = np.full((len(units), len(periods)), np.nan)
            out[rows, places] = number_column(frame[name], PanelError)
            return out

        present = np.zeros((len(units), len(periods)), dtype=bool)
        present[rows, places] = True
        _refuse_holes(units, periods, present)
        values, extra = grid(spending), {name: grid(name) for name in covariates}
        years, variance = (None if name is None else grid(name) for name in (insured_years, sampling_variance))
        correlation = _read_correlation({name: grid(name) for name in related}, periods) if related else None
        return cls(units, periods, values, years, variance, cv, extra, periods_per_year, accepted, correlation)

    def to_frame(self) -> pd.DataFrame:
        """Return the long frame: unit, period, spending, insured_years, sampling_variance, covariates, correlations."""
        n_units, n_periods = self.spending.shape
        frame = pd.DataFrame(
            {
                "unit": np.repeat(np.array(self.units, dtype=object), n_periods),
                "period": list(self.periods) * n_units,
                "spending": self.spending.ravel(),
                "insured_years": np.nan if self.insured_years is None else self.insured_years.ravel(),
                "sampling_variance": np.nan if self.sampling_variance is None else self.sampling_variance.ravel(),
            }
        )
        for name, values in self.covariates.items():
            frame[name] = values.ravel()
        for label, values in zip(self.periods, () if (own := self.person_correlation) is None else own, strict=False):
            frame[f"{CORRELATION_WITH}{label}"] = np.tile(values, n_units)
        return frame

    @cached_property
    def row_of(self) -> Mapping[str, int]:
        """Row number of each unit."""
        return MappingProxyType({label: row for row, label in enumerate(self.units)})

    @cached_property
    def ordered(self) -> Self:
        """The panel with its units in natural order: methods see it so, and no digit depends on the order of rows."""
        units = natural_order(self.units)
        return self if units == self.units else self.select(units)

    def rows(self, labels: Iterable[object], what: str = "unit") -> NDArray[np.intp]:
        """Return the row numbers of units; an unknown name is refused with the nearest names."""
        names = match_names(labels, self.row_of, f"The panel has no {what}", PanelError)
        return np.array([self.row_of[name] for name in names], dtype=np.intp)

    def columns(self, labels: Iterable[object], what: str = "period") -> NDArray[np.intp]:
        """Return the column numbers of periods, named in any spelling; an unknown label is refused."""
        return period_columns(self.timeline, labels, f"The panel has no {what}", PanelError)

    def select(self, units: Iterable[object] | None = None, periods: Iterable[object] | None = None) -> Self:
        """Return the panel of some units, in the order given, and of some periods, in the order of time."""
        rows = np.arange(len(self.units)) if units is None else self.rows(units)
        columns = np.arange(len(self.periods)) if periods is None else np.sort(self.columns(periods))
        box = np.ix_(rows, columns)
        return replace(
            self,
            units=tuple(self.units[row] for row in rows),
            periods=tuple(self.periods[column] for column in columns),
            spending=self.spending[box],
            insured_years=None if self.insured_years is None else self.insured_years[box],
            sampling_variance=None if self.sampling_variance is None else self.sampling_variance[box],
            covariates={name: values[box] for name, values in self.covariates.items()},
            person_correlation=None if (own := self.person_correlation) is None else own[np.ix_(columns, columns)],
        )

    @property
    def frequency(self) -> str | None:
        """Frequency of the periods: "year", "quarter", "month", ...; "ordinal" or None without a calendar."""
        return self.timeline.frequency

    def covariate(self, name: str) -> Floats:
        """Return a covariate (unit, period); an unknown name is refused with the nearest."""
        cure = f"Or read it from a column of the data, with Panel.from_frame(covariates=[{name!r}])."
        return self.covariates[match_names([name], self.covariates, "The panel has no covariate", PanelError, cure)[0]]

    @property
    def noise(self) -> str:
        """Knowledge of the sampling noise: "variance", "cv", "size" (estimated from 1/n) or "none"."""
        if self.sampling_variance is not None:
            return "variance"
        if self.insured_years is None:
            return "none"
        return "size" if self.cv is None else "cv"

    def fingerprint(self) -> str:
        """Return a SHA-256 of labels and values, the data hash of reports and manifests."""
        panel = self.ordered
        digest = hashlib.sha256(repr((panel.units, panel.periods, panel.cv)).encode())
        arrays = {"spending": panel.spending, "insured_years": panel.insured_years, "variance": panel.sampling_variance}
        own = {} if panel.person_correlation is None else {"person_correlation": panel.person_correlation}
        for name, values in {**arrays, **dict(sorted(panel.covariates.items())), **own}.items():
            digest.update(name.encode())
            if values is not None:
                digest.update(np.ascontiguousarray(values).tobytes())
        return digest.hexdigest()

    def facts(self) -> dict[str, Any]:
        """Return what notebooks show, by label; None: nothing."""
        known = {
            "variance": "sampling variance known",
            "cv": f"person-level cv {self.cv}",
            "size": "sampling noise to be estimated",
            "none": "no insured-years",
        }
        years, missing = self.insured_years, int(np.isnan(self.spending).sum())
        return {
            "units": f"{len(self.units)} units",
            "periods": self.timeline.describe(),
            "insured-years": None if years is None else f"{np.nanmin(years):,.0f} to {np.nanmax(years):,.0f}",
            "noise": known[self.noise],
            "covariates": ", ".join(self.covariates) or None,
            "cells without spending": f"{missing} of {self.spending.size}",
        }

    def __repr__(self) -> str:
        facts = self.facts()
        years = "" if self.insured_years is None else f", {facts['insured-years']} insured-years per cell"
        covariates = f", covariates {facts['covariates']}" if self.covariates else ""
        return f"Panel: {facts['units']} x {facts['periods']}{years}, {facts['noise']}{covariates}"

    _repr_html_ = as_html


def cell_grid(
    values: Any, shape: tuple[int, int], name: str, rows: str = "units", error: type[DataError] = PanelError
) -> Floats:
    """Return values as an array (row, period) in memory of a `bytes` object, which nobody can make writable again."""
    array = float_array(values, name, error)
    if array.shape != shape:
        raise error(f"{name} has shape {array.shape}; {rows} x periods is {shape}. Pass one value per cell.")
    return np.frombuffer(array.tobytes()).reshape(shape)


def carried_forward(values: Floats) -> Floats:
    """Return values (rows, T) with each unknown value replaced by the last known one of its row."""
    return pd.DataFrame(values).ffill(axis=1).to_numpy(copy=True) if np.isnan(values).any() else values.copy()


def period_column(column: "pd.Series[Any]", error: type[DataError]) -> tuple[tuple[Any, ...], Positions]:
    """Return the periods of a frame's column, ascending, and per row of the frame the number of its period."""
    with raised_as(error, f"Column {column.name!r}:", DataError):
        periods = read_periods(dict.fromkeys(plain_value(label) for label in pd.unique(column))).labels
    number = {label: position for position, label in enumerate(periods)}
    codes, labels = pd.factorize(column)
    return periods, np.array([number[plain_value(label)] for label in labels], dtype=np.intp)[codes]


def period_columns(
    timeline: Timeline, labels: Iterable[object], complaint: str, error: type[DataError]
) -> NDArray[np.intp]:
    """Return the column numbers of periods, named in any spelling; an unknown label is refused."""
    columns = []
    for label in check_arguments("Selection", {"periods": Several()}, {"periods": labels}, error)["periods"]:
        if (column := timeline.column(label)) is None:
            text = f"{complaint} {plain_label(label)!r}: it has {timeline.describe()}."
            raise error(f"{text} Choose among them, or load more periods.")
        columns.append(column)
    return np.array(columns, dtype=np.intp)


def ascending_timeline(periods: Sequence[Any], error: type[DataError], per_year: int | None = None) -> Timeline:
    """Return the timeline of periods; periods that do not ascend are refused."""
    with raised_as(error, of=DataError):
        timeline = read_periods(periods, per_year)
    if timeline.labels != tuple(periods):
        raise error(f"Periods must ascend without repeats, got {list(periods)[:6]}.")
    return timeline


def _timeline(units: tuple[str, ...], periods: tuple[Any, ...], per_year: int | None) -> Timeline:
    """Return the timeline of a panel's periods, after checks of the labels."""
    if not units or not periods:
        raise PanelError("A panel needs at least one unit and one period.")
    if len(set(units)) < len(units):
        raise PanelError("Unit labels occur twice. Aggregate or rename them.")
    refuse_controls((*units, *periods), "Label", PanelError)
    timeline = ascending_timeline(periods, PanelError, per_year)
    absent = timeline.missing()
    if absent:
        raise PanelError(
            f"Periods {', '.join(str(label) for label in absent[:5])} are missing for every unit between"
            f" {periods[0]} and {periods[-1]}. Keep their rows and name them in Design(masked={list(absent[:5])!r})"
            " instead of deleting them: windows and autocorrelation count periods."
        )
    return timeline


def _check_values(panel: Panel) -> None:
    amounts = {"insured_years": panel.insured_years, "sampling_variance": panel.sampling_variance}
    for name, values in {"spending": panel.spending, **amounts, **panel.covariates}.items():
        if values is None:
            continue
        unknown = np.isnan(values) & np.isfinite(panel.spending) & (name == "insured_years")
        wrong = np.argwhere(unknown | np.isinf(values) | ((values <= 0) & (name in amounts)))
        if len(wrong):
            row, column = wrong[0]
            where = f"{name} of unit {panel.units[row]!r} in period {plain_label(panel.periods[column])!r}"
            cure = "a positive number is needed. Drop cells without insured, or pass "
            cure += f"Panel.from_frame({name}=None) if it is unknown."
            cure = "a finite number is needed. Correct it at the source." if name not in amounts else cure
            raise PanelError(f"{where} is {values[row, column]} ({len(wrong)} such cells); {cure}")
    known = np.eye(0) if panel.person_correlation is None else panel.person_correlation
    for pair in np.argwhere(~np.isclose(known, np.clip(known.T, -1, 1), equal_nan=True))[:1].tolist():
        given = f"{known[*pair]} and {known.T[*pair]} for {[plain_label(panel.periods[t]) for t in pair]}"
        raise PanelError(f"person_correlation is {given}; allowed: one number from -1 to 1, or NaN. Correct it.")
    if panel.cv is not None and panel.sampling_variance is not None:
        raise PanelError("Both cv and sampling_variance are given. Keep sampling_variance, which is more exact.")
    if panel.cv is not None and panel.insured_years is None:
        raise PanelError("cv is given without insured_years, so no variance follows. Pass insured_years as well.")


def _read_correlation(grids: Mapping[str, Floats], periods: tuple[Any, ...]) -> Floats:
    """Return the correlation (T, T) of the columns that :meth:`Panel.to_frame` writes, the same for all units."""
    timeline, out = read_periods(periods), np.full((len(periods), len(periods)), np.nan)
    for name, values in grids.items():
        column, known = timeline.column(name.removeprefix(CORRELATION_WITH)), np.fmax.reduce(values)
        if column is None or (np.fmin.reduce(values) < known).any():
            fault = "names no period of the panel" if column is None else "differs between units"
            raise PanelError(f"Column {name!r} {fault}. Take it as Panel.to_frame wrote it, or leave it out.")
        out[:, column] = known
    return out


def _refuse_holes(units: tuple[str, ...], periods: tuple[Any, ...], present: NDArray[np.bool_]) -> None:
    """Refuse a unit with an absent row between its first and its last period."""
    for row, have in enumerate(present):
        where = np.flatnonzero(have)
        inside = np.flatnonzero(~have[where[0] : where[-1]]) + where[0]
        if len(inside):
            absent = [plain_label(periods[column]) for column in inside[:5]]
            raise PanelError(
                f"Unit {units[row]!r} has no row for period {', '.join(map(repr, absent))}, in the middle of its "
                "history. Add the row, drop the unit, or keep the row and name the period in "
                f"Design(masked={absent!r})."
            )
