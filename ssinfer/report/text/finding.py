"""The finding in three sentences: the best design, its honest threshold, and what happened to the case."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

from ssinfer.backtesting.paired import paired_detection
from ssinfer.figures.numbers import PLUS_MINUS, count, listed, money, percent, plain, quoted, total
from ssinfer.report.disclosure import case_is_small
from ssinfer.report.text.pairs import case_name, label_of, name_of, pairs_of, rows_of, saving_of, span
from ssinfer.report.text.published import REPORTED_HIGH, REPORTED_LOW

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from ssinfer.report.text.pairs import Pair
    from ssinfer.study.result import StudyResult


HONEST = ("placebo", 0.95, "one-sided")
MOST_NAMED = 4  # designs and methods in one list of the finding


def best_pair(result: StudyResult) -> Pair:
    """Return the design and method that detects a true 3% most often at equal false payments; the first without one."""
    if result.backtest is not None:
        order = result.backtest.ranking()
        if len(order):
            return str(order["design"].iloc[0]), str(order["method"].iloc[0])
    return pairs_of(result)[0]


def honest_threshold(result: StudyResult, pair: Pair) -> pd.Series[Any] | None:
    """Return the case's placebo threshold (one-sided 95%) under a design and method; None where there is none."""
    rows = rows_of(result.case_thresholds, pair)
    if not len(rows):
        return None
    rows = rows[(rows["kind"] == "placebo") & (rows["level"] == 0.95) & (rows["side"] == "one-sided")]
    return rows.iloc[0] if len(rows) and math.isfinite(rows["rate"].iloc[0]) else None


def recommended_threshold(result: StudyResult, pair: Pair, best: Mapping[str, Any]) -> pd.Series[Any] | None:
    """Return the case's threshold of the recommended kind, level, side and prior; None where there is none."""
    rows = rows_of(result.case_thresholds, pair)
    if not len(rows):
        return None
    rows = rows[(rows["kind"] == best["kind"]) & (rows["side"] == best["side"]) & (rows["prior"] == best["prior"])]
    if best["level"] > 0:
        rows = rows[rows["level"] == best["level"]]
    return rows.iloc[0] if len(rows) and math.isfinite(rows["rate"].iloc[0]) else None


def finding(
    result: StudyResult, chosen: Pair | None = None, threshold: pd.Series[Any] | None = None
) -> tuple[str, ...]:
    """Return the three sentences: the designs compared, and the case's threshold and saving under the chosen one.

    One more on the estimand where designs count different spending.

    `chosen` is the design of the recommended `threshold`; without one the design that detects most, and its honest
    threshold, stand in.
    """
    best = best_pair(result)
    pair = best if chosen is None or threshold is None else chosen
    own = honest_threshold(result, pair) if threshold is None else threshold
    sentences = (
        _comparison(result, best),
        _estimand(result, best),
        _threshold(result, pair, own, best),
        _case(result, pair, own),
    )
    return tuple(sentence for sentence in sentences if sentence)


def _comparison(result: StudyResult, best: Pair) -> str:
    if result.backtest is None:
        return "No backtest was run, so nothing is known of how the designs behave where nothing was saved."
    order = result.backtest.ranking()
    if not len(order):
        return (
            "There were too few placebo contracts for a placebo threshold at 95%, so the designs cannot be compared "
            "at equal false payments."
        )
    first = order.iloc[0]
    rate, error = first["detection_rate_3"], first["detection_rate_3_se"]
    opening = "At equal false payments (about 5% of contracts that saved nothing are paid)"
    found = f"detects a true saving of 3% in {_points(rate, error)}% of contracts"
    if first["n_without_threshold"]:
        fitted = first["n_rows"] + first["n_without_threshold"]
        found += f" (on {count(first['n_rows'])} of {count(fitted)} placebo contracts)"
    if len(order) == 1:
        return f"{opening}, the design {name_of(result, best)} {found}."
    equal: list[str] = []
    worse: list[str] = []
    equal_rates: list[float] = []
    worse_rates: list[float] = []
    # the best was picked from several: each comparison at 5% over their number (Bonferroni)
    z = NormalDist().inv_cdf(1 - 0.025 / (len(order) - 1))
    for _, row in order.iloc[1:].iterrows():
        other = (str(row["design"]), str(row["method"]))
        gap, gap_error = paired_detection(result.backtest.placebos, best, other, seed=result.backtest.seed)
        told_apart = math.isfinite(gap_error) and gap > z * gap_error
        text = f"{quoted(label_of(result, other))} ({_points(row['detection_rate_3'], row['detection_rate_3_se'])}%)"
        (worse if told_apart else equal).append(text)
        (worse_rates if told_apart else equal_rates).append(float(row["detection_rate_3"]))
    worse, equal = (_shortened(texts, rates) for texts, rates in ((worse, worse_rates), (equal, equal_rates)))
    sentence = f"{opening}, the design {name_of(result, best)} {found}"
    if not worse:
        return f"{sentence}, and cannot be told apart from {listed(equal)}: on this measure no design is better."
    sentence += f", more than {listed(worse)}"
    return f"{sentence}; it cannot be told apart from {listed(equal)}." if equal else f"{sentence}."


def _shortened(texts: list[str], rates: list[float]) -> list[str]:
    """Return the first three of a long list, and the others by number and range: all of them are in the tables."""
    if len(texts) <= MOST_NAMED:
        return texts
    rest = rates[MOST_NAMED - 1 :]
    low, high = plain(100 * min(rest), 0), plain(100 * max(rest), 0)
    return [*texts[: MOST_NAMED - 1], f"{len(rest)} others ({low if low == high else f'{low} to {high}'}%)"]


def _estimand(result: StudyResult, best: Pair) -> str:
    """Return what to mind where designs see different spending; empty where all see the same."""
    own = result.panel_of(best[0])
    others = [design for design in result.designs if result.panel_of(design) is not own]
    if not others:
        return ""
    return (
        f"Designs differ in what counts as spending: a saving of 3% under {quoted(best[0])} is a share of other money, "
        f"and another estimand, than under {listed([quoted(design) for design in others])}. A contract must fix the "
        "definition first; detection ranks designs within one definition."
    )


def _points(rate: float, error: float) -> str:
    known = math.isfinite(error) and error > 0
    text = plain(100 * rate, 0)
    return f"{text} {PLUS_MINUS} {plain(max(100 * error, 1.0), 0)}" if known else text


def _threshold(result: StudyResult, pair: Pair, found: pd.Series[Any] | None, best: Pair) -> str:
    case = case_name(result)
    if case_is_small(result):
        return f"{case} has a period with fewer than {result.suppress_below} insured: its results are not shown."
    if found is None:
        return f"No placebo threshold exists for {case}, so its saving is held only against model-based thresholds."
    rate = float(found["rate"])
    years = _insured_years(result, pair)
    amount = money(float(found["money"]), result.currency)
    whole = "" if years is None else f" or {total(float(found['money']) * years, result.currency)} in all"
    under = "that design" if pair == best else f"the design {name_of(result, pair)}, which is recommended below,"
    kind = "honest" if (found["kind"], found["level"], found["side"]) == HONEST else "recommended"
    sentence = (
        f"Under {under} the {kind} threshold for {case} is a measured saving of {percent(rate)} of the benchmark, "
        f"{amount} per insured-year{whole}"
    )
    low, high = percent(REPORTED_LOW, decimals=0), percent(REPORTED_HIGH, decimals=0)
    beside = f"programmes have reported {low} to {high} lower spending growth"
    if rate > REPORTED_HIGH:
        return f"{sentence}; {beside}, all of it below this threshold."
    if rate > REPORTED_LOW:
        return f"{sentence}; {beside}, so real savings in the lower part of that range would mostly go unpaid."
    return f"{sentence}; {beside}, so real savings in that range would mostly be paid."


def _insured_years(result: StudyResult, pair: Pair) -> float | None:
    """Return the case's insured-years over the performance periods; None where the panel has none."""
    if result.panel.insured_years is None or pair not in result.counterfactuals:
        return None
    return float(result.counterfactuals[pair].insured_years.sum())


def _case(result: StudyResult, pair: Pair, found: pd.Series[Any] | None) -> str:
    case = case_name(result)
    when = span(result.designs[pair[0]].performance)
    if case_is_small(result):
        return f"The saving of {case} in {when} is therefore not shown either."
    row = saving_of(result, pair)
    if row is None:
        reason = rows_of(result.savings, pair)
        why = str(reason["reason"].iloc[0]) if len(reason) and "reason" in reason.columns else "it was not evaluated."
        return f"The saving of {case} in {when} is not measured: {why}"
    saving = float(row["saving"])
    interval = ""
    if math.isfinite(float(row["lower"])):
        ends = f"{plain(float(row['lower']), 0)} to {plain(float(row['upper']), 0)}"
        interval = f" (95% interval {ends})"
    what = "less" if saving >= 0 else "more"
    years = float(row["insured_years"])
    whole = f", {total(float(row['total']), result.currency)} over {count(years)} insured-years"
    if result.panel.insured_years is None:
        whole = ""
    sentence = (
        f"In {when} {case} spent {money(abs(saving), result.currency)} per insured-year {what} than the benchmark: a "
        f"measured saving of {money(saving, result.currency)}{interval}{whole}, or "
        f"{percent(float(row['savings_rate']))}"
    )
    if found is None:
        return f"{sentence}."
    if bool(found.get("passed", False)):
        return f"{sentence}, which reaches the threshold."
    return f"{sentence}, which does not reach the threshold; that is no proof that nothing was saved."
