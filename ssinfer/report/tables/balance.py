"""Balance of matched and weighted comparisons: gates, attrition, and the points of the love plot."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ssinfer.benchmarks.matched.balance.limits import as_gates
from ssinfer.benchmarks.matched.balance.table import love_plot_data
from ssinfer.figures.data import LovePlot
from ssinfer.figures.numbers import ABSENT, listed, plain, quoted
from ssinfer.report.data import Table
from ssinfer.report.disclosure import case_is_small
from ssinfer.report.text.pairs import label_of, pairs_of

if TYPE_CHECKING:
    import pandas as pd

    from ssinfer.counterfactual import Counterfactual
    from ssinfer.report.text.pairs import Pair
    from ssinfer.study.result import StudyResult

MOST_COVARIATES = 30
ATTRITION, GATE = "attrition: ", "gate: "
GATE_NAMES = {
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
    """Return a row per comparison of persons: who is left, and each gate with its verdict."""
    found = []
    warned: dict[str, list[str]] = {}
    notes = [
        (
            "The gates were fixed in the study file, before any effect was known. SMD: the largest absolute "
            "standardised mean difference after matching or weighting. Effective: Kish, of the controls' weights."
        )
    ]
    for pair, cf in balanced_pairs(result):
        label = label_of(result, pair)
        rows = cf.diagnostics.set_index("check")  # type: ignore[union-attr]  # balanced_pairs left out those without
        cells = {name: _attrition(rows, name, result.suppress_below) for name in ("treated", "control")}
        gates = {str(name).removeprefix(GATE): row for name, row in rows.iterrows() if str(name).startswith(GATE)}
        found.append((label, cells, plain(rows["figure"].to_dict()["effective controls"], 0), gates))
        failed = [GATE_NAMES.get(name, name) for name, row in gates.items() if row["status"] == "FAIL"]
        if failed:
            notes.append(f"{quoted(label)} fails {listed(failed)}: what is measured there is no effect to rely on.")
        for name, row in rows[rows["status"] == "WARN"].iterrows():
            warned.setdefault(f"{name}: {row['message']}", []).append(quoted(label))
    if not found:
        return None
    notes += [f"{listed(labels)}, {text}." for text, labels in warned.items()]
    used = [name for name in GATE_NAMES if any(name in gates for *_, gates in found)]
    names = {**GATE_NAMES, "smd": smd_name(smd_column(balanced_pairs(result)[0][1]))}
    heads = ("Design", "Treated matched", "Controls used", "Effective controls", *(names[name] for name in used))
    body = tuple(
        (label, cells["treated"], cells["control"], effective, *(_gate(gates.get(name)) for name in used))
        for label, cells, effective, gates in found
    )
    numeric = (False, True, True, True, *(False,) * len(used))
    return Table(
        "balance", "Balance of treated and compared persons, and its gates", heads, numeric, body, tuple(notes)
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
        gates = as_gates(getattr(result.methods[pair[1]], "gates", None))
        limit = math.nan if gates is None or gates.smd is None else gates.smd
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
    return column.replace("smd", GATE_NAMES["smd"], 1)


def _gate(row: pd.Series[Any] | None) -> str:
    """Return a gate's verdict, figure and limit."""
    if row is None:
        return ABSENT
    figure = float(row["figure"])
    limit = str(row["message"]).rpartition("; ")[2]
    return f"{row['status']} {plain(figure, 0 if abs(figure) >= 100 else 3)} ({limit})"


def _attrition(rows: pd.DataFrame, group: str, suppress_below: int) -> str:
    """Return how many were matched; a number of unmatched persons too small to show is not given away."""
    if f"{ATTRITION}{group}" not in rows.index:
        return "weighted"
    text = str(rows.loc[f"{ATTRITION}{group}", "message"]).removesuffix(" matched")
    matched, persons = (int(part.replace(",", "")) for part in text.split(" of "))
    if 0 < min(persons - matched, matched) < suppress_below:
        few = "all but fewer than" if persons - matched < matched else "fewer than"
        return f"{few} {suppress_below} of {persons:,}"
    return text
