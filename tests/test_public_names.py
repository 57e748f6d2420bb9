"""The public interface: every exported name exists and is documented."""

import ast
import importlib
import inspect
import re
from pathlib import Path

import pytest

import ssinfer as ss

DOCS = Path(ss.__file__).parents[1] / "docs"
STUB = Path(ss.__file__).with_suffix(".pyi").read_text(encoding="utf-8")
HOMES = {
    alias.name: f"ssinfer.{node.module}"
    for node in ast.walk(ast.parse(STUB))
    if isinstance(node, ast.ImportFrom) and node.module and node.module != "_version"
    for alias in node.names
}


@pytest.mark.parametrize("name", ss.__all__)
def test_every_exported_name_resolves(name):
    assert getattr(ss, name) is not None
    assert name in dir(ss)


@pytest.mark.parametrize(("name", "home"), HOMES.items())
def test_every_name_stands_in_its_home_and_has_a_docstring(name, home):
    value = getattr(importlib.import_module(home), name)
    assert getattr(ss, name) is value
    assert inspect.getdoc(value)
    assert value.__module__.startswith("ssinfer.")


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="attribute Pannel"):
        _ = ss.Pannel


def test_version_is_the_projects():
    text = (Path(ss.__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8")
    assert f'version = "{ss.__version__}"' in text


def test_every_public_callable_is_fuzzed_or_named_with_a_reason(monkeypatch):
    """Fault R35: a new public function, class or method cannot be forgotten by the fuzzer of wrong arguments."""
    monkeypatch.syspath_prepend(Path(__file__).parent / "evidence")
    api = importlib.import_module("api_calls")
    public = api.public_callables()
    excepted = {name for name in public for key in (name, f"*.{name.split('.')[-1]}") if key in api.EXCEPTIONS}
    assert public - api.CALLS.keys() - excepted == set()
    assert {name for name in api.EXCEPTIONS if not name.startswith("*")} - public == set(), "of the past"
    assert all(len(reason) > 20 for reason in api.EXCEPTIONS.values())


def test_every_public_name_is_on_a_page_of_the_reference(monkeypatch):
    """The site's build warns of the same; public names are those of its extension."""
    pytest.importorskip("sphinx", reason="the site needs the extra `docs`")
    monkeypatch.syspath_prepend(DOCS / "_ext")
    api = importlib.import_module("api")
    pages = "\n".join(path.read_text(encoding="utf-8") for path in DOCS.glob("reference/**/*.rst"))
    listed = [api.find(name)[1] for name in re.findall(r"^   ([\w.]+)$", pages, re.MULTILINE)]
    assert ".. api:: errors" in pages  # all exceptions
    names = {name: part for name, part in api.public_names().items() if not name.endswith("Error")}
    assert len(names) > 90
    assert [name for name, part in names.items() if not any(part is other for other in listed)] == []
