"""Long evidence files as readable pages: one block per row, and counts of rows.

```{evidence-blocks} validation.csv
:where: kind=coverage
:title: claim
:status: result
:text: figures
:fields: n, Monte Carlo error, date, command, page
```
prints one block per row, in the order of the file. The column ``id`` is its anchor, ``status`` its badge. Of the
fields, ``command`` is shown as code, and ``page`` (a path in docs, with a heading after #) and ``where`` (paths of the
repository) as links or paths. Empty cells are left out.

```{evidence-counts} standards.csv
:rows: category
:columns: status
```
prints how many rows have each pair of values. ``{evidence-share}`standards.csv:status:met:met,not met``` prints how
many of the rows that have one of the last values have the first one, in percent.
"""

from typing import ClassVar

import pandas as pd
from docutils import nodes
from docutils.parsers.rst import directives
from docutils.statemachine import StringList
from evidence import EVIDENCE, EvidenceTable, _rows
from sphinx.util.docutils import SphinxDirective, SphinxRole

BADGES = {
    "met": "success",
    "R only": "secondary",
    "not applicable": "secondary",
    "measured": "primary",
}  # else: warning


class EvidenceBlocks(SphinxDirective):
    """Rows of an evidence file, one block each."""

    required_arguments = 1
    option_spec: ClassVar = dict.fromkeys(("where", "title", "status", "text", "fields"), directives.unchanged)

    def run(self) -> list[nodes.Node]:
        """Write each row as Markdown and let the page's own parser read it, so that broken links are warnings."""
        name = self.arguments[0]
        self.env.note_dependency(str(EVIDENCE / name))
        rows = _rows(name, self.options.get("where", ""))
        if rows.empty:
            raise self.warning(f"no rows in {name}: {self.options}")
        blocks = nodes.container(classes=["evidence-blocks"])
        for _, row in rows.iterrows():
            block = nodes.container(classes=["evidence-block"])
            self.state.nested_parse(StringList(self._lines(row), source=name), 0, block)
            blocks += block
        return [blocks]

    def _lines(self, row: pd.Series) -> list[str]:
        status = row[self.options["status"]]
        badge = f"{{bdg-{BADGES.get(status, 'warning')}}}`{status}`"
        lines = [f"({row['id'].lower()})=", f"**{row[self.options['title']]}** {badge}", ""]
        if row[self.options["text"]]:
            lines += [row[self.options["text"]], ""]
        facts, code = [], []
        for field in self.options["fields"].split(","):
            value = row[field.strip()]
            if not value:
                continue
            if field.strip() == "command":
                code = ["```sh", *value.split("; "), "```"]
            elif field.strip() == "page":
                up = "../" * self.env.docname.count("/")
                facts.append(f"[{value.partition('#')[0].removesuffix('.md').replace('_', ' ')}]({up}{value})")
            elif field.strip() == "where":
                facts.append(", ".join(f"`{path}`" for path in value.split()))
            else:
                facts.append(f"{field.strip().replace('_', ' ')}: {value}")
        return [*lines, " · ".join(facts), "", *code]


class EvidenceCounts(SphinxDirective):
    """Number of rows by the values of two columns."""

    required_arguments = 1
    option_spec: ClassVar = dict.fromkeys(("rows", "columns"), directives.unchanged)

    def run(self) -> list[nodes.Node]:
        """Count the rows."""
        name = self.arguments[0]
        self.env.note_dependency(str(EVIDENCE / name))
        frame = _rows(name, "")
        rows, columns = frame[self.options["rows"]], frame[self.options["columns"]]
        counts = pd.crosstab(rows, columns).loc[rows.unique(), columns.unique()]
        counts.loc["all"] = counts.sum()
        counts.insert(counts.shape[1], "all", counts.sum(axis=1))
        table = nodes.table("", classes=["evidence"])
        group = nodes.tgroup(cols=counts.shape[1] + 1)
        table += group
        group += [nodes.colspec(colwidth=1) for _ in range(counts.shape[1] + 1)]
        group += nodes.thead("", EvidenceTable.row([str(rows.name), *map(str, counts.columns)]))
        group += nodes.tbody("", *(EvidenceTable.row([str(i), *map(str, c)]) for i, c in counts.iterrows()))
        return [table]


class EvidenceShare(SphinxRole):
    """Share of the rows of an evidence file that have a value."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Count the rows."""
        name, column, part, whole = self.text.split(":")
        values = _rows(name, "")[column]
        share = 100 * (values == part).sum() / values.isin(whole.split(",")).sum()
        return [nodes.Text(f"{share:.1f}%")], []


def setup(app: object) -> dict[str, bool]:
    """Register the directives."""
    app.add_role("evidence-share", EvidenceShare())
    app.add_css_file("evidence.css")
    app.add_directive("evidence-blocks", EvidenceBlocks)
    app.add_directive("evidence-counts", EvidenceCounts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
