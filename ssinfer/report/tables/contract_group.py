"""Sections on the contract group (its saving, intervals and settlement), and on the true saving of simulated claims."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from ssinfer.contracts.explain import outcome_words
from ssinfer.counterfactual import Counterfactual
from ssinfer.errors import SsinferError
from ssinfer.figures.case import MAX_BENCHMARKS, case_frame
from ssinfer.finding import Finding
from ssinfer.report.analysis import Analysis
from ssinfer.report.table import ReportFigure, ReportTable, by_pair, ranged
from ssinfer.report.text.finding import verdict_findings
from ssinfer.sentences import check_name, say
from ssinfer.study.queries import Pair, portfolio_findings

INTERVALS = [(kind, level) for level in (0.95, 0.90) for kind in ("credible", "confidence")]
SAVINGS = (
    "label benchmark:money spending:money saving:money interval:cell savings_rate:percent:1 total:total "
    "verdict:word failed_checks"
)


def _savings(analysis: Analysis) -> pd.DataFrame:
    """Return one row per design and method; only the label if the saving is not measured."""

    def record(pair: Pair) -> Mapping[str, Any]:
        saving = analysis.saving(pair)
        if saving is None:
            return {}
        failed = [*map(check_name, str(saving.get("failed_checks", "")).split())]
        return {
            **saving,
            "interval": ranged(saving["lower"], saving["upper"], 0),
            "total": None if analysis.result.panel.insured_years is None else saving["total"],
            "verdict": analysis.verdict.verdict or None if pair == analysis.main else None,
            "failed_checks": ", ".join(failed) or say("none"),
        }

    return by_pair(analysis, record) if analysis.has_saving else pd.DataFrame()


def _intervals(analysis: Analysis) -> pd.DataFrame:
    """Return both kinds of interval at both levels, one row per design and method."""

    def record(pair: Pair) -> Mapping[str, Any] | None:
        cf = analysis.result.counterfactuals.get(pair)
        if cf is None or analysis.saving(pair) is None:
            return None
        intervals = {f"{kind}_{100 * level:g}": _rate_interval(cf, kind, level) for kind, level in INTERVALS}
        return {"rate": 1 - cf.pooled_spending / cf.level, **intervals}

    return by_pair(analysis, record)


def _rate_interval(cf: Counterfactual, kind: str, level: float) -> str | None:
    """Return the equal-tailed interval of (B - Y) / Bbar in percent; None if the method has no such draws."""
    try:
        draws = cf.pooled(kind)
    except SsinferError:
        return None
    lower, upper = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2]) - cf.pooled_spending
    return ranged(100 * float(lower) / cf.level, 100 * float(upper) / cf.level, 1)


def _settlement(analysis: Analysis) -> pd.DataFrame:
    if not len(analysis.result.settlement):
        return pd.DataFrame()
    settled = analysis.result.settlement["party"] != ""  # section "absent" has the others, with their reasons
    rows = analysis.labelled(analysis.result.settlement[settled])
    return rows.assign(reason=[outcome_words(row, analysis.result.currency) for _, row in rows.iterrows()])


def _truth(analysis: Analysis) -> pd.DataFrame:
    """Return one row per design and method with a measured saving, if the claims have a known true saving."""
    truths = {} if analysis.result.claims is None else analysis.result.claims.truth

    def record(pair: Pair) -> Mapping[str, Any] | None:
        row, truth = analysis.saving(pair), truths.get(pair[0])
        if row is None or truth is None:
            return None
        rate, lower, upper = float(row["savings_rate"]), *(row[end] / row["benchmark"] for end in ("lower", "upper"))
        return {
            "true": truth.rate,
            "measured": rate,
            "interval": ranged(100 * lower, 100 * upper, 1),
            "difference": rate - truth.rate,
            "covered": lower <= truth.rate <= upper if math.isfinite(lower + upper) else None,
        }

    return by_pair(analysis, record)


def _spending(analysis: Analysis) -> pd.DataFrame:
    """Return observed spending, and the benchmarks on the chosen design's spending; of more than six, its own."""
    result, fits = analysis.result, analysis.result.counterfactuals
    if not fits:
        return pd.DataFrame()
    first = analysis.main if analysis.main in fits else next(iter(fits))
    panel = result.panel_of(first[0])
    pairs = [pair for pair in analysis.pairs if pair in fits and result.panel_of(pair[0]) is panel]
    if len(pairs) > MAX_BENCHMARKS:
        pairs = [pair for pair in pairs if pair[0] == first[0]]
    shown = {analysis.label(pair): fits[pair] for pair in pairs}
    names = {"contract_group": analysis.group, "currency": result.currency}
    return case_frame(panel, result.designs[first[0]], shown, **names)


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


def truth_lead(analysis: Analysis) -> Iterator[Finding]:
    """Return the true saving of simulated claims beside the measured one, and whether the interval contains it."""
    truths, row = getattr(analysis.result.claims, "truth", {}), analysis.saving(analysis.main)
    if row is not None and analysis.main[0] in truths:
        true = truths[analysis.main[0]].rate
        known = pd.notna(row["lower"] + row["upper"])
        inside = "inside" if row["lower"] <= true * row["benchmark"] <= row["upper"] else "outside"
        name = f"lead_truth_{inside}" if known else "lead_truth_no_interval"
        yield Finding(name, {"true": true, "measured": row["savings_rate"]})


TRUTH = "label true:percent:1 measured:percent:1 interval:cell difference:percent:1 covered:word"
KINDS = " ".join(f"{kind}_{100 * level:g}:cell" for kind, level in INTERVALS)
SETTLEMENT = "label settles:word contract:own party:word amount:money reason"
TABLES = (
    ReportTable("truth", "known-truth", 10, _truth, TRUTH),
    ReportTable("savings", "case-section", 10, _savings, SAVINGS),
    ReportTable("intervals", "case-section", 20, _intervals, f"label rate:percent:1 {KINDS}"),
    ReportTable("settlement", "case-section", 40, _settlement, SETTLEMENT),
)
FRAME = ReportFigure("case", "case-section", 30, _spending, "paths.csv")
