"""Table of the balance of treated and comparison persons, with the limits on it."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from ssinfer.counterfactual import Counterfactual
from ssinfer.printed import listed, plain
from ssinfer.report.analysis import Analysis, Pair
from ssinfer.report.table import LABEL, ReportTable, TableColumn

LIMITS = {
    "smd": "SMD (SD of the treated)",
    "variance_ratio": "Variance ratio",
    "ks": "Kolmogorov-Smirnov",
    "equipoise": "Equipoise",
    "matched": "Share matched",
    "effective_sample_size": "Effective sample size",
}


def balanced_pairs(analysis: Analysis) -> list[tuple[Pair, Counterfactual]]:
    """Return the designs and methods that compare persons, with their fits."""
    fits = analysis.result.counterfactuals
    return [(pair, fits[pair]) for pair in analysis.pairs if pair in fits and "balance" in fits[pair].inference]


def _rows(analysis: Analysis) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "label": analysis.label(pair),
            **{group: _matched(cf, group) for group in ("treated", "control")},
            "effective": _checks(cf).loc["effective controls", "figure"],
            **{name: _verdict(judged) for name, judged in judged_limits(cf).items()},
        }
        for pair, cf in balanced_pairs(analysis)
    )


def _remarks(analysis: Analysis, _rows: pd.DataFrame) -> Iterator[str]:
    """Return the limits that are not respected, and the warnings of the fits."""
    warnings: dict[str, list[str]] = {}
    for pair, cf in balanced_pairs(analysis):
        failed = [name for name, judged in judged_limits(cf).items() if not judged["passed"]]
        if failed:
            measures = listed([LIMITS.get(name, name) for name in failed])
            yield f"{analysis.quoted(pair)} does not respect the limit on {measures}: do not rely on its saving."
        checks = _checks(cf)
        for name, check in checks[checks["status"] == "WARN"].iterrows():
            warnings.setdefault(f"{name}: {check['message']}", []).append(analysis.quoted(pair))
    for text, labels in warnings.items():
        yield f"{listed(labels)}, {text}."


def judged_limits(cf: Counterfactual) -> dict[str, dict[str, Any]]:
    """Return figure, limit, direction and verdict by measure of balance; empty without limits."""
    if "balance_limits" not in cf.inference:
        return {}
    limits: Any = cf.inference["balance_limits"].to_dataframe().to_dict("index")
    return dict(limits)


def _checks(cf: Counterfactual) -> pd.DataFrame:
    return pd.DataFrame(columns=["status"]) if cf.diagnostics is None else cf.diagnostics.set_index("check")


def _verdict(judged: dict[str, Any]) -> str:
    figure = float(judged["figure"])
    shown = plain(figure, 0 if abs(figure) >= 100 else 3)
    return f"{'PASS' if judged['passed'] else 'FAIL'} {shown} ({judged['direction']} {judged['limit']:g})"


def _matched(cf: Counterfactual, group: str) -> str:
    """Return how many persons of a group were matched; a number too small to be shown is not disclosed."""
    if "attrition" not in cf.inference:
        return "weighted"
    counts = cf.inference["attrition"].sel(group=group)
    matched = float(counts["matched"])
    return f"{f'{matched:,.0f}' if matched >= 0 else 'number not shown'} of {int(counts['persons']):,}"


TABLES = ReportTable(
    name="balance",
    section="balance-section",
    order=10,
    caption="Balance of treated and comparison persons, with its limits",
    columns=(
        LABEL,
        TableColumn("Treated persons matched", "treated", "cell"),
        TableColumn("Comparison persons used", "control", "cell"),
        TableColumn("Effective controls", "effective", "number"),
        *(TableColumn(head, name) for name, head in LIMITS.items()),
    ),
    rows=_rows,
    notes=(
        "The study file fixed the limits before any effect was known. SMD: the largest absolute standardised mean "
        "difference after matching or weighting. Effective controls: Kish's effective number, from their weights."
    ),
    remarks=_remarks,
)
