"""Findings on all designs on one scale: the answer, one block changed at a time, main effects, the two parties."""

from collections.abc import Iterator
from typing import Any

from ssinfer.finding import Finding, estimate
from ssinfer.report.analysis import Analysis
from ssinfer.sentences import say
from ssinfer.study.compared_designs import AT_LEAST_ERRORS, changed
from ssinfer.study.queries import Row

MEASURED = ("threshold_money", "deviation_money")


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
