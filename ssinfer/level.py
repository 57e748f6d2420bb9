"""Levels of confidence or probability, and sides of a threshold."""

from numbers import Real
from typing import Any, Literal, cast, get_args

from ssinfer.errors import ParameterError

Side = Literal["one-sided", "two-sided"]


def check_level(level: Any, name: str = "level") -> float:
    """Return `level` if it is a fraction inside (0, 1); a percentage gets a hint."""
    known = isinstance(level, Real) and not isinstance(level, bool)
    if known and 0 < level < 1:
        return float(level)
    if known and 1 < level < 100:
        raise ParameterError(
            f"{name} is {level:g}, which looks like a percentage. Write it as a fraction: {level / 100:g}."
        )
    raise ParameterError(f"{name} is {level!r}; a fraction strictly between 0 and 1 is needed, such as 0.95.")


def check_side(side: Any) -> Side:
    """Return `side` if it is "one-sided" or "two-sided"."""
    if isinstance(side, str) and side in get_args(Side):
        return cast("Side", side)
    raise ParameterError(
        f"side is {side!r}; allowed: 'one-sided' or 'two-sided'. Choose one: the resulting thresholds differ."
    )


def tail(level: float, side: Side) -> float:
    """Return the quantile of the null error for a threshold: level, or (1 + level) / 2 if two-sided."""
    return level if side == "one-sided" else (1 + level) / 2
