"""Write anew what documents repeat of the code: the map of modules in ARCHITECTURE.md, the tables in README.md."""

from __future__ import annotations

import ast
import inspect
from itertools import groupby
from pathlib import Path

import ssinfer

ROOT = Path(__file__).parents[1]


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


def table(package: str, heads: tuple[str, str]) -> str:
    """Return a row per exported name of a package: its name and the first line of its docstring."""
    rows = [f"| {heads[0]} | {heads[1]} |", "|---|---|"]
    for name, home in ssinfer._HOME.items():  # noqa: SLF001  (the table of public names)
        if home.startswith(package) and name != "Threshold":
            line = (inspect.getdoc(getattr(ssinfer, name)) or "").splitlines()[0].removeprefix("Return ")
            rows.append(f"| `{name}` | {line[:1].upper()}{line[1:]} |")
    return "\n".join(rows)


def replaced(text: str, name: str, content: str) -> str:
    """Return the text with what stands between the marks of `name` replaced."""
    start, end = f"<!-- {name}: make maps -->", f"<!-- end of {name} -->"
    before, rest = text.split(start)
    return f"{before}{start}\n{content}\n{end}{rest.split(end)[1]}"


def documents() -> dict[Path, str]:
    """Return what the documents should hold."""
    architecture, readme = ROOT / "ARCHITECTURE.md", ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    text = replaced(text, "methods", table("ssinfer.benchmarks.", ("method", "benchmark")))
    text = replaced(text, "thresholds", table("ssinfer.thresholds.", ("name", "what it returns")))
    return {
        architecture: replaced(architecture.read_text(encoding="utf-8"), "map of modules", module_map() + "\n"),
        readme: text,
    }


if __name__ == "__main__":
    for document, content in documents().items():
        document.write_text(content, encoding="utf-8")
