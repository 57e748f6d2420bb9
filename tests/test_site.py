"""The site's own checks, without a build: they find a page that loads from the network, and a key without a meaning."""

import importlib
import tomllib
from pathlib import Path
from typing import Annotated

import pytest
from pydantic import TypeAdapter

DOCS = Path(__file__).parents[1] / "docs"


@pytest.fixture
def extension(monkeypatch):
    """Return an extension of the site by name."""
    pytest.importorskip("sphinx", reason="the site needs the extra `docs`")
    monkeypatch.syspath_prepend(DOCS / "_ext")
    return importlib.import_module


@pytest.mark.parametrize(
    ("html", "loads"),
    [
        ('<script defer="defer" src="https://cdn.example/x.js"></script>', True),
        ('<link rel="stylesheet" type="text/css" href="//fonts.example/x.css" />', True),
        ('<img alt="" src="http://example.org/x.png">', True),
        ("<style>p { background: url(https://example.org/x.png) }</style>", True),
        ('<a href="https://example.org">a link loads nothing</a><script src="_static/x.js"></script>', False),
    ],
)
def test_a_page_that_loads_from_the_network_is_found(extension, tmp_path, html, loads):
    (tmp_path / "page.html").write_text(html, encoding="utf-8")
    assert bool(extension("links").loads_from_network(tmp_path)) == loads


def test_every_key_of_a_study_has_a_meaning_and_its_example_is_allowed(extension):
    tables = {table.name: table.keys for table in extension("reference").tables_of_study() if table.keys}
    said = tomllib.loads((DOCS / "reference" / "study_keys.toml").read_text(encoding="utf-8"))
    assert {table: set(keys) for table, keys in said.items()} == {table: set(keys) for table, keys in tables.items()}
    for table, keys in said.items():
        for key, (_, _, *example) in ((key, text) for key, text in keys.items() if isinstance(text, list) and text[1:]):
            field = tables[table][key]
            for written in example:
                value = tomllib.loads(f"value = {written}")["value"]
                TypeAdapter(Annotated[field.annotation, field]).validate_python(value)


def test_a_formula_that_mathml_has_not_is_a_warning(extension, caplog):
    nodes = importlib.import_module("docutils.nodes")
    formula = extension("formulas").mathml
    assert "<mfrac>" in formula(nodes.math("", r"\frac{a}{b}"), "inline")
    assert caplog.text == ""
    formula(nodes.math("", r"\nosuch{a}"), "inline")
    assert "has a command that MathML has not" in caplog.text
