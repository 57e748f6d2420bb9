"""Arguments: what a constructor accepts, by declared type and by rule, checked by one function."""

import ast
import inspect
import math
import numbers
import re
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, wraps
from types import MappingProxyType
from typing import Any

import numpy as np

from ssinfer.errors import ParameterError, did_you_mean


@dataclass(frozen=True)
class Number:
    """A finite number from `low` to `high` (or infinity); `whole`: a whole number, `open`: without the bounds."""

    low: float = -math.inf
    high: float = math.inf
    whole: bool = False
    open: bool = False
    infinite: bool = False

    def __str__(self) -> str:
        kind = "a whole number" if self.whole else "a number"
        low, high = (f"{bound:g}" for bound in (self.low, self.high))
        if self.open:
            bounds = {f"more than {low}": self.low > -math.inf, f"less than {high}": self.high < math.inf}
            return f"{kind} {' and '.join(bound for bound, given in bounds.items() if given)}".strip()
        if self.high < math.inf:
            return f"{kind} from {low} to {high}"
        return f"{kind} of at least {low}" if self.low > -math.inf else kind

    def read(self, value: Any) -> Any:
        """Return the value, 500.0 as 500 for a whole number; ValueError if it is not allowed."""
        number = math.nan if isinstance(value, bool) or not isinstance(value, numbers.Real) else float(value)
        inside = self.low < number < self.high if self.open else self.low <= number <= self.high
        known = self.infinite or math.isfinite(number)
        if not known or not (inside or number == math.inf) or (self.whole and not number.is_integer()):
            raise ValueError
        return int(value) if self.whole else number  # a float does not hold every whole number


@dataclass(frozen=True)
class Choice:
    """One of some values."""

    values: tuple[Any, ...]

    def __str__(self) -> str:
        return " or ".join(repr(value) for value in self.values)

    def read(self, value: Any) -> Any:
        """Return the value; ValueError if it is not among the choices."""
        plain = value.item() if isinstance(value, np.generic) else value
        if not any(type(plain) is type(choice) and plain == choice for choice in self.values):
            raise ValueError
        return plain


@dataclass(frozen=True)
class Text:
    """A text, or a list of texts."""

    several: bool = False

    def __str__(self) -> str:
        return "a list of names, such as ['age', 'sex']" if self.several else "a text"

    def read(self, value: Any) -> Any:
        """Return the value; ValueError if it is something else, such as one text in place of a list."""
        parts = tuple(value)
        if self.several is isinstance(value, str) or not all(isinstance(part, str) for part in parts):
            raise ValueError
        return value if isinstance(value, (str, list)) else parts


type Rule = Number | Choice | Text | Optional | Instance | Several | Either

FLAG = Choice((True, False))
COUNT = Number(1, whole=True)
SEED = Number(0, whole=True)
_WORDS: dict[str, Rule] = {"bool": FLAG, "str": Text(), "Sequence[str]": Text(several=True)}
_DECLARED: Mapping[str, Rule] = MappingProxyType({"int": Number(whole=True), "float": Number(), "seed": SEED, **_WORDS})


_CLASSES = frozenset(
    {"BacktestResult", "Cohort", "Contract", "Counterfactual", "Design", "Panel", "Scenario"} | {"Threshold"}
)


@dataclass(frozen=True)
class Optional:
    """None, or what another rule allows."""

    rule: Rule

    def __str__(self) -> str:
        return f"None or {self.rule}"

    def read(self, value: Any) -> Any:
        """Return the value; ValueError if it is neither None nor allowed."""
        return None if value is None else self.rule.read(value)


@dataclass(frozen=True)
class Instance:
    """An object of a class, known by its name so that the class need not be imported."""

    name: str

    def __str__(self) -> str:
        return f"a {self.name}"

    def read(self, value: Any) -> Any:
        """Return the value; ValueError if it is of another class."""
        if self.name not in (part.__name__ for part in type(value).__mro__):
            raise ValueError
        return value


@dataclass(frozen=True)
class Several:
    """A list, array or other collection whose parts follow a rule (None: any)."""

    rule: Rule | None

    def __str__(self) -> str:
        return "a list" if self.rule is None else f"a list with {self.rule} each"

    def read(self, value: Any) -> Any:
        """Return the value; ValueError if it is a text or mapping, has more than one dimension, or a part is wrong."""
        if isinstance(value, (str, bytes, dict)) or getattr(value, "ndim", 1) != 1:
            raise ValueError
        parts = value if isinstance(value, Collection) else tuple(value)
        return parts if self.rule is None else tuple(self.rule.read(part) for part in parts)


@dataclass(frozen=True)
class Either:
    """What one of several rules allows."""

    rules: tuple[Rule, ...]

    def __str__(self) -> str:
        return " or ".join(map(str, self.rules))

    def read(self, value: Any) -> Any:
        """Return the value as the first rule that allows it reads it; ValueError if none does."""
        for rule in self.rules:
            with suppress(ValueError, TypeError, OverflowError):
                return rule.read(value)
        raise ValueError


def declared_rule(name: str, annotation: Any) -> Rule | None:
    """Return the rule of an argument's declared type; None if one of its parts is not declared to be checked."""
    written = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    parts = re.split(r" \| (?![^\[]*\])", written)
    rules = [_rule_of("seed" if name == "seed" and part == "int" else part) for part in parts if part != "None"]
    known = tuple(rule for rule in rules if rule is not None)
    if len(known) < max(len(rules), 1):
        return None
    rule = known[0] if len(known) == 1 else Either(known)
    return Optional(rule) if "None" in parts else rule


def _rule_of(written: str) -> Rule | None:
    """Return the rule of one type: a plain one, Literal, a collection, a function or a class of this package."""
    text = re.sub(r"^([\w]+\.)+", "", written)
    if text in _DECLARED:
        return _DECLARED[text]
    name, _, inside = text.removesuffix("]").partition("[")
    if name == "Literal":
        return Choice(ast.literal_eval(f"({inside},)"))
    if name in ("Sequence", "Iterable", "Collection"):
        return Several(_rule_of(inside))
    return Instance(name) if name in _CLASSES else None


def checked[**P, R](function: Callable[P, R]) -> Callable[P, R]:
    """Check the arguments of a function at each call, by declared type."""
    signature = inspect.signature(function)

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        bound = signature.bind(*args, **kwargs)
        rules = {name: rule for name, rule in declared_rules(function).items() if name in bound.arguments}
        bound.arguments |= check_arguments(function.__name__, rules, bound.arguments)
        return function(*bound.args, **bound.kwargs)

    return call


@cache
def declared_rules(function: Callable[..., Any]) -> dict[str, Rule]:
    """Return the rules of a function's or class's arguments by their declared types."""
    parameters = inspect.signature(function).parameters
    rules = {name: declared_rule(name, parameter.annotation) for name, parameter in parameters.items()}
    return {name: rule for name, rule in rules.items() if rule is not None}


def read_fields(instance: Any, **rules: Rule) -> None:
    """Read an object's constructor arguments in place (500.0 as 500), by declared type or by a narrower rule."""
    owner: Any = type(instance)
    for name, value in check_arguments(owner.__name__, declared_rules(owner) | rules, vars(instance)).items():
        object.__setattr__(instance, name, value)


def check_arguments(owner: str, rules: Mapping[str, Rule], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values as the rules read them; ParameterError gives the first argument that its rule does not allow.

    `owner` is the class or function, for the message. Arguments without a rule are not checked.
    """
    read = {}
    for name, rule in rules.items():
        try:
            read[name] = rule.read(values[name])
        except (ValueError, TypeError, OverflowError):
            hint = ""
            if isinstance(rule, Choice) and isinstance(values[name], str) and rule is not FLAG:
                hint = f" {did_you_mean(values[name], [choice for choice in rule.values if isinstance(choice, str)])}"
            raise ParameterError(f"{owner}: {name} is {values[name]!r}; allowed: {rule}.{hint}") from None
    return read


def named_arguments[**P, R](function: Callable[P, R]) -> Callable[P, R]:
    """Decorate a function: a call whose arguments are missing, unknown or without their names is a ParameterError."""

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except TypeError:
            signature = inspect.signature(function)
            try:
                signature.bind(*args, **kwargs)
            except TypeError as problem:
                unknown = next((name for name in kwargs if name not in signature.parameters), "")
                mistake = f"there is no argument {unknown!r}" if unknown else problem
                advice = f"Give arguments by name. {did_you_mean(unknown, signature.parameters)}"
                raise ParameterError(f"{function.__name__}: {mistake}. {advice}") from None
            raise

    return call


def random_generator(owner: str, seed: Any) -> np.random.Generator:
    """Return numpy's generator of None, a whole number, a SeedSequence or a generator; other seeds are refused."""
    if not isinstance(seed, (np.random.SeedSequence, np.random.Generator, np.random.BitGenerator, type(None))):
        seed = check_arguments(owner, {"seed": SEED}, {"seed": seed})["seed"]
    return np.random.default_rng(seed)
