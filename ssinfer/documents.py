"""Reads TOML and JSON that others wrote: with limits on size, depth and digits, and each key once."""

import json
import math
import re
import tomllib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from ssinfer.errors import SsinferError

MAX_BYTES = 5_000_000
MAX_DEPTH = 50  # tables and lists inside one another
LONG_NUMBER = "a whole number of more than 18 digits"
# what to write, by what the line holds (or what the parser says) where a TOML text cannot be read
_ADVICE = {
    r"[\u2018-\u201f]": 'Write straight quotes, as in "text".',
    r"\\": "In paths write / in place of \\, or put the path in single quotes.",
    r"\d,\d": "Write decimals with a point, and commas between values: [0.95, 0.90].",
    r"Cannot overwrite|Cannot declare": "It stands there twice: keep one of them.",
    r"Invalid value": 'Put text in quotes, as in ["name"]; true and false are written without.',
}
_PART = r"""(?:"[^"\n]*+"|'[^'\n]*+'|[^\s.=\[\]{},#"']++)"""
# the memory that tomllib needs grows as the square of a key's parts
_DEEP_KEY = re.compile(rf"""(?<![^\s.=\[\]{{}},#"'])(?:{_PART}[ \t]*+\.[ \t]*+){{{MAX_DEPTH}}}""")


def read_text(path: Path, what: str, error: type[SsinferError], advice: str) -> str:
    """Return the text of a file in UTF-8, or raise `error`: "Cannot read `what` path: the reason. `advice`"."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as failure:
        raise error(f"Cannot read {what} {path}: {failure.strerror}. {advice}") from None
    if len(content) > MAX_BYTES:
        raise error(f"{path} has more than {MAX_BYTES:,} bytes. Is it the right file? {advice}")
    try:
        return content.decode("utf-8")  # a byte order mark stays: the text is the bytes of the file
    except UnicodeDecodeError as failure:
        raise error(f"{path} is not UTF-8 ({failure}). Save it as UTF-8.") from None


def parse_toml(text: str, where: object, error: type[SsinferError]) -> Any:
    """Return the tables of a TOML text, or raise `error`."""
    if _DEEP_KEY.search(text):
        raise error(f"{where} has a key of more than {MAX_DEPTH} parts. Write tables in fewer levels.")
    return _parse(tomllib.loads, text, f"{where} is not valid TOML", _toml_advice, error)


def parse_json(text: str, where: object, error: type[SsinferError], advice: str) -> Any:
    """Return the value of a JSON text, or raise `error`; Infinity, NaN and a key twice are refused."""
    loads = partial(json.loads, object_pairs_hook=_unique)
    return _parse(loads, text, f"{where} is not valid JSON", lambda *_: f" {advice}", error)


def to_json(value: Any) -> str:
    """Return a value as JSON. JSON allows neither Infinity nor NaN, so both are written as text."""
    return json.dumps(json.loads(json.dumps(value, default=str), parse_constant=str), indent=2)


def _toml_advice(text: str, reason: str) -> str:
    """Return the line that could not be read, and what to write."""
    place = re.search(r"line (\d+)", reason)
    line = text.split("\n")[int(place[1]) - 1].strip()[:80] if place else ""
    advice = next((f" {advice}" for sign, advice in _ADVICE.items() if re.search(sign, f"{line} {reason}")), "")
    return f" The line is: {line}.{advice}" if line else advice


def _parse(
    loads: Callable[[str], Any],
    text: str,
    complaint: str,
    advice: Callable[[str, str], str],
    error: type[SsinferError],
) -> Any:
    """Return what `loads` makes of a text, or raise `error`: the complaint, the reason and the advice on both."""
    try:
        document = loads(text.removeprefix("\ufeff"))
        _check_limits(document, finite=loads is not tomllib.loads)
    except ValueError as failure:
        reason = f"it holds {LONG_NUMBER}" if "int_max_str_digits" in str(failure) else failure
    except RecursionError:
        reason = f"more than {MAX_DEPTH} tables or lists stand inside one another"
    else:
        return document
    raise error(f"{complaint}: {reason}.{advice(text, str(reason))}")


def _check_limits(document: Any, *, finite: bool) -> None:
    """Raise a ValueError on a number with too many digits, and a RecursionError on too many levels."""
    level = [("the document", document)]
    for _ in range(MAX_DEPTH):
        for key, part in level:
            if isinstance(part, int) and part.bit_length() > 63:
                raise ValueError(f"{key} is {LONG_NUMBER}")
            if finite and isinstance(part, float) and not math.isfinite(part):
                raise ValueError(f"{key} is {part}, which is not a number of JSON")
        inner = [pair for _, part in level if isinstance(part, dict) for pair in part.items()]
        level = inner + [(key, item) for key, part in level if isinstance(part, list) for item in part]
    if level:
        raise RecursionError


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"the key {next(key for key in keys if keys.count(key) > 1)!r} stands there twice; keep one")
    return table
