r"""The report's tables for LaTeX: a file that defines each as a command, so that a paper places it where it wants.

Without packages but ``booktabs``, ``longtable`` and ``array``: ``\input{FILE}``, then ``\ssinfertable{NAME}``.
"""

import re
from collections.abc import Sequence

from ssinfer.report.formats.outline import Block, printable, widths
from ssinfer.report.summarise import ReportData
from ssinfer.report.table import Table

HEAD = r"""%% Tables of {title}. {made}
%% In the preamble: \usepackage[T1]{{fontenc}} \usepackage{{booktabs,longtable,array}} and \input this file.
%% Then \ssinfertable{{NAME}} prints a table, with the label tab:NAME. Names: {names}
\providecommand{{\ssinfertable}}[1]{{\csname ssinfer@#1\endcsname}}
"""
ESCAPED = str.maketrans(
    {each: rf"\{each}" for each in "%&_#${}"}
    | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\u00a0": "~", "\n": " "}
    | {"<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", '"': r"\textquotedbl{}", "\ufffd": "?"}
    | {
        "−": r"\ensuremath{-}",
        "≥": r"\ensuremath{\geq}",
        "≤": r"\ensuremath{\leq}",
        "\u2060": "",
        "\u200b": r"\allowbreak{}",
    }
)


def document(data: ReportData, blocks: Sequence[Block]) -> bytes:
    """Return the tables as the bytes of a .tex file."""
    tables = [block for block in blocks if isinstance(block, Table)]
    names = ", ".join(table.name for table in tables)
    head = HEAD.format(title=" ".join(data.title.split()), made=data.made, names=names)
    return "\n".join([printable(head), *map(_table, tables)]).encode()


def _table(table: Table) -> str:
    shares = zip(("raggedleft" if flush else "raggedright" for flush in table.numeric), widths(table), strict=True)
    columns = "".join(
        rf">{{\{side}\arraybackslash\hspace{{0pt}}}}p{{\dimexpr {share:.4f}\linewidth-2\tabcolsep}}"
        for side, share in shares
    )
    heads, count = _row(table.columns), len(table.columns)
    size = r"\footnotesize" if count <= 6 else r"\scriptsize\setlength{\tabcolsep}{1.5pt}"
    notes = [rf"\par\noindent {{\footnotesize {_escaped(note)}\par}}" for note in table.notes]
    lines = [
        rf"\expandafter\def\csname ssinfer@{table.name}\endcsname{{{{{size}",
        rf"\begin{{longtable}}{{@{{}}{columns}@{{}}}}",
        rf"\caption{{{_escaped(table.caption)}}}\label{{tab:{table.name}}}\\ \toprule",
        rf"{heads} \midrule \endfirsthead \toprule {heads} \midrule \endhead \bottomrule \endlastfoot",
        *map(_row, table.rows),
        r"\end{longtable}",
        *notes,
        "}}",
    ]
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return " & ".join(map(_escaped, cells)) + r" \\"


def _escaped(text: str) -> str:
    return re.sub(r"(\w{20})(?=\w)", "\\1\u200b", printable(text)).translate(ESCAPED)  # a hash breaks
