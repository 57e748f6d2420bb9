"""Tables of the study and its case: designs, thresholds by kind, savings, settlement, provenance."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ssinfer.figures.numbers import ABSENT, listed, money, percent, plain, quoted, total
from ssinfer.report.data import Table
from ssinfer.report.disclosure import case_is_small
from ssinfer.report.tables.backtest import measured
from ssinfer.report.text.finding import honest_threshold
from ssinfer.report.text.names import KIND_ORDER, KINDS, group_in_words, nominal_payment, threshold_name
from ssinfer.report.text.pairs import has_saving, label_of, pairs_of, rows_of, saving_of, span

if TYPE_CHECKING:
    from ssinfer.report.text.pairs import Pair
    from ssinfer.study.result import StudyResult


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
    refused = mine[~np.isfinite(mine["rate"].to_numpy(dtype=float))]
    mine = mine[np.isfinite(mine["rate"].to_numpy(dtype=float))]
    power = mine[mine["kind"] == "power"]
    mine = mine[mine["kind"] != "power"]
    mine = mine.assign(order=mine["kind"].map(position).fillna(len(position)))
    mine = mine.sort_values(["order", "level", "side"], ascending=[True, False, True], kind="stable")
    nothing = pd.Series(dtype=float)
    shown, found = [], []
    for _, row in mine.iterrows():
        level = _level(row["level"])
        same = backtested
        if len(same):
            kind = str(row["kind"]).removesuffix(" whole")
            same = same[(same["kind"] == kind) & (same["side"] == row["side"]) & (same["prior"] == row["prior"])]
            same = same[same["level"].isna() if level is None else same["level"] == level]
        shown.append((row, level, str(row["side"])))
        found.append(same.iloc[0] if len(same) else nothing)
    columns = [
        [threshold_name(str(row["kind"]), level, side) + _prior(row) for row, level, side in shown],
        [plain(100 * float(row["rate"]), 1) for row, _, _ in shown],
        [money(float(row["money"]), result.currency) for row, _, _ in shown],
        [ABSENT if level is None else plain(100 * nominal_payment(level, side), 1) for _, level, side in shown],
        measured(found, "false_payment_rate", "false_payment_rate_se"),
        measured(found, "detection_rate_3", "detection_rate_3_se"),
        [_detectable(power, row, level, side) for row, level, side in shown],
        [_yes_no(row.get("passed")) for row, _, _ in shown],
    ]
    heads = (
        "Threshold",
        "For the case (% of benchmark)",
        "Per insured-year",
        "False payments promised (%)",
        "False payments on placebos (%)",
        "Detects a true 3% (%)",
        "True saving found 4 times in 5 (%)",
        "Case reaches it",
    )
    notes: tuple[str, ...] = (
        (
            f"Under the design {quoted(label_of(result, best))}. A two-sided 95% interval promises 2.5% false "
            "payments: it is a one-sided 97.5% test. Medicare's schedule promises about 10% at 5,000 assigned "
            "persons, 5% at 20,000 and 1% at 50,000. Not transportable: see below."
        ),
    )
    if "systematic_error" in mine.columns and mine["systematic_error"].notna().any():
        one = mine[mine["systematic_error"].notna()].iloc[0]
        years = float(result.counterfactuals[best].insured_years.sum())
        rate, amount = float(one["systematic_error"]), float(one["systematic_error_money"])
        whole = "" if result.panel.insured_years is None else f" ({total(amount * years, result.currency)} in all)"
        notes = (
            *notes,
            (
                f"Expected systematic error of the case's saving, learned from the placebos: {percent(rate)} of the "
                f"benchmark, {money(amount, result.currency)} per insured-year{whole}, in either direction."
            ),
        )
    for reason, part in refused.groupby("reason", sort=False) if "reason" in refused.columns else ():
        names = list(dict.fromkeys(KINDS.get(str(kind), str(kind)) for kind in part["kind"]))
        notes = (*notes, f"Not given: {listed(names)}. {reason}")
    numeric = (False, *(True,) * 6, False)
    return Table("thresholds", "Thresholds by kind", heads, numeric, tuple(zip(*columns, strict=True)), notes)


def savings_table(result: StudyResult) -> Table | None:
    """Return the case's saving under every design and method."""
    if case_is_small(result) or not has_saving(result):
        return None
    rows = []
    for pair in pairs_of(result):
        row = saving_of(result, pair)
        if row is None:
            rows.append((label_of(result, pair), *(ABSENT,) * 7))
            continue
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
                ABSENT if honest is None else _yes_no(honest.get("passed")),
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
            "spent than the benchmark. Every design of the study is listed, whatever it shows."
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


def provenance_table(result: StudyResult) -> Table:
    """Return version, seed, hashes and package versions."""
    m = result.manifest
    names = {
        "version": "ssinfer",
        "ssinfer": "ssinfer",
        "seed": "Seed",
        "data_hash": "Data (SHA-256)",
        "study_hash": "Study configuration (SHA-256)",
        "command": "Command",
        "created": "Created",
        "n_cores": "Processor cores",
    }
    rows = [(title, str(m[key])) for key, title in names.items() if m.get(key) is not None]
    packages = m.get("versions") or {}
    if packages:
        rows.append(("Packages", ", ".join(f"{name} {version}" for name, version in sorted(packages.items()))))
    return Table("provenance", "Made with", ("What", "Value"), (False, False), tuple(rows))


def _level(value: Any) -> float | None:
    return None if value is None or not math.isfinite(float(value)) else float(value)


def _yes_no(value: Any) -> str:
    if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return ABSENT
    return "yes" if bool(value) else "no"


def _detectable(power: pd.DataFrame, row: pd.Series[Any], level: float | None, side: str) -> str:
    """Return the true saving that a model's gate detects with 80% power, beside the gate it belongs to."""
    if level is None or row["kind"] not in {"confidence", "credible"} or "detectable" not in power.columns:
        return ABSENT
    same = power[(power["level"] == level) & (power["side"] == side)]
    gates = same["rate"].to_numpy(dtype=float)
    same = same[np.isclose(gates, float(row["rate"]), rtol=1e-9, atol=0.0)]
    return plain(100 * float(same["detectable"].iloc[0]), 1) if len(same) else ABSENT


def _prior(row: pd.Series[Any]) -> str:
    """Return the prior of a credible threshold, where the frame names it."""
    prior = row.get("prior")
    return f", prior {prior}" if isinstance(prior, str) and prior else ""
