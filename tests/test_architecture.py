"""ARCHITECTURE.md is short and names every package; module names say what the module holds."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = sorted(path.parent.relative_to(ROOT).as_posix() for path in (ROOT / "ssinfer").glob("*/__init__.py"))


def test_no_module_is_called_utils_or_helpers():
    modules = (ROOT / "ssinfer").rglob("*.py")
    assert not [path for path in modules if path.stem in {"utils", "helpers", "common", "misc"}]


@pytest.mark.parametrize("package", PACKAGES)
def test_architecture_names_every_package(package):
    assert f"{package.removeprefix('ssinfer/')}/" in (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
