"""Arguments: what a constructor accepts, declared once and checked by one function."""

from __future__ import annotations

import math
import numbers
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ssinfer.errors import ParameterError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Number:
    """A finite number from `low` to `high`; `whole` asks for a whole number, `open` leaves the bounds out."""

    low: float = -math.inf
    high: float = math.inf
    whole: bool = False
    open: bool = False

    def __str__(self) -> str:
        kind = "a whole number" if self.whole else "a number"
        low, high = (f"{bound:g}" for bound in (self.low, self.high))
        if self.open:
            parts = [
                f"more than {low}" if self.low > -math.inf else "",
                f"less than {high}" if self.high < math.inf else "",
            ]
            return " ".join([kind, " and ".join(part for part in parts if part)]).strip()
        if self.high < math.inf:
            return f"{kind} from {low} to {high}"
        return f"{kind} of at least {low}" if self.low > -math.inf else kind

    def read(self, value: Any) -> Any:
        """Return the value, 500.0 as 500 for a whole number; ValueError if it is not allowed."""
        if isinstance(value, bool) or not isinstance(value, numbers.Real) or not math.isfinite(value):
            raise ValueError
        number = float(value)
        inside = self.low < number < self.high if self.open else self.low <= number <= self.high
        if not inside or (self.whole and not number.is_integer()):
            raise ValueError
        return int(number) if self.whole else number


@dataclass(frozen=True)
class Choice:
    """One of some values."""

    values: tuple[Any, ...]

    def __str__(self) -> str:
        return " or ".join(repr(value) for value in self.values)

    def read(self, value: Any) -> Any:
        """Return the value; ValueError if it is not among the choices."""
        if not any(value is choice or (type(value) is type(choice) and value == choice) for choice in self.values):
            raise ValueError
        return value


FLAG = Choice((True, False))
COUNT = Number(1, whole=True)


@dataclass(frozen=True)
class Optional:
    """None, or what another rule allows."""

    rule: Number | Choice

    def __str__(self) -> str:
        return f"None or {self.rule}"

    def read(self, value: Any) -> Any:
        """Return the value; ValueError if it is neither None nor allowed."""
        return None if value is None else self.rule.read(value)


type Rule = Number | Choice | Optional


def check_arguments(owner: str, rules: Mapping[str, Rule], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values as the rules read them; ParameterError gives the first argument that its rule does not allow.

    `owner` is the class or function, for the message. Arguments without a rule are not checked.
    """
    read = {}
    for name, rule in rules.items():
        try:
            read[name] = rule.read(values[name])
        except (ValueError, TypeError):
            hint = ""
            if isinstance(rule, Choice) and isinstance(values[name], str):
                hint = f" {did_you_mean(values[name], [choice for choice in rule.values if isinstance(choice, str)])}"
            raise ParameterError(f"{owner}: {name} is {values[name]!r}; allowed: {rule}.{hint}") from None
    return read
