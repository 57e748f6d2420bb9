"""Section that compares the designs: their definitions, their errors and payments on placebos, and refusals."""

from collections.abc import Iterator
from itertools import pairwise, product

import numpy as np
import pandas as pd

from ssinfer.backtesting.frames import rows_with
from ssinfer.backtesting.scores import size_class
from ssinfer.comparison import comparison_group
from ssinfer.figures.placebo_savings import group_items, placebos_frame
from ssinfer.finding import Finding
from ssinfer.printed import ABSENT, column_with_errors, count
from ssinfer.report.analysis import Analysis, span
from ssinfer.report.table import ReportFigure, ReportTable
from ssinfer.sentences import say
from ssinfer.study.queries import ALL_SIZES, pair_of, rows_of
from ssinfer.thresholds.placebo import COMPARISON_KEY

MIN_WINDOWS = 3  # of the contract group, before its bias is called out
PAIR = ["design", "method"]
SIZE_CLASS = [*PAIR, "size_class"]
MEASURES = ["threshold", "threshold_se", "false_payment_rate", "false_payment_rate_se"]
SCORES = (
    "label bias:percent case_bias:cell sd:percent bias_sd_between:percent:1 coverage_95:percent width_90:percent "
    "interval_score_90:percent"
)
PAYMENTS = (
    "label judged:cell threshold:percent threshold_less_bias:percent case_rate:percent:1 case_money:money "
    "false_payment_rate:percent detection_rate_3:percent detection_rate_5:percent"
)
REFUSALS = "label status:word share:cell reason:english times:number"
SIZES = "label size_class n_units:number sd:percent threshold:percent false_payment_rate:percent"


def _designs(analysis: Analysis) -> pd.DataFrame:
    records = []
    for name, design in analysis.result.designs.items():
        baseline = span(design.baseline)
        if design.masked:
            baseline = say("table.designs.masked", baseline=baseline, masked=span(design.masked))
        standard = say("table.designs.covariate", name=design.standard) if design.standard else say("none")
        record = {"label": name.replace("_", " "), "description": analysis.result.design_labels.get(name, "")}
        group = comparison_group(design.donors, len(design.under_contract))
        record |= {"group": group, "baseline": baseline, "performance": span(design.performance)}
        records.append({**record, "case_mix": standard})
    return pd.DataFrame(records)


def _scores(analysis: Analysis) -> pd.DataFrame | Finding:
    """Return the scores over placebos of all sizes, with the contract group's bias in its own earlier windows."""
    backtest = analysis.result.backtest
    if backtest is None:
        return pd.DataFrame()
    scores = backtest.scores[(backtest.scores["size_class"] == ALL_SIZES) & np.isfinite(backtest.scores["bias"])]
    if not len(scores):
        return Finding("table.scores.without", {})
    parts = [rows_of(scores, pair).assign(windows=len(analysis.placebos(pair, "case"))) for pair in analysis.pairs]
    scores = analysis.labelled(pd.concat(parts))
    sd = scores["bias_case_sd"].where(scores["windows"] > 1)
    scores["case_error"] = sd / np.sqrt(scores["windows"].clip(lower=1))
    scores["case_cell"] = column_with_errors(scores["bias_case"].tolist(), scores["case_error"].tolist(), 100)
    with_windows = scores["case_cell"] + " (" + scores["windows"].astype(str) + ")"
    return scores.assign(case_bias=with_windows.where(scores["windows"] > 0, ABSENT))


def _scores_remarks(analysis: Analysis, scores: pd.DataFrame) -> Iterator[Finding]:
    """Return the size of the backtest, and a warning for each design that is biased for the contract group itself."""
    yield Finding("table.scores.origins", {name: int(scores[name].max()) for name in ("n_units", "n_origins")})
    for _, row in scores.iterrows():
        bias, n = float(row["bias_case"]), int(row["windows"])
        if n >= MIN_WINDOWS and abs(bias) > 2 * row["case_error"]:
            said = {"design": analysis.quoted(pair_of(row)), "bias": row["case_cell"], "n": n}
            yield Finding(f"table.scores.{'saving' if bias > 0 else 'loss'}", said)


def _payments(analysis: Analysis) -> pd.DataFrame | Finding:
    """Return one row per design and method, in the order of detection."""
    backtest, cases = analysis.result.backtest, analysis.result.case_thresholds
    if backtest is None:
        return pd.DataFrame()
    if not len(analysis.ranking):
        return Finding("table.payments.without", {})
    rows, cases = (frame[COMPARISON_KEY.rows(frame)] for frame in (backtest.thresholds, cases))
    rows = analysis.ranking[PAIR].merge(rows[rows["size_class"] == ALL_SIZES], on=PAIR)
    numbers = zip(rows["n_rows"], rows["n_without_threshold"], strict=True)
    judged = [say("part_of", part=n, whole=n + without) if without else count(n) for n, without in numbers]
    cases = cases[[*PAIR, "rate", "money"]].add_prefix("case_").rename(columns={f"case_{name}": name for name in PAIR})
    return analysis.labelled(rows.assign(judged=judged).merge(cases, "left", on=PAIR))


def _payments_remarks(_analysis: Analysis, rows: pd.DataFrame) -> Iterator[Finding]:
    if rows["n_without_threshold"].any():
        yield Finding("table.payments.some", {})


def _sizes(analysis: Analysis) -> pd.DataFrame:
    """Return one row per design, method and size class; the disclosed result has no class with too few units."""
    backtest = analysis.result.backtest
    if backtest is None or not len(backtest.thresholds):
        return pd.DataFrame()
    scores = backtest.scores[backtest.scores["size_class"] != ALL_SIZES]
    reference = backtest.thresholds[COMPARISON_KEY.rows(backtest.thresholds)][SIZE_CLASS + MEASURES]
    classes = scores[[*SIZE_CLASS, "n_units", "sd", "sd_mcse"]].merge(reference, "left", SIZE_CLASS)
    return with_sizes(analysis, analysis.labelled(classes))


def with_sizes(analysis: Analysis, table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with its size classes in words."""
    edges = analysis.result.manifest.get("study", {}).get("case", {}).get("size_edges", ())
    words = {}
    for low, high in pairwise([0.0, *sorted(set(edges)), np.inf]):
        name = "below" if not low else "above" if high == np.inf else "between"
        words[size_class(low, high)] = say(f"size.{name}", low=low, high=high)
    return table.assign(size_class=[words.get(name, name) for name in table["size_class"]])


def _refusals(analysis: Analysis) -> pd.DataFrame | Finding:
    """Return one row per design, method and status, with the most frequent reason."""
    if analysis.result.backtest is None:
        return pd.DataFrame()
    records = []
    for pair, status in product(analysis.pairs, ("refused", "failed")):
        placebos = rows_with(rows_of(analysis.result.backtest.placebos, pair), role="placebo")
        counts = rows_with(placebos, status=status)["reason"].value_counts()
        if len(counts):
            share = say("part_of", part=counts.sum(), whole=len(placebos))
            records.append((analysis.label(pair), status, share, counts.index[0], counts.iloc[0]))
    columns = ["label", "status", "share", "reason", "times"]
    return pd.DataFrame(records, columns=columns) if records else Finding("table.refusals.without", {})


def _placebos(analysis: Analysis) -> pd.DataFrame:
    """Return the placebos of every design, with the thresholds and the saving of the contract group."""
    placebos, groups = {}, {}
    for pair in analysis.pairs:
        if len(rows := analysis.placebos(pair)):
            saving = analysis.saving(pair)
            rate = None if saving is None else float(saving["savings_rate"])
            decides = analysis.verdict.threshold if pair == analysis.main else None
            placebos[analysis.label(pair)] = rows
            groups[analysis.label(pair)] = group_items(rows_of(analysis.result.case_thresholds, pair), rate, decides)
    return placebos_frame(placebos, groups)


def comparison_lead(analysis: Analysis) -> Iterator[Finding]:
    """Return what the contract group is compared with."""
    n, design = len(analysis.pairs), analysis.result.designs[analysis.main[0]]
    if not analysis.result.manifest.get("settles", {}).get("method"):
        yield Finding("lead_comparison_none", {"n": n})
        return
    group, baseline = comparison_group(design.donors, len(design.under_contract)), span(design.baseline)
    said = {"group": group, "baseline": baseline, "method": analysis.method(analysis.main[1]), "n": n - 1}
    yield Finding("lead_comparison" if n > 1 else "lead_comparison_only", said)


TABLES = (
    ReportTable("designs", "comparison", 10, _designs, "label description:own group baseline performance case_mix"),
    ReportTable("scores", "comparison", 20, _scores, SCORES, _scores_remarks),
    ReportTable("payments", "comparison", 40, _payments, PAYMENTS, _payments_remarks),
    ReportTable("sizes", "comparison", 50, _sizes, SIZES),
    ReportTable("refusals", "comparison", 60, _refusals, REFUSALS),
)
FRAME = ReportFigure("placebo_savings", "comparison", 30, _placebos, "placebos.parquet")
