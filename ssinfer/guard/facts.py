"""The facts of a study: the data that a method of another package may see, and the check of its result."""

from dataclasses import fields, replace
from typing import Any, NoReturn

import numpy as np
import xarray as xr

from ssinfer.cohort.cohort import Cohort
from ssinfer.counterfactual import DIMS, DRAWS, Counterfactual
from ssinfer.design import Design
from ssinfer.errors import DrawsError, PluginError, RefusalError
from ssinfer.panel import Panel, carried_forward
from ssinfer.typing import Floats

ROUNDING = 1e-9  # relative; a method may compute a mean in another order
OUR_GROUPS = {"observed_data", "constant_data"}  # the facts; draws are the method's


def visible(data: Panel | Cohort, design: Design, information: str) -> Panel | Cohort:
    """Return panel or cohort up to the performance periods, without the spending predicted or under contract."""
    performance = data.columns(design.performance)
    first, end = int(performance.min()), int(performance.max()) + 1
    units = np.asarray(data.units if isinstance(data, Panel) else data.unit)
    hidden_from = np.full(len(units), first if information == "signing" else end)
    hidden_from[np.isin(units, design.under_contract)] = first
    for unit, start in zip(design.treated, _starts(data, design), strict=True):
        hidden_from[units == unit] = start
    hidden = np.arange(end) >= hidden_from[:, None]
    if not isinstance(data, Panel):
        cohort = data.take(np.arange(len(units)), np.arange(end))
        return replace(cohort, spending=np.where(hidden & (cohort.insured_years > 0), np.nan, cohort.spending))
    panel = data.select(periods=data.periods[:end])
    variance = None if panel.sampling_variance is None else np.where(hidden, np.nan, panel.sampling_variance)
    return replace(panel, spending=np.where(hidden, np.nan, panel.spending), sampling_variance=variance)


def with_facts(cf: Any, name: str, panel: Panel, design: Design) -> Counterfactual:
    """Return the result of method `name` with the study's own design, spending and insured-years, or refuse it."""
    if not isinstance(cf, Counterfactual):
        raise PluginError(f"{name}: fit returned a {type(cf).__name__}, not a Counterfactual.")
    if cf.design.fingerprint() != design.fingerprint():
        _refuse(name, f"a result for another design ({cf.design!r})", repr(design))
    facts = _facts(panel, design)
    parts: dict[str, Any] = {field.name: getattr(cf, field.name) for field in fields(Counterfactual)}
    for kind in DRAWS:
        if parts[kind] is not None:
            draws = _values(name, kind, parts[kind], facts["spending"], DIMS)
            numbers = {dim: np.arange(size) for dim, size in zip(DIMS[:2], draws.shape[:2], strict=True)}
            parts[kind] = xr.DataArray(draws, {**numbers, **facts["spending"].coords}, DIMS, name=kind)
    known = facts["observed_baseline"]
    given = known * np.nan if parts["fitted"] is None else parts["fitted"]
    parts["fitted"] = known.copy(data=_values(name, "fitted", given, known, DIMS[2:])).rename("fitted")
    for kind, ours in facts.items():
        values = _values(name, kind, ours if parts[kind] is None else parts[kind], ours, DIMS[2:])
        wrong = ~np.isnan(values) & ~np.isclose(values, ours.values, rtol=ROUNDING, atol=0.0)
        if kind == "spending":
            wrong &= facts["insured_years"].values > 0  # before a unit's start nothing counts
        for i, t in np.argwhere(wrong)[:1]:
            cell = f"{kind} {values[i, t]:g} of {str(ours['unit'].values[i])!r} in {ours['period'].values[t]}"
            _refuse(name, cell, f"{ours.values[i, t]:g}")
    parts["inference"] = {group: held for group, held in parts["inference"].items() if group not in OUR_GROUPS}
    result = Counterfactual(**{**parts, **facts, "method": name, "design": design})
    if (np.ptp(result.pooled()) == 0) != (result.uncertainty == "none"):
        raise DrawsError(
            f"{name} says uncertainty {result.uncertainty!r}; only the draws of 'none' are all equal.", "uncertainty"
        )
    return result


def _starts(data: Panel | Cohort, design: Design) -> Any:
    """Return the column of each treated unit's first performance period."""
    return data.columns([(design.starts or {}).get(unit, design.performance[0]) for unit in design.treated])


def _facts(panel: Panel, design: Design) -> dict[str, xr.DataArray]:
    """Return observed spending and insured-years (unit, period), and spending in the baseline, as every result has."""
    periods = [period for period in design.performance if period not in design.masked]
    rows, columns = panel.rows(design.treated), panel.columns(periods)
    cells = columns >= _starts(panel, design)[:, None]
    sizes = np.ones(panel.spending.shape) if panel.insured_years is None else panel.insured_years
    facts = {
        "spending": np.where(cells, panel.spending[np.ix_(rows, columns)], np.nan),
        "insured_years": np.where(cells, carried_forward(sizes[rows])[:, columns], 0.0),
    }
    coords = {"unit": list(design.treated), "period": periods}
    arrays = {name: xr.DataArray(values, coords, DIMS[2:], name=name) for name, values in facts.items()}
    before = np.setdiff1d(panel.columns(design.baseline), panel.columns(set(design.masked) & set(panel.periods)))
    coords = {"unit": list(design.treated), "period": [panel.periods[column] for column in before]}
    arrays["observed_baseline"] = xr.DataArray(panel.spending[np.ix_(rows, before)], coords, DIMS[2:])
    if panel.timeline.per_year is not None:
        arrays["insured_years"].attrs["periods_per_year"] = panel.timeline.per_year
    return arrays


def _values(name: str, kind: str, given: xr.DataArray, ours: xr.DataArray, dims: tuple[str, ...]) -> Floats:
    """Return a copy of the values of an array; refused if its dimensions, units or periods are others."""
    if tuple(given.dims) != dims:
        _refuse(name, f"{kind} with dimensions {given.dims}", f"{dims}")
    for dim in DIMS[2:]:
        if not np.array_equal(given[dim].values, ours[dim].values):
            _refuse(name, f"{kind} of {dim}s {given[dim].values.tolist()}", f"{ours[dim].values.tolist()}")
    return np.array(given.values, dtype=np.float64)


def _refuse(name: str, given: str, ours: str) -> NoReturn:
    raise RefusalError(
        f"{name} gave {given[:200]}; the study has {ours[:200]}. Facts are the study's, so the result is refused. "
        "Tell the method's author."
    )
