"""Case studies are scripts beside the package: load one by its path."""

import importlib.util
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "case_studies"


@pytest.fixture(scope="session")
def case_study():
    def load(path):
        file = FOLDER / path
        name = "case_studies_" + path.removesuffix(".py").replace("/", "_")
        if name not in sys.modules:
            spec = importlib.util.spec_from_file_location(name, file)
            sys.modules[name] = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(sys.modules[name])
        return sys.modules[name]

    return load
