"""Table: balance of treated and comparison persons, with the limits on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from ssinfer.figures.numbers import listed, plain
from ssinfer.report.table import ReportTable, TableColumn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ssinfer.counterfactual import Counterfactual
    from ssinfer.report.analysis import Analysis, Pair

LIMITS = {
    "smd": "SMD (SD of the treated)",
    "variance_ratio": "Variance ratio",
    "ks": "Kolmogorov-Smirnov",
    "equipoise": "Equipoise",
    "matched": "Share matched",
    "effective_sample_size": "Effective sample size",
}
ATTRITION, LIMIT = "attrition: ", "gate: "


def balanced_pairs(analysis: Analysis) -> list[tuple[Pair, Counterfactual]]:
    """Return the designs and methods that compare persons, with their fits; none if the group is too small."""
    if analysis.hidden:
        return []
    fits = analysis.result.counterfactuals
    return [(pair, fits[pair]) for pair in analysis.pairs if pair in fits and "balance" in fits[pair].inference]


def rows(analysis: Analysis) -> pd.DataFrame:
    """Return one row per comparison of persons."""
    return pd.DataFrame(
        {
            "label": analysis.label(pair),
            **{group: _matched(cf, group, analysis.result.suppress_below) for group in ("treated", "control")},
            "effective": _checks(cf).loc["effective controls", "figure"],
            **{name: _verdict(check) for name, check in _limits(cf).items()},
        }
        for pair, cf in balanced_pairs(analysis)
    )


def notes(analysis: Analysis, rows: pd.DataFrame) -> Iterator[str]:
    """Return definitions, the limits that are not respected, and the warnings of the fits."""
    yield (
        "The study file fixed the limits before any effect was known. SMD: the largest absolute standardised mean "
        "difference after matching or weighting. Effective controls: Kish's effective number, from their weights."
    )
    warnings: dict[str, list[str]] = {}
    for pair, cf in balanced_pairs(analysis):
        failed = [LIMITS.get(name, name) for name, check in _limits(cf).items() if check["status"] == "FAIL"]
        if failed:
            yield f"{analysis.quoted(pair)} does not respect {listed(failed)}: do not rely on its measured saving."
        checks = _checks(cf)
        for name, check in checks[checks["status"] == "WARN"].iterrows():
            warnings.setdefault(f"{name}: {check['message']}", []).append(analysis.quoted(pair))
    for text, labels in warnings.items():
        yield f"{listed(labels)}, {text}."


def _checks(cf: Counterfactual) -> pd.DataFrame:
    """Return the diagnostics of a fit by name."""
    assert cf.diagnostics is not None  # noqa: S101  (every comparison of persons has diagnostics)
    return cf.diagnostics.set_index("check")


def _limits(cf: Counterfactual) -> dict[str, dict[str, Any]]:
    """Return the verdict on each limit, by the name of the limit."""
    checks = _checks(cf).to_dict("index")
    return {str(name).removeprefix(LIMIT): check for name, check in checks.items() if str(name).startswith(LIMIT)}


def _verdict(check: dict[str, Any]) -> str:
    """Return the verdict on a limit with its figure and bound."""
    figure = float(check["figure"])
    bound = str(check["message"]).rpartition("; ")[2]
    return f"{check['status']} {plain(figure, 0 if abs(figure) >= 100 else 3)} ({bound})"


def _matched(cf: Counterfactual, group: str, suppress_below: int) -> str:
    """Return how many persons were matched; a number too small to be shown is replaced by its limit."""
    checks = _checks(cf)
    if f"{ATTRITION}{group}" not in checks.index:
        return "weighted"
    text = str(checks.loc[f"{ATTRITION}{group}", "message"]).removesuffix(" matched")
    matched, persons = (int(part.replace(",", "")) for part in text.split(" of "))
    if 0 < min(persons - matched, matched) < suppress_below:
        few = "all but fewer than" if persons - matched < matched else "fewer than"
        return f"{few} {suppress_below} of {persons:,}"
    return f"{matched:,} of {persons:,}"


TABLE = ReportTable(
    name="balance",
    section="balance-section",
    order=10,
    caption="Balance of treated and comparison persons, with its limits",
    columns=(
        TableColumn("Design", "label"),
        TableColumn("Treated persons matched", "treated", "cell"),
        TableColumn("Comparison persons used", "control", "cell"),
        TableColumn("Effective controls", "effective", "number"),
        *(TableColumn(head, name) for name, head in LIMITS.items()),
    ),
    rows=rows,
    notes=notes,
)
