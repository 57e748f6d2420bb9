"""Discovery: ours and strangers' alike, broken ones with a reason; methods from plain values; refusals in words."""

import sys
from abc import ABC, abstractmethod
from importlib.metadata import EntryPoint
from types import SimpleNamespace

import pytest

import ssinfer as ss
from ssinfer.benchmarks.base import BenchmarkMethod
from ssinfer.errors import NotSupportedError, PluginError, SsinferError
from ssinfer.plugins import discovery
from ssinfer.protocol import Benchmark, Capabilities

MODULE = "a_strangers_module"


class Stranger:
    needs = "panel"

    def __init__(self, size=1):
        if size < 0:
            raise ValueError("size is negative")
        self.size = size

    def fit(self, data, design, *, seed=None):
        raise NotImplementedError  # never reached: discovery and refusals come before any fit


@pytest.fixture
def registered(monkeypatch):
    """Register entry points: name, attribute of a stranger's module, package."""
    monkeypatch.setitem(sys.modules, MODULE, SimpleNamespace())

    def register(*points, **attributes):
        vars(sys.modules[MODULE]).update(attributes)
        registered_points = []
        for name, attribute, package in points:
            point = EntryPoint(name, f"{MODULE}:{attribute}", discovery.GROUP)
            registered_points.append(point._for(SimpleNamespace(name=package, version="1.2")))
        monkeypatch.setattr(
            discovery, "entry_points", lambda group: registered_points if group == discovery.GROUP else []
        )
        discovery.providers.cache_clear()
        return {(provider.name, provider.package): provider for provider in discovery.providers()}

    yield register
    discovery.providers.cache_clear()


def test_our_own_methods_register_like_a_strangers():
    discovery.providers.cache_clear()
    registered_methods = {provider.name: provider for provider in discovery.providers()}
    assert registered_methods["AdministrativeBenchmark"].method is ss.AdministrativeBenchmark
    assert registered_methods["AdministrativeBenchmark"].package == "ssinfer"
    for provider in registered_methods.values():
        assert not provider.reason, provider
        assert isinstance(provider.method(), Benchmark)
        # what a table promises is yes or no, never "?", for a method of ours
        assert all(isinstance(value, bool) for value in provider.capabilities.values())


def test_the_capability_table_is_the_protocols():
    assert set(discovery.CAPABILITIES) == set(vars(Capabilities()))
    wanted = {
        "several_treated",
        "staggered_starts",
        "covariates",
        "masks",
        "posterior",
        "confidence",
        "level_dependent",
    }
    assert set(discovery.CAPABILITIES) == wanted


def test_a_stranger_who_does_not_say_is_unknown(registered):
    (provider,) = registered(("Stranger", "Stranger", "theirs"), Stranger=Stranger).values()
    assert (provider.needs, provider.version, provider.reason) == ("panel", "1.2", "")
    assert set(provider.capabilities.values()) == {None}


def leave():
    raise SystemExit(3)


class Unwritten(ABC):
    needs = "panel"

    @abstractmethod
    def fit(self, data, design, *, seed=None): ...


BROKEN = {
    "no attribute": ({}, "AttributeError"),
    "instance": ({"Stranger": Stranger()}, "its entry point is a Stranger, not a class"),
    "function": ({"Stranger": leave}, "its entry point is a function, not a class"),
    "no fit": ({"Stranger": type("Empty", (), {"needs": "panel"})}, "it has no method fit"),
    "no needs": ({"Stranger": type("Odd", (Stranger,), {"needs": "frame"})}, "`needs` must be 'panel' or 'cohort'"),
    "abstract": ({"Stranger": Unwritten}, "Unwritten is abstract: fit not written"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_provider_has_its_reason_and_the_others_go_on(registered, kind):
    attributes, reason = BROKEN[kind]
    points = [("Broken", "Stranger", "theirs"), ("Good", "Good", "others")]
    registered_methods = registered(*points, Good=Stranger, **attributes)
    assert reason in registered_methods["Broken", "theirs"].reason
    assert registered_methods["Good", "others"].method is Stranger
    with pytest.raises(PluginError, match=r"'Broken' of theirs 1.2 cannot be used: "):
        discovery.find_method("Broken")


def test_a_module_that_leaves_the_interpreter_is_caught(registered, monkeypatch):
    monkeypatch.setattr(EntryPoint, "load", lambda _: leave())
    registered_methods = registered(("Leaves", "Leaves", "theirs"))
    assert registered_methods["Leaves", "theirs"].reason == "SystemExit: 3"


def test_a_name_taken_twice(registered):
    points = [("Mine", "Stranger", "ssinfer"), ("Mine", "Stranger", "theirs")]
    registered_methods = registered(*points, Stranger=Stranger)
    assert not registered_methods["Mine", "ssinfer"].reason
    assert "registered more than once" in registered_methods["Mine", "theirs"].reason
    assert discovery.find_method("Mine") is Stranger


def test_two_strangers_with_one_name_are_both_refused(registered):
    registered_methods = registered(("Twice", "Stranger", "one"), ("Twice", "Stranger", "two"), Stranger=Stranger)
    assert all("registered more than once" in provider.reason for provider in registered_methods.values())
    with pytest.raises(PluginError, match="registered more than once"):
        discovery.find_method("Twice")


def test_unknown_name_names_the_nearest():
    with pytest.raises(
        PluginError, match=r"no method 'AdministrativeBenchmrk'. Did you mean 'AdministrativeBenchmark'"
    ):
        discovery.find_method("AdministrativeBenchmrk")


def test_make_method(registered):
    registered(("Stranger", "Stranger", "theirs"), Stranger=Stranger)
    assert discovery.make_method("Stranger", {"size": 3}).size == 3
    with pytest.raises(PluginError, match=r"no parameter 'sise'. Did you mean 'size'\?"):
        discovery.make_method("Stranger", {"sise": 3})
    with pytest.raises(PluginError, match=r"cannot be built with parameters .*size is negative"):
        discovery.make_method("Stranger", {"size": -1})


class OnlyPlain(BenchmarkMethod):
    """Declares that it supports nothing."""

    capabilities = Capabilities(several_treated=False, masks=False)

    def estimate(self, problem, rng):
        raise NotImplementedError  # never reached: discovery and refusals come before any fit


UNSUPPORTED = {
    "several treated": ({"treated": ["u000", "u001"]}, "Several treated units is not supported for OnlyPlain."),
    "staggered": ({"starts": {"u000": 2016}}, "A staggered start is not supported for OnlyPlain."),
    "mask": ({"masked": [2013]}, "A mask is not supported for OnlyPlain."),
}


@pytest.mark.parametrize("case", UNSUPPORTED)
def test_an_unsupported_combination_is_refused_in_the_agreed_words(null_panel, case):
    changes, words = UNSUPPORTED[case]
    design = ss.Design(treated=["u000"], baseline=[2012, 2013, 2014], performance=[2015, 2016])
    with pytest.raises(NotSupportedError) as raised:
        OnlyPlain().fit(null_panel(12, 6), design.replace(**changes), seed=1)
    assert str(raised.value).startswith(words)
    assert isinstance(raised.value, SsinferError)
    assert len(str(raised.value)) > len(words), "the next step is missing"


def test_a_method_is_a_benchmark_by_structure_alone(growth_benchmark):
    assert isinstance(growth_benchmark(), Benchmark)
    assert isinstance(ss.AdministrativeBenchmark(), Benchmark)
    assert not isinstance(Stranger(), Benchmark)  # no get_params: scikit-learn could not clone it
    assert BenchmarkMethod not in growth_benchmark.__mro__
