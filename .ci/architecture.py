"""Write the map of modules in ARCHITECTURE.md anew, from the first line of each module's docstring."""

import ast
from itertools import groupby
from pathlib import Path

ROOT = Path(__file__).parents[1]
MAP = ROOT / "ARCHITECTURE.md"
START, END = "<!-- map of modules: .ci/architecture.py -->", "<!-- end of the map -->"


def first_line(path: Path) -> str:
    """Return the first line of a module's docstring."""
    return (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").splitlines()[0]


def module_map() -> str:
    """Return a line per module, under a heading per package."""
    paths = sorted((ROOT / "ssinfer").rglob("*.py"), key=lambda path: (path.parent, path.name))
    parts = []
    for folder, group in groupby(paths, key=lambda path: path.parent):
        parts.append(f"\n### {folder.relative_to(ROOT).as_posix()}/\n")
        parts += [f"- `{path.relative_to(ROOT).as_posix()}`: {first_line(path)}" for path in group]
    return "\n".join(parts)


text = MAP.read_text(encoding="utf-8")
before, rest = text.split(START)
after = rest.split(END)[1]
MAP.write_text(f"{before}{START}\n{module_map()}\n\n{END}{after}", encoding="utf-8")
