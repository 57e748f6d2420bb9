"""Writes tables in docs/output_folder.md and docs/contracts.md from the code."""

from __future__ import annotations

import inspect
import re
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from ssinfer.contracts.checks import Allowed
from ssinfer.contracts.contract import Contract
from ssinfer.study.frames import OUTPUT

ROOT = Path(__file__).parents[1]


def replaced(text: str, name: str, content: str) -> str:
    """Return the text with what stands between the marks of `name` replaced."""
    start, end = f"<!-- {name}: make maps -->", f"<!-- end of {name} -->"
    before, rest = text.split(start)
    return f"{before}{start}\n{content}\n{end}{rest.split(end)[1]}"


def columns_table(schema: Any) -> str:
    """Return a schema as a Markdown table."""
    lines = ["| column | type | unit | meaning |", "|---|---|---|---|"]
    for column in schema.columns:
        meaning = column.meaning + (f" Before: `{column.old_name}`." if column.old_name else "")
        row = f"| `{column.name}` | {column.dtype} | {column.unit} | {meaning} |"
        lines.append(row.replace(":g}", "}").replace("  ", " "))
    return "\n".join(lines)


def output_tables() -> str:
    """Return a section per table of a study's output folder: what a row is, and its columns."""
    sections = [
        f"## {name}\n\n{schema.row[:1].upper()}{schema.row[1:]}.\n\n{columns_table(schema)}"
        for name, schema in OUTPUT.items()
    ]
    return "\n\n".join(sections)


TYPES = {float: "number", int: "whole number", bool: "boolean", str: "text", tuple: "list", dict: "table"}


def meanings(model: Any) -> dict[str, str]:
    """Return what the docstring of a table of terms says of each of them."""
    text = (inspect.getdoc(model) or "").split("----------\n")[1].split("\n\n")[0]
    lines = re.sub(r"\n +", " ", text).splitlines()
    return {name: meaning for line in lines for names, meaning in [line.split(" : ")] for name in names.split(", ")}


def term_row(name: str, kind: Any, default: Any, meaning: str) -> str:
    """Return the row of a term: key, type, unit, allowed values, default, meaning."""
    parts = [part for part in get_args(kind) if part is not type(None)]
    if type(None) in get_args(kind):
        kind, parts = parts[0], get_args(parts[0])
    allowed, unit = "", ""
    for note in getattr(kind, "__metadata__", ()):
        if isinstance(note, Allowed):
            allowed, unit = note.words, note.unit
    base = parts[0] if hasattr(kind, "__metadata__") else kind
    if get_origin(base) is Literal:
        base, allowed = str, ", ".join(f'`"{word}"`' for word in get_args(base))
    written = {True: "`true`", False: "`false`"}.get(default) if isinstance(default, bool) else None
    given = written or ("" if default in (None, "", ()) else f"`{default!r}`".replace("'", '"'))
    given = "needed" if default is MISSING else given
    return f"| `{name}` | {TYPES[get_origin(base) or base]} | {unit} | {allowed} | {given} | {meaning} |"


def contract_tables() -> str:
    """Return a section per table of a contract file: its terms."""
    sections = []
    for table, model in [
        ("", Contract),
        *((part.name, part.type) for part in fields(Contract) if is_dataclass(part.type)),
    ]:
        head = f"## [{table}]" if table else "## Terms outside tables"
        line = (inspect.getdoc(model) or "").splitlines()[0] if table else "These stand at the top of the file."
        rows = [
            term_row(
                part.name,
                part.type,
                {"providers": 1.0} if part.name == "parties" else part.default,
                meanings(model)[part.name],
            )
            for part in fields(model)
            if not is_dataclass(part.type)
        ]
        heads = "| key | type | unit | allowed | default | meaning |\n|---|---|---|---|---|---|"
        sections.append("\n".join([head, "", line, "", heads, *rows]))
    return "\n\n".join(sections)


def documents() -> dict[Path, str]:
    """Return what the documents should hold."""
    output = ROOT / "docs" / "output_folder.md"
    columns = replaced(output.read_text(encoding="utf-8"), "columns", output_tables())
    contracts = ROOT / "docs" / "contracts.md"
    terms = replaced(contracts.read_text(encoding="utf-8"), "terms", contract_tables())
    return {output: columns, contracts: terms}


if __name__ == "__main__":
    for document, content in documents().items():
        document.write_text(content, encoding="utf-8")
