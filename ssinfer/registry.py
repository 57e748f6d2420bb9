"""Registry: finds all declared objects of one kind, such as threshold kinds, figures or data sources."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from ssinfer.errors import PluginError, did_you_mean


@dataclass(frozen=True)
class Registry:
    """The objects of one kind, which modules of `package` and entry points declare, each with `name` and `order`."""

    kind: str  # in words, for messages
    package: str  # dotted name of the package that holds the built-in objects
    attribute: str  # name of the module attribute that holds an object, or a tuple of them
    group: str  # entry points of other distributions

    def entries(self) -> tuple[Any, ...]:
        """Return all objects, by `order` and then by name."""
        return tuple(_scan(self)[0].values())

    def names(self) -> tuple[str, ...]:
        """Return the names of all objects, in their order."""
        return tuple(_scan(self)[0])

    def find(self, name: str) -> Any:
        """Return the object with a name; PluginError if it is unknown (with the nearest), or if it cannot be loaded."""
        usable, broken = _scan(self)
        if name in usable:
            return usable[name]
        if name in broken:
            raise PluginError(f"The {self.kind} {name!r} cannot be loaded: {broken[name]}")
        raise PluginError(f"There is no {self.kind} {name!r}. {did_you_mean(name, usable)}")

    def broken(self) -> dict[str, str]:
        """Return the reason for each entry point that cannot be used."""
        return dict(_scan(self)[1])


@cache
def _scan(registry: Registry) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the objects by name, in their order, and the reason for each entry point that cannot be used."""
    import importlib  # noqa: PLC0415  (slow, and needed only where a registry is read)
    import pkgutil  # noqa: PLC0415
    from importlib.metadata import entry_points  # noqa: PLC0415

    package = importlib.import_module(registry.package)
    names = [f"{registry.package}.{module.name}" for module in pkgutil.iter_modules(package.__path__)]
    modules = [importlib.import_module(name) for name in names]
    declared: list[Any] = [getattr(module, registry.attribute, ()) for module in modules]
    usable = {entry.name: entry for part in declared for entry in ((part,) if hasattr(part, "name") else part)}
    broken: dict[str, str] = {}
    for point in entry_points(group=registry.group):
        try:
            entry = point.load()
        except (Exception, SystemExit) as error:  # noqa: BLE001  (a module of another package may fail in any way)
            broken[point.name] = f"{type(error).__name__}: {' '.join(str(error).split())}"
            continue
        if not hasattr(entry, "name") or not hasattr(entry, "order"):
            broken[point.name] = f"its entry point is a {type(entry).__name__} without name and order"
        elif entry.name in usable:
            broken[point.name] = f"the name {entry.name!r} is registered more than once; rename it"
        else:
            usable[entry.name] = entry
    return dict(sorted(usable.items(), key=lambda item: (item[1].order, item[0]))), broken
