"""Prints lists of what the package offers, and other tables of texts."""

from collections.abc import Iterable, Sequence
from textwrap import fill
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from typer import echo

from ssinfer.language import speak
from ssinfer.printed import count, plain
from ssinfer.sentences import say, word

if TYPE_CHECKING:
    import pandas as pd

    from ssinfer.thresholds.planning.scenario import Scenario

WIDTH = 80


def print_methods(language: str | None = None) -> None:
    """Print the methods with what they need and support, and plug-ins that cannot be used."""
    from ssinfer.plugins.discovery import providers  # noqa: PLC0415

    rows, broken = [], []
    with speak(language):
        for provider in providers():
            package = f"{provider.package} {provider.version}"
            if provider.reason:
                broken.append(say("list.broken", name=f"{provider.name} ({package})", reason=provider.reason))
                continue
            known = provider.capabilities
            supports = ", ".join(word("supports", name) for name, supported in known.items() if supported)
            supports = say("list.not_stated") if None in known.values() else supports
            rows.append([provider.name, word("needs", provider.needs), package, supports])
        _print_table(["method", "needs", "package", "supports"], rows)
    for line in broken:
        echo(line)


def print_thresholds(language: str | None = None) -> None:
    """Print the kinds of threshold, and plug-ins that cannot be used."""
    from ssinfer.thresholds.kind import KINDS  # noqa: PLC0415
    from ssinfer.thresholds.names import kind_name  # noqa: PLC0415

    with speak(language):
        rows = [
            [k.name, kind_name(k.name), word("learns_from", k.learns_from), word("", k.has_level), word("", k.settles)]
            for k in KINDS.entries()
        ]
        _print_table(["kind", "label", "learns_from", "levels", "settles"], rows)
        for name, reason in KINDS.broken().items():
            echo(say("list.broken", name=name, reason=reason))


def print_data_sets(language: str | None = None) -> None:
    """Print the published data sets: years, files that were found, and a description."""
    from ssinfer.datasets.io.catalogue import entries  # noqa: PLC0415

    with speak(language):
        rows = [
            [e.name, e.years, say("list.files", found=len(e.found), n=len(e.files)), word("data_set", e.description)]
            for e in entries()
        ]
        _print_table(["data_set", "years", "found", "description"], rows)


def print_baskets(language: str | None = None) -> None:
    """Print the baskets of Vektis: spans of comparable years, and care types, with the years of those without all."""
    from ssinfer.datasets.vektis.baskets import BASKETS  # noqa: PLC0415
    from ssinfer.datasets.vektis.columns import CARE_TYPES  # noqa: PLC0415
    from ssinfer.datasets.vektis.sources import VEKTIS_FILES  # noqa: PLC0415

    whole = min(VEKTIS_FILES), max(VEKTIS_FILES)

    def years(first: int, last: int) -> str:
        return f"{first}-{last}" if first < last else str(first)

    def care(name: str) -> str:
        span = CARE_TYPES[name][0], CARE_TYPES[name][1] or whole[1]
        return name if span == whole else f"{name} ({years(*span)})"

    with speak(language):
        for basket in BASKETS.values():
            spans = [years(*span) for span in basket.comparable_spans(*whole)]
            echo(fill(say("list.basket", name=basket.name, spans=spans), WIDTH))
            columns = ", ".join(map(care, basket.members))
            echo(fill(columns, WIDTH, initial_indent="  ", subsequent_indent="  ", break_long_words=False))


def print_power(table: "pd.DataFrame", scenario: "Scenario", language: str | None = None) -> None:
    """Print what a scenario assumes, and its table of `power_table`."""
    with speak(language):
        percent = {name: 100 * getattr(scenario, name) for name in ("shock_sd", "level", "rate", "bias")}
        values = vars(scenario) | percent | {"side": say(f"side.{scenario.side}")}
        names = [scenario.kind, "shock" if scenario.shock_sd else "no_shock", *(["bias"] if scenario.bias else [])]
        parts = "; ".join(say(f"power.{name}", "{kind}", **values) for name in names)
        echo(fill(say("power.assumed", parts=parts, k=scenario.k), WIDTH))
        table = table.loc[:, ~table.columns.str.startswith("expected_bonus_")]  # for want of width, as the next
        if "false_payment_rate_looks" in table:
            table = table.drop(columns="undeserved_bonus")
        rows = [[*map(count, row[:2]), *(plain(100 * rate, 2) for rate in row[2:])] for row in table.to_numpy()]
        _print_table([*table.rename(columns={"threshold": "threshold_rate"})], rows, right=True)
        echo(fill(say("power.columns"), WIDTH))


def _print_table(names: Sequence[str], rows: Iterable[Sequence[str]], *, right: bool = False) -> None:
    """Print a table, flush `right` or left, that fits the terminal, or 80 columns without one, if no word breaks.

    The heads of its columns have the ids ``list.<name>``; a number at the end of a name is a value of its head.
    """
    parts = [name.rstrip("0123456789.") for name in names]
    heads = [say(f"list.{part}", number=name.removeprefix(part)) for part, name in zip(parts, names, strict=True)]
    rows, console = [*rows], Console(markup=False, highlight=False, emoji=False)
    columns = [*zip(heads, *rows, strict=True)]
    widths = [max(len(part) for text in texts for part in [*text.split(), ""]) for texts in columns]
    wide = sum(widths) + 2 * len(heads) <= console.width
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, int(wide), 0, 0))
    for texts, longest in zip(columns, widths, strict=True):
        side: Any = "right" if right else "left"
        table.add_column(texts[0], justify=side, min_width=longest, width=None if wide else longest)
    for row in rows:
        table.add_row(*row)
    if not wide and sum(widths) + len(heads) - 1 > console.width:
        console.width = 1_000
    console.print(table)
