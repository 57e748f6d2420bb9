"""Worker processes, which end with the process that started them."""

import os
import threading
import time
from collections.abc import Callable
from typing import Any

import joblib
from threadpoolctl import threadpool_limits

WATCH = 0.5  # seconds between two looks at the parent


def parallel(n_jobs: int, **options: Any) -> joblib.Parallel:
    """Return a pool of `n_jobs` processes (one: this process) that ends with this process, also when it is killed."""
    return joblib.Parallel(n_jobs=n_jobs, initializer=end_with, initargs=(os.getpid(),), **options)


def end_with(parent: int) -> None:
    """End this process soon after its parent has ended."""
    if os.getpid() != parent:
        threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(WATCH)
    os._exit(1)


def one_thread[**P, R](function: Callable[P, R]) -> Callable[P, R]:
    """Decorate a function whose sums must not depend on how many threads the linear algebra of a machine takes."""
    limited: Callable[P, R] = threadpool_limits.wrap(limits=1)(function)
    return limited
