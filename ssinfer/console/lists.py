"""Prints lists of what the package offers, and other tables of texts."""

from collections.abc import Iterable, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from typer import echo

from ssinfer.plugins.discovery import providers
from ssinfer.thresholds.kind import KINDS
from ssinfer.thresholds.names import kind_name


def print_methods() -> None:
    """Print the methods with what they need and support, and plug-ins that cannot be used."""
    rows, broken = [], []
    for provider in providers():
        package = f"{provider.package} {provider.version}"
        if provider.reason:
            broken.append(f"{provider.name} ({package}): {provider.reason}")
        else:
            known = provider.capabilities
            supports = ", ".join(name.replace("_", " ") for name, supported in known.items() if supported)
            rows.append([provider.name, provider.needs, package, "not stated" if None in known.values() else supports])
    print_table(["method", "needs", "package", "supports"], rows)
    for line in broken:
        echo(f"not usable: {line}")


def print_thresholds() -> None:
    """Print the kinds of threshold, and plug-ins that cannot be used."""
    marks = {True: "yes", False: "no"}
    rows = [[k.name, kind_name(k.name), k.learns_from, marks[k.has_level], marks[k.settles]] for k in KINDS.entries()]
    print_table(["kind", "label", "learns from", "levels", "settles"], rows)
    for name, reason in KINDS.broken().items():
        echo(f"not usable: {name}: {reason}")


def print_table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, right: bool = False) -> None:
    """Print a table, flush `right` or left, that fits the terminal, or 80 columns without one, if no word breaks."""
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, collapse_padding=True)
    for head in heads:
        table.add_column(head, justify="right" if right else "left")
    needed = [max(map(len, head.split())) for head in heads]
    for row in rows:
        table.add_row(*row)
        needed = [max(width, *map(len, cell.split() or [""])) for width, cell in zip(needed, row, strict=True)]
    console = Console(markup=False, highlight=False, emoji=False)
    console.width = max(console.width, sum(needed) + 2 * (len(needed) - 1))
    console.print(table)
