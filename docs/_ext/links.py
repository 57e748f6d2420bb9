"""Links: files outside docs/ are shown as paths, nothing is loaded from the network, a page has one place."""

import os
import re
from pathlib import Path

from docutils import nodes
from sphinx.transforms import SphinxTransform
from sphinx.util import logging

LOG = logging.getLogger(__name__)
DOCS = Path(__file__).parents[1]
LOADS = re.compile(
    r"""<(?:script|img|iframe|source|audio|video|embed)\b[^>]*\bsrc\s*=\s*["']?(?:https?:)?//[^"'\s>]+"""
    r"""|<(?:link)\b(?=[^>]*\brel\s*=\s*["']?(?:stylesheet|preload|icon|modulepreload|manifest))[^>]*\bhref\s*=\s*["']?(?:https?:)?//[^"'\s>]+"""
    r"""|(?:url\(\s*["']?|@import\s+["'])(?:https?:)?//[^"'\s)]+""",
    re.IGNORECASE,
)


class PathsOutside(SphinxTransform):
    """`[the sample](../case_studies/x)` becomes "the sample (case_studies/x)": the site has no such page."""

    default_priority = 400

    def apply(self, **_: object) -> None:
        """Replace each link to a file or folder of the repository that is no part of docs/."""
        here = DOCS / self.env.doc2path(self.env.docname, base=False)
        for node in list(self.document.findall(lambda found: "reftarget" in getattr(found, "attributes", ()))):
            target = node["reftarget"].partition("#")[0] + (".md" if node.get("refdomain") == "doc" else "")
            path = Path(os.path.normpath(here.parent / target))
            if target and path.exists() and path.is_relative_to(DOCS.parent) and not path.is_relative_to(DOCS):
                name = path.relative_to(DOCS.parent).as_posix() + "/" * path.is_dir()
                text = node.astext()
                shown = [] if text in {target, name, path.name} else [nodes.Text(f"{text} (")]
                node.replace_self([*shown, nodes.literal("", name), *([nodes.Text(")")] if shown else [])])


def loads_from_network(folder: Path) -> list[str]:
    """Return each address that a page or a style sheet of a built site would load, with its file."""
    files = [path for path in folder.rglob("*") if path.suffix in {".html", ".css"}]
    return [
        f"{path.relative_to(folder)}: {found[0][-120:]}"
        for path in sorted(files)
        for found in LOADS.finditer(path.read_text(encoding="utf-8"))
    ]


def _refuse_network(app: object, error: Exception | None) -> None:
    for found in loads_from_network(Path(app.outdir)) if error is None and app.builder.format == "html" else ():
        LOG.warning("a page loads from the network: %s", found)


def _refuse_two_places(_app: object, env: object) -> None:
    """Warn of a page that stands in two tables of contents: its place in the side bar would be a matter of luck."""
    listed = [page for pages in env.toctree_includes.values() for page in pages]
    for page in sorted({page for page in listed if listed.count(page) > 1}):
        LOG.warning("the page stands in %s toctrees", listed.count(page), location=page)


def setup(app: object) -> dict[str, bool]:
    """Register the transform and the check of the built pages."""
    app.add_transform(PathsOutside)
    app.connect("env-check-consistency", _refuse_two_places)
    app.connect("build-finished", _refuse_network)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
