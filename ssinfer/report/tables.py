"""The report's tables: from frames to printed cells."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pandas as pd

from ssinfer.comparison import Every, Listed, SimilarSize, Within
from ssinfer.report.data import Table
from ssinfer.report.disclosure import case_is_small, class_is_visible
from ssinfer.report.finding import honest_threshold
from ssinfer.report.numerals import ABSENT, column_with_errors, count, money, percent, plain, quoted, total
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
            f"covariate {quoted(design.standard)}" if design.standard else "none",
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


def _case_windows(result: StudyResult, pair: Pair, row: pd.Series[Any]) -> tuple[float, float, int]:
    """Return the mean saving in the case's own earlier windows, its standard error over windows, and their number."""
    if case_is_small(result) or result.backtest is None:
        return NAN, NAN, 0
    rows = rows_of(result.backtest.placebos, pair)
    windows = int(((rows["role"] == "case") & (rows["status"] == "ok")).sum())
    error = float(row["bias_case_sd"]) / math.sqrt(windows) if windows > 1 else NAN
    return float(row["bias_case"]), error, windows


def score_design_table(result: StudyResult) -> Table | None:
    """Return how far each design was off where the true saving is zero."""
    if result.backtest is None:
        return None
    pairs, scores = [], []
    for pair in pairs_of(result):
        row = _pooled(result.backtest.scores, pair)
        if row is not None and math.isfinite(row.get("bias", NAN)):
            pairs.append(pair)
            scores.append(row)
    if not pairs:
        return None
    own = [_case_windows(result, pair, row) for pair, row in zip(pairs, scores, strict=True)]
    own_cells = column_with_errors([one[0] for one in own], [one[1] for one in own], 100)
    columns = [
        [label_of(result, pair) for pair in pairs],
        _measured(scores, "bias", "bias_mcse"),
        [f"{cell} ({one[2]})" if one[2] else ABSENT for cell, one in zip(own_cells, own, strict=True)],
        _measured(scores, "sd", "sd_mcse"),
        [plain(100 * row["bias_sd_between"], 1) for row in scores],
        _measured(scores, "coverage_95", "coverage_95_se"),
        _measured(scores, "width_90", "width_90_se"),
        _measured(scores, "interval_score_90", "interval_score_90_se"),
    ]
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
    notes = [
        (
            f"{int(scores[0]['n_units'])} placebo units, {int(scores[0]['n_origins'])} origins (first performance "
            f"periods); one "
            "standard error after ±. A national shock has only as many observations as there are origins."
        ),
        (
            "The average bias over all placebos is near zero by construction, because they are each other's comparison "
            "group: the case's own earlier years say more, from very few windows. Their ± is the SD between windows "
            "over "
            "the "
            "square root of their number, and too small where windows overlap."
        ),
        "A coverage near 95% means not rejected on these placebos; it is no proof that the intervals are right.",
    ]
    for pair, cell, (bias, error, windows) in zip(pairs, own_cells, own, strict=True):
        if windows > 2 and abs(bias) > 2 * error:
            what = "saving" if bias > 0 else "loss"
            notes.append(
                f"Under {quoted(label_of(result, pair))} the case showed a {what} before there was any contract "
                f"({cell}%, "
                f"{windows} windows): that benchmark seems to be off for this case, and no threshold here corrects it."
            )
    numeric = (False, *(True,) * 7)
    rows = tuple(zip(*columns, strict=True))
    return Table("scores", "How far each design is off where nothing was saved", heads, numeric, rows, tuple(notes))


def _measured(rows: list[pd.Series[Any]], name: str, error: str) -> list[str]:
    """Return a column of rates as percentages with their standard errors, where the frame has them."""
    return column_with_errors([row.get(name, NAN) for row in rows], [row.get(error, NAN) for row in rows], 100)


def payment_design_table(result: StudyResult) -> Table | None:
    """Return each design's honest threshold, and what it pays."""
    if result.backtest is None or not len(result.backtest.ranking()):
        return None
    order = result.backtest.ranking()
    pairs = [(str(design), str(method)) for design, method in zip(order["design"], order["method"], strict=True)]
    rows = []
    for pair in pairs:
        part = rows_of(result.backtest.thresholds, pair)
        honest = (part["kind"] == "placebo") & (part["level"] == 0.95) & (part["side"] == "one-sided")
        rows.append(part[honest & (part["size_class"] == "all")].iloc[0])
    own = [None if case_is_small(result) else honest_threshold(result, pair) for pair in pairs]
    columns = [
        [label_of(result, pair) for pair in pairs],
        _measured(rows, "threshold", "threshold_se"),
        _measured(rows, "threshold_less_bias", "threshold_less_bias_se"),
        [ABSENT if one is None else plain(100 * float(one["rate"]), 1) for one in own],
        [ABSENT if one is None else money(float(one["money"]), result.currency) for one in own],
        _measured(rows, "false_payment_rate", "false_payment_rate_se"),
        _measured(rows, "detection_rate_3", "detection_rate_3_se"),
        _measured(rows, "detection_rate_5", "detection_rate_5_se"),
    ]
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
        (
            "Honest threshold: placebo, one-sided 95%, each placebo's taken from other regions and other origins "
            "(cross-fitted). In the order of detection of a true 3%: the smallest threshold would reward a benchmark "
            "that is "
            "too low, detection at equal false payments does not."
        ),
    )
    numeric = (False, *(True,) * 7)
    table = tuple(zip(*columns, strict=True))
    return Table("payments", "What an honest threshold pays, by design", heads, numeric, table, notes)


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
    shown = [row for _, row in scores.iterrows()]
    nothing = pd.Series(dtype=float)
    gates = []
    for row in shown:
        part = rows_of(honest, (str(row["design"]), str(row["method"])))
        part = part[part["size_class"] == row["size_class"]]
        gates.append(part.iloc[0] if len(part) and class_is_visible(row["n_units"]) else nothing)
    visible = [row if class_is_visible(row["n_units"]) else nothing for row in shown]
    columns = [
        [label_of(result, (str(row["design"]), str(row["method"]))) for row in shown],
        [str(row["size_class"]) for row in shown],
        [count(row["n_units"]) if class_is_visible(row["n_units"]) else "too few to show" for row in shown],
        _measured(visible, "sd", "sd_mcse"),
        _measured(gates, "threshold", "threshold_se"),
        _measured(gates, "false_payment_rate", "false_payment_rate_se"),
    ]
    heads = ("Design", "Insured-years", "Units", "SD (%)", "Honest threshold (%)", "False payments (%)")
    numeric = (False, False, True, True, True, True)
    return Table("sizes", "By size of the placebo units", heads, numeric, tuple(zip(*columns, strict=True)))


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
    position = {kind: place for place, kind in enumerate(KIND_ORDER)}
    mine = mine.assign(order=mine["kind"].map(position).fillna(len(position)))
    mine = mine.sort_values(["order", "level", "side"], ascending=[True, False, True], kind="stable")
    nothing = pd.Series(dtype=float)
    shown, found = [], []
    for _, row in mine.iterrows():
        level = _level(row["level"])
        same = backtested
        if len(same):
            same = same[(same["kind"] == row["kind"]) & (same["side"] == row["side"])]
            same = same[same["level"].isna() if level is None else same["level"] == level]
        shown.append((row, level, str(row["side"])))
        found.append(same.iloc[0] if len(same) else nothing)
    columns = [
        [threshold_name(str(row["kind"]), level, side) for row, level, side in shown],
        [plain(100 * float(row["rate"]), 1) for row, _, _ in shown],
        [money(float(row["money"]), result.currency) for row, _, _ in shown],
        [ABSENT if level is None else plain(100 * nominal_payment(level, side), 1) for _, level, side in shown],
        _measured(found, "false_payment_rate", "false_payment_rate_se"),
        _measured(found, "detection_rate_3", "detection_rate_3_se"),
        [_yes_no(row["passed"]) for row, _, _ in shown],
    ]
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
        (
            f"Under the design {quoted(label_of(result, best))}. A two-sided 95% interval promises 2.5% false "
            f"payments: "
            f"it is a "
            "one-sided 97.5% test. Medicare's schedule promises about 10% at 5,000 assigned persons, 5% at 20,000 "
            "and 1% "
            "at "
            "50,000. Not transportable: see below."
        ),
    )
    numeric = (False, True, True, True, True, True, False)
    return Table("thresholds", "Thresholds by kind", heads, numeric, tuple(zip(*columns, strict=True)), notes)


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
        (
            "Per insured-year, except “in all”. Saving = benchmark less spending: a minus sign means that more was "
            "spent "
            "than "
            "the benchmark. Every design of the study is listed, whatever it shows."
        ),
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
