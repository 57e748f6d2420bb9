"""Numbers of the site come from the committed evidence files in docs/evidence, never from a keyboard.

``{evidence}`file.csv:method=SyntheticControl,level=0.9:coverage:.1f``` prints one cell: the file, the conditions that
choose its row, the column and, where wanted, a format. No row, or more than one, is a warning, so the build fails.

```{evidence-table} file.csv
:where: method=SyntheticControl
:columns: level, coverage, n
:formats: coverage=.1f
```
prints rows of the file as a table, with the file's name and its date (column ``date``, where it has one) as caption.
A column may be a figure with its error, and may have a heading of its own: ``coverage±mc_error as Covers (%)``.
A condition may allow several values: ``level=90|95``. ``:missing:`` is the sentence that stands where no row is known.
"""

import re
from pathlib import Path
from typing import ClassVar

import pandas as pd
from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective, SphinxRole

EVIDENCE = Path(__file__).parents[1] / "evidence"


def _pairs(text: str) -> dict[str, str]:
    """Read "a=1, b=x, y": a comma parts two pairs only if another "name=" follows."""
    return dict(pair.strip().split("=", 1) for pair in re.split(r",(?=[^,=]*=)", text) if pair.strip())


def _rows(name: str, where: str) -> pd.DataFrame:
    """Find the rows of an evidence file whose columns have the values of `where`, as text."""
    frame = pd.read_csv(EVIDENCE / name, dtype=str, keep_default_na=False)
    for column, value in _pairs(where).items():
        frame = frame[frame[column].isin(value.split("|"))]
    return frame


def _shown(value: str, how: str) -> str:
    return format(float(value), how) if how and value else value


def _cell(row: "pd.Series[str]", columns: str, formats: dict[str, str]) -> str:
    """Write one cell: of a column, or of a figure and its error, which has the format of the figure."""
    name, *error = columns.split("±")
    return "\u00a0±\u00a0".join(_shown(row[column], formats.get(name, "")) for column in (name, *error) if row[column])


class EvidenceNumber(SphinxRole):
    """One cell of an evidence file."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Read the cell; what names no single cell is a warning."""
        name, where, column, *how = self.text.split(":")
        try:
            (value,) = _rows(name, where)[column]
            text = _shown(value, how[0] if how else "")
        except (OSError, KeyError, ValueError) as error:
            message = self.inliner.reporter.warning(f"no such number: {self.text} ({error!r})", line=self.lineno)
            return [], [message]
        return [nodes.Text(text)], []


class EvidenceTable(SphinxDirective):
    """Rows of an evidence file."""

    required_arguments = 1
    option_spec: ClassVar = {
        "where": directives.unchanged,
        "columns": directives.unchanged,
        "formats": directives.unchanged,
        "missing": directives.unchanged,
    }

    def run(self) -> list[nodes.Node]:
        """Read the rows; none is a warning."""
        name = self.arguments[0]
        self.env.note_dependency(str(EVIDENCE / name))
        rows = _rows(name, self.options.get("where", ""))
        if rows.empty and "missing" in self.options:
            return [nodes.paragraph("", self.options["missing"])]
        if rows.empty:
            raise self.warning(f"no rows in {name}: {self.options}")
        wanted = self.options["columns"].split(",") if "columns" in self.options else [*rows]
        columns, _, headings = zip(*(column.strip().partition(" as ") for column in wanted), strict=True)
        formats = _pairs(self.options.get("formats", ""))
        caption = f"{name}, {rows['date'].max()}" if "date" in rows else name
        table = nodes.table("", nodes.title("", caption), classes=["evidence"])
        group = nodes.tgroup(cols=len(columns))
        table += group
        group += [nodes.colspec(colwidth=1) for _ in columns]
        body = [[_cell(row, column, formats) for column in columns] for _, row in rows.iterrows()]
        group += nodes.thead(
            "", self.row([given or c.replace("_", " ") for c, given in zip(columns, headings, strict=True)])
        )
        group += nodes.tbody("", *map(self.row, body))
        return [table]

    @staticmethod
    def row(cells: list[str]) -> nodes.row:
        """Return a row of a table with one paragraph per cell; words between backticks are code."""
        parts = [cell.split("`") for cell in cells]
        words = [[nodes.literal("", p) if n % 2 else nodes.Text(p) for n, p in enumerate(part) if p] for part in parts]
        return nodes.row("", *(nodes.entry("", nodes.paragraph("", "", *inline)) for inline in words))


def setup(app: object) -> dict[str, bool]:
    """Register the role and the directive."""
    app.add_role("evidence", EvidenceNumber())
    app.add_directive("evidence-table", EvidenceTable)
    app.setup_extension("evidence_blocks")
    app.setup_extension("paper")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
