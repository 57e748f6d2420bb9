"""Prints the results of a study on the console: one row per design and method."""

import math
from io import StringIO
from textwrap import fill

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from ssinfer.language import speak
from ssinfer.printed import column_with_errors, plain
from ssinfer.report.analysis import ALL_SIZES, Analysis, Row, pair_of, rows_of
from ssinfer.report.text.finding import threshold_findings, verdict_findings
from ssinfer.sentences import in_words
from ssinfer.study.disclosure import disclosed
from ssinfer.study.result import StudyResult
from ssinfer.thresholds.placebo import COMPARISON_KEY

WIDTH = 80
NOTE = (
    "Percentages. Threshold: one-sided 95% from placebos, cross-fitted. False payments, and detection of a true saving "
    "of 3% and 5%, are under that threshold. ± is one block-bootstrap standard error."
)
MOST_DESIGNS = 12  # with more, those that none dominates are printed
UNIT = {"deviation_money": 1, "threshold_all": 100, "threshold_money": 1, "false_payment_rate": 100, "misallocation": 1}
HEADS = ("", "spending\n%", "measured", "threshold\n%", "threshold", "false\npayments", "mis-\nallocation")
FEW = "A placebo threshold needs 19 others outside a placebo's own region."


def design_table(result: StudyResult) -> str:
    """Return the designs, their errors on placebos, and the saving of the contract group as text."""
    with speak(currency=result.currency):
        return _design_table(disclosed(result))


def _design_table(result: StudyResult) -> str:
    analysis = Analysis(result, {}, {})
    compared = analysis.compared
    if len(compared) and compared["design"].nunique() > MOST_DESIGNS:
        return "\n".join([_frontier(result, compared), *_verdict(analysis)])
    parts = ["\n".join(f"design {name}: {label}" for name, label in result.design_labels.items())]
    if result.backtest is not None:
        parts.append(_placebos(result))
    if len(result.savings):
        parts.append(_contract_group(result))
    return "\n".join([*parts, *_verdict(analysis)])


def _verdict(analysis: Analysis) -> list[str]:
    """Return the verdict in words, as the report's finding gives it."""
    parts = (in_words(findings(analysis)) for findings in (verdict_findings, threshold_findings))
    return ["", *(fill(text, WIDTH) for text in parts if text)]


def _frontier(result: StudyResult, compared: pd.DataFrame) -> str:
    """Return the design that settles and the first of those that none dominates, by number, and where the rest is."""
    rows = compared[~compared["dominated"] | compared["settles"]].head(MOST_DESIGNS)
    cells = [[f"{number}" for number in rows["number"]], [plain(100 * share, 0) for share in rows["share_of_spending"]]]
    cells += [column_with_errors([*rows[name]], [*rows[f"{name}_se"]], scale) for name, scale in UNIT.items()]
    table = _text(HEADS, [list(row) for row in zip(*cells, strict=True)])
    names = [fill(name, WIDTH, subsequent_indent="   ") for name in rows["numbered"]]
    first = f"{names[0]} (settles)" if rows["settles"].iloc[0] else names[0]
    rest = f'{len(compared) - len(rows)} others: designs.csv, and report.html, "All designs on one scale".'
    notes = fill(f"{result.currency} per insured-year of the whole population. {rest}", WIDTH)
    return "\n".join([first, *names[1:], "", f"{table}{notes}"])


def _placebos(result: StudyResult) -> str:
    assert result.backtest is not None  # noqa: S101  (asked by the caller)
    scores, thresholds = result.backtest.scores, result.backtest.thresholds
    rows, notes = [], [NOTE]
    for _, score in scores[scores["size_class"] == ALL_SIZES].iterrows():
        cells = [", ".join(pair_of(score)), f"{int(score['n_rows'])}"]
        cells += [_rate(score, name, "mcse") for name in ("bias", "sd")]
        same = rows_of(thresholds, pair_of(score))
        same = same[COMPARISON_KEY.rows(same) & (same["size_class"] == ALL_SIZES)] if len(same) else same
        for _, threshold in same.iterrows():
            cells += [f"{100 * threshold['threshold']:.2f}", _rate(threshold, "false_payment_rate", "se", 1)]
            cells += [_rate(threshold, f"detection_rate_{saving}", "se", 0) for saving in (3, 5)]
        rows.append([cell or "none" for cell in cells] + ["none"] * (8 - len(cells)))
        if len(cells) < 8:
            n_ok = score["n_rows"] - score["n_refused"] - score["n_failed"]
            notes.append(f"none, {', '.join(pair_of(score))}: {n_ok} of {score['n_rows']} fits have an estimate. {FEW}")
    payments = ("placebo\nthreshold", "false\npayments", "detects\n3%", "detects\n5%")
    heads = ("design, method", "fits", "bias", "SD", *payments)
    return f"\n{_text(heads, rows)}{'\n'.join(fill(note, WIDTH) for note in notes)}"


def _contract_group(result: StudyResult) -> str:
    """Return the table of the contract group, and the reasons for designs without a saving."""
    rows, reasons = [], []
    for _, row in result.savings.iterrows():
        if row["reason"]:
            reasons.append(f"{', '.join(pair_of(row))}: {row['status']}: {row['reason']}")
        if row["status"] != "ok":
            continue
        known = math.isfinite(row["lower"])
        interval = f"{row['lower']:,.0f} to {row['upper']:,.0f}" if known else "none"
        amounts = [f"{row[name]:,.0f}" for name in ("benchmark", "spending", "saving")]
        rows.append([", ".join(pair_of(row)), *amounts, interval, f"{100 * row['savings_rate']:.1f}%"])
    heads = ("design, method", "benchmark", "spending", "saving", "95% interval", "rate")
    title = f"The contract group, {result.currency} per insured-year:"
    return "\n".join(["", title, *([_text(heads, rows).rstrip()] if rows else []), *reasons])


def _text(heads: tuple[str, ...], rows: list[list[str]]) -> str:
    """Return a table as text of 80 columns; the first column is set flush left and may wrap."""
    table = Table(box=SIMPLE_HEAD, padding=0, pad_edge=False, show_edge=False)
    for number, head in enumerate(heads):
        table.add_column(head, justify="right" if number else "left", no_wrap=number > 0)
    for row in rows:
        table.add_row(*row)
    stream = StringIO()
    Console(file=stream, width=WIDTH, markup=False, highlight=False).print(table)
    return "".join(f"{line.rstrip()}\n" for line in stream.getvalue().splitlines())


def _rate(row: Row, name: str, error: str, decimals: int = 2) -> str:
    """Return a rate in percent with its standard error; empty if the row does not have it."""
    if not math.isfinite(row.get(name, math.nan)):
        return ""
    text, se = f"{100 * row[name]:.{decimals}f}", row[f"{name}_{error}"]
    return f"{text} ±{100 * se:.{decimals}f}" if math.isfinite(se) else text
