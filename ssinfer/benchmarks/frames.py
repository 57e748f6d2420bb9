"""Schemas of the frames that a benchmark method returns: components, solver and diagnostics."""

from collections.abc import Mapping, Sequence
from typing import Any, get_args

import numpy as np
import pandas as pd

from ssinfer.check import Status
from ssinfer.errors import DataError
from ssinfer.schema import Column, FrameSchema
from ssinfer.typing import Floats

STATUSES = get_args(Status.__value__)


def _source(name: str, meaning: str) -> Column:
    return Column(name, "float", "fraction of the squared benchmark", meaning, optional=True)


COMPONENTS = FrameSchema(
    "components",
    "one row per treated unit and performance period",
    Column("unit", "label", "", "Treated unit."),
    Column("period", "label", "", "Performance period, or 'pooled' for the benchmark pooled over all periods."),
    _source("performance_noise", "Sampling noise of the unit in the performance period."),
    _source("baseline_noise", "Sampling noise of the unit in the baseline period."),
    _source("group_shock", "Shock of the unit that does not shrink with its size."),
    _source("reference_group", "Sampling noise and shocks of the reference group."),
    _source("placebo", "Error of placebo units, not split by source."),
    _source("weights", "Uncertainty of the donor weights."),
    _source("shock", "Group shock of the unit, in a synthetic control."),
    _source("sampling", "Sampling noise of the unit and of its donors."),
    _source("misfit", "Error that grows with the baseline misfit."),
    _source("refit", "Change of the benchmark when one baseline period is left out."),
    _source("held_out", "Error in the baseline period that is left out."),
    _source("comparison_persons", "Sampling noise of the persons in the comparison group."),
    _source("own_noise", "Sampling noise of the treated persons."),
    _source("practice_shock", "Shock of the treated practice."),
    _source("comparison_shocks", "Shocks of the practices in the comparison group."),
    _source("region_shock", "Shocks that practices of one region share."),
    _source("growth", "Growth to the performance period that is not known at signing."),
    _source("total", "Sum of the sources."),
)
SOLVER = FrameSchema(
    "solver",
    "one row per treated unit, which is the index",
    Column("kkt_gap", "float", "fraction", "Gap in the optimality conditions; NaN without weights to solve."),
    Column("status", "text", "", "How the search for the weights ended, or how the comparison group was formed."),
    Column("effective_donors", "float", "donors", "1 / sum of squared donor weights."),
    Column("iterations", "int", "steps", "Steps of the search for the weights.", optional=True),
    Column("n_donors", "int", "donors", "Donors that could get a weight.", optional=True),
    Column("rmspe_baseline", "float", "EUR per insured-year", "Root mean squared baseline error.", optional=True),
    Column("effective_donors_posterior", "float", "donors", "Posterior mean of effective donors.", optional=True),
    Column("ridge", "float", "fraction", "Ridge penalty, as a share of the largest curvature.", optional=True),
    Column("v[{predictor}]", "float", "fraction", "Weight of the predictor."),
    Column("lambda[{period}]", "float", "fraction", "Weight of the baseline period."),
    Column("persons", "int", "persons", "Treated persons.", optional=True),
    Column("matched_persons", "int", "persons", "Treated persons with a matched control.", optional=True),
    Column("controls", "int", "persons", "Persons in the comparison group.", optional=True),
    Column("effective_controls", "float", "persons", "Effective number of controls (Kish).", optional=True),
)
DIAGNOSTICS = FrameSchema(
    "diagnostics",
    "one row per check",
    Column("check", "text", "", "Name of the check."),
    Column("status", "text", "", "PASS, WARN, FAIL or NOT EVALUATED."),
    Column("figure", "float", "as the message says", "The number on which the status rests; NaN without one."),
    Column("limit", "float", "as the message says", "What separates the statuses; NaN without one.", optional=True),
    Column("message", "text", "", "The finding and its limit, or why the check was not evaluated."),
)


def conform_components(
    frame: pd.DataFrame | Mapping[str, Floats], units: Sequence[str] = (), periods: Sequence[Any] = ()
) -> pd.DataFrame:
    """Return components with the declared columns, of a frame or of arrays that broadcast to (I, P) by source.

    A frame indexed by unit gets the period 'pooled'; it and arrays get a total.
    """
    if isinstance(frame, Mapping):
        cells = pd.MultiIndex.from_product([units, periods], names=["unit", "period"]).to_frame(index=False)
        parts = {**frame, "total": sum(frame.values())}
        shape = len(units), len(periods)
        frame = cells.assign(**{name: np.broadcast_to(part, shape).ravel() for name, part in parts.items()})
    elif "period" not in frame.columns:
        sources = frame.rename_axis(index="unit").reset_index()
        frame = sources.assign(period="pooled", total=frame.sum(axis=1).to_numpy())
    return COMPONENTS.conform(frame)


def conform_diagnostics(frame: pd.DataFrame) -> pd.DataFrame:
    """Return diagnostics with the declared columns. DataError if a column or a status is not declared."""
    frame = DIAGNOSTICS.conform(frame)
    wrong = set(frame["status"]) - set(STATUSES)
    if wrong:
        raise DataError(f"diagnostics has the status {min(wrong)!r}; allowed: {', '.join(STATUSES)}.")
    return frame
