"""Tables of what the package offers, from its registries at build: ``{methods}`` and ``{threshold-kinds}``.

Both are what `ssinfer methods` and `ssinfer thresholds` print. The pages of a name are found by `PAGES`.
"""

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.util.docutils import SphinxDirective

from ssinfer.plugins.discovery import providers
from ssinfer.protocol import Capabilities
from ssinfer.sentences import word
from ssinfer.thresholds.kind import KINDS
from ssinfer.thresholds.names import kind_name

THRESHOLD_PAGES = {"power": "power_and_planning", "calibrated whole": "threshold_calibrated"}


def page_of_method(name: str) -> str:
    """Return the page of a method: SyntheticDiD has synthetic_did."""
    steps = [f"_{c.lower()}" if c.isupper() and name[i - 1].islower() else c.lower() for i, c in enumerate(name)]
    return "".join(steps).lstrip("_").replace("di_d", "did")


class _Catalogue(SphinxDirective):
    def link(self, text: str, page: str) -> nodes.paragraph:
        """Return a paragraph that links to a page of this folder."""
        options = {"refdomain": "std", "reftype": "doc", "reftarget": page, "refexplicit": True, "refwarn": True}
        reference = pending_xref("", nodes.inline("", text), refdoc=self.env.docname, **options)
        return nodes.paragraph("", "", reference)

    def table(self, headings: list[str], rows: list[list[nodes.paragraph | str]]) -> list[nodes.Node]:
        """Return a table of texts and links."""
        group = nodes.tgroup("", *(nodes.colspec(colwidth=1) for _ in headings), cols=len(headings))

        def row(cells: list[nodes.paragraph | str]) -> nodes.row:
            made = [nodes.paragraph("", cell) if isinstance(cell, str) else cell for cell in cells]
            return nodes.row("", *(nodes.entry("", cell) for cell in made))

        group += [nodes.thead("", row([*headings])), nodes.tbody("", *map(row, rows))]
        return [nodes.table("", group)]


class Methods(_Catalogue):
    """The methods of this package and their capabilities."""

    def run(self) -> list[nodes.Node]:
        """Read the registry."""
        names = list(Capabilities.__dataclass_fields__)
        found = [p for p in providers() if p.package == "ssinfer" and not p.reason]
        rows = [
            [self.link(p.name, page_of_method(p.name)), word("needs", p.needs)]
            + ["yes" if p.capabilities[name] else "no" for name in names]
            for p in found
        ]
        return self.table(["method", "needs", *(word("supports", name).strip("()") for name in names)], rows)


class ThresholdKinds(_Catalogue):
    """The kinds of threshold."""

    def run(self) -> list[nodes.Node]:
        """Read the registry."""
        rows = [
            [
                self.link(kind.name, THRESHOLD_PAGES.get(kind.name, f"threshold_{kind.name.replace(' ', '_')}")),
                kind_name(kind.name),
                word("learns_from", kind.learns_from),
                "yes" if kind.has_level else "no",
                "yes" if kind.settles else "no",
            ]
            for kind in KINDS.entries()
        ]
        return self.table(["kind", "name in reports", "learns from", "has levels", "can settle a contract"], rows)


def setup(app: object) -> dict[str, bool]:
    """Register the directives."""
    app.add_directive("methods", Methods)
    app.add_directive("threshold-kinds", ThresholdKinds)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
