"""The stranger's method of docs/providers.md, from the plug-in package of the suite."""

import importlib.util
import sys
from pathlib import Path

import cloudpickle
import pytest


@pytest.fixture(scope="session")
def growth_benchmark():
    """The class GrowthBenchmark of tests/plugin, without installing it; worker processes get it by value."""
    path = Path(__file__).parents[1] / "plugin" / "growth_benchmark.py"
    spec = importlib.util.spec_from_file_location("growth_benchmark", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["growth_benchmark"] = module
    spec.loader.exec_module(module)
    cloudpickle.register_pickle_by_value(module)
    return module.GrowthBenchmark
