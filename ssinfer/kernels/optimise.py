"""Maximises a log density in a box."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ssinfer.typing import Floats

type Gradient = Callable[[Floats], tuple[float, Floats]]


def maximise(
    density: Callable[[Floats], float],
    start: Floats,
    bound: float,
    gradient: Gradient | None = None,
    tolerance: float = 1e-9,  # least gain of a step, as a share of the log density
) -> Floats:
    """Return the point in the box [-bound, bound] at which a log density is largest, by its gradient if given."""
    from scipy.optimize import minimize  # noqa: PLC0415  (slow to import, and seldom needed)

    def negative(x: Floats) -> Any:
        if gradient is None:
            value = density(x)
            return -value if np.isfinite(value) else 1e10
        value, slope = gradient(x)
        return (-value, -slope) if np.isfinite(value) else (1e10, np.zeros(len(x)))

    settings: dict[str, Any] = {"method": "L-BFGS-B", "options": {"maxiter": 200, "ftol": tolerance}}
    settings |= {"jac": gradient is not None or None, "bounds": [(-bound, bound)] * len(start)}
    optimum: Any = minimize(negative, start, **settings)
    return np.asarray(np.clip(optimum.x, -bound, bound), dtype=np.float64)
