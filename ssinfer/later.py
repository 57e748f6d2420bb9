"""What is made when it is first read: labelled data, which take longer than the numbers of many fits, and names."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import lazy_loader as lazy  # type: ignore[import-untyped]


@dataclass(frozen=True, eq=False)
class Later[T]:
    """Data that `make` gives when they are first read. `values` (or a `Later` of them) and `attrs` need no labels."""

    make: Callable[[], T]
    values: Any = None
    attrs: Mapping[str, Any] = field(default_factory=dict)


class LaterField[T]:
    """Field of a dataclass that also takes a `Later`. Without a default the field is required."""

    def __init__(self, *default: T) -> None:
        self.default = default

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: object | None, owner: type | None = None) -> T:
        if instance is None:
            if not self.default:
                raise AttributeError(self.name)  # the dataclass then sees no default
            return self.default[0]
        value = vars(instance)[self.name]
        if isinstance(value, Later):
            value = vars(instance)[self.name] = value.make()
        return value  # type: ignore[no-any-return]

    def __set__(self, instance: object, value: T | Later[T]) -> None:
        vars(instance)[self.name] = value


def made[T](value: T | Later[T]) -> T:
    """Return a value, made now if it is a `Later`."""
    return value.make() if isinstance(value, Later) else value


def lazy_names(package: str, file: str, elsewhere: Mapping[str, str]) -> tuple[Any, Any, list[str]]:
    """Return `__getattr__`, `__dir__` and `__all__` of a package: the names of its stub, and of modules elsewhere."""
    load, _, own = lazy.attach_stub(package, file)
    names = sorted([*own, *elsewhere])

    def find(name: str) -> Any:
        return getattr(import_module(elsewhere[name]), name) if name in elsewhere else load(name)

    return find, lambda: names, names
