"""Writes tables in README.md and docs/output_folder.md from the code."""

from __future__ import annotations

import inspect
from pathlib import Path

import ssinfer
from ssinfer.study.frames import OUTPUT

ROOT = Path(__file__).parents[1]


def table(package: str, heads: tuple[str, str]) -> str:
    """Return a row per exported method or threshold of a package: its name and the first line of its docstring."""
    rows = [f"| {heads[0]} | {heads[1]} |", "|---|---|"]
    for name in ssinfer.__all__:
        value = getattr(ssinfer, name)
        is_test = package == "ssinfer.benchmarks." and not hasattr(value, "fit")
        if getattr(value, "__module__", "").startswith(package) and name != "Threshold" and not is_test:
            line = (inspect.getdoc(getattr(ssinfer, name)) or "").splitlines()[0].removeprefix("Return ")
            rows.append(f"| `{name}` | {line[:1].upper()}{line[1:]} |")
    return "\n".join(rows)


def replaced(text: str, name: str, content: str) -> str:
    """Return the text with what stands between the marks of `name` replaced."""
    start, end = f"<!-- {name}: make maps -->", f"<!-- end of {name} -->"
    before, rest = text.split(start)
    return f"{before}{start}\n{content}\n{end}{rest.split(end)[1]}"


def output_tables() -> str:
    """Return a section per table of a study's output folder: what a row is, and its columns."""
    sections = [
        f"## {name}\n\n{schema.row[:1].upper()}{schema.row[1:]}.\n\n{schema.to_markdown()}"
        for name, schema in OUTPUT.items()
    ]
    return "\n\n".join(sections)


def documents() -> dict[Path, str]:
    """Return what the documents should hold."""
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    text = replaced(text, "methods", table("ssinfer.benchmarks.", ("method", "benchmark")))
    text = replaced(text, "thresholds", table("ssinfer.thresholds.", ("name", "what it returns")))
    output = ROOT / "docs" / "output_folder.md"
    columns = replaced(output.read_text(encoding="utf-8"), "columns", output_tables())
    return {readme: text, output: columns}


if __name__ == "__main__":
    for document, content in documents().items():
        document.write_text(content, encoding="utf-8")
