"""Data of the report in the output folder, from which it is written again without a fit (`ssinfer.study.rewrite`)."""

from collections.abc import Iterable
from dataclasses import fields, replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from ssinfer.backtesting.advice import Advice, AdviceRule, Specification
from ssinfer.backtesting.result import BacktestResult
from ssinfer.comparison import Apart, Every, Listed, SimilarSize, SimilarSpending, Within
from ssinfer.counterfactual import Counterfactual
from ssinfer.design import Design
from ssinfer.finding import Finding
from ssinfer.guard.method import GuardedMethod
from ssinfer.panel import Panel
from ssinfer.periods import Period, Timeline
from ssinfer.structure import pack
from ssinfer.study.hidden import CONTRACT_GROUP, HiddenGroups
from ssinfer.study.intact_groups import IntactGroups
from ssinfer.thresholds.kind import ThresholdKey

if TYPE_CHECKING:
    from ssinfer.study.result import StudyResult

REPORT_DATA, PATHS = "report_data.zip", "placebo_paths.parquet"
OF_RUN = ("created", "n_cores", "times", "inputs")  # of the manifest: equal results may differ in them
WHOLE: tuple[Any, ...] = (Advice, AdviceRule, Apart, Design, Every, Finding, HiddenGroups, IntactGroups, Listed, Period)
WHOLE += (SimilarSize, SimilarSpending, Specification, ThresholdKey, Timeline, Within)
PARTS = {  # fields that a report reads
    Panel: "units periods spending insured_years periods_per_year timeline",
    BacktestResult: "scores detection thresholds placebos seed",
    Counterfactual: "method benchmark confidence spending insured_years fitted uncertainty diagnostics failures "
    "inference",
}
COUNTED = {  # the same of classes that are read as plain namespaces
    "ClaimsCount": "extracts practices groups left_over contracted truth why_no_truth",
    "Extract": "truncation completion attrition own_costs sensitivity noticed",
    "GroupsConfig": "kind size seed",
    "KnownSaving": "rate",
    "SimpleNamespace": "units",
}
#: The classes that the file holds, with their fields.
CLASSES: dict[str, tuple[type, tuple[str, ...]]] = {
    **{kind.__name__: (kind, tuple(field.name for field in fields(kind))) for kind in WHOLE},
    **{kind.__name__: (kind, tuple(names.split())) for kind, names in PARTS.items()},
    "GuardedMethod": (GuardedMethod, ("method",)),
    **{name: (SimpleNamespace, tuple(names.split())) for name, names in COUNTED.items()},
}


def report_data(result: "StudyResult") -> bytes:
    """Return what a report reads of a disclosed result: no draws of placebos, and of groups only the treated ones."""
    treated = {unit for design in result.designs.values() for unit in design.treated}
    hidden, tables = result.hidden or HiddenGroups(result.suppress_below), result.tables
    panels = {name: panel for name, panel in result.panels.items() if name in result.designs} | {"": result.panel}
    made = {id(panel): _panel(panel, treated, hidden, name) for name, panel in panels.items()}
    parts = {field.name: getattr(result, field.name) for field in fields(result)}
    parts["panels"] = {name: made[id(panel)] for name, panel in panels.items() if name}
    parts |= {"panel": made[id(result.panel)], "study_file": b"", "agreement": "", "groups": {}}
    units, apart = _numbered(hidden.units, {CONTRACT_GROUP}), frozenset((name, "") for name, _ in hidden.apart)
    parts["hidden"] = replace(hidden, units=frozenset(units), apart=apart)
    parts["manifest"] = {name: part for name, part in result.manifest.items() if name not in OF_RUN}
    parts["counterfactuals"] = {pair: _fit(cf) for pair, cf in result.counterfactuals.items()}
    settles = result.manifest.get("settles", {})
    if settles.get("method") and PATHS in tables:
        paths = tables[PATHS][tables[PATHS]["design"] == settles["fit"]]
        parts["tables"] = {**tables, PATHS: paths.reset_index(drop=True)}
    if result.claims is not None:
        practices: Any = SimpleNamespace(units=_numbered(result.claims.practices.units, treated))
        parts["claims"] = replace(result.claims, practices=practices)
    return pack(parts, CLASSES)


def _panel(panel: Panel, treated: set[str], hidden: HiddenGroups, design: str) -> Panel:
    """Return a panel with the spending of treated units only, equal to their mean if it is shown of all together."""
    rows = np.array([unit in treated for unit in panel.units])[:, None]
    spending, years = panel.spending, panel.insured_years
    if hidden.pooled:
        weights = np.where(rows, 1.0 if years is None else years, 0.0)
        money = np.where(rows, spending * weights, 0.0)
        spending = np.broadcast_to(money.sum(axis=0) / weights.sum(axis=0), spending.shape)
        years = None if years is None else np.broadcast_to(weights.sum(axis=0) / rows.sum(), spending.shape)
    rows = rows & hidden.visible([CONTRACT_GROUP], design)
    years = None if years is None else np.where(rows, years, np.nan)
    known: dict[str, Any] = {"spending": np.where(rows, spending, np.nan), "insured_years": years, "cv": None}
    return replace(panel, units=_numbered(panel.units, treated), sampling_variance=None, covariates={}, **known)


def _numbered(units: Iterable[str], treated: set[str]) -> tuple[str, ...]:
    """Return names of units; those that are not treated by number."""
    return tuple(unit if unit in treated else f"other unit {number}" for number, unit in enumerate(units))


def _fit(cf: Counterfactual) -> Counterfactual:
    """Return a fit with the groups that a report reads; of its draws, parameters with a prior and a posterior."""
    groups = cf.inference
    both = sorted({*groups.get("prior", ())} & {*groups.get("posterior", ())})
    draws = {name: groups[name][both] for name in ("prior", "posterior") if both}
    named = {name: groups[name] for name in ("balance", "balance_limits", "attrition") if name in groups}
    return replace(cf, inference={**draws, **named})
