"""Sentences by id in the language in use, findings in words, and their refusal."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from math import isfinite
from string import Formatter
from typing import Any

from markupsafe import Markup, escape

from ssinfer import printed
from ssinfer.accept import advice
from ssinfer.errors import SsinferError
from ssinfer.finding import Finding
from ssinfer.foreign import Foreign, foreign, has_foreign, joined
from ssinfer.language import currency_in_use, speak, spoken


def say(key: str, otherwise: str | None = None, /, **values: Any) -> str:
    """Return the text with an id, with its values in print; `n`, if given, chooses between singular and plural.

    An id that no catalogue has, such as that of a plug-in, says `otherwise`; None: it raises a KeyError. Values in
    another language keep their `lang` (`ssinfer.foreign`).
    """
    n = values.get("n", 1)
    try:
        text = spoken().template(key, n if isinstance(n, int) else 1)
    except KeyError:
        if otherwise is None:
            raise
        text = otherwise
    values = {name: in_print(value) for name, value in values.items()}
    said = _PRINTER.format(text, **values)
    return Foreign(said, Markup(HTML_PRINTER.format(escape(text), **values))) if _is_foreign(text, values) else said  # noqa: S704  (its values are escaped)


def word(column: str, value: object) -> str:
    """Return a value of a column in words, with the id ``cell.<column>.<value>``; an unknown one as it is.

    A name in quotation marks within the value is no part of the id.
    """
    named = re.fullmatch(r"(.+?) (['\"].+['\"]) (.+)", str(value))
    try:
        if named:
            return say(f"cell.{column}.{named[1]} {named[3]}", label=named[2])
        return say(f"cell.{column}.{value}" if isinstance(value, str) else "yes" if value else "no")
    except KeyError:  # a value of the user's data, or the message of an error
        return foreign(value)


def parameter_name(parameter: str) -> str:
    """Return the name of a parameter in words; what follows its first underscore, such as a period, as it is."""
    kind, _, rest = parameter.partition("_")
    return f"{say(f'parameter.{kind}', kind)} {rest.replace('_', ' ')}".strip()


def check_name(check: str) -> str:
    """Return the name of a diagnostic check, which is given by its name or its id."""
    key = check.lower().replace(" ", "_")
    if key.startswith("contraction_"):
        return say("check.contraction", parameter=parameter_name(re.sub(r"q(?=\d$)", "Q", key.partition("_")[2])))
    return say(f"check.{key}", key.replace("_", " "))


def in_words(findings: Finding | str | Iterable[Finding | str]) -> str:
    """Return a finding, or several as one paragraph, in words; words as they are."""
    return joined(map(sentence, [findings] if isinstance(findings, Finding | str) else findings))


def refuse(findings: Iterable[Finding], accept: Collection[str], error: type[SsinferError], currency: str = "") -> None:
    """Raise an error with a sentence for each finding that refuses and is not accepted."""
    refused = [finding for finding in findings if finding.refuses and finding.accept not in accept]
    if refused:
        with speak(currency=currency):
            raise error(" ".join(map(sentence, refused)))


def sentence(finding: Finding | str) -> str:
    """Return a finding in words: what was found, what is allowed, and the next step; words as they are."""
    if isinstance(finding, str):
        return finding
    numbers = dict(finding.numbers)
    amounts = {name: _money(value) for name, value in numbers.items() if isinstance(value, float)}
    if finding.id == "mean_spending":
        for name in ("total", "cents", "thousands"):
            plausible = numbers["lowest"] <= numbers[name] <= numbers["highest"]
            amounts[name] = say("which_is_plausible", amount=amounts[name]) if plausible else amounts[name]
        lowest = numbers["lowest"] > -float("inf")
        amounts["lowest"] = say("amount_to", amount=amounts["lowest"]) if lowest else say("at_most")
    if finding.id == "total_row":
        numbers["why"] = say(f"total_row_{numbers['reason']}", **numbers)
    if finding.id == "basket_leaves_out":
        amounts["out"] = _money(sum(amount for _, amount in numbers["parts"]))
        parts = (f"{care} {printed.plain(amount, 1)}" for care, amount in numbers["parts"])
        numbers["parts"] = ", ".join(parts) or say("nothing")
    if isinstance(numbers.get("designs"), (list, tuple)):
        numbers["designs"] = say("all_designs") if numbers.get("all") else ", ".join(map(repr, numbers["designs"]))
    if finding.id == "equal_blocks":
        numbers["block"] = say(f"plan.{numbers['block']}")
    if finding.id == "placebo_sample":
        numbers["drawn"], numbers["units"] = map(sum, zip(*numbers["classes"], strict=True))
        of = (say("drawn_of", drawn=drawn, units=units) for drawn, units in numbers["classes"])
        numbers["classes"] = ", ".join(of)
    if finding.id == "jump":
        digits = 0 if min(numbers["value"], numbers["near"]) >= 100 else 2
        numbers |= {name: printed.plain(numbers[name], digits) for name in ("value", "near")}
    if finding.id == "no_lines":
        numbers["listed"] = ", ".join(numbers["periods"][:6]) + (", ..." if len(numbers["periods"]) > 6 else "")
    numbers |= {f"{name}_money": value for name, value in amounts.items()}
    text = say(finding.id, numbers.get("otherwise"), **numbers)
    return text if finding.accept is None else f"{text} {say('if_right', advice=advice(finding.accept))}"


class _Printer(Formatter):
    """Prints numbers by the names of `_PRINTED`, such as ``{rate:percent}``, besides Python's own formats."""

    def format_field(self, value: Any, format_spec: str) -> str:
        """Return one value in print."""
        form = _PRINTED.get(format_spec)
        if form is not None:
            return form(value)
        text = str(super().format_field(value, format_spec))
        return printed.separated(text) if isinstance(value, int | float) else text


class _HtmlPrinter(_Printer):
    """Prints in HTML: values are escaped, and those in another language have their ``lang``."""

    def format_field(self, value: Any, format_spec: str) -> str:
        """Return one value in HTML."""
        if isinstance(value, str):
            return super().format_field(escape(foreign(value) if format_spec == "english" else value), format_spec)
        if isinstance(value, list | tuple):
            return super().format_field([escape(each) for each in value], format_spec)
        return escape(super().format_field(value, format_spec))


def in_print(value: Any) -> Any:
    """Return a value of a text; a finding, or a list of findings, in words."""
    if isinstance(value, list | tuple):
        return [in_print(each) for each in value]
    return sentence(value) if isinstance(value, Finding) else value


def _is_foreign(text: str, values: Mapping[str, Any]) -> bool:
    return any(map(has_foreign, values.values())) or (":english}" in text and spoken().tag != "en")


_PRINTER, HTML_PRINTER = _Printer(), _HtmlPrinter()
_PRINTED: dict[str, Callable[[Any], str]] = {
    "percent": printed.percent,
    "whole_percent": lambda value: printed.percent(value, decimals=0),
    "estimate": lambda value: printed.percent_with_error(value["value"], value["se"] or 0.0),
    "english": str,  # a text that is always in English, such as the message of an error
    "money": lambda value: printed.money(value, currency_in_use()),
    "amount": lambda value: printed.money_with_error(value["value"], value["se"] or 0.0, currency_in_use()),
    "number": lambda value: printed.column_with_errors([value["value"]], [value["se"] or 0.0])[0],
    "decimal": lambda value: printed.plain(value, 1),
    "total": lambda value: printed.total(value, currency_in_use()),
    "count": printed.count,
    "sign": printed.sign,
    "day": printed.day,
    "quoted": printed.quoted,
    "listed": lambda value: printed.listed([*value]),
}


def _money(value: float) -> str:
    if not isfinite(value):
        return say("unknown")
    return printed.money(value, currency_in_use(), 0 if abs(value) >= 100 else 2).strip()
