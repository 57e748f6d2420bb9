"""Numerals: numbers in text that have a separator of thousands or a decimal comma."""

import re

_GROUPED = re.compile(r"([+-]?[1-9]\d{0,2})(?:([.,' \u00a0\u202f])\d{3})(?:\2\d{3})*([.,]\d+)?")


def plain_spellings(text: str) -> tuple[str, ...]:
    """Return the plain spelling of each reading of a number. A plain number, or other text, gives an empty tuple.

    >>> plain_spellings("2.415,97"), plain_spellings("20.000"), plain_spellings("12,5"), plain_spellings("0.125")
    (('2415.97',), ('20000', '20'), ('12.5',), ())
    """
    match = _GROUPED.fullmatch(text)
    if match is None:
        return (text.replace(",", "."),) if re.fullmatch(r"[+-]?\d+,\d+", text) else ()
    mark, decimals = match[2], match[3] or ""
    whole = text.removesuffix(decimals).replace(mark, "")
    if decimals or mark not in ".," or text.count(mark) > 1:
        return () if decimals[:1] == mark else (whole + decimals.replace(",", "."),)
    decimal = text.replace(mark, ".")
    short = decimal.rstrip("0").rstrip(".")
    return whole, f"{decimal}0" if short == text else short


def read_number(text: str) -> float:
    """Return the number that an option holds. ValueError: the text is not a number, or not a plain one."""
    if spellings := plain_spellings(text.strip()):
        raise ValueError(f"{text!r} has a separator of thousands or a decimal comma. Write {' or '.join(spellings)}.")
    if "_" in text or not text.strip().isascii():
        raise ValueError(f"{text!r} is not a number in plain digits. Write it like 20000 or 3100.50.")
    return float(text)
