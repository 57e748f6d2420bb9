"""Placebos: which units stand in the treated unit's place, and which of them are neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ssinfer.comparison import ComparisonRule
from ssinfer.errors import DesignError, PanelError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from ssinfer.design import Design
    from ssinfer.panel import Panel


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
        wanted = [str(unit) for unit in placebos]
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


def neighbour_blocks(panel: Panel, size: int = 8) -> NDArray[np.intp]:
    """Return a block number per unit of the panel: neighbours by repeated halving of the map, about `size` a block.

    Without coordinates in the panel every unit is a block of its own: their dependence is then not in the
    standard errors.
    """
    n_units = len(panel.units)
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
    panel: Panel, case: str, columns: NDArray[np.intp], ses: str | None
) -> dict[str, NDArray[np.bool_]]:
    """Return, per unit, whether it lies in the case's decile of level, of last growth and of SES in the baseline.

    Groups enter contracts when their spending is extreme; placebos that resemble the case show what its
    regression to the mean would be (Daw and Hatfield 2018, doi 10.1111/1475-6773.12806).
    """
    last = columns[-1]
    level = np.nanmean(panel.spending[:, columns], axis=1)
    keys: dict[str, Any] = {"level": level}
    if last > 0:
        keys["growth"] = panel.spending[:, last] / panel.spending[:, last - 1]
    if ses is not None:
        keys["ses"] = np.nanmean(panel.covariate(ses)[:, columns], axis=1)
    row = panel.rows([case])[0]
    flags = {}
    for name, values in keys.items():
        edges = np.nanquantile(values, np.linspace(0, 1, 11)[1:-1])
        flags[name] = np.searchsorted(edges, values, side="right") == np.searchsorted(edges, values[row], side="right")
    return flags
