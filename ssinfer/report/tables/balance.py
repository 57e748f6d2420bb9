"""Balance of matched and weighted comparisons: limits on balance, attrition, and the points of the love plot."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ssinfer.benchmarks.matched.balance.table import love_plot_data
from ssinfer.figures.data import LovePlot
from ssinfer.figures.numbers import ABSENT, listed, plain, quoted
from ssinfer.report.data import Table
from ssinfer.report.disclosure import case_is_small
from ssinfer.report.text.pairs import label_of, pairs_of

if TYPE_CHECKING:
    from ssinfer.counterfactual import Counterfactual
    from ssinfer.report.text.pairs import Pair
    from ssinfer.study.result import StudyResult

MOST_COVARIATES = 30
MEASURE_NAMES = {
    "smd": "SMD",
    "variance_ratio": "Variance ratio",
    "ks": "Kolmogorov-Smirnov",
    "equipoise": "Equipoise",
    "matched": "Share matched",
    "effective_sample_size": "Effective sample size",
}


def balanced_pairs(result: StudyResult) -> list[tuple[Pair, Counterfactual]]:
    """Return the designs and methods that compare persons, with their fits; none where the case is too small."""
    if case_is_small(result):
        return []
    fits = [(pair, result.counterfactuals[pair]) for pair in pairs_of(result) if pair in result.counterfactuals]
    return [(pair, cf) for pair, cf in fits if "balance" in cf.inference and cf.diagnostics is not None]


def balance_table(result: StudyResult) -> Table | None:
    """Return one row per comparison of persons: attrition, and each limit on balance with its verdict."""
    found = []
    warned: dict[str, list[str]] = {}
    notes = [
        (
            "The limits were fixed in the study file, before any effect was known. SMD: the largest absolute "
            "standardised mean difference after matching or weighting. Effective: Kish, of the controls' weights."
        )
    ]
    for pair, cf in balanced_pairs(result):
        label = label_of(result, pair)
        checks = cf.diagnostics.set_index("check")  # type: ignore[union-attr]  # balanced_pairs left out those without
        cells = {group: _attrition(cf, group, result.suppress_below) for group in ("treated", "control")}
        limits = _judged_limits(cf)
        found.append((label, cells, plain(checks["figure"].to_dict()["effective controls"], 0), limits))
        failed = [MEASURE_NAMES.get(name, name) for name, row in limits.items() if not row["passed"]]
        if failed:
            notes.append(
                f"{quoted(label)} fails the limit on {listed(failed)}: its measured effect cannot be relied on."
            )
        for name, row in checks[checks["status"] == "WARN"].iterrows():
            warned.setdefault(f"{name}: {row['message']}", []).append(quoted(label))
    if not found:
        return None
    notes += [f"{listed(labels)}, {text}." for text, labels in warned.items()]
    used = [name for name in MEASURE_NAMES if any(name in limits for *_, limits in found)]
    names = {**MEASURE_NAMES, "smd": smd_name(smd_column(balanced_pairs(result)[0][1]))}
    heads = ("Design", "Treated matched", "Controls used", "Effective controls", *(names[name] for name in used))
    body = tuple(
        (label, cells["treated"], cells["control"], effective, *(_verdict(limits.get(name)) for name in used))
        for label, cells, effective, limits in found
    )
    numeric = (False, True, True, True, *(False,) * len(used))
    return Table(
        "balance", "Balance of treated and compared persons, and its limits", heads, numeric, body, tuple(notes)
    )


def love_plots(result: StudyResult) -> tuple[LovePlot, ...]:
    """Return absolute standardised mean differences before and after, a panel per comparison of persons."""
    found = []
    for pair, cf in balanced_pairs(result):
        points = love_plot_data(cf.inference["balance"].to_dataframe())
        before, after = (
            points[points["when"] == when].set_index("covariate")["absolute_smd"].iloc[:MOST_COVARIATES]
            for when in ("before", "after")
        )
        header = smd_column(cf)
        limit = float(_judged_limits(cf).get("smd", {"limit": math.nan})["limit"])
        names = tuple(str(name) for name in before.index)
        found.append(LovePlot(label_of(result, pair), names, before.to_numpy(), after.to_numpy(), limit, header))
    return tuple(found)


def smd_column(cf: Counterfactual) -> str:
    """Return the column of the balance table that holds the SMD before; its name holds the denominator."""
    return next(str(name) for name in cf.inference["balance"] if str(name).startswith("smd"))


def smd_name(column: str) -> str:
    """Return the SMD's name in print, with its denominator.

    >>> smd_name("smd (SD of the treated)")
    'SMD (SD of the treated)'
    """
    return column.replace("smd", MEASURE_NAMES["smd"], 1)


def _judged_limits(cf: Counterfactual) -> dict[str, dict[str, Any]]:
    """Return, by measure of balance, its figure, limit, direction of the limit, and whether the limit is respected."""
    if "balance_limits" not in cf.inference:
        return {}
    frame = cf.inference["balance_limits"].to_dataframe()
    return {str(name): {str(key): row[key] for key in row} for name, row in frame.to_dict("index").items()}


def _verdict(judged: dict[str, Any] | None) -> str:
    """Return the verdict on a measure of balance, its figure and its limit."""
    if judged is None:
        return ABSENT
    status, figure = "PASS" if judged["passed"] else "FAIL", float(judged["figure"])
    shown = plain(figure, 0 if abs(figure) >= 100 else 3)
    return f"{status} {shown} ({judged['direction']} {judged['limit']:g})"


def _attrition(cf: Counterfactual, group: str, suppress_below: int) -> str:
    """Return how many persons of a group were matched; a number too small to show is not disclosed."""
    if "attrition" not in cf.inference:
        return "weighted"
    counts = cf.inference["attrition"].sel(group=group)
    matched, persons = int(counts["matched"]), int(counts["persons"])
    if 0 < min(persons - matched, matched) < suppress_below:
        few = "all but fewer than" if persons - matched < matched else "fewer than"
        return f"{few} {suppress_below} of {persons:,}"
    return f"{matched:,} of {persons:,}"
