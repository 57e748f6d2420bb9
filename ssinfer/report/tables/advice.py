"""Section on the next contract: the advice, the ladder, its specifications, and the Pareto set; model thresholds."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import pandas as pd

from ssinfer.backtesting.advice import EVERY, NEVER, Advice
from ssinfer.figures.earnings import earnings_frame
from ssinfer.figures.false_payments import false_payments_frame
from ssinfer.figures.threshold_by_size import sizes_frame
from ssinfer.finding import Finding, estimate
from ssinfer.report.analysis import Analysis
from ssinfer.report.table import ReportFigure, ReportTable
from ssinfer.report.tables.comparison import with_sizes
from ssinfer.sentences import say
from ssinfer.study.queries import Pair
from ssinfer.thresholds.kind import ThresholdKey
from ssinfer.thresholds.names import threshold_in_words, threshold_name

SPECIFICATIONS = (
    "label threshold_name false_payment_rate:percent detection_rate:percent n_rows:number n_unjudged:number "
    "admitted:word advised:word"
)
LADDER = (
    "change:own threshold:percent threshold_difference:percent detection_rate:percent "
    "detection_rate_difference:percent insured:number years:number source:word"
)
PARETO = (
    "label threshold_name abs_bias_case:percent:1 bias_sd_between:percent:1 abs_bias_selected:percent:1 "
    "false_payment_rate:percent detection_rate:percent"
)
KIND_COLUMNS = (
    "threshold_name promised:percent:0 threshold:percent false_payment_rate:percent detection_rate_3:percent "
    "expected_overpayment_money:number expected_underpayment_money:number n_rows:number"
)
BY_SIZE = f"label size_class {KIND_COLUMNS}"


def _kinds(analysis: Analysis, *, by_size: bool) -> pd.DataFrame:
    rows = analysis.labelled(analysis.model_thresholds(by_size=by_size))
    names = [threshold_name(ThresholdKey.of(row), short=True) for _, row in rows.iterrows()]
    return with_sizes(analysis, rows.assign(threshold_name=names))


def _model_remarks(_analysis: Analysis, rows: pd.DataFrame) -> Iterator[Finding]:
    """Return a warning if two thresholds of a level were judged on different placebos."""
    n_rows = rows.groupby(["label", "size_class", "promised"], sort=False)["n_rows"]
    if (n_rows.min() < n_rows.max()).any():
        yield Finding("table.kinds.different", {})


def _pareto(analysis: Analysis) -> pd.DataFrame:
    """Return the Pareto set; the contract group's own bias is left out if the group is too small to be shown."""
    table = analysis.pareto
    if not len(table):
        return table
    table = analysis.labelled(table[~table["dominated"]])
    keys = [ThresholdKey(kind, None, "", prior) for kind, prior in zip(table["kind"], table["prior"], strict=True)]
    return table.assign(threshold_name=[*map(threshold_name, keys)])


def _pareto_remarks(analysis: Analysis, _rows: pd.DataFrame) -> Iterator[Finding]:
    yield Finding("table.pareto.set", {"n": len(analysis.pareto)})


def _specifications(analysis: Analysis) -> pd.DataFrame:
    """Return the table of the advice, without rows if there is none; the sentence of the section says why."""
    advice = analysis.result.advice
    if advice is None:
        return pd.DataFrame()
    ends = {kind: say(f"cell.kind.{kind}") for kind in (NEVER, EVERY)}
    names = [ends.get(row["kind"]) or threshold_name(ThresholdKey.of(row)) for _, row in advice.table.iterrows()]
    return analysis.labelled(advice.table).assign(threshold_name=names)


def _ladder(analysis: Analysis) -> pd.DataFrame:
    """Return the ladder, with each change in words."""

    def change(block: str, entry: str) -> str:
        said = {"block": say(f"block.{block}", block), "entry": analysis.entry(block, entry)} if block else {}
        return say("table.ladder.step" if block else "table.ladder.today", **said)

    table = analysis.table("ladder.csv")
    return table.assign(change=[*map(change, table["block"], table["entry"])])


def _advised(analysis: Analysis) -> tuple[Pair, ThresholdKey | None]:
    """Return the advised design and method, and threshold; those that settle, and no threshold, without advice."""
    advice = analysis.result.advice
    return (analysis.main, None) if advice is None else (advice.specification.pair, advice.specification.threshold)


def _earnings(analysis: Analysis) -> pd.DataFrame:
    pair, best = _advised(analysis)
    frame = earnings_frame(analysis.placebos(pair), analysis.share, best)
    return frame.assign(design=analysis.label(pair), currency=analysis.result.currency)


def _false_payments(analysis: Analysis) -> pd.DataFrame:
    main, best = _advised(analysis)
    backtested = {analysis.label(pair): analysis.backtested(pair) for pair in analysis.pairs}
    sampling = {analysis.label(pair): (n.own_k["above"], n.own_k["above_se"]) for pair, n in analysis.noise.items()}
    return false_payments_frame(backtested, sampling, analysis.label(main), best)


def _sizes(analysis: Analysis) -> pd.DataFrame:
    noise = {analysis.label(pair): noise.components for pair, noise in analysis.noise.items()}
    settles, years = analysis.verdict.threshold, analysis.insured_years(analysis.main)
    if settles is None or settles["rate"] is None or years is None:
        return sizes_frame(noise, None)
    return sizes_frame(noise, (analysis.group, years, settles["rate"]))


def advice_findings(analysis: Analysis) -> Iterator[Finding]:
    """Return the advice for the next contract, or why there is none."""
    result = analysis.result
    if result.advice is not None:
        yield from _findings(analysis, result.advice)
    else:
        yield Finding("advice_backtest" if result.backtest is None else "advice_none", {"reason": result.no_advice})
    yield Finding("advice_scope", {})


def _findings(analysis: Analysis, advice: Advice) -> Iterator[Finding]:
    """Return the outcome, what the specification pays and finds, the rule, and how many do as well."""
    rule, each, table = advice.rule, advice.specification, advice.table
    name = "true_saving_of_all" if advice.of_all else "true_saving_of_design"
    saving = Finding(name, {"percent": 100 * rule.target_saving})
    design = analysis.full_name(each.pair)
    said: dict[str, Any] = {"threshold": threshold_in_words(each.threshold), "design": design, "saving": saving}
    yield Finding(f"advice_{advice.outcome.replace(' ', '_')}", said)
    found, paid = ({name: estimate(vars(advice), name)} for name in ("detection_rate", "false_payment_rate"))
    yield Finding("advice_found", said | found | {"wanted": rule.detection})
    yield Finding("advice_paid", paid | {"allowed": 100 * rule.false_payments})
    if "false_payments" in advice.reasons:
        yield Finding("advice_pays_too_often", {})
    every = table[table["kind"] == EVERY].iloc[0]
    yield Finding("advice_every", said | {name: estimate(every, name) for name in (*paid, *found)})
    fixed = str(analysis.result.manifest.get("study_hash", ""))[:12]
    tried = len(table) - 2  # without the two rules that need no threshold
    yield Finding("advice_rule", {"hash": fixed, "tried": tried})
    yield Finding(f"advice_judged_{advice.folds}", {})
    near = int((table["admitted"] & (table["difference"] <= table["difference_se"])).sum())
    if near > 1:
        yield Finding("advice_near", {"near": near})


_all_sizes, _each_size = (partial(_kinds, by_size=by_size) for by_size in (False, True))
TABLES = (
    ReportTable("ladder", "advice", 25, _ladder, LADDER),
    ReportTable("kinds", "thresholds-section", 20, _all_sizes, f"label {KIND_COLUMNS}", _model_remarks),
    ReportTable("kinds-by-size", "thresholds-section", 30, _each_size, BY_SIZE, _model_remarks, folded=True),
    ReportTable("pareto", "advice", 50, _pareto, PARETO, _pareto_remarks),
    ReportTable("specifications", "advice", 60, _specifications, SPECIFICATIONS, folded=True),
)
FRAME = (
    ReportFigure("earnings", "advice", 10, _earnings, "placebos.parquet"),
    ReportFigure("false_payments", "advice", 20, _false_payments, "thresholds.csv"),
    ReportFigure("threshold_by_size", "advice", 26, _sizes, "placebos.parquet"),
)
