"""Placebos: which units stand in the treated unit's place, and which of them are neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ssinfer.comparison import ComparisonRule
from ssinfer.errors import DesignError, PanelError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from ssinfer.design import Design
    from ssinfer.panel import Panel
    from ssinfer.typing import Floats


def placebo_units(panel: Panel, design: Design, placebos: Iterable[object] | ComparisonRule | None) -> list[str]:
    """Return the units that take the treated unit's place, in the panel's order.

    Parameters
    ----------
    panel : Panel
    design : Design
    placebos : None, iterable of units, or ComparisonRule
        None: every unit outside the design's treated and those under a contract of their own. A rule is asked what it
        admits for the treated units, so that placebos resemble the case.
    """
    outside = set(design.treated) | set(design.under_contract)
    if placebos is None:
        chosen = [unit for unit in panel.units if unit not in outside]
    elif isinstance(placebos, ComparisonRule):
        admitted = placebos.admits(panel, design.treated, panel.columns(design.baseline))
        chosen = [unit for unit, good in zip(panel.units, admitted, strict=True) if good and unit not in outside]
    else:
        wanted = [placebos] if isinstance(placebos, str) else [str(unit) for unit in placebos]
        inside = [unit for unit in wanted if unit in outside]
        if inside:
            raise DesignError(f"placebos names {inside[:3]}, treated or under contract: their true saving is not zero.")
        try:
            panel.rows(wanted, "placebo unit")
        except PanelError as error:
            raise DesignError(str(error)) from error
        chosen = wanted
    if not chosen:
        raise DesignError("No placebo units are left. Widen the rule, or pass placebos=None for all other units.")
    return chosen


def neighbour_blocks(panel: Panel, size: int = 8, regions: Iterable[object] | None = None) -> NDArray[np.intp]:
    """Return a block number per unit of the panel: neighbours by repeated halving of the map, about `size` a block.

    Where the units' regions are known (those of a cohort), they are the blocks. Without coordinates in the panel every
    unit is a block of its own: their dependence is then not in the standard errors.
    """
    n_units = len(panel.units)
    if regions is not None:
        return np.asarray(np.unique(np.asarray(regions, dtype=str), return_inverse=True)[1], dtype=np.intp)
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
    panel: Panel, case: str, contract: NDArray[np.intp], columns: NDArray[np.intp], ses: str | None
) -> dict[str, NDArray[np.bool_]]:
    """Return, per unit, whether it resembles the case: by decile of level, of last year's growth and of SES.

    The case's deciles are those of its contract's baseline, a placebo's those of its own window's: nothing that
    happened in a placebo's performance period chooses it. Groups enter contracts when their spending is extreme;
    placebos that resemble the case show what its regression to the mean would be (Daw and Hatfield 2018,
    doi 10.1111/1475-6773.12806).

    Parameters
    ----------
    panel : Panel
    case : str
    contract, columns : unmasked baseline columns of the contract and of the placebos' window
    ses : str or None
        Covariate.
    """
    row = panel.rows([case])[0]
    at_contract, at_window = _traits(panel, contract, ses), _traits(panel, columns, ses)
    flags = {}
    for name in at_contract:
        own = _deciles(at_contract[name])[row]
        flags[name] = (_deciles(at_window[name]) == own) & (own >= 0)
    return flags


def _traits(panel: Panel, columns: NDArray[np.intp], ses: str | None) -> dict[str, Floats]:
    """Return level, last year's growth and SES per unit, NaN where unknown, from baseline columns."""
    year, last = panel.timeline.per_year or 1, int(columns.max())
    traits = {"level": _means(panel.spending[:, columns])}
    recent, before = np.arange(last - year + 1, last + 1), np.arange(last - 2 * year + 1, last - year + 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        known = before[0] >= 0
        growth = panel.spending[:, recent].mean(axis=1) / panel.spending[:, before].mean(axis=1) if known else None
    traits["growth"] = np.full(len(panel.units), np.nan) if growth is None else growth
    if ses is not None:
        traits["ses"] = _means(panel.covariate(ses)[:, columns])
    return traits


def _means(values: Floats) -> Floats:
    """Return row means over what is known; NaN where nothing is."""
    known = np.isfinite(values)
    count = known.sum(axis=1)
    return np.where(count > 0, np.where(known, values, 0.0).sum(axis=1) / np.maximum(count, 1), np.nan)


def _deciles(values: Floats) -> NDArray[np.intp]:
    """Return the decile 0 to 9 of each value among the known ones, -1 where unknown."""
    known = np.isfinite(values)
    if not known.any():
        return np.full(len(values), -1, dtype=np.intp)
    edges = np.quantile(values[known], np.linspace(0, 1, 11)[1:-1])
    return np.where(known, np.searchsorted(edges, values, side="right"), -1)
