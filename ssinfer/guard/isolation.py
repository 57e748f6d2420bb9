"""Isolation: one fit of a method of another package, after which the process is as before."""

from __future__ import annotations

import os
import random
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ssinfer.errors import PluginError, SsinferError

if TYPE_CHECKING:
    from collections.abc import Iterator


def fit_apart(method: Any, data: Any, design: Any, seed: Any) -> tuple[Any, list[str]]:
    """Return the result of a fit and what it changed around itself.

    SsinferError: the method refuses. PluginError: it failed in any other way, leaving the interpreter included.
    """
    with undisturbed() as changed:
        try:
            result = method.fit(data, design, seed=seed)
        except SsinferError:
            raise
        except (Exception, SystemExit) as error:  # noqa: BLE001  (it may fail in any way)
            words = " ".join(str(error).split())[:200]
            raise PluginError(f"{type(method).__name__} failed: {type(error).__name__}: {words}") from None
    return result, changed


@contextmanager
def undisturbed() -> Iterator[list[str]]:
    """Restore global random states, environment, working folder and filters of warnings; yield what was changed."""
    changed: list[str] = []
    before = _surroundings()
    try:
        with warnings.catch_warnings():
            yield changed
    finally:
        after = _surroundings()
        changed += [name for name, value in before.items() if value != after[name]]
        if changed:
            random.setstate(before["random state of Python"])
            np.random.set_state(before["random state of NumPy"])  # noqa: NPY002  (the state that is restored)
            os.environ.clear()
            os.environ.update(before["environment"])
            os.chdir(before["working folder"])
            np.seterr(**before["handling of NumPy's errors"])


def _surroundings() -> dict[str, Any]:
    """Return what a fit may change for others, by name."""
    name, keys, *rest = np.random.get_state()  # noqa: NPY002  (the state that is watched)
    return {
        "random state of Python": random.getstate(),
        "random state of NumPy": (name, tuple(keys.tolist()), *rest),
        "environment": dict(os.environ),
        "working folder": Path.cwd(),
        "handling of NumPy's errors": np.geterr(),
    }
