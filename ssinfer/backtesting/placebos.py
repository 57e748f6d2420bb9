"""Placebos: the units that take the treated unit's place, and their blocks of neighbours."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from ssinfer.comparison import ComparisonRule
from ssinfer.design import Design
from ssinfer.errors import DesignError
from ssinfer.names import match_names
from ssinfer.panel import Panel
from ssinfer.streams import stream_of
from ssinfer.thresholds.placebo_rows import sorted_codes
from ssinfer.typing import Booleans, Floats, Positions

type Placebos = Iterable[object] | ComparisonRule | PlaceboSample | None


@dataclass(frozen=True)
class PlaceboSample:
    """At most `most` of the placebo units that `of` gives, each size class in proportion; drawn by seed and label."""

    most: int
    of: Placebos
    edges: Sequence[float]  # of size classes in insured persons of the baseline; empty: four classes of equal number
    seed: int

    def classes(self, panel: Panel, design: Design) -> list[tuple[list[str], int]]:
        """Return the units of each size class in random order, and how many of them are drawn (largest remainders)."""
        units = placebo_units(panel, design, self.of)
        sizes = np.zeros(len(units))
        if panel.insured_years is not None:
            years = panel.insured_years[np.ix_(panel.rows(units), design.baseline_columns(panel))]
            sizes = _means(years) * (panel.timeline.per_year or 1)
        edges = np.sort(self.edges) if len(self.edges) else np.nanquantile(sizes, [0.25, 0.5, 0.75])
        number = np.searchsorted(edges, sizes, side="right")
        counts, most = np.bincount(number, minlength=len(edges) + 1), min(self.most, len(units))
        drawn = most * counts // len(units)
        remainders = most * counts % len(units)
        drawn[np.argsort(-remainders, kind="stable")[: most - drawn.sum()]] += 1
        lots = [stream_of(self.seed, "placebo sample", unit).generate_state(4).tolist() for unit in units]
        members: list[list[str]] = [[] for _ in drawn]
        for _, unit, size_class in sorted(zip(lots, units, number, strict=True)):
            members[size_class].append(unit)
        return [pair for pair in zip(members, drawn.tolist(), strict=True) if pair[0]]


def placebo_units(panel: Panel, design: Design, placebos: Placebos) -> list[str]:
    """Return the units that take the treated unit's place: those named, or of the rule; None: all without contract."""
    if isinstance(placebos, PlaceboSample):
        drawn = {unit for units, drawn in placebos.classes(panel, design) for unit in units[:drawn]}
        return [unit for unit in panel.units if unit in drawn]
    outside = set(design.treated) | set(design.under_contract)
    if placebos is None:
        chosen = [unit for unit in panel.units if unit not in outside]
    elif isinstance(placebos, ComparisonRule):
        admitted = placebos.admits(panel, design.treated, design.baseline_columns(panel))
        chosen = [unit for unit, good in zip(panel.units, admitted, strict=True) if good and unit not in outside]
    else:
        named = match_names(placebos, panel.row_of, "The panel has no placebo unit", DesignError)
        chosen = sorted(set(named), key=panel.row_of.__getitem__)
        inside = [unit for unit in chosen if unit in outside]
        if inside:
            raise DesignError(f"placebos names {inside[:3]}, treated or under contract: their true saving is not zero.")
    if not chosen:
        raise DesignError("No placebo units are left. Widen the rule, or pass placebos=None for all other units.")
    return chosen


def neighbour_blocks(panel: Panel, size: int = 8, regions: Iterable[object] | None = None) -> Positions:
    """Return the block number of each unit: its region, or `size` or more neighbours by halving the map repeatedly."""
    if regions is None and panel.ordered is not panel:
        return neighbour_blocks(panel.ordered, size)[panel.ordered.rows(panel.units)]
    n_units = len(panel.units)
    if regions is not None:
        if len(codes := sorted_codes(tuple(regions))) != n_units:
            raise DesignError(f"regions has {len(codes)} labels; allowed: {n_units}, one per unit of the panel.")
        return codes
    if not {"latitude", "longitude"} <= set(panel.covariates):
        return np.arange(n_units)
    latitude = np.nanmean(panel.covariate("latitude"), axis=1)
    longitude = np.nanmean(panel.covariate("longitude"), axis=1) * np.cos(np.radians(np.nanmean(latitude)))
    if not (np.isfinite(latitude) & np.isfinite(longitude)).all():
        return np.arange(n_units)
    points = np.column_stack([latitude, longitude])
    blocks = np.zeros(n_units, dtype=np.intp)
    pending = [np.arange(n_units)]
    number = 0
    while pending:
        rows = pending.pop()
        if len(rows) < 2 * size:
            blocks[rows] = number
            number += 1
            continue
        axis = int(np.ptp(points[rows], axis=0).argmax())
        ordered = rows[np.argsort(points[rows, axis], kind="stable")]
        pending += [ordered[: len(ordered) // 2], ordered[len(ordered) // 2 :]]
    return blocks


def selection_flags(
    panel: Panel, case: str, contract: Positions, columns: Positions, ses: str | None, masked: Positions | None = None
) -> dict[str, Booleans]:
    """Return which units share the case's decile of spending, last year's growth or SES, each in its own baseline.

    Groups enter contracts when their spending is extreme: similar placebos show the regression to the mean of the case
    (Daw and Hatfield 2018, doi 10.1111/1475-6773.12806).
    No unit is similar in growth if one of the two years has a column of `masked`.
    """
    row = panel.rows([case])[0]
    at_contract, at_window = (_traits(panel, part, ses, masked) for part in (contract, columns))
    flags = {}
    for name in at_contract:
        decile = _deciles(at_contract[name])[row]
        flags[name] = (_deciles(at_window[name]) == decile) & (decile >= 0)
    return flags


def _traits(panel: Panel, columns: Positions, ses: str | None, masked: Positions | None) -> dict[str, Floats]:
    """Return mean spending, last year's growth and SES per unit, from baseline columns; NaN where unknown."""
    year, last = panel.timeline.per_year or 1, int(columns.max())
    growth = np.full(len(panel.units), np.nan)
    recent, before = np.arange(last - year + 1, last + 1), np.arange(last - 2 * year + 1, last - year + 1)
    if before[0] >= 0 and not np.isin([*before, *recent], [] if masked is None else masked).any():
        with np.errstate(invalid="ignore", divide="ignore"):
            growth = panel.spending[:, recent].mean(axis=1) / panel.spending[:, before].mean(axis=1)
    traits = {"level": _means(panel.spending[:, columns]), "growth": growth}
    return traits if ses is None else {**traits, "ses": _means(panel.covariate(ses)[:, columns])}


def relative_levels(panel: Panel, columns: Positions) -> Floats:
    """Return the mean spending of each unit in the columns over the mean of the other units (N,); NaN: unknown."""
    level = _means(panel.spending[:, columns])
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(level * (np.isfinite(level).sum() - 1) / (np.nansum(level) - level))


def _means(values: Floats) -> Floats:
    """Return row means over known values; NaN where none is known."""
    known = np.isfinite(values)
    count = known.sum(axis=1)
    return np.where(count > 0, np.where(known, values, 0.0).sum(axis=1) / np.maximum(count, 1), np.nan)


def _deciles(values: Floats) -> Positions:
    """Return the decile 0 to 9 of each value among the known ones; -1 where unknown."""
    known = np.isfinite(values)
    if not known.any():
        return np.full(len(values), -1, dtype=np.intp)
    edges = np.quantile(values[known], np.linspace(0, 1, 11)[1:-1])
    return np.where(known, np.searchsorted(edges, values, side="right"), -1)
