"""The facts of a study: the data that a method of another package may see, and the check of its result."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
import pandas as pd
import xarray as xr

from ssinfer.counterfactual import DIMS, Counterfactual
from ssinfer.errors import DrawsError, PluginError, RefusalError
from ssinfer.panel import Panel, carried_forward

if TYPE_CHECKING:
    from ssinfer.cohort.cohort import Cohort
    from ssinfer.design import Design

ROUNDING = 1e-9  # relative; a method may compute a mean in another order
FRAMES = ("weights", "solver", "components", "diagnostics")
OUR_GROUPS = ("posterior_predictive", "sampling_distribution", "observed_data", "constant_data")


def visible(data: Panel | Cohort, design: Design, information: str) -> Panel | Cohort:
    """Return a copy of panel or cohort without the spending that is predicted; it ends with the performance periods.

    Missing is the spending of treated units from their own start on, and that of units under contract from the first
    performance period on. With the information "signing" it is missing for all units.
    """
    performance = data.columns(design.performance)
    end = int(performance.max()) + 1
    units = np.asarray(data.units if isinstance(data, Panel) else data.unit)
    hidden_from = np.full(len(units), performance.min() if information == "signing" else end)
    hidden_from[np.isin(units, design.under_contract)] = performance.min()
    for unit, start in zip(design.treated, _starts(data, design), strict=True):
        hidden_from[units == unit] = start
    hidden = np.arange(end) >= hidden_from[:, None]
    if not isinstance(data, Panel):
        persons = data.take(np.arange(len(units)), np.arange(end))
        return replace(persons, spending=np.where(hidden & (persons.insured_years > 0), np.nan, persons.spending))
    panel = data.select(periods=data.periods[:end])
    variance = panel.sampling_variance
    return replace(
        panel,
        spending=np.where(hidden, np.nan, panel.spending),
        sampling_variance=None if variance is None else np.where(hidden, np.nan, variance),
    )


def with_facts(cf: Any, name: str, panel: Panel, design: Design) -> Counterfactual:
    """Return the result of method `name` with the study's own design, spending and insured-years.

    What the method left out (NaN) is filled in. RefusalError: something else differs. DrawsError: the draws are not what
    they claim. PluginError: it is no Counterfactual.
    """
    if not isinstance(cf, Counterfactual):
        raise PluginError(f"{name}: fit returned a {type(cf).__name__}, not a Counterfactual.")
    if cf.design.fingerprint() != design.fingerprint():
        _refuse(name, f"a result for another design: {cf.design!r}", repr(design))
    facts = _facts(panel, design)
    given: dict[str, Any] = {field.name: getattr(cf, field.name) for field in fields(Counterfactual)}
    for kind in ("benchmark", "expected", "confidence"):
        if given[kind] is not None:
            given[kind] = _draws(given[kind], kind, name, facts["spending"])
    for kind, ours in facts.items():
        _compare(given[kind], kind, name, ours, facts["insured_years"].values > 0)
    for kind in FRAMES:
        if not (given[kind] is None or isinstance(given[kind], pd.DataFrame)):
            _refuse(name, f"{kind} as a {type(given[kind]).__name__}", "a DataFrame or None is allowed")
    for group in OUR_GROUPS:
        if group in given["inference"]:
            _refuse(name, f"a group of inference named {group!r}", "that name belongs to ssinfer")
    result = Counterfactual(**{**given, **facts, "method": name, "design": design})
    constant = bool(np.ptp(result.pooled()) == 0)
    if constant is not (result.uncertainty == "none"):
        equal = "equal" if constant else "different"
        raise DrawsError(f"{name} says uncertainty {result.uncertainty!r}, and its draws are {equal}.", "uncertainty")
    return result


def _starts(data: Panel | Cohort, design: Design) -> Any:
    """Return the column of each treated unit's first performance period."""
    return data.columns([(design.starts or {}).get(unit, design.performance[0]) for unit in design.treated])


def _facts(panel: Panel, design: Design) -> dict[str, xr.DataArray]:
    """Return observed spending (NaN where absent) and insured-years (unit, period) as a Counterfactual holds them."""
    masked = set(design.masked)
    periods = [period for period in design.performance if period not in masked]
    rows, columns = panel.rows(design.treated), panel.columns(periods)
    cells = columns >= _starts(panel, design)[:, None]
    sizes = np.ones(panel.spending.shape) if panel.insured_years is None else panel.insured_years
    spending = np.where(cells, panel.spending[np.ix_(rows, columns)], np.nan)
    insured_years = np.where(cells, carried_forward(sizes[rows])[:, columns], 0.0)
    coords = {"unit": list(design.treated), "period": periods}
    per_year = panel.timeline.per_year
    attributes = {} if per_year is None else {"periods_per_year": per_year}
    return {
        "spending": xr.DataArray(spending, coords, DIMS[2:], name="spending"),
        "insured_years": xr.DataArray(insured_years, coords, DIMS[2:], name="insured_years", attrs=attributes),
    }


def _draws(given: xr.DataArray, kind: str, name: str, ours: xr.DataArray) -> xr.DataArray:
    """Return draws as floats under our labels; refused where the method's labels differ."""
    _same_labels(given, kind, name, ours, DIMS)
    values = np.array(given.values, dtype=np.float64)
    numbers = {dim: np.arange(size) for dim, size in zip(DIMS[:2], values.shape[:2], strict=True)}
    return xr.DataArray(values, {**numbers, **{dim: ours[dim] for dim in DIMS[2:]}}, DIMS, name=kind)


def _compare(given: xr.DataArray, kind: str, name: str, ours: xr.DataArray, cells: Any) -> None:
    """Refuse a value that differs from ours; NaN is no value, and spending counts in performance cells only."""
    _same_labels(given, kind, name, ours, DIMS[2:])
    values = np.array(given.values, dtype=np.float64)
    wrong = ~np.isnan(values) & ~np.isclose(values, ours.values, rtol=ROUNDING, atol=0.0)
    wrong &= cells | (kind != "spending")
    if wrong.any():
        i, t = np.argwhere(wrong)[0]
        unit, period = ours["unit"].values[i], ours["period"].values[t]
        _refuse(name, f"{kind} {values[i, t]:g} of {str(unit)!r} in {period}", f"{ours.values[i, t]:g}")


def _same_labels(given: xr.DataArray, kind: str, name: str, ours: xr.DataArray, dims: tuple[str, ...]) -> None:
    if tuple(given.dims) != dims:
        _refuse(name, f"{kind} with dimensions {given.dims}", f"{dims} are needed")
    for dim in DIMS[2:]:
        if not np.array_equal(given[dim].values, ours[dim].values):
            _refuse(name, f"{kind} of {dim}s {given[dim].values.tolist()}", f"{ours[dim].values.tolist()}")


def _refuse(name: str, given: str, ours: str) -> NoReturn:
    raise RefusalError(
        f"{name} gave {given[:200]}; the study has {ours[:200]}. Its result is refused, because facts are the study's. "
        "Report it to the method's author."
    )
