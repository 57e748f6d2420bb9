"""ARCHITECTURE.md's map of modules equals the modules on disk, in the words of their own first lines."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAP = ROOT / "ARCHITECTURE.md"
LINE = re.compile(r"^- `(ssinfer[\w./-]*)`: (.+)$", re.MULTILINE)


def modules():
    return sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "ssinfer").rglob("*.py"))


def mapped():
    return dict(LINE.findall(MAP.read_text(encoding="utf-8")))


def test_map_names_every_module_once():
    named = [name for name, _ in LINE.findall(MAP.read_text(encoding="utf-8"))]
    assert sorted(named) == modules(), "Run `make maps` and commit."


@pytest.mark.parametrize("module", modules())
def test_line_is_the_modules_own(module):
    docstring = ast.get_docstring(ast.parse((ROOT / module).read_text(encoding="utf-8")))
    assert docstring, f"{module} lacks a docstring"
    assert mapped().get(module) == docstring.splitlines()[0], "Run `make maps` and commit."


def test_no_module_is_called_utils_or_helpers():
    assert not [module for module in modules() if Path(module).stem in {"utils", "helpers", "common", "misc"}]
