"""The committed evidence files behind docs/evidence name what exists: files, tests, pages and headings."""

import ast
import csv
import re
import shlex
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
FILES = [DOCS / "evidence" / name for name in ("validation.csv", "standards.csv")]


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@cache
def functions_of(path):
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)}


@cache
def headings_of(path):
    titles = re.findall(r"^#+ (.+)$", (DOCS / path).read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def missing(part):
    """Say what a path, a path::test, a page#heading or a make target names that does not exist."""
    path, _, name = part.partition("::")
    if not (ROOT / path).exists():
        return f"{path} does not exist"
    if name and name not in functions_of(path):
        return f"{path} has no {name}"
    return ""


def named(row):
    """Return every path of the repository in the cells of a row that name some."""
    words = [word for command in row.get("command", "").split("; ") for word in shlex.split(command)]
    words += row.get("where", "").split()
    return [
        word for word in words if re.match(r"(tests|docs|case_studies|ssinfer|\.ci)/|[A-Z]+\.(md|cff)|pyproject", word)
    ]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_path_test_page_and_target_exists(path):
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    faults = []
    for row in rows_of(path):
        faults += [f"{row['id']}: {fault}" for fault in map(missing, named(row)) if fault]
        faults += [
            f"{row['id']}: no target {t}"
            for t in re.findall(r"\bmake (\w+)", row.get("command", ""))
            if t not in targets
        ]
        page, _, heading = row.get("page", "").partition("#")
        if page and not ((DOCS / page).exists() and (not heading or heading in headings_of(page))):
            faults.append(f"{row['id']}: no page or heading {row['page']}")
    assert faults == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_row_is_one_and_says_what_was_found(path):
    rows = rows_of(path)
    assert len({row["id"].lower() for row in rows}) == len(rows)
    for row in rows:
        said = row.get("result") or row["status"]
        assert said in {"met", "partly met", "not met", "measured", "not measured", "not applicable", "R only"}, row[
            "id"
        ]
        assert row.get("command") or row.get("where") or row.get("figures") or row.get("note"), row["id"]


def test_what_does_not_exist_is_found():
    assert missing("tests/no_such_file.py") == "tests/no_such_file.py does not exist"
    assert missing("tests/test_evidence_files.py::test_no_such") == "tests/test_evidence_files.py has no test_no_such"
    assert missing("tests/test_evidence_files.py::test_what_does_not_exist_is_found") == ""
