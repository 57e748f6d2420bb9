"""Prints numbers with no more digits than their standard error supports."""

import math
from collections.abc import Sequence

MINUS = "\N{MINUS SIGN}"
PLUS_MINUS = "\N{PLUS-MINUS SIGN}"
ABSENT = "\N{EN DASH}"
MILLION = 1_000_000.0


def decimals_of(error: float) -> int:
    """Return how many decimals show one significant digit of `error`, two when that digit is a one.

    >>> decimals_of(0.03), decimals_of(0.14), decimals_of(2.2), decimals_of(31.0)
    (2, 2, 0, -1)
    """
    if not (math.isfinite(error) and error > 0):
        return 1
    exponent = math.floor(math.log10(error))
    leading = round(error / 10**exponent, 6)
    return 1 - exponent if leading < 2 else -exponent


def plain(value: float, decimals: int) -> str:
    """Return a number with thousands separators and a true minus; decimals below 0 round to tens, hundreds, ...

    >>> plain(1234.5, -1), plain(0.0312, 2)
    ('1,230', '0.03')
    """
    if not math.isfinite(value):
        return ABSENT
    rounded = round(value, decimals)
    return f"{MINUS if rounded < 0 else ''}{abs(rounded):,.{max(decimals, 0)}f}"


def column_with_errors(values: Sequence[float], errors: Sequence[float], scale: float = 1.0) -> list[str]:
    """Return values and errors with the decimals that the column's median error warrants, 0 to 2.

    >>> column_with_errors([0.0331, 0.0330], [0.0003, 0.0004], 100), column_with_errors([0.42], [float("nan")], 100)
    (['3.31 ± 0.03', '3.30 ± 0.04'], ['42.0'])
    """
    known = sorted(scale * error for error in errors if math.isfinite(error) and error > 0)
    decimals = min(max(decimals_of(known[len(known) // 2]), 0), 2) if known else 1
    cells = []
    for value, error in zip(values, errors, strict=True):
        text = plain(scale * value, decimals)
        if math.isfinite(value) and math.isfinite(error) and error > 0:
            text += f" {PLUS_MINUS} {plain(scale * error, decimals)}"
        cells.append(text)
    return cells


def quoted(label: str) -> str:
    """Return a name in quotation marks."""
    return f"\N{LEFT DOUBLE QUOTATION MARK}{label}\N{RIGHT DOUBLE QUOTATION MARK}"


def percent(rate: float, error: float = float("nan"), decimals: int | None = None) -> str:
    """Return a fraction as a percentage, rounded as its standard error (also a fraction) warrants.

    >>> percent(0.03312, 0.0004), percent(0.0456, 0.007), percent(-0.0213)
    ('3.31%', '4.6%', '−2.1%')
    """
    if not math.isfinite(rate):
        return ABSENT
    if decimals is None:
        decimals = min(max(decimals_of(100 * error), 0), 2) if math.isfinite(error) and error > 0 else 1
    return f"{plain(100 * rate, decimals)}%"


def percent_with_error(rate: float, error: float) -> str:
    """Return a fraction and its standard error as whole percentages; an error below 1 is printed as 1.

    >>> percent_with_error(0.113, 0.052), percent_with_error(0.113, float("nan"))
    ('11 ± 5%', '11%')
    """
    text = plain(100 * rate, 0)
    if math.isfinite(error) and error > 0:
        text += f" {PLUS_MINUS} {plain(max(100 * error, 1.0), 0)}"
    return f"{text}%"


def money(value: float, currency: str, decimals: int = 0) -> str:
    """Return an amount with its currency in front.

    >>> money(-64.33, "EUR"), money(2864.02, "EUR")
    ('−EUR 64', 'EUR 2,864')
    """
    if not math.isfinite(value):
        return ABSENT
    text = plain(value, decimals)
    return f"{MINUS}{currency} {text[1:]}" if text.startswith(MINUS) else f"{currency} {text}"


def total(value: float, currency: str) -> str:
    """Return a total amount: millions with one decimal from a million, else thousands.

    >>> total(4_212_000, "EUR"), total(-38_400, "EUR")
    ('EUR 4.2 million', '−EUR 38,000')
    """
    if not math.isfinite(value):
        return ABSENT
    if abs(value) >= MILLION:
        return f"{money(value / MILLION, currency, 1)} million"
    return money(value, currency, -3 if abs(value) >= 10_000 else 0)


def count(value: float) -> str:
    """Return a number rounded to an integer, with thousands separators.

    >>> count(44369.4)
    '44,369'
    """
    return plain(value, 0)


def listed(items: list[str]) -> str:
    """Return a list in words.

    >>> listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"])
    ('a', 'a and b', 'a, b and c')
    """
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}" if items else ""
