"""Prints the results of a study on the console: one row per design and method."""

import math
from collections.abc import Iterator
from io import StringIO
from textwrap import fill

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from ssinfer.foreign import own
from ssinfer.language import currency_in_use, speak
from ssinfer.report.analysis import Analysis
from ssinfer.report.table import TableColumn, columns_of, ranged
from ssinfer.report.tables.portfolio import CONSOLE, portfolio_rows
from ssinfer.report.text.finding import threshold_findings, verdict_findings
from ssinfer.sentences import in_words, say, word
from ssinfer.study.disclosure import disclosed
from ssinfer.study.queries import ALL_SIZES, portfolio_findings
from ssinfer.study.result import StudyResult
from ssinfer.thresholds.placebo import COMPARISON_KEY

WIDTH = 80
MOST_DESIGNS = 12  # with more, those that none dominates are printed
SCALE = "deviation_money:number threshold_all:percent threshold_money:number false_payment_rate:percent"
FRONTIER = columns_of(f"number share_of_spending:percent:0 {SCALE} misallocation:number")
RATES = "false_payment_rate:percent detection_rate_3:percent detection_rate_5:percent"
PLACEBOS = columns_of(f"label n_rows:number bias:percent sd:percent threshold:percent:2 {RATES}")
GROUP = columns_of("label benchmark:number spending:number saving:number interval:cell savings_rate:percent:1")


def design_table(result: StudyResult) -> str:
    """Return the designs, their errors on placebos, and the saving of the contract group as text."""
    with speak(result.language, result.currency):
        return "\n".join(_parts(Analysis(disclosed(result))))


def _parts(analysis: Analysis) -> Iterator[str]:
    result, compared = analysis.result, analysis.compared
    if len(compared) and compared["design"].nunique() > MOST_DESIGNS:
        yield from _frontier(compared)
    else:
        yield from (say("console.design", name=name, label=own(label)) for name, label in result.design_labels.items())
        if result.backtest is not None:
            yield from _placebos(analysis, result.backtest.scores, result.backtest.thresholds)
        if len(result.savings):
            yield from _contract_group(analysis)
    yield ""
    if len(groups := portfolio_rows(analysis)):
        yield from (say("table.portfolio.caption"), _text(CONSOLE, groups))
    findings = (
        portfolio_findings(analysis.table("portfolio.csv")),
        verdict_findings(analysis),
        threshold_findings(analysis),
    )
    yield from (fill(text, WIDTH) for each in findings if (text := in_words(each)))


def _frontier(compared: pd.DataFrame) -> Iterator[str]:
    """Return the design that settles and the first of those that none dominates, by number, and where the rest is."""
    rows = compared[~compared["dominated"] | compared["settles"]].head(MOST_DESIGNS)
    for name, settles in zip(rows["numbered"], rows["settles"], strict=True):
        text = fill(name, WIDTH, subsequent_indent="   ")
        yield say("console.settles", name=text) if settles else text
    yield from ("", _text(FRONTIER, rows))
    section = say("section.one-scale")
    yield fill(say("console.rest", currency=currency_in_use(), n=len(compared) - len(rows), section=section), WIDTH)


def _placebos(analysis: Analysis, scores: pd.DataFrame, thresholds: pd.DataFrame) -> Iterator[str]:
    """Return the errors of each design and method on placebos, and how often its placebo threshold would pay."""
    rows = analysis.labelled(scores[scores["size_class"] == ALL_SIZES])
    if len(thresholds):
        known = thresholds[COMPARISON_KEY.rows(thresholds) & (thresholds["size_class"] == ALL_SIZES)]
        rows = rows.merge(known, how="left", on=["design", "method"], suffixes=("", " of thresholds"))
    yield from ("", _text(PLACEBOS, rows), fill(say("console.note"), WIDTH))
    for row in rows.to_dict("records"):
        if not math.isfinite(row.get("threshold", math.nan)):
            n_ok = row["n_rows"] - row["n_refused"] - row["n_failed"]
            yield fill(say("console.few", pair=row["label"], n_ok=n_ok, n_rows=row["n_rows"]), WIDTH)


def _contract_group(analysis: Analysis) -> Iterator[str]:
    """Return the table of the contract group, and the reasons for designs without a saving."""
    rows = analysis.labelled(analysis.result.savings)
    known = rows[rows["status"] == "ok"]
    yield from ("", say("console.contract_group", currency=currency_in_use()))
    if len(known):
        ends = zip(known["lower"], known["upper"], strict=True)
        yield _text(GROUP, known.assign(interval=[ranged(*limits, 0) for limits in ends]))
    for row in rows[rows["reason"] != ""].to_dict("records"):
        status = [] if row["status"] == "ok" else [say(f"cell.status.{row['status']}")]  # ok: no interval
        yield ": ".join([row["label"], *status, word("reason", row["reason"])])


def _text(columns: tuple[TableColumn, ...], rows: pd.DataFrame) -> str:
    """Return a table as text of 80 columns; the first column is set flush left and may wrap."""
    shown = [column for column in columns if column.name in rows.columns]
    table = Table(box=SIMPLE_HEAD, padding=0, pad_edge=False, show_edge=False)
    for number, column in enumerate(shown):
        head = say(f"console.head.{column.name}")
        table.add_column(head, justify="right" if number else "left", no_wrap=number > 0)
    for cells in zip(*(column.cells(rows) for column in shown), strict=True):
        table.add_row(*cells)
    stream = StringIO()
    Console(file=stream, width=WIDTH, markup=False, highlight=False).print(table)
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines())
