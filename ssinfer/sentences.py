"""Findings in words, and their refusal: the one place of sentences by id; a language is a file of templates."""

import tomllib
from collections.abc import Callable, Collection, Iterable
from functools import cache
from importlib.resources import files
from math import isfinite
from string import Formatter
from typing import Any

from ssinfer.accept import advice
from ssinfer.errors import SsinferError
from ssinfer.finding import Finding
from ssinfer.printed import count, listed, money, percent, percent_with_error, quoted, total


def refuse(findings: Iterable[Finding], accept: Collection[str], error: type[SsinferError], currency: str = "") -> None:
    """Raise an error with a sentence for each finding that refuses and is not accepted."""
    refused = [finding for finding in findings if finding.refuses and finding.accept not in accept]
    if refused:
        raise error(" ".join(sentence(finding, currency) for finding in refused))


def sentence(finding: Finding, currency: str = "") -> str:
    """Return a finding in words: what was found, what is allowed, and the next step."""
    numbers = dict(finding.numbers)
    amounts = {name: _money(value, currency) for name, value in numbers.items() if isinstance(value, float)}
    if finding.id == "mean_spending":
        for name in ("total", "cents", "thousands"):
            plausible = numbers["lowest"] <= numbers[name] <= numbers["highest"]
            amounts[name] += ", which is plausible" if plausible else ""
        amounts["lowest"] = "at most" if numbers["lowest"] == -float("inf") else f"{amounts['lowest']} to"
    if finding.id == "total_row":
        numbers["why"] = _templates()[f"total_row_{numbers['reason']}"].format(**numbers)
    if finding.id == "basket_leaves_out":
        amounts["out"] = _money(sum(amount for _, amount in numbers["parts"]), currency)
        numbers["parts"] = ", ".join(f"{care} {amount:,.1f}" for care, amount in numbers["parts"]) or "nothing"
    if isinstance(numbers.get("designs"), (list, tuple)):
        numbers["designs"] = "all designs" if numbers.get("all") else ", ".join(map(repr, numbers["designs"]))
    if finding.id == "placebo_sample":
        numbers["drawn"], numbers["units"] = map(sum, zip(*numbers["classes"], strict=True))
        numbers["classes"] = ", ".join(f"{drawn:,} of {units:,}" for drawn, units in numbers["classes"])
    if finding.id == "jump":
        digits = 0 if min(numbers["value"], numbers["near"]) >= 100 else 2
        numbers |= {name: f"{numbers[name]:,.{digits}f}" for name in ("value", "near")}
    if finding.id == "no_lines":
        numbers["listed"] = ", ".join(numbers["periods"][:6]) + (", ..." if len(numbers["periods"]) > 6 else "")
    printed = {**numbers, **{f"{name}_money": value for name, value in amounts.items()}}
    text = _Printer(currency).format(_templates()[finding.id], **printed)
    return text if finding.accept is None else f"{text} If the data are right, write {advice(finding.accept)}."


@cache
def _templates(language: str = "en") -> dict[str, str]:
    return tomllib.loads(files("ssinfer").joinpath(f"sentences.{language}.toml").read_text(encoding="utf-8"))


class _Printer(Formatter):
    """Prints numbers by the names of `_PRINTED`, such as ``{rate:percent}``, besides Python's own formats."""

    def __init__(self, currency: str) -> None:
        self.currency = currency

    def format_field(self, value: Any, format_spec: str) -> str:
        """Return one value in print."""
        form = _PRINTED.get(format_spec)
        return str(super().format_field(value, format_spec)) if form is None else form(value, self.currency)


_PRINTED: dict[str, Callable[[Any, str], str]] = {
    "percent": lambda value, _: percent(value),
    "whole_percent": lambda value, _: percent(value, decimals=0),
    "estimate": lambda value, _: percent_with_error(value["value"], value["se"] or 0.0),
    "money": money,
    "total": total,
    "count": lambda value, _: count(value),
    "quoted": lambda value, _: quoted(value),
    "listed": lambda value, _: listed([*value]),
}


def _money(value: float, currency: str) -> str:
    return f"{currency} {value:,.{0 if abs(value) >= 100 else 2}f}".strip() if isfinite(value) else "unknown"
