"""Prints the results of a study on the console: one row per design and method."""

import math
from collections.abc import Iterator
from io import StringIO
from textwrap import fill

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from ssinfer.language import speak
from ssinfer.printed import column_with_errors, percent, plain
from ssinfer.report.analysis import ALL_SIZES, Analysis, Row, pair_of, rows_of
from ssinfer.report.text.finding import threshold_findings, verdict_findings
from ssinfer.sentences import in_words, say
from ssinfer.study.disclosure import disclosed
from ssinfer.study.result import StudyResult
from ssinfer.thresholds.placebo import COMPARISON_KEY

WIDTH = 80
MOST_DESIGNS = 12  # with more, those that none dominates are printed
UNIT = {"deviation_money": 1, "threshold_all": 100, "threshold_money": 1, "false_payment_rate": 100, "misallocation": 1}


def design_table(result: StudyResult) -> str:
    """Return the designs, their errors on placebos, and the saving of the contract group as text."""
    with speak(result.language, result.currency):
        return "\n".join(_parts(Analysis(disclosed(result), {}, {})))


def _parts(analysis: Analysis) -> Iterator[str]:
    result, compared = analysis.result, analysis.compared
    if len(compared) and compared["design"].nunique() > MOST_DESIGNS:
        yield from _frontier(analysis)
    else:
        yield from (say("console.design", name=name, label=label) for name, label in result.design_labels.items())
        yield from () if result.backtest is None else _placebos(analysis)
        yield from _contract_group(analysis) if len(result.savings) else ()
    yield ""
    texts = (in_words(findings(analysis)) for findings in (verdict_findings, threshold_findings))
    yield from (fill(text, WIDTH) for text in texts if text)


def _frontier(analysis: Analysis) -> Iterator[str]:
    """Return the design that settles and the first of those that none dominates, by number, and where the rest is."""
    compared = analysis.compared
    rows = compared[~compared["dominated"] | compared["settles"]].head(MOST_DESIGNS)
    for name, settles in zip(rows["numbered"], rows["settles"], strict=True):
        text = fill(name, WIDTH, subsequent_indent="   ")
        yield say("console.settles", name=text) if settles else text
    cells = [[f"{number}" for number in rows["number"]], [plain(100 * share, 0) for share in rows["share_of_spending"]]]
    cells += [column_with_errors([*rows[name]], [*rows[f"{name}_se"]], scale) for name, scale in UNIT.items()]
    yield from ("", _text(("number", "share_of_spending", *UNIT), [list(row) for row in zip(*cells, strict=True)]))
    rest = {"currency": analysis.result.currency, "n": len(compared) - len(rows), "section": say("section.one-scale")}
    yield fill(say("console.rest", **rest), WIDTH)


def _placebos(analysis: Analysis) -> Iterator[str]:
    assert analysis.result.backtest is not None  # noqa: S101  (asked by the caller)
    scores, none = analysis.result.backtest.scores, say("console.none")
    rows, notes = [], [say("console.note")]
    for _, score in scores[scores["size_class"] == ALL_SIZES].iterrows():
        pair = ", ".join(pair_of(score))
        cells = [pair, plain(score["n_rows"], 0), *(_rate(score, name, "mcse") for name in ("bias", "sd"))]
        same = rows_of(analysis.result.backtest.thresholds, pair_of(score))
        same = same[COMPARISON_KEY.rows(same) & (same["size_class"] == ALL_SIZES)] if len(same) else same
        for _, threshold in same.iterrows():
            cells += [plain(100 * threshold["threshold"], 2), _rate(threshold, "false_payment_rate", "se", 1)]
            cells += [_rate(threshold, f"detection_rate_{saving}", "se", 0) for saving in (3, 5)]
        rows.append([cell or none for cell in cells] + [none] * (8 - len(cells)))
        if len(cells) < 8:
            n_ok = score["n_rows"] - score["n_refused"] - score["n_failed"]
            notes.append(say("console.few", pair=pair, n_ok=n_ok, n_rows=score["n_rows"]))
    heads = ("pair", "fits", "bias", "sd", "placebo", "false_payment_rate", "detection_3", "detection_5")
    yield from ("", _text(heads, rows), *(fill(note, WIDTH) for note in notes))


def _contract_group(analysis: Analysis) -> Iterator[str]:
    """Return the table of the contract group, and the reasons for designs without a saving."""
    rows, reasons = [], []
    for _, row in analysis.result.savings.iterrows():
        pair = ", ".join(pair_of(row))
        if row["reason"]:
            reasons.append(f"{pair}: {say(f'console.status.{row["status"]}')}: {row['reason']}")
        if row["status"] == "ok":
            interval = say("console.interval" if math.isfinite(row["lower"]) else "console.none", **row)
            amounts = [plain(row[name], 0) for name in ("benchmark", "spending", "saving")]
            rows.append([pair, *amounts, interval, percent(row["savings_rate"], decimals=1)])
    yield from ("", say("console.contract_group", currency=analysis.result.currency))
    if rows:
        yield _text(("pair", "benchmark", "spending", "saving", "interval", "rate"), rows)
    yield from reasons


def _text(names: tuple[str, ...], rows: list[list[str]]) -> str:
    """Return a table as text of 80 columns; the first column is set flush left and may wrap."""
    table = Table(box=SIMPLE_HEAD, padding=0, pad_edge=False, show_edge=False)
    for number, name in enumerate(names):
        table.add_column(say(f"console.head.{name}"), justify="right" if number else "left", no_wrap=number > 0)
    for row in rows:
        table.add_row(*row)
    stream = StringIO()
    Console(file=stream, width=WIDTH, markup=False, highlight=False).print(table)
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines())


def _rate(row: Row, name: str, error: str, decimals: int = 2) -> str:
    """Return a rate in percent with its standard error; empty if the row does not have it."""
    if not math.isfinite(row.get(name, math.nan)):
        return ""
    text, se = plain(100 * row[name], decimals), row[f"{name}_{error}"]
    return f"{text} ±{plain(100 * se, decimals)}" if math.isfinite(se) else text
