"""Axis: round ticks and positions of a picture that the first page draws itself."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

MAX_TICKS = 7
MARGIN = 0.06  # of the axis, on either side of what it shows


@dataclass(frozen=True)
class Axis:
    """The axis of the picture: ticks, and positions in per cent of its width."""

    low: float
    high: float
    ticks: tuple[float, ...]

    def at(self, value: float) -> float:
        """Return the position of a value, in per cent."""
        return round(100 * (min(max(value, self.low), self.high) - self.low) / (self.high - self.low), 2)


def axis_of(values: Sequence[float]) -> Axis:
    """Return an axis that shows zero and all values, with at most seven round ticks."""
    low, high = min(0.0, *values), max(0.0, *values)
    margin = MARGIN * (high - low)
    step = next(
        step * 10.0**power
        for power in range(-3, 3)
        for step in (1, 2, 5)
        if (high - low) / (step * 10.0**power) <= MAX_TICKS
    )
    ticks = np.arange(math.ceil((low - margin) / step), math.floor((high + margin) / step) + 1) * step
    return Axis(low - margin, high + margin, tuple(ticks.tolist()))
