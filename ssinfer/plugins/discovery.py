"""Discovery: finds benchmark methods by entry point, those of this package and of others alike."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from ssinfer.errors import PluginError, did_you_mean
from ssinfer.guard.method import guarded
from ssinfer.protocol import Capabilities

GROUP = "ssinfer.benchmarks"
CAPABILITIES = tuple(field.name for field in fields(Capabilities))


@dataclass(frozen=True)
class Provider:
    """A benchmark method found by its entry point."""

    name: str  # of the entry point; studies and the command line use it
    package: str  # the distribution that registers the method
    version: str
    method: Any  # the class; None if it cannot be used
    reason: str = ""  # why it cannot be used

    @property
    def needs(self) -> str:
        """The data that the method needs: "panel" or "cohort"."""
        return str(getattr(self.method, "needs", ""))

    @property
    def capabilities(self) -> dict[str, bool | None]:
        """Whether each capability is supported; None if the method does not declare it."""
        declared = getattr(self.method, "capabilities", None)
        return {name: getattr(declared, name, None) for name in CAPABILITIES}


@cache
def providers() -> tuple[Provider, ...]:
    """Return every registered provider, sorted by name; one that cannot be used has a reason in place of a method."""
    loaded = [_load(point) for point in entry_points(group=GROUP)]
    names = [provider.name for provider in loaded]
    for index, provider in enumerate(loaded):
        if names.count(provider.name) > 1 and provider.package != "ssinfer":
            reason = f"the name {provider.name!r} is registered more than once; rename the entry point"
            loaded[index] = Provider(provider.name, provider.package, provider.version, None, reason)
    return tuple(sorted(loaded, key=lambda provider: (provider.name, provider.package)))


def find_method(name: str) -> Any:
    """Return the class of a provider; PluginError if its name is unknown (with the nearest) or it cannot be used."""
    named = [provider for provider in providers() if provider.name == name]
    for provider in named:
        if not provider.reason:
            return provider.method
    if named:
        raise PluginError(f"Method {name!r} of {named[0].package} {named[0].version} cannot be used: {named[0].reason}")
    names = [provider.name for provider in providers()]
    raise PluginError(f"There is no method {name!r}. {did_you_mean(name, names)} `ssinfer methods` lists all.")


def make_method(
    name: str, parameters: Mapping[str, Any] | None = None, *, time_limit: float | None = None, defaults: str = ""
) -> Any:
    """Return a method by the name of its entry point, built from plain values such as TOML or JSON give.

    The class attribute ``member_parameters`` names the parameters that list the members of a method that combines
    others: each is the name of a method, or a table with `method` and `parameters`. With `time_limit` (seconds per
    fit), a method of another package is guarded, in its own process. `defaults` is the class attribute with the values
    of parameters that are not given, members' too. PluginError: unknown name or parameter, refusal.

    >>> stacked = {"methods": ["SyntheticControl", {"method": "SyntheticDiD", "parameters": {}}]}
    >>> make_method("StackedBenchmark", stacked)
    StackedBenchmark(methods=[SyntheticControl(), SyntheticDiD()])
    """
    method = find_method(name)
    values = {**getattr(method, defaults, {}), **(parameters or {})}
    signature = inspect.signature(method).parameters
    open_ended = any(parameter.kind is parameter.VAR_KEYWORD for parameter in signature.values())
    for key in values:
        if key not in signature and key not in getattr(method, "renamed", ()) and not open_ended:
            raise PluginError(f"Method {name!r} has no parameter {key!r}. {did_you_mean(key, signature)}")
    for key in getattr(method, "member_parameters", ()):
        if isinstance(values.get(key), list | tuple):
            given: Any = {"time_limit": time_limit, "defaults": defaults}
            values[key] = [_member(name, key, member, given) for member in values[key]]
    try:
        built = method(**values)
    except (Exception, SystemExit) as error:
        reason = error if isinstance(error, (TypeError, ValueError)) else f"{type(error).__name__}: {error}"
        raise PluginError(f"Method {name!r} cannot be built with parameters {values}: {reason}") from error
    return built if time_limit is None else guarded(built, time_limit)


def _member(name: str, key: str, member: Any, given: dict[str, Any]) -> Any:
    """Return a member of a method that combines others; one that is built already stays as it is."""
    if isinstance(member, str):
        return make_method(member, **given)
    if not isinstance(member, dict):
        return member
    unknown = [part for part in member if part not in ("method", "parameters")]
    if unknown or "method" not in member:
        raise PluginError(
            f"Method {name!r}: {key} has a member with keys {list(member)}. Write the name of a method, or "
            '{ method = "SyntheticControl", parameters = { intercept = true } }.'
        )
    return make_method(member["method"], member.get("parameters"), **given)


def _load(point: EntryPoint) -> Provider:
    package = point.dist.name if point.dist is not None else "unknown"
    version = point.dist.version if point.dist is not None else ""
    try:
        method = point.load()
    except (Exception, SystemExit) as error:  # noqa: BLE001  (another package may fail in any way; discovery goes on)
        message = " ".join(str(error).split())  # one line in `ssinfer methods`
        return Provider(point.name, package, version, None, f"{type(error).__name__}: {message}")
    return Provider(point.name, package, version, *_usable(method))


def _usable(method: Any) -> tuple[Any, str]:
    """Return the method and no reason, or None and the reason why it cannot be used."""
    if not inspect.isclass(method):
        return None, f"its entry point is a {type(method).__name__}, not a class"
    if inspect.isabstract(method):
        missing = ", ".join(sorted(getattr(method, "__abstractmethods__", ())))
        return None, f"{method.__name__} is abstract: {missing} not written"
    if not callable(getattr(method, "fit", None)):
        return None, "it has no method fit(data, design, seed=)"
    if getattr(method, "needs", None) not in ("panel", "cohort"):
        return None, "its `needs` must be 'panel' or 'cohort'"
    return method, ""
