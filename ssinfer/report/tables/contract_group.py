"""Tables on the contract group: its saving, intervals and settlement, and the true saving of simulated claims."""

import math
from typing import Any

import numpy as np
import pandas as pd

from ssinfer.counterfactual import Counterfactual
from ssinfer.errors import SsinferError
from ssinfer.printed import ABSENT, plain
from ssinfer.report.analysis import Analysis
from ssinfer.report.table import LABEL, ReportTable, TableColumn

INTERVALS = tuple((level, kind) for level in (0.95, 0.90) for kind in ("credible", "confidence"))


def _savings(analysis: Analysis) -> pd.DataFrame:
    """Return one row per design and method; only the label if the saving is not measured."""
    if not analysis.has_saving:
        return pd.DataFrame()
    records = []
    for pair in analysis.pairs:
        saving = analysis.saving(pair)
        record: dict[str, Any] = {"label": analysis.label(pair)}
        if saving is not None:
            record = {**saving, **record, "interval": _interval(saving["lower"], saving["upper"], 0)}
            record["total"] = None if analysis.result.panel.insured_years is None else saving["total"]
            record["verdict"] = (analysis.verdict.verdict or ABSENT) if pair == analysis.main else ABSENT
            record["failed_checks"] = (
                str(saving.get("failed_checks", "")).replace(" ", ", ").replace("_", " ") or "none"
            )
        records.append(record)
    return pd.DataFrame(records)


def _intervals(analysis: Analysis) -> pd.DataFrame:
    """Return both kinds of interval at both levels, one row per design and method."""
    records = []
    for pair in analysis.pairs:
        if pair in analysis.result.counterfactuals and analysis.saving(pair) is not None:
            cf = analysis.result.counterfactuals[pair]
            intervals = {f"{kind} {level}": _rate_interval(cf, kind, level) for level, kind in INTERVALS}
            rate = 1 - cf.pooled_spending / cf.level
            records.append({"label": analysis.label(pair), "rate": rate, **intervals})
    return pd.DataFrame(records)


def _rate_interval(cf: Counterfactual, kind: str, level: float) -> str | None:
    """Return the equal-tailed interval of (B - Y) / Bbar in percent; None if the method has no such draws."""
    try:
        draws = cf.pooled(kind)
    except SsinferError:
        return None
    tails = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    lower, upper = (100 * float(tail - cf.pooled_spending) / cf.level for tail in tails)
    return _interval(lower, upper, 1)


def _settlement(analysis: Analysis) -> pd.DataFrame:
    if not len(analysis.result.settlement):
        return pd.DataFrame()
    settled = analysis.result.settlement["party"] != ""  # section "absent" has the others, with their reasons
    return analysis.labelled(analysis.result.settlement[settled])


def _truth(analysis: Analysis) -> pd.DataFrame:
    """Return one row per design and method with a measured saving, if the claims have a known true saving."""
    truths = {} if analysis.result.claims is None else analysis.result.claims.truth
    records = []
    for pair in analysis.pairs:
        row, truth = analysis.saving(pair), truths.get(pair[0])
        if row is None or truth is None:
            continue
        rate, lower, upper = float(row["savings_rate"]), *(row[end] / row["benchmark"] for end in ("lower", "upper"))
        records.append(
            {
                "label": analysis.label(pair),
                "true": truth.rate,
                "measured": rate,
                "interval": _interval(100 * lower, 100 * upper, 1),
                "difference": rate - truth.rate,
                "covered": lower <= truth.rate <= upper if math.isfinite(lower) and math.isfinite(upper) else None,
            }
        )
    return pd.DataFrame(records)


def _interval(lower: float, upper: float, decimals: int) -> str:
    return f"{plain(lower, decimals)} to {plain(upper, decimals)}" if math.isfinite(lower + upper) else "none"


TABLES = (
    ReportTable(
        name="truth",
        section="known-truth",
        order=10,
        caption="Measured and true saving",
        columns=(
            LABEL,
            TableColumn("True saving (% of spending without contract)", "true", "percent", 1),
            TableColumn("Measured saving (% of benchmark)", "measured", "percent", 1),
            TableColumn("95% interval (%)", "interval", "cell"),
            TableColumn("Measured less true (percentage points)", "difference", "percent", 1),
            TableColumn("The interval contains the true saving", "covered", "yes or no"),
        ),
        rows=_truth,
        notes=(
            (
                "This is one simulated contract, and all designs share its random errors. The differences are mostly "
                "chance, and in the same direction. The backtest below shows each design's mean error and its spread."
            ),
            "Truncated designs have another true saving: the part below the caps of the claims with the contract.",
        ),
    ),
    ReportTable(
        name="savings",
        section="case-section",
        order=10,
        caption="The contract group: benchmark, spending and saving",
        columns=(
            LABEL,
            TableColumn("Benchmark", "benchmark", "money"),
            TableColumn("Spending", "spending", "money"),
            TableColumn("Saving", "saving", "money"),
            TableColumn("95% interval of the saving", "interval", "cell"),
            TableColumn("Savings rate (%)", "savings_rate", "percent", 1),
            TableColumn("Saving in total", "total", "total"),
            TableColumn("Threshold that settles", "verdict"),
            TableColumn("Failed checks", "failed_checks"),
        ),
        rows=_savings,
        notes=(
            "Money is per insured-year, except the saving in total. The saving is the benchmark less spending: a minus "
            "sign means that spending was higher than the benchmark. Every design of the study is listed. One of "
            "them settles; the others do not judge the contract group."
        ),
    ),
    ReportTable(
        name="intervals",
        section="case-section",
        order=20,
        caption="The contract group: credible and confidence intervals of the savings rate",
        columns=(
            LABEL,
            TableColumn("Measured (%)", "rate", "percent", 1),
            *(TableColumn(f"{100 * level:g}%, {kind} (%)", f"{kind} {level}", "cell") for level, kind in INTERVALS),
        ),
        rows=_intervals,
        notes=(
            "In % of the benchmark, equal-tailed. Credible: from the posterior of the benchmark, which integrates over "
            "every parameter, shock and persistence. Confidence: from the sampling distribution of the same quantity, "
            "with estimates for the parameters. A dash: the method does not give that kind."
        ),
    ),
    ReportTable(
        name="settlement",
        section="case-section",
        order=40,
        caption="Settlement",
        columns=(
            LABEL,
            TableColumn("Settles", "settles", "yes or no"),
            TableColumn("Contract", "contract"),
            TableColumn("Party", "party"),
            TableColumn("Receives", "amount", "money"),
            TableColumn("Reason", "reason"),
        ),
        rows=_settlement,
        notes=(
            "One design and method settle; the others are alternatives. A minus sign means that the party pays. The "
            "amounts of a contract add up to zero."
        ),
    ),
)
