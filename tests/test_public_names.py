"""The public interface of design.md: every exported name exists, is documented, and is known to type checkers."""

import ast
import importlib
import inspect
from pathlib import Path

import pytest

import ssinfer as ss

SOURCE = Path(ss.__file__).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ss.__all__)
def test_every_exported_name_resolves(name):
    assert getattr(ss, name) is not None
    assert name in dir(ss)


@pytest.mark.parametrize(("name", "home"), ss._HOME.items())
def test_every_name_stands_in_its_home_and_has_a_docstring(name, home):
    value = getattr(importlib.import_module(home), name)
    assert getattr(ss, name) is value
    assert inspect.getdoc(value)
    assert value.__module__.startswith("ssinfer.")


def test_type_checkers_see_the_same_names():
    seen = set()
    for node in ast.walk(ast.parse(SOURCE)):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            seen = {alias.asname or alias.name for line in node.body for alias in line.names}
    assert seen == set(ss.__all__) - {"__version__"}


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Pannel'"):
        _ = ss.Pannel


def test_version_is_the_projects():
    text = (Path(ss.__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8")
    assert f'version = "{ss.__version__}"' in text
