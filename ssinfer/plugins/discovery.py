"""Discovery: benchmark providers by entry point, ours and strangers' alike."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, fields
from functools import cache
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from ssinfer.errors import PluginError, did_you_mean
from ssinfer.protocol import Capabilities

if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.metadata import EntryPoint

GROUP = "ssinfer.benchmarks"
CAPABILITIES = tuple(field.name for field in fields(Capabilities))


@dataclass(frozen=True)
class Provider:
    """A benchmark method found by its entry point.

    Attributes
    ----------
    name : str
        Name of the entry point; studies and the command line use it.
    package, version : str
        Distribution that registers it.
    method : type or None
        The class; None if it cannot be loaded.
    reason : str
        Why it cannot be used; empty otherwise.
    """

    name: str
    package: str
    version: str
    method: Any
    reason: str = ""

    @property
    def needs(self) -> str:
        """What the method takes: "panel" or "cohort"."""
        return str(getattr(self.method, "needs", ""))

    @property
    def capabilities(self) -> dict[str, bool | None]:
        """Capability table; None where a stranger's method does not say."""
        declared = getattr(self.method, "capabilities", None)
        return {name: getattr(declared, name, None) for name in CAPABILITIES}


@cache
def providers() -> tuple[Provider, ...]:
    """Return every registered provider, sorted by name; a broken one carries its reason instead of a method."""
    found = [_load(point) for point in entry_points(group=GROUP)]
    names = [provider.name for provider in found]
    for place, provider in enumerate(found):
        if names.count(provider.name) > 1 and provider.package != "ssinfer":
            taken = f"the name {provider.name!r} is registered more than once; rename the entry point"
            found[place] = Provider(provider.name, provider.package, provider.version, None, taken)
    return tuple(sorted(found, key=lambda provider: (provider.name, provider.package)))


def find_method(name: str) -> Any:
    """Return the class of a provider by name.

    Raises
    ------
    PluginError
        The name is unknown (with the nearest), or its provider cannot be loaded (with the reason).
    """
    known = [provider for provider in providers() if provider.name == name]
    usable = [provider for provider in known if not provider.reason]
    if usable:
        return usable[0].method
    if known:
        raise PluginError(f"Method {name!r} of {known[0].package} {known[0].version} cannot be used: {known[0].reason}")
    names = [provider.name for provider in providers()]
    raise PluginError(f"There is no method {name!r}. {did_you_mean(name, names)} `ssinfer methods` lists all.")


def make_method(name: str, parameters: Mapping[str, Any] | None = None) -> Any:
    """Return a method by the name of its entry point, built from plain values such as TOML or JSON give.

    Raises
    ------
    PluginError
        The name or a parameter is unknown (with the nearest), or the method refuses to be built.

    Examples
    --------
    >>> make_method("AdministrativeBenchmark", {"n_draws": 2000})
    AdministrativeBenchmark(n_draws=2000)
    """
    method = find_method(name)
    given = dict(parameters or {})
    signature = inspect.signature(method).parameters
    open_ended = any(one.kind is one.VAR_KEYWORD for one in signature.values())
    old_names = {change.old for change in getattr(method, "renamed", ())}
    for key in given:
        if key not in signature and key not in old_names and not open_ended:
            raise PluginError(f"Method {name!r} has no parameter {key!r}. {did_you_mean(key, signature)}")
    try:
        return method(**given)
    except (TypeError, ValueError) as error:
        raise PluginError(f"Method {name!r} cannot be built with parameters {given}: {error}") from error


def _load(point: EntryPoint) -> Provider:
    package = point.dist.name if point.dist is not None else "unknown"
    version = point.dist.version if point.dist is not None else ""
    try:
        method = point.load()
    except (Exception, SystemExit) as error:  # noqa: BLE001  (a stranger's module may fail in any way; discovery goes on)
        words = " ".join(str(error).split())  # one line in `ssinfer methods`
        return Provider(point.name, package, version, None, f"{type(error).__name__}: {words}")
    return Provider(point.name, package, version, *_usable(method))


def _usable(method: Any) -> tuple[Any, str]:
    """Return the method and no reason, or None and why it cannot be used."""
    if not inspect.isclass(method):
        return None, f"its entry point is a {type(method).__name__}, not a class"
    if inspect.isabstract(method):
        unwritten = ", ".join(sorted(getattr(method, "__abstractmethods__", ())))
        return None, f"{method.__name__} is abstract: {unwritten} not written"
    if not callable(getattr(method, "fit", None)):
        return None, "it has no method fit(data, design, seed=)"
    if getattr(method, "needs", None) not in ("panel", "cohort"):
        return None, "its `needs` must be 'panel' or 'cohort'"
    return method, ""
