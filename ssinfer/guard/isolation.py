"""Isolation: one fit of a method of another package, after which the process is as before."""

import os
import pickle
import random
import warnings
from typing import Any

import numpy as np

from ssinfer.errors import PluginError, SsinferError


def _set_environment(held: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(held)


SURROUNDINGS: dict[str, tuple[Any, Any]] = {  # what a fit may change for others: how it is read and put right
    "random state of Python": (random.getstate, random.setstate),
    "random state of NumPy": (
        lambda: pickle.dumps(np.random.get_state()),  # noqa: NPY002
        lambda held: np.random.set_state(pickle.loads(held)),  # noqa: NPY002, S301
    ),
    "handling of NumPy's errors": (np.geterr, lambda held: np.seterr(**held)),
    "environment": (os.environ.copy, _set_environment),
    "working folder": (os.getcwd, os.chdir),
}


def failure(name: str, error: BaseException) -> PluginError:
    """Return the error that tells how the method `name` failed in an unforeseen way."""
    return PluginError(f"{name} failed: {type(error).__name__}: {' '.join(str(error).split())[:200]}")


def fit_apart(method: Any, data: Any, design: Any, seed: Any) -> tuple[Any, list[str]]:
    """Return a fit's result, or raise its SsinferError; and the names of what it changed around itself, put right."""
    before = {name: read() for name, (read, _) in SURROUNDINGS.items()}
    with warnings.catch_warnings():
        try:
            result = method.fit(data, design, seed=seed)
        except SsinferError:
            raise
        except (Exception, SystemExit) as error:  # noqa: BLE001  (it may fail in any way)
            raise failure(type(method).__name__, error) from None
        finally:
            changed = [name for name, (read, _) in SURROUNDINGS.items() if read() != before[name]]
            for name in changed:
                SURROUNDINGS[name][1](before[name])
    return result, changed
