"""Sections on all designs on one scale: the designs, one block changed, main effects, the two parties, stop-loss."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from ssinfer.figures.frontier import frontier_frame
from ssinfer.finding import Finding, estimate
from ssinfer.printed import ABSENT, column_with_errors, listed
from ssinfer.report.analysis import Analysis
from ssinfer.report.table import ReportFigure, ReportTable, ranged
from ssinfer.sentences import say
from ssinfer.study.compared_designs import AT_LEAST_ERRORS, DIFFERENCES, changed
from ssinfer.study.queries import Row, rows_of

MEASURED = ("threshold_money", "deviation_money")
ONE_SCALE = (
    "numbered share_of_spending:percent:0 share_of_persons:percent:0 deviation_money:number threshold_all:percent "
    "threshold_money:number false_payment_rate:percent misallocation:number by:cell judged:number"
)
PARTIES = (
    "numbered programme saving:percent:0 own_saving:percent:1 detection_rate:percent paid:number "
    "paid_range:cell insurer:number insurer_range:cell pays_back:percent:0 more_than_saved:percent:0 "
    "earned_of_100:number:0 paid_without_threshold:number:0 case_paid:number"
)


def _designs(analysis: Analysis) -> pd.DataFrame:
    """Return one row per design and method; the dominating one by its number and how much lower it is."""
    table = analysis.compared
    numbers = {f"{row['design']}, {row['method']}": row["number"] for _, row in table.iterrows()}
    pairs = [(table[f"{name}_difference"].tolist(), table[f"{name}_difference_se"].tolist()) for name in DIFFERENCES]
    less = ["; ".join(row) for row in zip(*(column_with_errors(*pair) for pair in pairs), strict=True)]
    names = table["dominated_by"].astype(object).where(table["dominated_by"].notna(), "")
    by = [f"{numbers[name]} ({text})" if name else ABSENT for name, text in zip(names, less, strict=True)]
    return table.assign(by=by, judged=table["n_rows"] - table["n_without_threshold"])


def _effects(analysis: Analysis) -> pd.DataFrame:
    """Return one row per entry of a block, or pair of entries, with its effects on threshold and deviation."""
    records: dict[tuple[str, str], dict[str, object]] = {}
    effects = analysis.table("effects.csv")
    for _, row in effects[effects["effect"].notna()].iterrows():
        pairs = [(row["block"], row["entry"]), (row["other_block"], row["other_entry"])][: 1 + bool(row["other_block"])]
        block = listed([say(f"block.{name}", name) for name, _ in pairs])
        key = block, listed([analysis.entry(*pair) for pair in pairs])
        record = records.setdefault(key, dict(zip(("block", "entry"), key, strict=True)))
        record |= {row["measure"]: row["effect"], f"{row['measure']}_se": row["effect_se"]}
    return pd.DataFrame([*records.values()], dtype=object)  # which keeps the `lang` of texts


def _parties(analysis: Analysis) -> pd.DataFrame:
    """Return payments by scenario, without a saving and at the largest, of the first design and its changes."""
    table, parts = analysis.compared, []
    for row in [table.iloc[0], *(row for _, row in changed(table))] if len(table) else ():
        part = rows_of(analysis.result.tables["scenarios.csv"], (row["design"], row["method"]))
        none = (part["saving"] == 0) & (part["scenario"] == part["scenario"].iloc[0])
        part = part[none | (part["saving"] == part["saving"].max())]
        names = [row["numbered"], *[f"{row['number']}."] * (len(part) - 1)]
        words = {"numbered": names, "programme": [analysis.entry("scenario", name) for name in part["scenario"]]}
        parts.append(part.assign(**pd.DataFrame(words, part.index, dtype=object)))
        for name in ("paid", "insurer"):
            ends = zip(part[f"{name}_5"], part[f"{name}_95"], strict=True)
            parts[-1][f"{name}_range"] = [ranged(*pair, 0) for pair in ends]
    return pd.concat(parts) if parts else pd.DataFrame()


def _stop_loss(analysis: Analysis) -> pd.DataFrame:
    """Return what truncation leaves out, by design and window."""
    rows = analysis.table("stop_loss.csv")
    return rows.assign(label=pd.Series([*map(analysis.design_names.get, rows["design"])], rows.index, object))


def one_scale_lead(analysis: Analysis) -> Iterator[Finding]:
    """Return how many designs have a lower threshold, and how many a smaller misallocation, than the first."""
    table = analysis.compared
    if len(table) > 1:
        less = {name: int((table[name] < table[name][0]).sum()) for name in ("threshold_money", "misallocation")}
        name = "lead_one_scale" if table["settles"][0] else "lead_one_scale_first"
        yield Finding(name, {"n": len(table) - 1, **less})


def answer(analysis: Analysis) -> Iterator[Finding]:
    """Return the threshold and deviation of the design that settles, and of the best one; none for a single design."""
    table = analysis.compared
    if len(table) < 2:
        return
    frontier = table[~table["dominated"] & ~table["sensitivity"]].sort_values("misallocation")
    name = "compared_settles" if table["settles"][0] else "compared_first"
    yield Finding(name, {"n": len(table), "name": table["name"][0]})
    yield Finding("compared_measures", _measured(table.iloc[0]))
    if not len(frontier):  # sensitivity analyses only
        return
    if frontier["number"].iloc[0] == 1:
        yield Finding("compared_is_best", {})
    else:
        yield Finding("compared_best", {"name": frontier["name"].iloc[0]})
        yield Finding("compared_measures", _measured(frontier.iloc[0]))


def _measured(row: Row) -> dict[str, Any]:
    """Return threshold and deviation in money with their errors, and the shares of all spending."""
    shares = {name: row[name] for name in ("threshold_all", "share_of_spending")}
    return shares | {name: estimate(row, name) for name in (*MEASURED, "deviation_difference")}


def changed_findings(analysis: Analysis) -> Iterator[list[Finding]]:
    """Return the answer of every design that differs from the one that settles in one block only."""
    table = analysis.compared
    for block, row in changed(table) if len(table) else ():
        none, most = (payment for _, payment in analysis.payments(row).iloc[[0, -1]].iterrows())
        names = {key: analysis.entry(block, each[block]) for key, each in (("entry", row), ("other", table.iloc[0]))}
        said = {"block": say(f"block.{block}"), **names, "number": row["number"], "saving": most["saving"]}
        said |= {"paid_for_nothing": estimate(none, "paid"), "paid": estimate(most, "paid"), **_measured(row)}
        said["other_threshold"] = estimate(table.iloc[0], "threshold_money")
        yield [Finding("changed", said), *([Finding("changed_sensitivity", {})] if row["sensitivity"] else [])]


def block_findings(analysis: Analysis) -> Iterator[Finding]:
    """Return the block whose entries differ most, for the threshold and for the deviation."""
    effects = analysis.table("effects.csv")
    for measure in MEASURED:
        main = effects[(effects["measure"] == measure) & (effects["other_block"] == "") & effects["effect"].notna()]
        if not len(main):
            continue
        if (main["effect"].abs() <= AT_LEAST_ERRORS * main["effect_se"]).all():
            yield Finding(f"no_block_matters_{measure}", {})
            continue
        main = main.sort_values("effect")
        block = str(main.groupby("block")["effect"].agg(lambda effect: effect.max() - effect.min()).idxmax())
        low, high = (row for _, row in main[main["block"] == block].iloc[[0, -1]].iterrows())
        said = {"block": say(f"block.{block}"), "low": estimate(low, "effect"), "high": estimate(high, "effect")}
        said |= {f"{key}_entry": analysis.entry(block, row["entry"]) for key, row in (("low", low), ("high", high))}
        yield Finding(f"block_matters_{measure}", said)


def party_findings(analysis: Analysis) -> Iterator[Finding]:
    """Return what the first design pays at the largest true saving, and for what."""
    if len(analysis.compared):
        row = analysis.payments(analysis.compared.iloc[0]).iloc[-1]
        names = ("saving", "earned_of_100", "paid_without_threshold")
        amounts = {name: estimate(row, name) for name in ("paid", "insurer")}
        yield Finding("parties", {**{name: row[name] for name in names}, **amounts, "hundred": 100})


STOP_LOSS = "label origin excess:number:0 excess_sd:number:0 groups:number:0"
TABLES = (
    ReportTable("one-scale-table", "one-scale", 10, _designs, ONE_SCALE),
    ReportTable("effects", "blocks", 10, _effects, "block entry threshold_money:number deviation_money:number"),
    ReportTable("parties-table", "parties", 10, _parties, PARTIES),
    ReportTable("stop-loss", "parties", 20, _stop_loss, STOP_LOSS, folded=True),
)
FRAME = ReportFigure(
    "frontier", "one-scale", 20, lambda a: frontier_frame(a.compared, a.result.currency), "designs.csv"
)
