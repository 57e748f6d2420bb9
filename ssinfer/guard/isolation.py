"""Isolation: one fit of a method of another package, after which the process is as before."""

from __future__ import annotations

import os
import random
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from ssinfer.errors import PluginError, SsinferError


def failure(method: Any, error: BaseException) -> PluginError:
    """Return the error that tells how a method failed in an unforeseen way."""
    words = " ".join(str(error).split())[:200]
    return PluginError(f"{type(method).__name__} failed: {type(error).__name__}: {words}")


def fit_apart(method: Any, data: Any, design: Any, seed: Any) -> tuple[Any, list[str]]:
    """Return the result of a fit, and the names of what it changed around itself, which is put right again.

    SsinferError: the method refuses. PluginError: it failed in any other way, leaving the interpreter included.
    """
    before = _surroundings()
    with warnings.catch_warnings():
        try:
            result = method.fit(data, design, seed=seed)
        except SsinferError:
            raise
        except (Exception, SystemExit) as error:  # noqa: BLE001  (it may fail in any way)
            raise failure(method, error) from None
        finally:
            changed = [name for name, state in _surroundings().items() if state != before[name]]
            random.setstate(before["random state of Python"])
            np.random.set_state(before["random state of NumPy"])  # noqa: NPY002
            np.seterr(**before["handling of NumPy's errors"])
            os.environ.clear()
            os.environ.update(before["environment"])
            os.chdir(before["working folder"])
    return result, changed


def _surroundings() -> dict[str, Any]:
    """Return what a fit may change for others, by name."""
    name, keys, *rest = np.random.get_state()  # noqa: NPY002
    return {
        "random state of Python": random.getstate(),
        "random state of NumPy": (name, tuple(keys.tolist()), *rest),
        "handling of NumPy's errors": np.geterr(),
        "environment": dict(os.environ),
        "working folder": Path.cwd(),
    }
