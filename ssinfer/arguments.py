"""Arguments: what functions and constructors accept, by declared type and by rule, checked by one decorator."""

import ast
import inspect
import math
import numbers
import re
import sys
from collections.abc import Callable, Collection, Hashable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, wraps
from types import MappingProxyType, UnionType
from typing import Any, Literal, Union, cast, get_args, get_origin

import numpy as np

from ssinfer.errors import ParameterError, SsinferError, did_you_mean, shown
from ssinfer.typing import Floats

type Rule = Number | Choice | Kind | Optional | Several | Either


def _allow[T](value: T, good: object) -> T:
    """Return a value that is allowed; ValueError otherwise, which `check_arguments` turns into a message."""
    if not good:
        raise ValueError
    return value


@dataclass(frozen=True)
class Number:
    """A finite number from `low` to `high`; `open`: without both bounds, or "low" or "high"."""

    low: float = -math.inf
    high: float = math.inf
    whole: bool = False
    open: bool | Literal["low", "high"] = False
    infinite: bool = False  # whether infinity is allowed as well
    missing: bool = False  # whether NaN is

    def __str__(self) -> str:
        kind = "a whole number" if self.whole else "a number"
        low, high = (f"{bound:,.0f}" if 1e4 <= bound < math.inf else f"{bound:g}" for bound in (self.low, self.high))
        if not self.open and -math.inf < self.low and self.high < math.inf:
            return f"{kind} from {low} to {high}"
        above = "more than" if self.open in (True, "low") else "of at least"
        below = "less than" if self.open in (True, "high") else "at most"
        bounds = {f"{above} {low}": self.low > -math.inf, f"{below} {high}": self.high < math.inf}
        return f"{kind} {' and '.join(bound for bound, given in bounds.items() if given)}".strip()

    def read(self, value: Any) -> Any:
        """Return the value, 500.0 as 500 for a whole number; ValueError if it is not allowed."""
        plain = value.item() if getattr(value, "ndim", None) == 0 and hasattr(value, "item") else value
        number = float(_allow(plain, isinstance(plain, numbers.Real) and not isinstance(plain, bool)))
        above = self.low < number if self.open in (True, "low") else self.low <= number
        below = number < self.high if self.open in (True, "high") else number <= self.high
        if not math.isfinite(number):
            return _allow(number, self.missing if math.isnan(number) else self.infinite and (above or number > 0))
        _allow(number, above and below and (number.is_integer() or not self.whole))
        return int(plain) if self.whole else number  # a float does not hold every whole number


@dataclass(frozen=True)
class Choice:
    """One of some values."""

    values: tuple[Any, ...]

    def __str__(self) -> str:
        return " or ".join(repr(value) for value in self.values)

    def read(self, value: Any) -> Any:
        """Return the value; ValueError if it is not among the choices."""
        plain = value.item() if isinstance(value, np.generic) else value
        return _allow(plain, any(type(plain) is type(choice) and plain == choice for choice in self.values))


@dataclass(frozen=True)
class Kind:
    """A value that passes a test, such as an object of a class; `words` describe it."""

    words: str
    test: Callable[[Any], bool]

    def __str__(self) -> str:
        return self.words

    def read(self, value: Any) -> Any:
        """Return the value; ValueError or TypeError if it does not pass."""
        return _allow(value, self.test(value))


FLAG = Choice((True, False))
#: Most draws, replicates or simulated contracts: more need memory, and add no digit.
MOST = 10_000_000
COUNT = Number(1, MOST, whole=True)
SEED = Number(0, whole=True)
POSITIVE = Number(0, open=True)
SHARE = Number(0, 1, open="low")
TEXT = Kind("a text", lambda value: isinstance(value, str))
_NONE = {"None", "NoneType"}
_DECLARED: dict[str, Rule] = {"int": Number(whole=True), "float": Number(), "bool": FLAG, "str": TEXT}
#: Rules by the name of an argument, where its declared type is a number.
_NAMED: dict[str, Rule] = {
    "seed": SEED,
    "n_draws": COUNT,
    "chains": COUNT,
    "n_jobs": Number(-1024, 1024, whole=True),
    "cv": POSITIVE,
    "share": SHARE,
    "saving": Number(-1, 1, open=True),
    "periods_per_year": Number(1, 366, whole=True),
}
#: Classes that are checked, and what a message says of each.
_CLASSES: dict[str, str] = {
    "BacktestResult": "a BacktestResult, as ss.backtest(...) returns",
    "Cohort": "a Cohort",
    "ComparisonRule": "a comparison rule, such as ss.comparison.Within(50)",
    "Contract": "a Contract, such as load_contract('mssp-basic-e')",
    "DataFrame": "a pandas frame, such as rows of result.placebos",
    "Counterfactual": "a Counterfactual, as method.fit(data, design) returns",
    "Design": "a Design, such as ss.Design(treated=['a'], baseline=[2016, 2017], performance=[2018])",
    "DonorWeighting": "a SyntheticControl, an AugmentedSyntheticControl or a SyntheticDiD",
    "Fitter": "a benchmark method, such as ss.SyntheticControl()",
    "Generator": "a random generator, such as numpy.random.default_rng(1)",
    "Label": "a label, such as 2018 or '2018Q1'",
    "Mapping": "a mapping, such as {'name': 1}",
    "Path": "a path",
    "Panel": "a Panel, such as ss.Panel.from_frame(frame)",
    "Scenario": "a Scenario, such as ss.Scenario(insured=20_000)",
    "Threshold": "a Threshold",
}
#: Kinds that are told by what a value can do, not by its class.
_KINDS: dict[str, Callable[[Any], bool]] = {
    "Fitter": lambda value: hasattr(value, "fit_many") and not isinstance(value, type),
    "ComparisonRule": lambda value: callable(getattr(value, "admits", None)),
    "Label": lambda value: isinstance(value, Hashable),
    "Mapping": lambda value: hasattr(value, "items") and getattr(value, "ndim", 1) == 1,  # a Series as well
}


@dataclass(frozen=True)
class Optional:
    """None, or what another rule allows."""

    rule: Rule

    def __str__(self) -> str:
        return f"None or {self.rule}"

    def read(self, value: Any) -> Any:
        """Return the value; ValueError if it is neither None nor allowed."""
        return None if value is None else self.rule.read(value)


def instance_of(name: str) -> Kind:
    """Return the rule of a class, known by its name so that the class need not be imported."""
    by_class = lambda value: name in (part.__name__ for part in type(value).__mro__)  # noqa: E731
    return Kind(_CLASSES[name], _KINDS.get(name, by_class))


def function_of(count: int) -> Kind:
    """Return the rule of a function that can be called with a number of arguments."""

    def callable_so(value: Any) -> bool:
        with suppress(ValueError):  # a function of C may have no signature
            inspect.signature(value).bind(*range(count))  # TypeError: it cannot be called so
        return callable(value)

    return Kind(f"a function of {count} argument{'s' * (count > 1)}", callable_so)


@dataclass(frozen=True)
class Several:
    """A list, array or other collection whose parts follow a rule (None: any); `count` parts, if it is given."""

    rule: Rule | None = None
    count: int | None = None

    def __str__(self) -> str:
        if self.rule is TEXT:
            return "a list of names, such as ['age', 'sex']"
        text = "a list" if self.count is None else f"a list of {self.count}"
        return f"{text}, such as [2015, 2016]" if self.rule is None else f"{text} with {self.rule} each"

    def read(self, value: Any) -> Any:
        """Return the value; ValueError if it is a text, mapping or table, or a part is wrong."""
        parts = _parts(value)
        _allow(parts, self.count in (None, len(parts)))
        if self.rule is TEXT:  # in one go: a panel may have many units
            _allow(parts, all(isinstance(part, str) for part in parts))
        elif self.rule is not None:
            parts = [self.rule.read(part) for part in parts]
        return parts if self.rule is None or isinstance(value, list) else tuple(parts)


def _parts(values: Any) -> Collection[Any]:
    """Return a list, array or other collection; ValueError or TypeError for a text, a mapping or a table."""
    _allow(values, not isinstance(values, (str, bytes, Mapping)) and getattr(values, "ndim", 1) == 1)
    return values if isinstance(values, Collection) else tuple(values)


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


def declared_rule(name: str, annotation: Any, names: Mapping[str, Any] = MappingProxyType({})) -> Rule | None:
    """Return the rule of an argument's declared type, or None; `names` are those of the argument's module."""
    kinds = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    text = isinstance(annotation, str)
    parts = re.split(r" \| (?![^\[]*\])", annotation) if text else [*map(inspect.formatannotation, kinds)]
    numbers_by_name = {kind: _NAMED[name] for kind in ("int", "float") if name in _NAMED}
    rules = [numbers_by_name.get(part) or _rule_of(part, names) for part in parts if part not in _NONE]
    known = tuple(rule for rule in rules if rule is not None)
    if len(known) < max(len(rules), 1):
        return None
    rule = known[0] if len(known) == 1 else Either(known)
    return rule if _NONE.isdisjoint(parts) else Optional(rule)


def _rule_of(written: str, names: Mapping[str, Any]) -> Rule | None:
    """Return the rule of one type: a plain one, Literal, a collection, a function or a class of this package."""
    text = re.sub(r"^([\w]+\.)+", "", written)
    name, _, inside = text.removesuffix("]").partition("[")
    first, *others = inside.split(", ")
    if text in _DECLARED:
        return _DECLARED[text]
    if get_origin(words := names.get(text)) is Literal:
        return Choice(get_args(words))
    if name == "Literal":
        return Choice(ast.literal_eval(f"({inside},)"))
    if name == "Callable":
        return function_of(inside.partition("]")[0].count(",") + 1)
    if name in ("Sequence", "Iterable", "Collection"):
        return Several(_rule_of(inside, names))
    if name == "tuple" and set(others) <= {first, "..."}:
        return Several(_rule_of(first, names) or instance_of("Label"), None if "..." in others else 1 + len(others))
    return instance_of(name) if name in _CLASSES else None


@cache
def declared_rules(function: Callable[..., Any]) -> dict[str, Rule]:
    """Return the rules of a function's or class's arguments by their declared types."""
    names = vars(sys.modules[function.__module__])
    parameters = inspect.signature(function).parameters
    rules = {name: declared_rule(name, parameter.annotation, names) for name, parameter in parameters.items()}
    return {name: rule for name, rule in rules.items() if rule is not None}


def checked[F: Callable[..., Any]](error: type[SsinferError] = ParameterError, /, **rules: Rule) -> Callable[[F], F]:
    """Return a decorator that reads the arguments of each call by declared type, or by narrower `rules`, or refuses."""

    def decorate(target: F) -> F:
        function: Any = vars(target)["__init__"] if isinstance(target, type) else target
        signature = inspect.signature(function)

        @wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            try:
                bound = signature.bind(*args, **kwargs)
            except TypeError as problem:
                unknown = next((name for name in kwargs if name not in signature.parameters), "")
                mistake = f"there is no argument {unknown!r}" if unknown else problem
                advice = f"Give arguments by name. {did_you_mean(unknown, signature.parameters)}"
                raise ParameterError(f"{target.__qualname__}: {mistake}. {advice}") from None
            wanted = (declared_rules(target) | rules).items()
            given = {name: rule for name, rule in wanted if name in bound.arguments}
            read = check_arguments(target.__qualname__, given, bound.arguments, error)
            bound.arguments |= {name: value for name, value in read.items() if not _plain(bound.arguments[name])}
            return function(*bound.args, **bound.kwargs)

        if not isinstance(target, type):
            return cast("F", call)
        target.__init__ = call  # type: ignore[misc]
        return target

    return decorate


def _plain(value: Any) -> bool:
    """Return whether a value is a whole number that arithmetic takes as it is: it stays an int, and prints as given."""
    return type(value) is int and abs(value) < 2**53


def read_fields(instance: Any, **rules: Rule) -> None:
    """Read an object's constructor arguments in place (500.0 as 500), by declared type or by a narrower rule."""
    owner: Any = type(instance)
    for name, value in check_arguments(owner.__name__, declared_rules(owner) | rules, vars(instance)).items():
        object.__setattr__(instance, name, value)


def check_arguments(
    owner: str, rules: Mapping[str, Rule], values: Mapping[str, Any], error: type[SsinferError] = ParameterError
) -> dict[str, Any]:
    """Return the values as the rules read them; an error names `owner` and the first argument that is not allowed."""
    read = {}
    for name, rule in rules.items():
        try:
            read[name] = rule.read(values[name])
        except (ValueError, TypeError, OverflowError):
            hint = ""
            if isinstance(rule, Choice) and isinstance(values[name], str) and rule is not FLAG:
                hint = f" {did_you_mean(values[name], [choice for choice in rule.values if isinstance(choice, str)])}"
            raise error(f"{owner}: {name} is {shown(values[name])}; allowed: {rule}.{hint}") from None
    return read


def float_array(values: Any, name: str, error: type[SsinferError], kinds: str = "biufO") -> Floats:
    """Return a new array of numbers; text, dates and numpy's other kinds than `kinds` are refused."""
    try:
        given = np.asarray(values)
        others = (str, bytes) if "b" in kinds else (str, bytes, bool)
        mixed = given.dtype.kind == "O" and any(isinstance(part, others) for part in given.flat)
        return np.array(_allow(given, given.dtype.kind in kinds and given.size and not mixed), dtype=np.float64)
    except (ValueError, TypeError, OverflowError):
        raise error(f"{name} must be a number or an array of numbers, got {shown(values)}.") from None


def random_generator(owner: str, seed: Any) -> np.random.Generator:
    """Return numpy's generator of None, a whole number, a SeedSequence or a generator; other seeds are refused."""
    if not isinstance(seed, (np.random.SeedSequence, np.random.Generator, np.random.BitGenerator, type(None))):
        seed = check_arguments(owner, {"seed": SEED}, {"seed": seed})["seed"]
    return np.random.default_rng(seed)
