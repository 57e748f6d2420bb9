"""The draft of the JOSS paper on the site: ```{joss-paper}``` prints paper/paper.md with its references.

The paper is written for pandoc: citations such as ``[@key; @other]`` refer to paper/paper.bib. Here they become
"(authors year)" with a link to the DOI, and the list of references is printed where the paper has its heading.
"""

import re
from pathlib import Path

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

PAPER = Path(__file__).parents[2] / "paper"
ENTRY = re.compile(r"@\w+\{(\w+),\n(.*?)\n\}", re.DOTALL)
FIELD = re.compile(r"^\s*(\w+) = \{(.*)\},?$", re.MULTILINE)


def references() -> dict[str, dict[str, str]]:
    """Read the bibliography: one field per line, braces and TeX accents left out of what is shown."""
    found = ENTRY.findall((PAPER / "paper.bib").read_text(encoding="utf-8"))
    plain = {'{\\"u}': "ü", "--": "-"}
    out = {}
    for key, body in found:
        fields = dict(FIELD.findall(body))
        for old, new in plain.items():
            fields = {name: value.replace(old, new) for name, value in fields.items()}
        out[key] = fields
    return out


def short(entry: dict[str, str]) -> str:
    """Return "Abadie et al. 2010" as a link."""
    names = [name.split(",")[0] for name in entry["author"].split(" and ")]
    who = names[0] if len(names) == 1 else f"{names[0]} et al." if len(names) > 2 else " and ".join(names)
    return f"[{who} {entry['year']}](https://doi.org/{entry['doi']})"


def full(entry: dict[str, str]) -> str:
    """Return an item of the list of references."""
    where = ", ".join(entry[name] for name in ("journal", "volume", "pages") if name in entry)
    who = entry["author"].replace(" and others", " et al.").replace(" and ", "; ")
    return (
        f"- {who} ({entry['year']}). {entry['title']}. {where + '. ' if where else ''}<https://doi.org/{entry['doi']}>"
    )


def text() -> str:
    """Return the paper as Markdown of the site: no metadata, headings one level down, citations as links."""
    _, _, body = (PAPER / "paper.md").read_text(encoding="utf-8").split("---\n", 2)
    known = references()
    cited = re.compile(r"\[(@\w+(?:; @\w+)*)\]")
    body = cited.sub(lambda hit: f"({', '.join(short(known[key[1:]]) for key in hit[1].split('; '))})", body)
    body = re.sub(r"^# ", "## ", body, flags=re.MULTILINE)
    return body + "\n" + "\n".join(full(known[key]) for key in sorted(known))


class JossPaper(SphinxDirective):
    """The draft of the paper."""

    def run(self) -> list[nodes.Node]:
        """Parse the paper as part of the page; a citation without an entry is a warning."""
        for name in ("paper.md", "paper.bib"):
            self.env.note_dependency(str(PAPER / name))
        try:
            lines = text().splitlines()
        except KeyError as error:
            raise self.warning(f"paper/paper.bib has no entry {error}") from error
        holder = nodes.section()
        self.state.nested_parse(StringList(lines, source="paper.md"), 0, holder, match_titles=True)
        return holder.children


def setup(app: object) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("joss-paper", JossPaper)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
