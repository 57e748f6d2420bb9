"""Accept: the words by which a user overrules doubts about data."""

from collections.abc import Iterable
from types import MappingProxyType
from typing import Any

from ssinfer.errors import DataError, refuse_unknown

# Each word, and what the package then accepts.
ACCEPT = MappingProxyType(
    {
        "similar_names": "names that differ only in case, blanks or Unicode form; a donor equal to the treated unit",
        "total_row": "a unit that looks like the total of others",
        "thousands": "numbers that look like thousands points read as decimals",
        "nonpositive": "cells with negative or zero spending",
        "jump": "cells that are many times their neighbours in time, or a small part of them",
        "few_lines": "periods with no claim line, or far fewer lines per insured-year than their neighbours",
        "fewer_lines": "a delivery with fewer lines than the previous one had by the same day",
        "standard": "a case-mix standard that is neither expected spending nor an index around 1",
    }
)


def check_accept(words: Any) -> frozenset[str]:
    """Return the words as a set; a word that overrules nothing is refused with the nearest."""
    given = (words,) if isinstance(words, str) or not isinstance(words, Iterable) else tuple(words)
    refuse_unknown(given, list(ACCEPT), "accept names", DataError)
    return frozenset(given)


def advice(word: str) -> str:
    """Return the argument with which a message tells how to overrule its doubt."""
    return f'accept=["{word}"]'
