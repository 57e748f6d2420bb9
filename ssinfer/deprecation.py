"""Old names of public arguments: they work in this version, with one warning that gives the new call."""

from __future__ import annotations

import functools
import inspect
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from ssinfer.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


@dataclass(frozen=True)
class Renamed:
    """An argument that has a new name."""

    old: str
    new: str
    per_chain: bool = False  # the old argument counted draws per chain; the new one counts all draws

    def value(self, given: Any, arguments: Mapping[str, Any]) -> Any:
        """Return the new argument's value for the old argument's value."""
        return given * arguments["chains"] if self.per_chain else given

    def warn(self, owner: str, value: Any, stacklevel: int) -> None:
        """Warn that the old name is deprecated, and give the new call."""
        meaning = ", the number of draws of all chains together" if self.per_chain else ""
        warnings.warn(
            f"{owner}: argument {self.old!r} is now called {self.new!r}{meaning}. Write {self.new}={value!r}.",
            FutureWarning,
            stacklevel=stacklevel,
        )


def current_names(
    renamed: Iterable[Renamed], owner: str, given: Mapping[str, Any], others: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the arguments of `owner` under their current names, with a warning for each old name.

    `given` are the arguments as the caller names them. `others` are values of the arguments that are not given.
    The old and the new name together are refused by a ParameterError.
    """
    named = dict(given)
    for change in renamed:
        if change.old not in named:
            continue
        if change.new in named:
            raise ParameterError(f"{owner}: {change.old!r} is the old name of {change.new!r}. Give one of them.")
        named[change.new] = change.value(named.pop(change.old), {**others, **named})
        change.warn(owner, named[change.new], stacklevel=4)  # the caller of the function that calls this one
    return named


def renamed_arguments[F: Callable[..., Any]](*renamed: Renamed, owner: str = "") -> Callable[[F], F]:
    """Return a decorator for a function that still accepts the old names of its arguments."""

    def decorate(function: F) -> F:
        defaults = {
            name: parameter.default
            for name, parameter in inspect.signature(function).parameters.items()
            if parameter.default is not parameter.empty
        }

        @functools.wraps(function)
        def accept(*args: Any, **kwargs: Any) -> Any:
            name = owner or function.__name__
            return function(*args, **current_names(renamed, name, kwargs, defaults))

        return cast("F", accept)

    return decorate


def renamed_parameters[T: type](*renamed: Renamed) -> Callable[[T], T]:
    """Return a class decorator: the constructor still accepts the old names of its parameters.

    The class attribute `renamed` lists the changes, for readers of study files.
    """

    def decorate(cls: T) -> T:
        constructor = renamed_arguments(*renamed, owner=cls.__name__)(cls.__init__)  # type: ignore[misc]
        cls.__init__ = constructor  # type: ignore[misc]
        cls.renamed = renamed  # type: ignore[attr-defined]
        return cls

    return decorate
