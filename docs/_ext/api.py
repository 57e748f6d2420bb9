"""Pages of the Python interface from docstrings: ``.. api::`` lists names; a public name on no page is a warning."""

import importlib
import inspect
from collections.abc import Iterator

from docutils import nodes
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

import ssinfer

LOG = logging.getLogger(__name__)


def public_names() -> dict[str, object]:
    """Return every public class, function and constant by its name after ``ssinfer.``, each object once."""
    names = {name: getattr(ssinfer, name) for name in ssinfer.__all__}
    modules = {name: part for name, part in names.items() if inspect.ismodule(part)}
    found = {name: part for name, part in names.items() if name not in modules and not name.startswith("_")}
    for module, parts in modules.items():
        own = [name for name, part in vars(parts).items() if getattr(part, "__module__", "").startswith(parts.__name__)]
        for name in sorted(getattr(parts, "__all__", own)):
            part = getattr(parts, name)
            if not name.startswith("_") and not any(part is known for known in found.values()):
                found[f"{module}.{name}"] = part
    return {name: part for name, part in found.items() if not inspect.ismodule(part)}


def find(name: str) -> tuple[str, object]:
    """Return the longest module that holds a name, and the object."""
    module, _, last = f"ssinfer.{name}".rpartition(".")
    return module, getattr(importlib.import_module(module), last)


class Api(SphinxDirective):
    """A table of the names, one per line, and then each name with its whole docstring; of a module: its exceptions."""

    has_content = True
    optional_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Write the page in reStructuredText, and read it."""
        names = [line.strip() for line in self.content if line.strip()]
        if self.arguments:  # a module: all of its exceptions, the base first
            parts = vars(importlib.import_module(f"ssinfer.{self.arguments[0]}"))
            errors = {
                name: part for name, part in parts.items() if isinstance(part, type) and issubclass(part, Exception)
            }
            names += [f"{self.arguments[0]}.{name}" for name in errors]
        self.env.metadata[self.env.docname]["api"] = " ".join(
            [*self.env.metadata[self.env.docname].get("api", "").split(), *names]
        )
        lines = [".. autosummary::", "   :nosignatures:", ""]
        lines += [f"   ~ssinfer.{name}" for name in names] + [""]
        for name in names:
            lines += [*self._entry(name), ""]
        return self.parse_text_to_nodes("\n".join(lines), allow_section_headings=True)

    @staticmethod
    def _entry(name: str) -> Iterator[str]:
        module, part = find(name)
        last = name.rpartition(".")[2]
        yield from (last, "-" * len(last), "")
        kind = "class" if inspect.isclass(part) else "function" if callable(part) else "data"
        kind = "exception" if kind == "class" and issubclass(part, BaseException) else kind
        yield f".. auto{kind}:: {module}.{last}"
        if kind == "class":
            yield from ("   :members:", "   :inherited-members:")


def skip_foreign(_app: object, _what: str, _name: str, part: object, _skip: bool, _options: object) -> bool | None:
    """Leave out members that a class has from another package, such as scikit-learn or pydantic."""
    part = getattr(part, "fget", getattr(part, "func", part))
    module = getattr(part, "__module__", None)
    return True if module and not module.startswith("ssinfer") else None


def check_pages(_app: object, env: object) -> None:
    """Warn of each public name that no page lists."""
    listed = {name for page in env.metadata.values() for name in page.get("api", "").split()}
    objects = [find(name)[1] for name in listed]
    for name, part in public_names().items():
        if not any(part is other for other in objects):
            LOG.warning("the public name ssinfer.%s is on no page: add it to one in docs/reference/api", name)


def setup(app: object) -> dict[str, bool]:
    """Register the directive and the check."""
    app.add_directive("api", Api)
    app.connect("autodoc-skip-member", skip_foreign)
    app.connect("env-check-consistency", check_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
