"""Reproducibility: seeds, processes, copies, and unchanged inputs."""

import copy
import pickle
from typing import Any

import joblib
import numpy as np
from sklearn.base import clone

from ssinfer.plugins.conformance.trial import SEED, Trial, Verdict, draws_differ

NOT_REPEATABLE = "the same seed gives other draws: see `seed`"


def seed(trial: Trial) -> Verdict:
    """Check that the same seed gives the same draws."""
    gap = trial.repeats
    if gap > 0:
        return False, gap, "the same seed gave other draws"
    other = draws_differ(trial.first, trial.fit(seed=SEED + 1))
    note = "another seed moves them" if other > 0 else "no seed moves them: the draws are deterministic"
    return True, gap, f"the same seed gives the same draws; {note}"


def jobs(trial: Trial) -> Verdict:
    """Check that draws do not depend on the process in which they are made."""
    task = joblib.delayed(trial.method.fit)
    seeds = [SEED, SEED + 1]
    try:
        elsewhere = joblib.Parallel(n_jobs=2)(task(trial.data, trial.design, seed=value) for value in seeds)
    except Exception as error:  # noqa: BLE001  (a method may fail in any way when it is sent to another process)
        return False, np.nan, f"cannot run in another process: {type(error).__name__}: {error}"
    if trial.repeats > 0:
        return None, np.nan, NOT_REPEATABLE
    gap = max(draws_differ(trial.fit(seed=value), other) for value, other in zip(seeds, elsewhere, strict=True))
    return gap == 0, gap, "largest difference between one process and two"


def mutation(trial: Trial) -> Verdict:
    """Check that a fit changes neither data nor design nor parameters."""
    method, data = copy.deepcopy(trial.method), copy.deepcopy(trial.data)
    before, design, parameters = data.fingerprint(), trial.design.fingerprint(), _parameters(method)
    method.fit(data, trial.design, seed=SEED)
    unchanged = {
        "data": data.fingerprint() == before,
        "design": trial.design.fingerprint() == design,
        "parameters": _parameters(method) == parameters,
    }
    changed = [name for name, same in unchanged.items() if not same]
    return not changed, len(changed), f"changed: {changed or 'nothing'}"


def cloning(trial: Trial) -> Verdict:
    """Check that clone, get_params and set_params of scikit-learn work, and that the clone gives the same draws."""
    cloned, parameters = clone(trial.method), trial.method.get_params(deep=False)
    cloned.set_params(**parameters)
    if trial.repeats > 0:
        return None, np.nan, NOT_REPEATABLE
    gap = draws_differ(trial.first, cloned.fit(copy.deepcopy(trial.data), trial.design, seed=SEED))
    return gap == 0, gap, f"{len(parameters)} parameters; the clone gives {'the same' if gap == 0 else 'other'} draws"


def pickling(trial: Trial) -> Verdict:
    """Check that method and counterfactual can be pickled."""
    restored, _ = (pickle.loads(pickle.dumps(part)) for part in (trial.first, trial.method))  # noqa: S301  (our own)
    gap = draws_differ(trial.first, restored)
    return gap == 0, gap, "difference after a round trip"


def _parameters(method: Any) -> str:
    """Return a hash of the constructor's parameters, arrays and nested values included."""
    values = method.get_params(deep=False) if hasattr(method, "get_params") else vars(method)
    try:
        return str(joblib.hash(values))
    except (pickle.PicklingError, TypeError, AttributeError):  # values that cannot be pickled cannot be hashed
        return repr(values)
