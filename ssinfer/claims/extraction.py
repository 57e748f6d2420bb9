"""Extract: a panel, a cohort and an attrition table from claims, for one population and definition of spending."""

import datetime as dt
import math
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

import ibis
import numpy as np
import pandas as pd

from ssinfer.accept import check_accept
from ssinfer.claims import lines
from ssinfer.claims.attrition import attrition
from ssinfer.claims.backend.calendar import Calendar, epoch_day
from ssinfer.claims.backend.engine import engine_errors
from ssinfer.claims.backend.exact_cents import sums
from ssinfer.claims.backend.scratch import Scratch
from ssinfer.claims.completion import check_maturity, completed
from ssinfer.claims.enrolment import enrolment_pieces, insured_days
from ssinfer.claims.names import CURE, labels_of, name_as_tables
from ssinfer.claims.population import Population
from ssinfer.claims.spending import Spending
from ssinfer.claims.summing import PersonCells
from ssinfer.claims.tables.tables import ClaimsTables
from ssinfer.claims.truncation import caps, truncate
from ssinfer.cohort.cohort import Cohort
from ssinfer.cohort.truncated import elasticity
from ssinfer.design import Design
from ssinfer.errors import ClaimsError
from ssinfer.look.checks import check_plausible, implausible_mean
from ssinfer.names import as_names, match_names, refuse_similar
from ssinfer.panel import Panel
from ssinfer.sentences import refuse

UP_TO = (-math.inf, 100_000.0)  # plausible mean of spending per insured-year: any currency, any category


@dataclass(frozen=True, eq=False, repr=False)
class Extract:
    """A panel, a cohort and an attrition table extracted from claims.

    Attributes
    ----------
    panel, truncated : Panel, Panel or None
        Unit x period, with the sampling variance of each mean, of all spending and (the second estimand) of truncated
        spending. Covariates: age (in a fixed year), and shares of the levels of sex and SES.
    truncation : frame or None
        Per year: cap (currency per insured-year), share_above (insured-years above it in the reference), cut
        (currency), share_cut (of spending), persons above the cap, largest (share of one of them in cut).
    share_cut : frame or None. Share of spending cut, unit x period.
    completion : frame or None
        Months, factor (equal for all units and periods) and standard error, which is not in the sampling variance. Of
        a provisional run-out one row per young `period`, with its months and factor.
    attrition : frame
        From all rows of the tables to the counted ones, exactly: step, reason, persons, insured_days, insured_years,
        lines, cents, euros, claimants (persons with these lines), largest (share of one of them in the money).
    own_costs : frame
        The contract's own fees and programme costs: unit, period, lines, spending (currency), claimants, largest.
    under_contract : tuple of str
        Units that the table of programmes puts under a contract during the study, by name or by region.
    sensitivity : tuple of str
        Filters that condition on events after the start. If not empty, the extract is a sensitivity analysis.
    noticed : dict. Counts of unusual lines that were kept (negative, repeated, repriced), hidden files, odd deaths.
    categories : frame. Lines and euros of each category in the tables of claims, before any exclusion.
    lines_per_period : tuple of int. Counted lines.
    """

    panel: Panel
    truncated: Panel | None
    truncation: pd.DataFrame | None
    share_cut: pd.DataFrame | None
    completion: pd.DataFrame | None
    attrition: pd.DataFrame
    own_costs: pd.DataFrame
    under_contract: tuple[str, ...]
    sensitivity: tuple[str, ...]
    noticed: dict[str, int | float]
    categories: pd.DataFrame
    lines_per_period: tuple[int, ...]
    _cells: PersonCells

    @engine_errors()
    def cohort(self, *, truncated: bool = False) -> Cohort:
        """Return the persons behind the panel: spending and insured-years per period, covariates, practice, region.

        In an open population a person who changed practice has a row in each. `cohort().to_panel()` is the panel.
        """
        if truncated and self.truncated is None:
            raise ClaimsError("There is no truncation in this extract. Give the definition of spending a truncation.")
        return self._cells.cohort("kept" if truncated else "cents")

    @property
    def caps(self) -> dict[int, float] | None:
        """The caps of the truncation by calendar year, currency per insured-year; None without truncation."""
        table = self.truncation
        return None if table is None else dict(zip(table["year"].astype(int), table["cap"], strict=True))

    def elasticity(self, periods: Iterable[Any] | None = None, outside: Iterable[object] | str = ()) -> float:
        """Return the fall of truncated spending per unit of a saving spread evenly over all claim lines.

        A threshold divided by it is the true saving of spending before truncation that reaches the threshold.

        Parameters
        ----------
        periods : those in which the fall counts, such as the years before a contract; lines fall from the first on
        outside : units left out, as the contract
        """
        persons = self.cohort()
        persons = persons.take(np.flatnonzero(~np.isin(persons.unit, as_names(outside))))
        return elasticity(persons, self.caps, None if periods is None else np.sort(persons.columns(periods)))

    def design(
        self, treated: Iterable[object] | str, baseline: Iterable[Any], performance: Iterable[Any], **options: Any
    ) -> Design:
        """Return a design on this panel, in which units under another contract are not donors."""
        return Design(treated, baseline, performance, **{"under_contract": self.under_contract, **options})

    def __repr__(self) -> str:
        last = self.attrition.iloc[-1]
        sensitivity = f"; SENSITIVITY ANALYSIS: {'; '.join(self.sensitivity)}" if self.sensitivity else ""
        return (
            f"Extract: {last['persons']:,} persons, {last['insured_years']:,.0f} insured-years, {last['lines']:,} "
            f"lines, {last['euros']:,.2f} euros in {len(self.panel.units)} units x {len(self.panel.periods)} periods"
            f"{sensitivity}"
        )


@engine_errors()
def extract(
    tables: ClaimsTables,
    population: Population | None = None,
    spending: Spending | None = None,
    *,
    periods: Iterable[Any],
    plausible: tuple[float, float] = UP_TO,
    accept: Iterable[str] = (),
    shared: Scratch | None = None,
    as_of: dt.date | None = None,
) -> Extract:
    """Extract a panel from claims, for one population and one definition of spending.

    Each line and each day of enrolment is counted in exactly one row of the attrition table. The order of the reasons
    is: outside the periods; no person or date; person unknown, before birth, after death, not enrolled on the date;
    the population's reasons; the definition of spending; run-out. The remaining lines are repriced, completed and, for
    the second panel, truncated, in this order and in whole cents.

    Parameters
    ----------
    tables : ClaimsTables
    population : Population, optional (default: open, everybody)
    spending : Spending, optional (default: all categories)
    periods : sequence of consecutive years (2018), quarters ("2018Q2") or months ("2018-04")
    plausible : (lowest, highest) mean of spending per insured-year
    accept : sequence of str
        Doubts to overrule: words of :data:`ssinfer.accept.ACCEPT`, such as "similar_names".
    shared : Scratch, optional. Keeps what several extracts of the same tables have in common; its owner closes it.
    as_of : date, optional
        An earlier day of a provisional run-out: counts what was paid by then, which rebuilds the view of that day.
        Enrolment has no history: persons are those known now. Periods after that day have no spending.

    Raises
    ------
    ClaimsError
        A line has no amount, a category is unknown to the definition, a name matches nothing in the tables, no person
        or line is left, or the run-out is longer than the time since the last period. Mean spending is implausible.

    Examples
    --------
    >>> import pandas as pd
    >>> from ssinfer.claims import ClaimsTables, extract
    >>> day = pd.Timestamp
    >>> tables = ClaimsTables.from_frames(
    ...     insured=pd.DataFrame({"person": [1, 2], "birth_year": [1950, 1990], "sex": ["V", "M"]}),
    ...     enrolment=pd.DataFrame({"person": [1, 2], "insurer": ["A", "A"], "practice": ["p", "p"],
    ...                             "start": [day("2018-01-01")] * 2, "end": [day("2018-12-31"), day("2018-06-30")]}),
    ...     claims=pd.DataFrame({"person": [1, 2, 2], "date": [day("2018-02-03"), day("2018-02-03"), day("2018-08-01")],
    ...                          "category": ["gp"] * 3, "amount": [10.5, 20.0, 5.0]}))
    >>> result = extract(tables, periods=[2018])
    >>> print(result.attrition[["step", "reason", "lines", "euros"]].to_string(index=False, header=False))
    in the tables 3 35.5
    claims not enrolled on the date 1 5.0
    counted 2 30.5
    """
    calendar, plausible, accepted = Calendar.of(periods), check_plausible(plausible), check_accept(accept)
    population = name_as_tables(population or Population(), tables, accepted)
    spending = name_as_tables(spending or Spending(), tables, accepted)
    counting = spending
    if spending.run_out is not None:
        check_maturity(spending.run_out, calendar)
        if as_of is not None:
            counting = replace(spending, run_out=replace(spending.run_out, extracted=as_of))
    reference_year = max(
        (calendar.year[calendar.position(label)] for label in population.baseline), default=calendar.year[0]
    )

    with closing(Scratch(tables.connection, shared)) as scratch:
        pieces, units = scratch.once(
            f"{population} {calendar.periods}", lambda: enrolment_pieces(tables, population, calendar, scratch.shared)
        )
        refuse_similar(units, "Units", accepted, ClaimsError)
        contracted = _contracted(tables, population, units, calendar)
        percentile = spending.truncation is not None and spending.truncation.percentile is not None
        counted = lines.count_lines(tables, counting, pieces, calendar, scratch, reference=percentile)
        summary = lines.excluded_lines(counted)
        all_lines = scratch.once("totals", lambda: lines.totals(tables.claims))
        repeated = {"lines": 0, "cents": 0}
        if spending.duplicates != "keep":
            repeated = scratch.once("repeated", lambda: lines.duplicate_lines(tables.claims))
        _refuse_unusable(summary, all_lines["unpriced"], spending)

        both = _days_and_cents(pieces, counted, calendar, scratch)
        table, completion = completed(both, tables, spending, calendar, as_of)
        limits = None
        if spending.truncation is not None:
            limits = caps(spending.truncation, calendar, pieces, counted)
            table = truncate(table, limits, calendar)
        table = scratch.keep(table, permanent=True)
        cells = PersonCells(table, units, tables, calendar, reference_year, accepted)
        panel = cells.panel()
        refuse(implausible_mean(panel, plausible), (), ClaimsError)
        n_lines = sums(counted.filter(counted["code"] == lines.COUNTED), ("t",), "lines").to_pandas().set_index("t")
        truncated = share_cut = truncation = None
        if limits is not None:
            truncated = cells.panel("kept")
            truncation, share_cut = _cuts(table, limits, panel, truncated, calendar)

        frame, noticed = attrition(tables, spending, calendar, pieces, counted, summary, all_lines, repeated, table)
        return Extract(
            panel=panel,
            truncated=truncated,
            truncation=truncation,
            share_cut=share_cut,
            completion=completion,
            attrition=frame,
            own_costs=_own_costs(counted, units, calendar),
            under_contract=_under_contract(cells, contracted),
            sensitivity=population.sensitivity,
            noticed={**noticed, **tables.noticed},
            categories=scratch.once("categories", lambda: lines.by_category(tables.claims)),
            lines_per_period=tuple(int(n_lines["lines"].get(t, 0)) for t in range(len(calendar.periods))),
            _cells=cells,
        )


def _refuse_unusable(summary: pd.DataFrame, unpriced: int, spending: Spending) -> None:
    if unpriced:
        raise ClaimsError(f"{unpriced:,} claim lines have no (finite) amount. Complete or remove them at the source.")
    unknown = summary[summary["code"] == lines.UNKNOWN_CATEGORY]
    if len(unknown) and spending.unknown == "refuse":
        rows = unknown.sort_values("lines", ascending=False).head(5).to_dict("records")
        listed = ", ".join(f"{row['label']!r} ({row['lines']:,} lines, {row['cents'] / 100:,.2f})" for row in rows)
        raise ClaimsError(
            f"{len(unknown)} categories are unknown to the spending definition: {listed}. Name each in include, "
            "exclude or own_costs, or pass unknown='exclude' to leave them out and count them."
        )
    if not (summary["code"] == lines.COUNTED).any():
        reasons = summary.to_dict("records")
        listed = ", ".join(f"{lines.name_of(row['code'], row['label'])} ({row['lines']:,} lines)" for row in reasons)
        raise ClaimsError(f"No claim line is counted. Reasons for exclusion: {listed}.")


def _days_and_cents(pieces: Any, counted: Any, calendar: Calendar, scratch: Scratch) -> Any:
    """Return insured days and money of all counted persons: person, unit, t, days, cents."""
    n_periods = len(calendar.periods)
    # Stored before money is joined: both at once need too much memory at 100 million lines.
    days = scratch.keep(insured_days(pieces, calendar))
    money = counted.filter(counted["code"] == lines.COUNTED).select("person", "cell", cents="used")
    # Every counted line lies in a counted piece, so no money is without days, and its cells are unique.
    both = days.left_join(money, ["person", "cell"])
    filled = both.select("person", "cell", "days", cents=ibis.coalesce(both["cents"], 0).cast("int64"))
    unit = (filled["cell"] / n_periods).floor().cast("int32")
    split = filled.mutate(unit=unit, t=(filled["cell"] - unit * n_periods).cast("int16"))
    return split.select("person", "unit", "t", "days", "cents")


def _cuts(
    cells: Any, limits: pd.DataFrame, panel: Panel, truncated: Panel, calendar: Calendar
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the table of caps and cuts per year, and the share cut (unit x period)."""
    frame = sums(cells, ("t",), "cents", "kept").to_pandas()
    by_year = frame.groupby(np.array(calendar.year)[frame["t"].astype(int)])[["cents", "kept"]].sum()
    cut = by_year["cents"] - by_year["kept"]
    years = ibis.memtable(pd.DataFrame({"t": np.arange(len(calendar.year)), "year": calendar.year}))
    above = cells.filter(cells["cents"] > cells["kept"]).join(years, "t")
    of_persons = lines.by_persons(above.mutate(cents=above["cents"] - above["kept"]), ("year",), "cents")
    of_persons = of_persons.set_index("year").reindex(limits["year"])
    truncation = limits[["year"]].assign(
        cap=limits["cents"] / 100,
        share_above=limits["share_above"].astype("float64"),
        cut=cut.reindex(limits["year"], fill_value=0).to_numpy() / 100,
        share_cut=(cut / by_year["cents"]).reindex(limits["year"], fill_value=0.0).to_numpy(),
        persons=of_persons["claimants"].fillna(0).astype("int64").to_numpy(),
        largest=of_persons["largest"].to_numpy(),
    )
    money, none = panel.spending, np.full(panel.spending.shape, np.nan)
    share = np.divide(money - truncated.spending, money, out=none, where=money > 0)
    return truncation, pd.DataFrame(share, index=pd.Index(panel.units, name="unit"), columns=list(panel.periods))


def _own_costs(counted: Any, units: tuple[str, ...], calendar: Calendar) -> pd.DataFrame:
    frame = lines.by_persons(counted.filter(counted["code"] == lines.OWN_COSTS), ("unit", "t"), "lines", "cents")
    frame["unit"] = np.array(units)[frame["unit"].astype("int64")]
    frame["period"] = [calendar.periods[int(t)] for t in frame["t"]]
    frame["spending"] = frame["cents"] / 100
    frame = frame.sort_values(["unit", "t"], ignore_index=True)
    return frame[["unit", "period", "lines", "spending", "claimants", "largest"]]


def _contracted(tables: ClaimsTables, population: Population, units: tuple[str, ...], calendar: Calendar) -> set[str]:
    """Return the units, also of a named practice, and the regions that a programme of the study's time names."""
    programmes = tables.programmes
    if programmes is None:
        return set()
    start, end = epoch_day(programmes["start"]), epoch_day(programmes["end"])
    during = programmes.filter(start <= calendar.last[-1], ibis.coalesce(end, calendar.last[-1]) >= calendar.first[0])
    known = (*units, *labels_of(tables.enrolment, "practice"), *labels_of(tables.insured, "region"))
    complaint = "Table 'programmes' names what is no unit, practice or region:"
    found = match_names(labels_of(during, "unit"), dict.fromkeys(known), complaint, ClaimsError, CURE)
    return {population.units.get(name, name) for name in found}


def _under_contract(cells: PersonCells, named: set[str]) -> tuple[str, ...]:
    """Return the units that programmes name, by themselves or through the region of most of their insured days."""
    insured = cells.tables.insured
    under = named.intersection(cells.units)
    if "region" in insured.columns and named - under:
        joined = cells.table.join(insured.select("person", "region"), "person")
        days = sums(joined, ("unit", "region"), "days").to_pandas()
        most = days.sort_values(["unit", "days", "region"], ascending=[True, False, True]).drop_duplicates("unit")
        under |= {cells.units[int(number)] for number in most.loc[most["region"].isin(named), "unit"]}
    return tuple(sorted(under))
