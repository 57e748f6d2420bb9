"""Answers of sections in one sentence: each stands first in its section."""

from collections.abc import Iterator

import pandas as pd

from ssinfer.comparison import comparison_group
from ssinfer.finding import Finding
from ssinfer.report.analysis import Analysis, span
from ssinfer.report.text.finding import verdict_findings
from ssinfer.study.queries import judged_limits, portfolio_findings, rows_of
from ssinfer.thresholds.names import kind_in_words


def comparison_lead(analysis: Analysis) -> Iterator[Finding]:
    """Return what the contract group is compared with."""
    n, design = len(analysis.pairs), analysis.result.designs[analysis.main[0]]
    if not analysis.result.manifest.get("settles", {}).get("method"):
        yield Finding("lead_comparison_none", {"n": n})
        return
    group, baseline = comparison_group(design.donors, len(design.under_contract)), span(design.baseline)
    said = {"group": group, "baseline": baseline, "method": analysis.method(analysis.main[1]), "n": n - 1}
    yield Finding("lead_comparison" if n > 1 else "lead_comparison_only", said)


def balance_lead(analysis: Analysis) -> Iterator[Finding]:
    """Return how many limits on balance are not met."""
    limits = [limit["passed"] for _, fit in analysis.balanced_pairs for limit in judged_limits(fit).values()]
    if limits:
        failed = sum(not passed for passed in limits)
        yield Finding("lead_balance_failed" if failed else "lead_balance", {"n": len(limits), "failed": failed})


def case_lead(analysis: Analysis) -> Iterator[Finding]:
    """Return the measured saving, and its range over designs and methods."""
    rows = [row for pair in analysis.pairs if (row := analysis.saving(pair)) is not None]
    measured, rates = analysis.verdict.measured, [row["savings_rate"] for row in rows]
    if measured is not None and len(rows) > 1:
        numbers = {"n": len(rows), "rate": measured["rate"], "low": min(rates), "high": max(rates)}
        yield Finding("lead_case", numbers | {"group": analysis.group})
    elif measured is not None:
        yield next(verdict_findings(analysis))
    yield from portfolio_findings(analysis.table("portfolio.csv"))


def thresholds_lead(analysis: Analysis) -> Iterator[Finding]:
    """Return the kinds of threshold that pay contracts without savings no more often than promised, and the others."""
    kinds: dict[bool, list[str]] = {True: [], False: []}
    for kind, kept in analysis.kept_promises().items():
        kinds[kept].append(kind_in_words(kind))
    if any(kinds.values()):
        name = "lead_promise_some" if all(kinds.values()) else f"lead_promise_{'all' if kinds[True] else 'none'}"
        yield Finding(name, {"kept": kinds[True], "broken": kinds[False]})


def evidence_lead(analysis: Analysis) -> Iterator[Finding]:
    """Return how many checks of the method that settles failed."""
    rows = rows_of(analysis.table("diagnostics.csv"), analysis.main)
    if len(rows) and not analysis.hidden:
        failed = int((rows["status"] == "fail").sum())
        made = int((rows["status"] != "not evaluated").sum())
        yield Finding("lead_checks_failed" if failed else "lead_checks", {"n": made, "failed": failed})


def counting_lead(analysis: Analysis) -> Iterator[list[Finding]]:
    """Return composition, own costs and price: what the main estimand leaves out."""
    table = analysis.result.tables.get("estimands.csv", pd.DataFrame({"estimand": []})).set_index("estimand")
    rates = [name for name in ("composition", "price") if name in table.index and table.loc[name, "reason"] == ""]
    said = {name: {"difference": table.loc[name, "rate"], "se": table.loc[name, "rate_se"]} for name in rates}
    findings = [Finding(f"lead_{name}", numbers) for name, numbers in said.items()]
    if "own_costs" in table.index and table.loc["own_costs", "reason"] == "":
        money = {name: table.loc[name, key] for name, key in (("own_costs", "spending"), ("net", "saving"))}
        findings.append(Finding("lead_net", money))
    if findings:
        yield findings


def one_scale_lead(analysis: Analysis) -> Iterator[Finding]:
    """Return how many designs have a lower threshold, and how many a smaller misallocation, than the first."""
    table = analysis.compared
    if len(table) > 1:
        less = {name: int((table[name] < table[name][0]).sum()) for name in ("threshold_money", "misallocation")}
        name = "lead_one_scale" if table["settles"][0] else "lead_one_scale_first"
        yield Finding(name, {"n": len(table) - 1, **less})


def truth_lead(analysis: Analysis) -> Iterator[Finding]:
    """Return the true saving of simulated claims beside the measured one, and whether the interval contains it."""
    truths, row = getattr(analysis.result.claims, "truth", {}), analysis.saving(analysis.main)
    if row is not None and analysis.main[0] in truths:
        true = truths[analysis.main[0]].rate
        known = pd.notna(row["lower"] + row["upper"])
        inside = "inside" if row["lower"] <= true * row["benchmark"] <= row["upper"] else "outside"
        name = f"lead_truth_{inside}" if known else "lead_truth_no_interval"
        yield Finding(name, {"true": true, "measured": row["savings_rate"]})
