"""Old names of constructor arguments: they work in this version, with one warning that gives the new call."""

import functools
import inspect
import warnings
from collections.abc import Callable, Mapping
from typing import Any

from ssinfer.arguments import COUNT, check_arguments
from ssinfer.errors import ParameterError


def current_names(cls: Any, given: Mapping[str, Any], others: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments given to a class under their current names, with a warning for each old name.

    Where `others`, the arguments that keep their values, have chains, the old `draws` counted the draws of each chain.
    """
    named, owner = dict(given), cls.__name__
    for old, new in cls.renamed.items():
        if old not in named:
            continue
        if new in named:
            raise ParameterError(f"{owner}: {old!r} is the old name of {new!r}. Give one of them.")
        value, meaning = named.pop(old), ""
        if old == "draws" and "chains" in others:
            value = check_arguments(owner, {old: COUNT}, {old: value})[old] * {**others, **named}["chains"]
            meaning = ", the number of draws of all chains together"
        named[new] = value
        warnings.warn(
            f"{owner}: argument {old!r} is now called {new!r}{meaning}. Write {new}={value!r}.",
            FutureWarning,
            stacklevel=3,  # the caller of the function that calls this one
        )
    return named


def renamed_parameters[T: type](**renamed: str) -> Callable[[T], T]:
    """Return a class decorator: the constructor still accepts old names (old=new), which its attribute lists."""

    def decorate(cls: T) -> T:
        construct: Any = vars(cls)["__init__"]
        defaults = {name: parameter.default for name, parameter in inspect.signature(construct).parameters.items()}

        @functools.wraps(construct)
        def accept(self: Any, *args: Any, **kwargs: Any) -> None:
            construct(self, *args, **current_names(cls, kwargs, defaults))

        cls.__init__ = accept  # type: ignore[misc]
        cls.renamed = renamed  # type: ignore[attr-defined]
        return cls

    return decorate
