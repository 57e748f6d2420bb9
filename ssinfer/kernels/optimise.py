"""Maximises a log density in a box, and minimises a convex function by Newton steps."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ssinfer.typing import Floats

MAX_STEPS = 200
MIN_STEP_LENGTH = 1e-10

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


def minimise_convex(
    parts: Callable[[Floats], tuple[float, Floats, Floats]], start: Floats, tolerance: float
) -> tuple[Floats, float]:
    """Minimise by damped Newton steps; return the point and the decrement, twice the gain of a further step.

    `parts` gives value, gradient and Hessian at a point. Gains below `tolerance`, or lost in rounding, end the search.
    """
    point, decrement, (value, gradient, hessian) = start, np.inf, parts(start)
    for _ in range(MAX_STEPS):
        if not np.isfinite(hessian).all():
            return point, np.inf
        step, length = np.linalg.lstsq(hessian, gradient, rcond=1e-14)[0], 1.0
        decrement = float(gradient @ step)
        while decrement > tolerance and length > MIN_STEP_LENGTH:
            new = parts(point - length * step)
            if new[0] <= value - 1e-4 * length * decrement + 1e-15 * abs(value):
                point, (value, gradient, hessian) = point - length * step, new
                break
            length /= 2
        else:
            break
    return point, decrement
