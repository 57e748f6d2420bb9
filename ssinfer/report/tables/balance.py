"""Section on the balance of treated and comparison persons, with the limits on it."""

import math
from collections.abc import Iterator
from typing import Any

import pandas as pd

from ssinfer.counterfactual import Counterfactual
from ssinfer.figures.love_plot import balance_frame
from ssinfer.finding import Finding
from ssinfer.printed import plain
from ssinfer.report.analysis import Analysis
from ssinfer.report.table import ReportFigure, ReportTable
from ssinfer.sentences import check_name, say
from ssinfer.study.queries import judged_limits

COLUMNS = (
    "label treated:cell control:cell effective:number smd variance_ratio ks equipoise matched effective_sample_size"
)


def _rows(analysis: Analysis) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "label": analysis.label(pair),
            **{group: _matched(cf, group) for group in ("treated", "control")},
            "effective": _checks(cf).loc["effective controls", "figure"],
            **{name: _verdict(judged) for name, judged in judged_limits(cf).items()},
        }
        for pair, cf in analysis.balanced_pairs
    )


def _remarks(analysis: Analysis, _rows: pd.DataFrame) -> Iterator[Finding]:
    """Return the limits that are not respected, and the warnings of the fits."""
    warnings: dict[tuple[str, str], list[str]] = {}
    for pair, cf in analysis.balanced_pairs:
        failed = [name for name, judged in judged_limits(cf).items() if not judged["passed"]]
        if failed:
            measures = [say(f"column.{name}", name) for name in failed]
            yield Finding("table.balance.failed", {"design": analysis.quoted(pair), "measures": measures})
        checks = _checks(cf)
        for name, check in checks[checks["status"] == "WARN"].iterrows():
            warnings.setdefault((check_name(str(name)), check["message"]), []).append(analysis.quoted(pair))
    for (name, message), labels in warnings.items():
        yield Finding("table.balance.warning", {"labels": labels, "check": name, "message": message})


def _checks(cf: Counterfactual) -> pd.DataFrame:
    return pd.DataFrame(columns=["status"]) if cf.diagnostics is None else cf.diagnostics.set_index("check")


def _verdict(judged: dict[str, Any]) -> str:
    """Return the figure, its limit, and whether it is respected."""
    figure, words = float(judged["figure"]), "passed" if judged["passed"] else "failed"
    shown = plain(figure, 0 if abs(figure) >= 100 else 3)
    return say(f"limit.{words}.{judged['direction']}", figure=shown, limit=float(judged["limit"]))


def _matched(cf: Counterfactual, group: str) -> str:
    """Return how many persons of a group were matched; a number too small to be shown is not disclosed."""
    if "attrition" not in cf.inference:
        return say("table.balance.weighted")
    counts = cf.inference["attrition"].sel(group=group)
    part, whole = float(counts["matched"]), int(counts["persons"])
    return say("part_of", part=part, whole=whole) if part >= 0 else say("table.balance.not_shown", whole=whole)


def _points(analysis: Analysis) -> pd.DataFrame:
    """Return the differences on each covariate, by design and method."""
    balance = {}
    for pair, cf in analysis.balanced_pairs:
        limit = judged_limits(cf).get("smd", {"limit": math.nan})["limit"]
        balance[analysis.label(pair)] = cf.inference["balance"].to_dataframe(), float(limit)
    return balance_frame(balance)


def balance_lead(analysis: Analysis) -> Iterator[Finding]:
    """Return how many limits on balance are not met."""
    limits = [limit["passed"] for _, fit in analysis.balanced_pairs for limit in judged_limits(fit).values()]
    if limits:
        failed = sum(not passed for passed in limits)
        yield Finding("lead_balance_failed" if failed else "lead_balance", {"n": len(limits), "failed": failed})


TABLES = ReportTable("balance", "balance-section", 10, _rows, COLUMNS, _remarks)
FRAME = ReportFigure("balance", "balance-section", 20, _points, "savings.nc")
