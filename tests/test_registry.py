"""Registry: built-in objects by scanning a package, others by entry point; broken entry points are named."""

import sys
from dataclasses import dataclass
from importlib.metadata import EntryPoint

import pytest

from ssinfer.errors import PluginError
from ssinfer.registry import Registry, _scan


@dataclass(frozen=True)
class Thing:
    name: str
    order: int = 0


@pytest.fixture
def registry(tmp_path, monkeypatch):
    package = tmp_path / "shelf_of_things"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "late.py").write_text(
        "from collections import namedtuple\nTHING = namedtuple('T', 'name order')('late', 2)\n"
    )
    (package / "early.py").write_text(
        "from collections import namedtuple\nTHING = (namedtuple('T', 'name order')('early', 1),)\n"
    )
    (package / "none.py").write_text("")
    (tmp_path / "elsewhere.py").write_text(
        "from collections import namedtuple\nT = namedtuple('T', 'name order')\n"
        "good, twin, odd = T('foreign', 0), T('late', 0), 3\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    points = [EntryPoint(name, value, "things") for name, value in POINTS.items()]
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: points if group == "things" else [])
    yield Registry("thing", "shelf_of_things", "THING", "things")
    _scan.cache_clear()
    for name in [name for name in sys.modules if name.split(".")[0] in ("shelf_of_things", "elsewhere")]:
        del sys.modules[name]


POINTS = {"foreign": "elsewhere:good", "twin": "elsewhere:twin", "odd": "elsewhere:odd", "gone": "nowhere_at_all:x"}


def test_objects_come_in_their_order_from_package_and_entry_points(registry):
    assert registry.names() == ("foreign", "early", "late")
    assert registry.find("early").order == 1


def test_unusable_entry_points_have_a_reason(registry):
    broken = registry.broken()
    assert set(broken) == {"twin", "odd", "gone"}
    assert "more than once" in broken["twin"]
    assert "without name and order" in broken["odd"]
    assert "ModuleNotFoundError" in broken["gone"]
    with pytest.raises(PluginError, match="cannot be loaded: ModuleNotFoundError"):
        registry.find("gone")


def test_an_unknown_name_gives_the_nearest(registry):
    with pytest.raises(PluginError, match="Did you mean 'early'"):
        registry.find("earlie")
