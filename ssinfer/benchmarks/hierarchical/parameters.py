"""Parameters of the hierarchical panel model: their priors, and the scales that the baseline data give them."""

from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
from scipy.special import erfinv, ndtr

from ssinfer.typing import Floats

MAX_X = 8.0  # Φ(x) is 1 to rounding error beyond it
MIN_SCALE = 1e-6  # of a prior, relative to spending
FLAT = 100.0  # SD of an almost flat prior, relative to the scale of the data


@dataclass(frozen=True)
class Parameter:
    """A parameter x with a standard normal prior; its value is its own prior's quantile at Φ(x): tails are normal."""

    name: str
    kind: Literal["deviation", "persistence", "factor"]  # half-normal(scale), Beta(2, 2), lognormal with median 1
    scale: float = 1.0  # of a factor: SD of its logarithm

    def natural(self, x: Floats) -> Floats:
        """Return the value of the parameter at x."""
        if self.kind == "factor":
            return np.asarray(np.exp(self.scale * x))
        probability = ndtr(np.minimum(x, MAX_X))
        if self.kind == "deviation":
            return np.asarray(self.scale * np.sqrt(2.0) * erfinv(probability))
        # the quantile of Beta(2, 2), whose distribution function is 3 ρ² - 2 ρ³
        return np.asarray(0.5 - np.sin(np.arcsin(1.0 - 2.0 * probability) / 3.0))


@dataclass(frozen=True)
class Scales:
    """Scales of the priors, measured on baseline cells only; r is the residual after period and unit means."""

    spread: float  # SD(y)
    level: float  # SD of unit means
    residual: float  # SD(r), corrected for the degrees of freedom
    noise: float  # κ at which sampling noise alone gives the median r² n
    slope: float  # SD(r) / SD(t)

    @classmethod
    def of(cls, y: Floats, inverse_size: Floats, time: Floats) -> Self:
        """Return the scales of y (N, B), complete over the baseline periods at `time` (B,)."""
        units, periods = y.shape
        level = y.mean(axis=1)
        residual = y - y.mean(axis=0) - level[:, None] + y.mean()
        freedom = max(1 - 1 / units, 0.25) * max(1 - 1 / periods, 0.25)
        spread = float(np.sqrt((residual**2).mean() / freedom))
        # median of a chi-squared variable with one degree of freedom: 0.4549
        noise = float(np.sqrt(np.median(residual**2 / freedom / inverse_size) / 0.4549))
        smallest = MIN_SCALE / np.sqrt(np.median(inverse_size))
        return cls(
            spread=max(float(y.std()), MIN_SCALE),
            level=max(float(level.std()), MIN_SCALE),
            residual=max(spread, MIN_SCALE),
            noise=max(noise, smallest),
            slope=max(spread / max(float(time.std()), 0.5), MIN_SCALE),
        )
