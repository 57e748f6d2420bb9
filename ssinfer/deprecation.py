"""Old names of public arguments: they work in this version, with one warning that gives the new call."""

import functools
import inspect
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from ssinfer.arguments import COUNT, check_arguments
from ssinfer.errors import ParameterError


@dataclass(frozen=True)
class Renamed:
    """An argument that has a new name."""

    old: str
    new: str
    per_chain: bool = False  # the old argument counted draws per chain; the new one counts all draws


def current_names(
    renamed: Iterable[Renamed], owner: str, given: Mapping[str, Any], others: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the arguments given to `owner` under their current names, with a warning for each old name."""
    named = dict(given)
    for change in renamed:
        if change.old not in named:
            continue
        if change.new in named:
            raise ParameterError(f"{owner}: {change.old!r} is the old name of {change.new!r}. Give one of them.")
        value, meaning = named.pop(change.old), ""
        if change.per_chain:
            value = check_arguments(owner, {change.old: COUNT}, {change.old: value})[change.old]
            value, meaning = value * {**others, **named}["chains"], ", the number of draws of all chains together"
        named[change.new] = value
        warnings.warn(
            f"{owner}: argument {change.old!r} is now called {change.new!r}{meaning}. Write {change.new}={value!r}.",
            FutureWarning,
            stacklevel=3,  # the caller of the function that calls this one
        )
    return named


def renamed_arguments[F: Callable[..., Any]](*renamed: Renamed, owner: str = "") -> Callable[[F], F]:
    """Return a decorator for a function that still accepts the old names of its arguments."""

    def decorate(function: F) -> F:
        defaults = {name: parameter.default for name, parameter in inspect.signature(function).parameters.items()}

        @functools.wraps(function)
        def accept(*args: Any, **kwargs: Any) -> Any:
            name = owner or function.__name__
            return function(*args, **current_names(renamed, name, kwargs, defaults))

        return cast("F", accept)

    return decorate


def renamed_parameters[T: type](*renamed: Renamed) -> Callable[[T], T]:
    """Return a class decorator: the constructor still accepts old names, which its attribute `renamed` lists."""

    def decorate(cls: T) -> T:
        cls.__init__ = renamed_arguments(*renamed, owner=cls.__name__)(cls.__init__)  # type: ignore[misc]
        cls.renamed = renamed  # type: ignore[attr-defined]
        return cls

    return decorate
