"""Tables that compare the designs: their definitions, their errors and payments on placebos, and refusals."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from ssinfer.printed import ABSENT, column_with_errors, count, quoted
from ssinfer.report.analysis import ALL_SIZES, Analysis, pair_of, rows_of, span
from ssinfer.report.table import DETECTION_RATE, FALSE_PAYMENT_RATE, LABEL, NoTable, ReportTable, TableColumn
from ssinfer.report.text.names import comparison_group
from ssinfer.thresholds.placebo import COMPARISON_KEY

MIN_WINDOWS = 3  # of the contract group, before its bias is called out
SIZE_CLASS = ["design", "method", "size_class"]
MEASURES = ["threshold", "threshold_se", "false_payment_rate", "false_payment_rate_se"]


def _designs(analysis: Analysis) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "design": name.replace("_", " "),
            "description": analysis.result.design_labels.get(name, ""),
            "group": comparison_group(design),
            "baseline": span(design.baseline) + (f" (masked: {span(design.masked)})" if design.masked else ""),
            "performance": span(design.performance),
            "case_mix": f"covariate {quoted(design.standard)}" if design.standard else "none",
        }
        for name, design in analysis.result.designs.items()
    )


def _scores(analysis: Analysis) -> pd.DataFrame | NoTable:
    """Return the scores over placebos of all sizes, with the contract group's bias in its own earlier windows."""
    backtest = analysis.result.backtest
    if backtest is None or not {"size_class", "bias"} <= set(backtest.scores.columns):
        return pd.DataFrame()
    scores = backtest.scores
    scores = scores[(scores["size_class"] == ALL_SIZES) & np.isfinite(scores["bias"])]
    if not len(scores):
        return NoTable("No placebo contract has an estimate, so the errors of the designs are not known.")
    windows = {pair: len(analysis.placebos(pair, "case")) for pair in analysis.pairs}
    parts = [rows_of(scores, pair).assign(windows=n) for pair, n in windows.items()]
    scores = analysis.labelled(pd.concat(parts))
    sd = scores["bias_case_sd"].where(scores["windows"] > 1)
    scores["case_error"] = sd / np.sqrt(scores["windows"].clip(lower=1))
    scores["case_cell"] = column_with_errors(scores["bias_case"].tolist(), scores["case_error"].tolist(), 100)
    with_windows = scores["case_cell"] + " (" + scores["windows"].astype(str) + ")"
    return scores.assign(case_bias=with_windows.where(scores["windows"] > 0, ABSENT))


def _scores_remarks(analysis: Analysis, scores: pd.DataFrame) -> Iterator[str]:
    """Return how to read the scores, and a warning for each design that is biased for the contract group itself."""
    first = scores.iloc[0]
    yield (
        f"{int(first['n_units'])} placebo units, {int(first['n_origins'])} origins (first performance periods). One "
        "standard error after ±. A national shock has only as many observations as there are origins."
    )
    yield (
        "A dash: not known. The part that persists in a unit needs two origins, the bias in the group's own earlier "
        "years needs windows before its contract, and coverage, width and score need a method with intervals."
    )
    yield (
        "The average bias over all placebos is near zero by construction, because they are each other's comparison "
        "group. The earlier years of the contract group say more, but they are few. Their ± is the SD between windows "
        "divided by the square root of their number. It is too small if windows overlap."
    )
    yield "Coverage near 95% means that these placebos do not reject the intervals. It does not prove them right."
    for _, row in scores.iterrows():
        bias, windows = float(row["bias_case"]), row["windows"]
        if windows >= MIN_WINDOWS and abs(bias) > 2 * row["case_error"]:
            yield (
                f"Under {analysis.quoted(pair_of(row))} the contract group showed a "
                f"{'saving' if bias > 0 else 'loss'} before there was any contract ({row['case_cell']}%, {windows} "
                "windows). That benchmark seems to be biased for this group, and no threshold here corrects it."
            )


def _payments(analysis: Analysis) -> pd.DataFrame | NoTable:
    """Return one row per design and method, in the order of detection."""
    if analysis.result.backtest is not None and not len(analysis.ranking):
        return NoTable("No placebo contract has a cross-fitted placebo threshold, so there are no payments under it.")
    records = []
    for pair in analysis.ranked_pairs:
        backtested = analysis.backtested(pair)
        row = backtested[COMPARISON_KEY.rows(backtested)].iloc[0]
        n_rows, without = row["n_rows"], row["n_without_threshold"]
        judged = f"{count(n_rows)} of {count(n_rows + without)}" if without else count(n_rows)
        case = analysis.threshold(pair)
        rate, money = (None, None) if case is None else (case["rate"], case["money"])
        added = {"label": analysis.label(pair), "judged": judged, "case_rate": rate, "case_money": money}
        records.append({**row, **added})
    return pd.DataFrame(records)


def _payments_remarks(_analysis: Analysis, rows: pd.DataFrame) -> Iterator[str]:
    if rows["n_without_threshold"].any():
        yield (
            "If only some placebo contracts are judged, the others have fewer than 19 placebos outside their own "
            "region, which is too few for a 95% threshold."
        )


def _sizes(analysis: Analysis) -> pd.DataFrame:
    """Return one row per design, method and size class; the disclosed result has no class with too few units."""
    backtest = analysis.result.backtest
    if backtest is None or not len(backtest.thresholds):
        return pd.DataFrame()
    scores = backtest.scores[backtest.scores["size_class"] != ALL_SIZES]
    if not len(scores):
        return pd.DataFrame()
    reference = backtest.thresholds[COMPARISON_KEY.rows(backtest.thresholds)][SIZE_CLASS + MEASURES]
    classes = analysis.labelled(scores[[*SIZE_CLASS, "n_units", "sd", "sd_mcse"]].merge(reference, "left", SIZE_CLASS))
    return classes.assign(units=classes["n_units"].map(count))


def _refusals(analysis: Analysis) -> pd.DataFrame | NoTable:
    """Return one row per design, method and status, with the most frequent reason."""
    if analysis.result.backtest is None:
        return NoTable()
    records = []
    for pair in analysis.pairs:
        placebos = rows_of(analysis.result.backtest.placebos, pair)
        placebos = placebos[placebos["role"] == "placebo"]
        for status in ("refused", "failed"):
            reasons = placebos.loc[placebos["status"] == status, "reason"]
            if len(reasons):
                counts = reasons.value_counts()
                share = f"{len(reasons):,} of {len(placebos):,}"
                records.append((analysis.label(pair), status, share, counts.index[0], counts.iloc[0]))
    if not records:
        return NoTable("No placebo contract was refused, and no fit failed.")
    return pd.DataFrame(records, columns=["label", "status", "share", "reason", "times"])


TABLES = (
    ReportTable(
        name="designs",
        section="comparison",
        order=10,
        caption="The designs that were compared",
        columns=(
            TableColumn("Design", "design"),
            TableColumn("Description", "description"),
            TableColumn("Comparison group", "group"),
            TableColumn("Baseline periods", "baseline"),
            TableColumn("Performance periods", "performance"),
            TableColumn("Case-mix adjustment", "case_mix"),
        ),
        rows=_designs,
    ),
    ReportTable(
        name="scores",
        section="comparison",
        order=20,
        caption="Error of each design on contracts without savings",
        columns=(
            LABEL,
            TableColumn("Bias (% of benchmark)", "bias", "percent"),
            TableColumn("Bias in the group's own earlier years (%; windows)", "case_bias", "cell"),
            TableColumn("SD (%)", "sd", "percent"),
            TableColumn("Part that persists in a unit (SD, %)", "bias_sd_between", "percent", 1),
            TableColumn("Coverage of the 95% interval (%)", "coverage_95", "percent"),
            TableColumn("Width of the 90% interval (%)", "width_90", "percent"),
            TableColumn("Interval score, 90% (%; lower is better)", "interval_score_90", "percent"),
        ),
        rows=_scores,
        remarks=_scores_remarks,
    ),
    ReportTable(
        name="payments",
        section="comparison",
        order=40,
        caption="Payments under the cross-fitted placebo threshold, by design",
        columns=(
            LABEL,
            TableColumn("Placebo contracts", "judged", "cell"),
            TableColumn("Threshold, mean of placebos (%)", "threshold", "percent"),
            TableColumn("Threshold less mean placebo saving (%)", "threshold_less_bias", "percent"),
            TableColumn("Threshold for the contract group (%)", "case_rate", "percent", 1),
            TableColumn("In money per insured-year", "case_money", "money"),
            FALSE_PAYMENT_RATE,
            DETECTION_RATE,
            TableColumn("Detection rate at a true saving of 5% (%)", "detection_rate_5", "percent"),
        ),
        rows=_payments,
        notes=(
            "Cross-fitted placebo threshold: one-sided 95%. The threshold of each placebo comes from other regions and "
            "other origins. Designs are in the order of their detection rate at a true saving of 3%. The threshold "
            "alone would reward a benchmark that is too low; the detection rate at equal false payment rates does not."
        ),
        remarks=_payments_remarks,
    ),
    ReportTable(
        name="sizes",
        section="comparison",
        order=50,
        caption="By size of the placebo units",
        columns=(
            LABEL,
            TableColumn("Insured-years", "size_class"),
            TableColumn("Units", "units", "cell"),
            TableColumn("SD (%)", "sd", "percent"),
            TableColumn("Placebo threshold (%)", "threshold", "percent"),
            FALSE_PAYMENT_RATE,
        ),
        rows=_sizes,
        notes="A size class has no threshold if it holds fewer than 19 units at every origin.",
    ),
    ReportTable(
        name="refusals",
        section="comparison",
        order=60,
        caption="Refused and failed placebo contracts",
        columns=(
            LABEL,
            TableColumn("Status", "status"),
            TableColumn("Placebo contracts", "share", "cell"),
            TableColumn("Most frequent reason", "reason"),
            TableColumn("Times", "times", "number"),
        ),
        rows=_refusals,
        notes="A refused contract is paid nothing. The tables above leave out refused and failed placebo contracts.",
    ),
)
