"""Checks of contract terms. Each error names the term, the value received and the allowed values."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import TYPE_CHECKING, Any, get_args

from ssinfer.errors import ContractError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def build[T](kind: type[T], given: Any, where: str) -> T:
    """Return `kind` built from a mapping, refusing unknown keys with the nearest allowed one."""
    if isinstance(given, kind):
        return given
    if not hasattr(given, "keys"):
        raise ContractError(f"{where} must be a table of terms, got {given!r}.")
    known_terms(given, [f.name for f in fields(kind)], where)  # type: ignore[arg-type]
    return kind(**{key: tuple(value) if isinstance(value, list) else value for key, value in given.items()})


def known_terms(given: Iterable[Any], allowed: Sequence[str], where: str) -> None:
    """Refuse terms that are not allowed, naming the nearest allowed one."""
    for key in given:
        if key not in allowed:
            raise ContractError(f"{where} has no term {key!r}. {did_you_mean(key, allowed)}")


def fraction(value: Any, what: str) -> float:
    """Return a fraction from 0 to 1, or refuse it; a percentage gets a hint."""
    number = money(value, what)
    if not 0 <= number <= 1:
        hint = f" {number:g} looks like a percentage: write {number / 100:g}." if 1 < number <= 100 else ""
        raise ContractError(f"{what} must be a fraction from 0 to 1, got {value!r}.{hint}")
    return number


def fractions(terms: Any, table: str, *of: str) -> None:
    """Refuse the named terms of a table that are neither None nor fractions from 0 to 1."""
    for name in of:
        if getattr(terms, name) is not None:
            fraction(getattr(terms, name), f"{table}.{name}")


def money(value: Any, what: str) -> float:
    """Return a finite number, or refuse the value."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ContractError(f"{what} must be a finite number, got {value!r}.")
    return float(value)


def whole(value: Any, must: str, *, least: int = 0, most: int = 10**9) -> None:
    """Refuse a value that is not a whole number from `least` to `most`."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ContractError(f"{must}, got {value!r}.")


def label(value: Any, what: str) -> None:
    """Refuse a value that is not a name."""
    if not isinstance(value, str) or not value:
        raise ContractError(f"{what} must be a name, got {value!r}.")


def mapping(value: Any, what: str) -> Any:
    """Return a table of terms, or refuse the value."""
    if not hasattr(value, "keys"):
        raise ContractError(f"{what} must be a table, got {value!r}.")
    return value


def names(value: Any, what: str) -> tuple[str, ...]:
    """Return a list of texts as a tuple, or refuse the value; a single text is not a list."""
    if isinstance(value, str) or not all(isinstance(name, str) and name for name in value):
        raise ContractError(f"{what} must be a list of names, got {value!r}.")
    return tuple(value)


def choice(value: Any, kind: Any, what: str) -> None:
    """Refuse a value that is not one of the literals of `kind`, naming the nearest."""
    if value not in get_args(kind):
        raise ContractError(f"{what} cannot be {value!r}. {did_you_mean(value, get_args(kind))}")
