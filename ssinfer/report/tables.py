"""The report's tables: from frames to printed cells."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pandas as pd

from ssinfer.comparison import Every, Listed, SimilarSize, Within
from ssinfer.report.data import Table
from ssinfer.report.disclosure import case_is_small, class_is_visible
from ssinfer.report.finding import honest_threshold
from ssinfer.report.numerals import ABSENT, count, money, percent, percent_with_error, plain, total
from ssinfer.report.pairs import label_of, pairs_of, rows_of, span

if TYPE_CHECKING:
    from ssinfer.design import Design
    from ssinfer.report.pairs import Pair
    from ssinfer.study import StudyResult

NAN = float("nan")
KINDS = {
    "placebo": "Placebo",
    "confidence": "Confidence (model)",
    "credible": "Credible (model)",
    "power": "Power",
    "schedule": "Medicare schedule",
    "expected loss": "Expected loss",
}
KIND_ORDER = tuple(KINDS)


def threshold_name(kind: str, level: float | None, side: str) -> str:
    """Return a threshold's kind, level and side in words.

    >>> threshold_name("placebo", 0.95, "one-sided"), threshold_name("schedule", None, "one-sided")
    ('Placebo 95%, one-sided', 'Medicare schedule')
    """
    name = KINDS.get(kind, kind.capitalize())
    if level is None or not math.isfinite(level):
        return name
    return f"{name} {100 * level:g}%, {side}"


def group_in_words(design: Design) -> str:
    """Return the comparison group in words."""
    return _rule_in_words(design.donors) + (
        f", less {len(design.under_contract)} under contract" if design.under_contract else ""
    )


def _rule_in_words(rule: Any) -> str:
    if rule is None:
        return "all other units"
    if isinstance(rule, (tuple, Listed)):
        named = rule.units if isinstance(rule, Listed) else rule
        return ", ".join(named) if len(named) <= 3 else f"{len(named)} named units"
    if isinstance(rule, Within):
        inner = f" and beyond {rule.beyond:g} km" if rule.beyond else ""
        return f"units within {rule.km:g} km{inner}"
    if isinstance(rule, SimilarSize):
        parts = [f"within a factor {rule.ratio:g} in size"] if math.isfinite(rule.ratio) else []
        parts += [f"of at least {rule.at_least:,.0f} insured"] if rule.at_least else []
        return "units " + (" and ".join(parts) or "of any size")
    if isinstance(rule, Every):
        return "; ".join(_rule_in_words(part) for part in rule.rules)
    return repr(rule)


def design_table(result: StudyResult) -> Table:
    """Return each design in words."""
    rows = [
        (
            name.replace("_", " "),
            result.design_labels.get(name, ""),
            group_in_words(design),
            span(design.baseline) + (f" (masked: {span(design.masked)})" if design.masked else ""),
            span(design.performance),
            design.standard or "none",
        )
        for name, design in result.designs.items()
    ]
    heads = ("Design", "In words", "Comparison group", "Baseline", "Performance", "Case-mix standard")
    return Table("designs", "The designs that were compared", heads, (False,) * 6, tuple(rows))


def _pooled(frame: pd.DataFrame, pair: Pair) -> pd.Series[Any] | None:
    rows = rows_of(frame, pair)
    if not len(rows):
        return None
    if "size_class" in rows.columns:
        rows = rows[rows["size_class"] == "all"]
    if "injected" in rows.columns:
        rows = rows[rows["injected"] == 0]
    return rows.iloc[0] if len(rows) else None


def _case_bias(result: StudyResult, pair: Pair, row: pd.Series[Any]) -> str:
    """Mean saving in the case's own earlier windows, with its standard error over windows."""
    if case_is_small(result) or result.backtest is None:
        return ABSENT
    rows = rows_of(result.backtest.placebos, pair)
    windows = int(((rows["role"] == "case") & (rows["status"] == "ok")).sum())
    error = row["bias_case_sd"] / math.sqrt(windows) if windows > 1 else NAN
    return f"{percent_with_error(row['bias_case'], error)} ({windows})"


def score_design_table(result: StudyResult) -> Table | None:
    """Return how far each design was off where the true saving is zero."""
    if result.backtest is None:
        return None
    rows = []
    for pair in pairs_of(result):
        row = _pooled(result.backtest.scores, pair)
        if row is None or "bias" not in row or not math.isfinite(row["bias"]):
            rows.append((label_of(result, pair), *(ABSENT,) * 7))
            continue
        rows.append(
            (
                label_of(result, pair),
                percent_with_error(row["bias"], row["bias_mcse"]),
                _case_bias(result, pair, row),
                percent_with_error(row["sd"], row["sd_mcse"]),
                plain(100 * row["bias_sd_between"], 1),
                percent_with_error(row["coverage_95"], row["coverage_95_se"]),
                percent_with_error(row["width_90"], row["width_90_se"]),
                percent_with_error(row["interval_score_90"], row["interval_score_90_se"]),
            )
        )
    heads = (
        "Design",
        "Bias (% of benchmark)",
        "Bias in the case's own earlier years (windows)",
        "SD (%)",
        "of which persists in a unit (SD, %)",
        "Coverage of the 95% interval (%)",
        "Width of the 90% interval (%)",
        "Interval score, 90% (%; lower is better)",
    )
    first = result.backtest.scores.iloc[0]
    notes = (
        f"{int(first['n_units'])} placebo units, {int(first['n_origins'])} origins (first performance periods); one "
        "standard error after ±. A national shock has only as many observations as there are origins.",
        "The average bias over all placebos is near zero by construction, because they are each other's comparison "
        "group: the case's own earlier years say more, from very few windows. Their ± is the SD between windows over the "
        "square root of their number, and too small where windows overlap.",
        "A coverage near 95% means not rejected on these placebos; it is no proof that the intervals are right.",
    )
    numeric = (False, *(True,) * 7)
    return Table("scores", "How far each design is off where nothing was saved", heads, numeric, tuple(rows), notes)


def payment_design_table(result: StudyResult) -> Table | None:
    """Return each design's honest threshold, and what it pays."""
    if result.backtest is None or not len(result.backtest.ranking()):
        return None
    order = result.backtest.ranking()
    rows = []
    for design, method in zip(order["design"], order["method"], strict=True):
        pair = (str(design), str(method))
        part = rows_of(result.backtest.thresholds, pair)
        row = part[
            (part["kind"] == "placebo")
            & (part["level"] == 0.95)
            & (part["side"] == "one-sided")
            & (part["size_class"] == "all")
        ].iloc[0]
        own = None if case_is_small(result) else honest_threshold(result, pair)
        rows.append(
            (
                label_of(result, pair),
                percent_with_error(row["threshold"], row["threshold_se"]),
                percent_with_error(row["threshold_less_bias"], row["threshold_less_bias_se"]),
                ABSENT if own is None else plain(100 * float(own["rate"]), 1),
                ABSENT if own is None else money(float(own["money"]), result.currency),
                percent_with_error(row["false_payment_rate"], row["false_payment_rate_se"]),
                percent_with_error(row["detection_rate_3"], row["detection_rate_3_se"]),
                percent_with_error(row["detection_rate_5"], row["detection_rate_5_se"]),
            )
        )
    heads = (
        "Design",
        "Honest threshold, placebos' mean (%)",
        "Threshold less mean placebo saving (%)",
        "Honest threshold for the case (%)",
        "The same per insured-year",
        "False payments (%)",
        "Detects a true 3% (%)",
        "Detects a true 5% (%)",
    )
    notes = (
        "Honest threshold: placebo, one-sided 95%, each placebo's taken from other regions and other origins "
        "(cross-fitted). In the order of detection of a true 3%: the smallest threshold would reward a benchmark that is "
        "too low, detection at equal false payments does not.",
    )
    numeric = (False, *(True,) * 7)
    return Table("payments", "What an honest threshold pays, by design", heads, numeric, tuple(rows), notes)


def size_class_table(result: StudyResult) -> Table | None:
    """Return SD and honest threshold by class of size, where the study asked for classes."""
    if result.backtest is None or not len(result.backtest.thresholds):
        return None
    honest = result.backtest.thresholds
    honest = honest[(honest["kind"] == "placebo") & (honest["level"] == 0.95) & (honest["side"] == "one-sided")]
    scores = result.backtest.scores
    scores = scores[(scores["injected"] == 0) & (scores["size_class"] != "all")]
    if not len(scores):
        return None
    rows = []
    for _, row in scores.iterrows():
        pair = (str(row["design"]), str(row["method"]))
        part = rows_of(honest, pair)
        part = part[part["size_class"] == row["size_class"]]
        if not class_is_visible(row["n_units"]):
            rows.append((label_of(result, pair), row["size_class"], "too few to show", ABSENT, ABSENT, ABSENT))
            continue
        gate = part.iloc[0] if len(part) else None
        rows.append(
            (
                label_of(result, pair),
                row["size_class"],
                count(row["n_units"]),
                percent_with_error(row["sd"], row["sd_mcse"]),
                ABSENT if gate is None else percent_with_error(gate["threshold"], gate["threshold_se"]),
                ABSENT
                if gate is None
                else percent_with_error(gate["false_payment_rate"], gate["false_payment_rate_se"]),
            )
        )
    heads = ("Design", "Insured-years", "Units", "SD (%)", "Honest threshold (%)", "False payments (%)")
    numeric = (False, False, True, True, True, True)
    return Table("sizes", "By size of the placebo units", heads, numeric, tuple(rows))


def threshold_table(result: StudyResult, best: Pair) -> Table | None:
    """Return the case's thresholds by kind under the best design, and what each kind pays on placebos."""
    if case_is_small(result):
        return None
    mine = rows_of(result.case_thresholds, best)
    if not len(mine):
        return None
    backtested = pd.DataFrame() if result.backtest is None else rows_of(result.backtest.thresholds, best)
    if len(backtested):
        backtested = backtested[backtested["size_class"] == "all"]
    rows = []
    position = {kind: place for place, kind in enumerate(KIND_ORDER)}
    mine = mine.assign(order=mine["kind"].map(position).fillna(len(position)))
    for _, row in mine.sort_values(["order", "level", "side"], ascending=[True, False, True], kind="stable").iterrows():
        level = _level(row["level"])
        paid, found = ABSENT, ABSENT
        if len(backtested):
            same = backtested[(backtested["kind"] == row["kind"]) & (backtested["side"] == row["side"])]
            same = same[same["level"].isna() if level is None else same["level"] == level]
            if len(same):
                one = same.iloc[0]
                paid = percent_with_error(one["false_payment_rate"], one["false_payment_rate_se"])
                found = percent_with_error(one["detection_rate_3"], one["detection_rate_3_se"])
        rows.append(
            (
                threshold_name(str(row["kind"]), level, str(row["side"])),
                plain(100 * float(row["rate"]), 1),
                money(float(row["money"]), result.currency),
                ABSENT if level is None else plain(100 * nominal_payment(level, str(row["side"])), 1),
                paid,
                found,
                _yes_no(row["passed"]),
            )
        )
    heads = (
        "Threshold",
        "For the case (% of benchmark)",
        "Per insured-year",
        "False payments promised (%)",
        "False payments on placebos (%)",
        "Detects a true 3% (%)",
        "Case reaches it",
    )
    notes = (
        f"Under the design {label_of(result, best)!r}. A two-sided 95% interval promises 2.5% false payments: it is a "
        "one-sided 97.5% test. Medicare's schedule promises about 10% at 5,000 assigned persons, 5% at 20,000 and 1% at "
        "50,000. Not transportable: see below.",
    )
    numeric = (False, True, True, True, True, True, False)
    return Table("thresholds", "Thresholds by kind", heads, numeric, tuple(rows), notes)


def nominal_payment(level: float, side: str) -> float:
    """Return the false-payment rate that a threshold promises.

    >>> round(nominal_payment(0.95, "two-sided"), 4), round(nominal_payment(0.90, "one-sided"), 4)
    (0.025, 0.1)
    """
    return (1 - level) / (2 if side == "two-sided" else 1)


def _level(value: Any) -> float | None:
    return None if value is None or not math.isfinite(float(value)) else float(value)


def _yes_no(value: Any) -> str:
    if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return ABSENT
    return "yes" if bool(value) else "no"


def savings_table(result: StudyResult) -> Table | None:
    """Return the case's saving under every design and method."""
    if case_is_small(result) or not len(result.savings):
        return None
    rows = []
    for pair in pairs_of(result):
        for _, row in rows_of(result.savings, pair).iterrows():
            known = math.isfinite(float(row["lower"]))
            interval = f"{plain(float(row['lower']), 0)} to {plain(float(row['upper']), 0)}" if known else "none"
            honest = honest_threshold(result, pair)
            rows.append(
                (
                    label_of(result, pair),
                    money(float(row["benchmark"]), result.currency),
                    money(float(row["spending"]), result.currency),
                    money(float(row["saving"]), result.currency),
                    interval,
                    percent(float(row["savings_rate"])),
                    ABSENT if result.panel.insured_years is None else total(float(row["total"]), result.currency),
                    ABSENT if honest is None else _yes_no(honest["passed"]),
                )
            )
    heads = (
        "Design",
        "Benchmark",
        "Spending",
        "Saving",
        "95% interval of the saving",
        "Savings rate",
        "In all",
        "Reaches the honest threshold",
    )
    notes = (
        "Per insured-year, except 'in all'. Saving = benchmark less spending: a minus sign means that more was spent than "
        "the benchmark. Every design of the study is listed, whatever it shows.",
    )
    numeric = (False, True, True, True, True, True, True, False)
    return Table("savings", "The case: benchmark, spending and saving", heads, numeric, tuple(rows), notes)


def settlement_table(result: StudyResult) -> Table | None:
    """Return who pays whom under each contract."""
    if case_is_small(result) or not len(result.settlement):
        return None
    rows = [
        (
            label_of(result, (str(row["design"]), str(row["method"]))),
            str(row["contract"]),
            str(row["party"]),
            money(float(row["amount"]), result.currency),
            str(row["reason"]),
        )
        for _, row in result.settlement.iterrows()
    ]
    heads = ("Design", "Contract", "Party", "Receives", "Reason")
    numeric = (False, False, False, True, False)
    notes = ("A minus sign means that the party pays. The lines of a contract add up to zero.",)
    return Table("settlement", "Settlement", heads, numeric, tuple(rows), notes)


def refusal_table(result: StudyResult) -> Table | None:
    """Return how many placebo fits were refused or failed, with the commonest reason."""
    if result.backtest is None:
        return None
    rows = []
    for pair in pairs_of(result):
        part = rows_of(result.backtest.placebos, pair)
        part = part[part["role"] == "placebo"]
        for status in ("refused", "failed"):
            bad = part[part["status"] == status]
            if not len(bad):
                continue
            reasons = bad["reason"].value_counts()
            rows.append(
                (
                    label_of(result, pair),
                    status,
                    f"{len(bad):,} of {len(part):,}",
                    str(reasons.index[0]),
                    count(reasons.iloc[0]),
                )
            )
    if not rows:
        return None
    heads = ("Design", "Status", "Placebo contracts", "Commonest reason", "Times")
    notes = ("A refusal pays nothing. The tables above leave refused and failed placebos out.",)
    return Table("refusals", "Refusals", heads, (False, False, True, False, True), tuple(rows), notes)


def provenance_table(result: StudyResult) -> Table:
    """Return version, seed, hashes and package versions."""
    m = result.manifest
    names = {
        "version": "ssinfer",
        "seed": "Seed",
        "data_hash": "Data (SHA-256)",
        "study_hash": "Study configuration (SHA-256)",
        "command": "Command",
        "created": "Created",
    }
    rows = [(title, str(m[key])) for key, title in names.items() if m.get(key) is not None]
    packages = m.get("versions") or {}
    if packages:
        rows.append(("Packages", ", ".join(f"{name} {version}" for name, version in sorted(packages.items()))))
    return Table("provenance", "Made with", ("What", "Value"), (False, False), tuple(rows))
