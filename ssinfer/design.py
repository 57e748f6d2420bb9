"""Design: treated units, comparison group, periods and case-mix standard."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from ssinfer.arguments import checked
from ssinfer.comparison import ComparisonRule, Listed
from ssinfer.drawing import draw, frame_of
from ssinfer.errors import AmbiguousPeriodsError, DataError, DesignError, PanelError, raised_as
from ssinfer.input_table import natural_order, plain_value
from ssinfer.names import match_names, refuse_controls
from ssinfer.notebook import as_html
from ssinfer.panel import Panel
from ssinfer.periods import plain_label, read_periods


@checked(DesignError)
@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Design:
    """The comparison of a benchmark, fixed before any method sees the data.

    Attributes
    ----------
    treated : tuple of str, units under contract
    baseline : tuple, periods from which the benchmark learns the spending of the treated units
    performance : tuple, periods in which savings are measured
    donors : None for all other units, sequence of str, or ComparisonRule
        A rule such as :class:`~ssinfer.comparison.Within` chooses the group of each treated or placebo unit.
    masked : tuple, periods left out of estimation and of savings, such as 2020. They keep their place in time.
    starts : mapping of str to period, optional
        First performance period of each unit that starts later (staggered). Its earlier periods count as baseline.
    standard : str, optional
        Covariate with the spending expected from case mix (indirect standardisation). Methods use
        spending / (expected / mean expected). Benchmarks are returned in observed currency.
    under_contract : tuple of str, units under another contract, which are never donors and never placebos
    incomplete : "refuse" the fit or "drop" the donor if a donor has no spending in a needed period

    Examples
    --------
    >>> Design(treated=["VLISSINGEN"], baseline=range(2014, 2017), performance=[2017])
    Design: VLISSINGEN against all other units, baseline 2014-2016, performance 2017
    """

    treated: tuple[str, ...]
    baseline: tuple[Any, ...]
    performance: tuple[Any, ...]
    donors: tuple[str, ...] | ComparisonRule | None = None
    masked: tuple[Any, ...] = ()
    starts: Mapping[str, Any] | None = None
    standard: str | None = None
    under_contract: tuple[str, ...] = ()
    incomplete: Literal["refuse", "drop"] = "refuse"

    def __init__(  # the dataclass would annotate the stored types, not the accepted ones
        self,
        treated: str | Iterable[object],
        baseline: Iterable[Any],
        performance: Iterable[Any],
        donors: str | Iterable[object] | ComparisonRule | None = None,
        masked: Iterable[Any] = (),
        *,
        starts: Mapping[str, Any] | None = None,
        standard: str | None = None,
        under_contract: str | Iterable[object] = (),
        incomplete: Literal["refuse", "drop"] = "refuse",
    ) -> None:
        begins = {} if starts is None else {unit: plain_value(start) for unit, start in starts.items()}
        units = _names("treated", treated)
        starting = match_names(begins, units, "starts names a unit that is not treated:", DesignError)
        values = {
            "treated": units,
            "baseline": _ascending("baseline", baseline),
            "performance": _ascending("performance", performance),
            "donors": donors if donors is None or isinstance(donors, ComparisonRule) else _names("donors", donors),
            "masked": tuple(map(plain_value, masked)),
            "starts": MappingProxyType(dict(zip(starting, begins.values(), strict=True))) if begins else None,
            "standard": standard,
            "under_contract": _names("under_contract", under_contract),
            "incomplete": incomplete,
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)
        self._check()

    def _check(self) -> None:
        for name in ("treated", "baseline", "performance"):
            values = getattr(self, name)
            if not values:
                raise DesignError(f"{name} is empty. Name at least one.")
            if len(set(values)) < len(values):
                raise DesignError(f"{name} names something twice: {list(values)}.")
        self._check_order()
        if isinstance(self.donors, tuple):
            Listed(self.donors)  # refuses an empty list
            inside = [unit for unit in self.treated if unit in self.donors]
            if inside:
                raise DesignError(f"{inside} are both treated and donors. Leave them out of donors.")
            contracted = [unit for unit in self.under_contract if unit in self.donors]
            if contracted:
                raise DesignError(f"donors {contracted} are under another contract. Leave them out.")
        for unit, start in (self.starts or {}).items():
            if start not in self.performance:
                raise DesignError(f"starts gives {unit!r} the start {start!r}, outside performance {self.performance}.")

    def _check_order(self) -> None:
        """Refuse a baseline that overlaps the performance period or follows it."""
        both = [period for period in self.baseline if period in self.performance]
        if both:
            raise DesignError(
                f"baseline and performance overlap in {both}. End the baseline before the contract starts."
            )
        try:
            order = read_periods((*self.baseline, *self.performance)).labels
        except DataError:
            return  # spelled in two ways: the order is checked on the panel
        last, first = self.baseline[-1], self.performance[0]
        if order.index(last) > order.index(first):
            raise DesignError(
                f"baseline runs to {last!r}, after performance begins ({first!r}). End the baseline before the "
                "contract starts."
            )

    @checked(DesignError)
    def on(self, panel: Panel) -> Self:
        """Return the design with its units and periods named as the panel names them.

        A period may be named in any spelling of the panel's periods. Masked periods outside the panel stay as given.
        DesignError: the panel lacks a unit or a period, or the baseline does not end before the performance period.
        """
        timeline = panel.timeline
        known = set(timeline.labels)
        named = (*self.baseline, *self.performance, *self.masked, *(self.starts or {}).values())
        donors = self.donors if isinstance(self.donors, tuple) else ()
        if known.issuperset(named) and panel.row_of.keys() >= {*self.treated, *donors, *self.under_contract}:
            return self

        def units(names: Iterable[str], what: str) -> tuple[str, ...]:
            return tuple(panel.units[row] for row in panel.rows(names, what))

        def labels(periods: Iterable[Any], what: str) -> tuple[Any, ...]:
            return tuple(panel.periods[column] for column in panel.columns(periods, what))

        def masked(label: Any) -> Any:
            column = timeline.column(label)
            return label if column is None else panel.periods[column]

        with raised_as(DesignError, of=PanelError):
            changes: dict[str, Any] = {
                "treated": units(self.treated, "treated unit"),
                "donors": units(donors, "donor") if donors else self.donors,
                "under_contract": units(self.under_contract, "under_contract unit"),
                "baseline": labels(self.baseline, "baseline period"),
                "performance": labels(self.performance, "performance period"),
                "masked": tuple(masked(label) for label in self.masked),
            }
            if self.starts:
                starts = zip(units(self.starts, "start"), labels(self.starts.values(), "start"), strict=True)
                changes["starts"] = dict(starts)
        return self.replace(**changes)

    def replace(self, **changes: Any) -> Self:
        """Return the design with some fields changed, validated again."""
        return type(self)(**{**vars(self), **changes})

    def __reduce__(self) -> tuple[Any, ...]:
        starts = None if self.starts is None else dict(self.starts)
        return partial(type(self), **{**vars(self), "starts": starts}), ()

    @checked(DesignError)
    def baseline_columns(self, panel: Panel) -> NDArray[np.intp]:
        """Return the columns of the baseline periods that are not masked."""
        hidden = set(self.masked)
        return panel.columns([period for period in self.baseline if period not in hidden], "baseline period")

    def donor_rows(self, panel: Panel) -> NDArray[np.intp]:
        """Return the rows of the comparison group, in the panel's order; DesignError if no donors are left."""
        treated = self.treated_rows(panel)
        rule = Listed(self.donors) if isinstance(self.donors, tuple) else self.donors
        if rule is None:
            admitted = np.ones(len(panel.units), dtype=bool)
        else:
            with raised_as(DesignError, of=PanelError):
                admitted = rule.admits(panel, self.treated, self.baseline_columns(panel)).copy()
        admitted[treated] = False
        admitted[[panel.row_of[unit] for unit in self.under_contract if unit in panel.row_of]] = False
        if not admitted.any():
            raise DesignError(
                f"No donors are left for {', '.join(self.treated)} (rule: {self.donors!r}; under contract: "
                f"{len(self.under_contract)}). Widen the comparison group or add units to the panel."
            )
        return np.flatnonzero(admitted)

    @checked(DesignError)
    def treated_rows(self, panel: Panel) -> NDArray[np.intp]:
        """Return the rows of the treated units; an unknown name is refused with the nearest."""
        return panel.rows(match_names(self.treated, panel.row_of, "The panel has no treated unit", DesignError))

    def plot(self, panel: Panel, *, ax: Any = None) -> Any:
        """Draw the windows on the time line of a panel; return a matplotlib Figure, or `ax` (Axes, Figure, SubFigure).

        Examples
        --------
        >>> import ssinfer as ss
        >>> panel = ss.simulation.simulate_panel(12, range(2014, 2019), start=2018, covid=False, seed=1).panel
        >>> design = Design(treated=["treated"], baseline=range(2015, 2018), performance=[2018])
        >>> [label.get_text() for label in design.plot(panel).axes[0].get_yticklabels()]
        ['treated', 'comparison group (11)']
        """
        return draw("windows", frame_of("windows", self, panel=panel), ax)

    def fingerprint(self) -> str:
        """Return a SHA-256 of the design's values, for hashes and manifests."""
        return hashlib.sha256(repr(self.to_dict()).encode()).hexdigest()

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON and manifests."""
        donors = self.donors if self.donors is None or isinstance(self.donors, tuple) else repr(self.donors)
        return {
            "treated": list(self.treated),
            "baseline": [plain_label(period) for period in self.baseline],
            "performance": [plain_label(period) for period in self.performance],
            "donors": list(donors) if isinstance(donors, tuple) else donors,
            "masked": [plain_label(period) for period in self.masked],
            "starts": {unit: plain_label(start) for unit, start in self.starts.items()} if self.starts else None,
            "standard": self.standard,
            "under_contract": list(self.under_contract),
            "incomplete": self.incomplete,
        }

    def facts(self) -> dict[str, Any]:
        """Return what notebooks show, by label; None: nothing."""
        who = ", ".join(self.treated[:3]) + (f" and {len(self.treated) - 3} more" if len(self.treated) > 3 else "")
        if self.donors is None:
            whom = "all other units"
        elif isinstance(self.donors, tuple):
            whom = f"{len(self.donors)} named donors"
        else:
            whom = repr(self.donors)
        windows = {name: getattr(self, name) for name in ("baseline", "performance", "masked")}
        spans = {name: _span(periods) if periods else None for name, periods in windows.items()}
        return {"treated": who, "comparison group": whom, **spans, "standardised by": self.standard}

    def __repr__(self) -> str:
        who, whom, baseline, performance, masked, standard = self.facts().values()
        others = f"{f', masked {masked}' if masked else ''}{f', standardised by {standard!r}' if standard else ''}"
        return f"Design: {who} against {whom}, baseline {baseline}, performance {performance}{others}"

    _repr_html_ = as_html


def _names(name: str, units: str | Iterable[object]) -> tuple[str, ...]:
    """Return names of units as text, in natural order, because their order means nothing; one text is one name."""
    names = (units,) if isinstance(units, str) else natural_order(units)
    refuse_controls(names, name, DesignError)
    return names


def _ascending(name: str, periods: Iterable[Any]) -> tuple[Any, ...]:
    """Return periods in the order of time."""
    values = tuple(map(plain_value, periods))
    if len(set(values)) < len(values) or not values:
        return values
    try:
        return read_periods(values).labels
    except AmbiguousPeriodsError as error:
        return error.labels  # the panel decides between the readings
    except DataError as error:
        raise DesignError(f"{name}: {error}") from None


def _span(periods: tuple[Any, ...]) -> str:
    return str(periods[0]) if len(periods) == 1 else f"{periods[0]}-{periods[-1]}"
