"""Sentences on all designs on one scale: the answer, one block changed at a time, main effects, the two parties."""

from collections.abc import Iterator

import pandas as pd

from ssinfer.printed import PLUS_MINUS, money, percent, plain, quoted
from ssinfer.report.analysis import Analysis, Row
from ssinfer.study.compared_designs import AT_LEAST_ERRORS
from ssinfer.study.config_blocks import BLOCKS

VARIED = [*BLOCKS, "windows", "method"]
MEASURED = {"threshold_money": "the threshold", "deviation_money": "what is measured where nothing was saved"}


def answer(analysis: Analysis) -> str:
    """Return the threshold and deviation of the design that settles, and of the best one; empty for a single design."""
    table = analysis.compared
    if len(table) < 2:
        return ""
    frontier = table[~table["dominated"] & ~table["sensitivity"]].sort_values("misallocation")
    first = "settles" if table["settles"][0] else "is listed first"
    scale = "compared on one scale, per insured-year of the whole population"
    text = f"{len(table)} combinations of design and method are {scale}. {quoted(table['name'][0])} {first}. "
    text += _measures(analysis, table.iloc[0])
    if not len(frontier):  # sensitivity analyses only
        return text
    if frontier["number"].iloc[0] == 1:
        return f"{text} Its misallocation is the smallest of all designs that no other dominates."
    best = f"{quoted(frontier['name'].iloc[0])} has the smallest misallocation of all designs that no other dominates."
    return f"{text} {best} {_measures(analysis, frontier.iloc[0])}"


def _measures(analysis: Analysis, row: Row) -> str:
    return (
        f"On average over its placebo contracts it has a threshold of {_money(analysis, row, 'threshold_money')} "
        f"({percent(row['threshold_all'], row['threshold_all_se'])} of all spending), measures "
        f"{_money(analysis, row, 'deviation_money')} where nothing was saved, and covers "
        f"{percent(row['share_of_spending'], decimals=0)} of all spending."
    )


def _money(analysis: Analysis, row: Row, name: str) -> str:
    error = row[f"{name}_se"]
    return money(row[name], analysis.result.currency) + (f" {PLUS_MINUS} {plain(error, 0)}" if error > 0 else "")


def changed(table: pd.DataFrame) -> list[tuple[str, Row]]:
    """Return the rows that differ from the first in one block only, with this block, in the order of blocks."""
    differs = table[VARIED] != table.loc[0, VARIED]
    return [(block, table.loc[i]) for block in VARIED for i in table.index[differs[block] & (differs.sum(axis=1) == 1)]]


def changed_sentences(analysis: Analysis) -> Iterator[str]:
    """Return the answer of every design that differs from the one that settles in one block only."""
    table = analysis.compared
    for block, row in changed(table) if len(table) else ():
        none, most = (payment for _, payment in analysis.payments(row).iloc[[0, -1]].iterrows())
        names = [quoted(analysis.entry(block, name)) for name in (row[block], table[block][0])]
        thresholds = [_money(analysis, each, "threshold_money") for each in (row, table.iloc[0])]
        yield (
            f"{block.capitalize()} {' instead of '.join(names)} (number {row['number']}): the threshold is "
            f"{' instead of '.join(thresholds)}. Where nothing was saved, it measures "
            f"{_money(analysis, row, 'deviation_money')} (difference {_money(analysis, row, 'deviation_difference')}) "
            f"and pays {_money(analysis, none, 'paid')}. If {percent(most['saving'], decimals=0)} is saved, it pays "
            f"{_money(analysis, most, 'paid')}. It covers {percent(row['share_of_spending'], decimals=0)} of all "
            f"spending.{' It is a sensitivity analysis and never settles.' if row['sensitivity'] else ''}"
        )


def block_sentences(analysis: Analysis) -> Iterator[str]:
    """Return the block whose entries differ most, for the threshold and for the deviation, and the interactions."""
    effects = analysis.result.tables.get("effects.csv", pd.DataFrame())
    for measure, words in MEASURED.items() if len(effects) else ():
        main = effects[(effects["measure"] == measure) & (effects["other_block"] == "") & effects["effect"].notna()]
        main = main.sort_values("effect")
        if not len(main):
            continue
        block = str(main.groupby("block")["effect"].agg(lambda effect: effect.max() - effect.min()).idxmax())
        ends = [
            f"{quoted(analysis.entry(block, row['entry']))} ({_money(analysis, row, 'effect')})"
            for _, row in main[main["block"] == block].iloc[[0, -1]].iterrows()
        ]
        if (main["effect"].abs() <= AT_LEAST_ERRORS * main["effect_se"]).all():
            yield f"For {words}, no building block matters by more than two standard errors."
        else:
            yield f"For {words}, the {block} matters most: from {' to '.join(ends)}, with all other blocks alike."


def party_sentences(analysis: Analysis) -> Iterator[str]:
    """Return what the first design pays at the largest true saving, and for what."""
    if len(analysis.compared):
        row, currency = analysis.payments(analysis.compared.iloc[0]).iloc[-1], analysis.result.currency
        paid, kept = _money(analysis, row, "paid"), _money(analysis, row, "insurer")
        yield (
            f"If {percent(row['saving'], decimals=0)} of all spending is saved, the first design pays {paid} per "
            f"insured-year, and the insurer keeps {kept}. Of {currency} 100 paid, {currency} "
            f"{plain(row['earned_of_100'], 0)} is for savings that happened. Without a threshold it would pay "
            f"{currency} {plain(row['paid_without_threshold'], 0)}: the difference is the price of the threshold."
        )
