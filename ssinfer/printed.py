"""Prints numbers in the language in use, with no more digits than their standard error supports."""

import datetime as dt
import math
from collections.abc import Sequence
from contextlib import suppress

from babel.dates import format_date

from ssinfer.language import spoken

MINUS = "\N{MINUS SIGN}"
PLUS_MINUS = "\N{PLUS-MINUS SIGN}"
ABSENT = "\N{EN DASH}"
MILLION = 1_000_000.0


def decimals_of(error: float) -> int:
    """Return how many decimals show one significant digit of `error`, two when that digit is a one."""
    if not 0 < error < math.inf:
        return 1
    exponent = math.floor(math.log10(error))
    leading = round(error / 10**exponent, 6)
    return 1 - exponent if leading < 2 else -exponent


def plain(value: float, decimals: int) -> str:
    """Return a number with thousands separators and a true minus; decimals below 0 round to tens, hundreds, ..."""
    if not math.isfinite(value):
        return ABSENT
    rounded = round(value, decimals)
    return f"{MINUS if rounded < 0 else ''}{separated(f'{abs(rounded):,.{max(decimals, 0)}f}')}"


def separated(number: str) -> str:
    """Return a number that Python printed, with the separators of the language in use."""
    return number.translate(spoken().separators)


def column_with_errors(values: Sequence[float], errors: Sequence[float], scale: float = 1.0) -> list[str]:
    """Return values and errors with the decimals that the column's median error warrants, 0 to 2."""
    known = sorted(scale * error for error in errors if 0 < error < math.inf)
    decimals = min(max(decimals_of(known[len(known) // 2] if known else math.nan), 0), 2)
    return [
        plain(scale * value, decimals)
        + (f" {PLUS_MINUS} {plain(scale * error, decimals)}" if math.isfinite(value) and 0 < error < math.inf else "")
        for value, error in zip(values, errors, strict=True)
    ]


def quoted(label: str) -> str:
    """Return a name in quotation marks."""
    return f"\N{LEFT DOUBLE QUOTATION MARK}{label}\N{RIGHT DOUBLE QUOTATION MARK}"


def percent(rate: float, error: float = float("nan"), decimals: int | None = None) -> str:
    """Return a fraction as a percentage, rounded as its standard error (also a fraction) warrants."""
    if not math.isfinite(rate):
        return ABSENT
    return f"{plain(100 * rate, min(max(decimals_of(100 * error), 0), 2) if decimals is None else decimals)}%"


def percent_with_error(rate: float, error: float) -> str:
    """Return a fraction and its standard error as whole percentages; an error below 1 is printed as 1."""
    known = f" {PLUS_MINUS} {plain(max(100 * error, 1.0), 0)}" if 0 < error < math.inf else ""
    return f"{plain(100 * rate, 0)}{known}%"


def money(value: float, currency: str, decimals: int = 0) -> str:
    """Return an amount with the sign of its currency in front."""
    if not math.isfinite(value):
        return ABSENT
    text = plain(value, decimals)
    return f"{MINUS}{sign(currency)} {text[1:]}" if text.startswith(MINUS) else f"{sign(currency)} {text}"


def sign(currency: str) -> str:
    """Return a currency by its sign if the language has one (``currency.<code>``), else by its code."""
    with suppress(KeyError):
        return spoken().template(f"currency.{currency}")
    return currency


def money_with_error(value: float, error: float, currency: str) -> str:
    """Return an amount and its standard error as whole units of the currency."""
    return money(value, currency) + (f" {PLUS_MINUS} {plain(error, 0)}" if 0 < error < math.inf else "")


def total(value: float, currency: str) -> str:
    """Return a total amount: millions with one decimal from a million, else thousands."""
    if MILLION <= abs(value) < math.inf:
        return spoken().template("million").format(amount=money(value / MILLION, currency, 1))
    return money(value, currency, -3 if abs(value) >= 10_000 else 0)


def count(value: float) -> str:
    """Return a number rounded to an integer, with thousands separators."""
    return plain(value, 0)


def day(date: dt.date | str) -> str:
    """Return a date in words; it may be given as in ISO 8601."""
    date = dt.date.fromisoformat(date) if isinstance(date, str) else date
    return str(format_date(date, "long", spoken().locale))


def listed(items: list[str]) -> str:
    """Return a list in words."""
    if len(items) < 2:
        return "".join(items)
    return spoken().template("and").format(first=", ".join(items[:-1]), last=items[-1])
