"""What the fuzzers of files share: mutations of text, bytes and values, and the five ends of a mutant."""

from __future__ import annotations

import copy
import json
import re
import unicodedata
import warnings
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ssinfer.errors import SsinferError

REFUSED, EQUAL, DIFFERENT = "refused clearly", "equal", "different as it should be"
INSIDE, WRONG = "traceback", "silent wrong"
ENDS = (REFUSED, EQUAL, DIFFERENT, INSIDE, WRONG)
LOOKALIKE = {
    "a": "а",
    "e": "е",
    "o": "о",
    "p": "р",
    "c": "с",
    "i": "і",
    "A": "Α",
    "u": "ս",
    "0": "０",
    "1": "１",
    "-": "−",
}
SIGNS = (
    "\x00",
    "\x1b",
    "\x7f",
    "\u200b",
    "\u00a0",
    "\u202e",
    "\ufeff",
    "\u2028",
    "é",
    "'",
    '"',
    "#",
    "=",
    "[",
    "]",
    "{",
    "}",
)
SIGNS = (*SIGNS, ",", ";", ".", "\t", "\\", "%", "+", "-", "0", "9", "e", " ", "\n", "\r", "\r\n")
VALUES: tuple[Any, ...] = (
    *(0, -1, 1, 2, 7, 0.5, -0.5, 1.5, 50, 95, 2016, 10**9, 2**63 - 1, 2**63, -(2**63), 10**30, 1e300, -1e300, 1e-300),
    *(
        float("nan"),
        float("inf"),
        -float("inf"),
        True,
        False,
        "",
        " ",
        "x",
        "0.5",
        "1,5",
        "1.000",
        "true",
        "nan",
        "None",
    ),
    *(
        "u01",
        "all",
        "=1+1",
        "a\x1bb",
        "a\nb",
        "../x",
        "x" * 5000,
        "\u202eabc",
        "é",
        [],
        [1],
        [1, 2],
        ["x"],
        [[]],
        [True],
    ),
    *([0.5], [0.5, 0.5], ["u01", "u01"], [float("nan")], [2016, 2016], {}, {"x": 1}, {"first": 2014}, [{}], [{"x": 1}]),
    *({"first": 2016, "last": 2014}, {"first": 2014, "last": 2014}, [2014, 2015], list(range(2000)), ["é" * 300] * 50),
)


@dataclass
class Table:
    """Counts of mutants by kind of mutation and end, and the first mutants of each end that must not be."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    bad: dict[str, list[str]] = field(default_factory=dict)

    def add(self, kind: str, end: str, why: str, mutant: str) -> None:
        """Count one mutant."""
        self.counts[kind, end] += 1
        if end in (INSIDE, WRONG):
            self.bad.setdefault(re.sub(r"\d+", "N", f"{end}: {why}")[:300], []).append(f"{kind}: {mutant}"[:300])

    def text(self) -> str:
        """Return one row per kind of mutation and a last row with sums."""
        kinds = sorted({kind for kind, _ in self.counts})
        rows = [[kind, *(self.counts[kind, end] for end in ENDS)] for kind in kinds]
        rows.append(["all", *(sum(row[1 + place] for row in rows) for place in range(len(ENDS)))])
        head = "| mutation | mutants | " + " | ".join(ENDS) + " |\n"
        return head + "\n".join(f"| {row[0]} | {sum(row[1:])} | {' | '.join(map(str, row[1:]))} |" for row in rows)

    def told(self) -> str:
        """Return the reasons of the ends that must not be, each with its number and two mutants."""
        return "\n".join(
            f"{len(mutants)} x {why}\n    " + "\n    ".join(mutants[:3]) for why, mutants in self.bad.items()
        )


def difference(raw: bytes, base: str) -> str:
    """Return the lines of a mutant that the base does not have, and how many of the base it lacks."""
    lines, known = raw.decode(errors="backslashreplace").split("\n"), base.split("\n")
    lacks = [line for line in known if line not in lines]
    return f"{[line[:120] for line in lines if line not in known][:4]}, lacks {[line[:60] for line in lacks][:3]}"


def attempt(call):
    """Return what a call returns, or the error that it raises; without warnings."""
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            return call()
    except Exception as error:  # noqa: BLE001
        return error


def refusal_end(error: Exception, names) -> tuple[str, str]:
    """Return the end of a refused mutant: the error is ours, one printable line, and holds one of the names."""
    message = " ".join(str(error).split())  # as the command line prints it
    if not isinstance(error, SsinferError):
        place = error.__traceback__
        while place.tb_next is not None:
            place = place.tb_next
        code = place.tb_frame.f_code
        return INSIDE, f"{type(error).__name__} in {code.co_filename.split('/')[-1]}:{place.tb_lineno}: {message[:100]}"
    hidden = sorted({unicodedata.category(sign) for sign in message} & {"Cc", "Cf", "Cs"})
    if hidden or len(message) > 4000 or len(message) < 15:
        return INSIDE, f"the message has {hidden or len(message)}: {message[:160]!r}"
    if not any(name in message for name in names):
        return INSIDE, f"the message names none of {tuple(names)}: {message[:200]}"
    return REFUSED, ""


def to_toml(document: dict[str, Any]) -> str:
    """Return a TOML text of a document: one section per table, and inline tables below."""
    plain = [f"{_key(key)} = {_value(value)}" for key, value in document.items() if not _sections(value)]
    parts = ["\n".join(plain)]
    for key, value in document.items():
        for table in (value if isinstance(value, list) else [value]) if _sections(value) else ():
            head = f"[[{_key(key)}]]" if isinstance(value, list) else f"[{_key(key)}]"
            parts.append("\n".join([head, *(f"{_key(name)} = {_value(part)}" for name, part in table.items())]))
    return "\n\n".join(parts) + "\n"


def _sections(value: Any) -> bool:
    return isinstance(value, dict) or (
        isinstance(value, list) and bool(value) and all(isinstance(v, dict) for v in value)
    )


def _key(key: str) -> str:
    return key if key.isascii() and key.replace("_", "").replace("-", "").isalnum() else _value(key)


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(key)} = {_value(part)}" for key, part in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else repr(value)


def places(value: Any, path: tuple[Any, ...] = ()):
    """Yield the path of everything in a document: tables, lists and what they hold."""
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in list(items):
        yield from places(part, (*path, key))


def at(document: Any, path: tuple[Any, ...]) -> Any:
    """Return the value at a path."""
    for part in path:
        document = document[part]
    return document


def changed(document: dict[str, Any], path: tuple[Any, ...], value: Any, key: str | None = None) -> dict[str, Any]:
    """Return a copy with another value at a path, or with another key (then `value` is not used)."""
    new = copy.deepcopy(document)
    table = at(new, path[:-1])
    if key is None:
        table[path[-1]] = value
    else:
        at_path = table[path[-1]]
        items = [(key if name == path[-1] else name, part) for name, part in table.items()]
        assert at_path is not None
        table.clear()
        table.update(items)
    return new


def misspelt(word: str, rng) -> str:
    """Return a word with one letter left out, doubled, exchanged, in another case, or replaced by a lookalike."""
    if not word:
        return "x"
    place = rng.randrange(len(word))
    sign = word[place]
    choices = (
        word[:place] + word[place + 1 :],
        word[:place] + 2 * sign + word[place + 1 :],
        word[:place] + sign.swapcase() + word[place + 1 :],
        word[:place] + word[place + 1 : place + 2] + sign + word[place + 2 :],
        word[:place] + LOOKALIKE.get(sign, "\u200b" + sign) + word[place + 1 :],
        word[:place] + rng.choice((" ", "\u00a0", "\u200b", "-", "_", "\u00ad")) + word[place:],
        rng.choice((" ", "\u00a0", "\ufeff")) + word,
        word + rng.choice((" ", "\u200b", "s")),
    )
    return rng.choice([choice for choice in choices if choice != word])


def mangled(raw: bytes, rng) -> tuple[str, bytes]:
    """Return a kind of damage and the damaged bytes of a text: cut, lines, signs, bits, encodings, line ends."""
    text, lines = raw.decode(), raw.decode().splitlines(keepends=True)
    one, two = rng.randrange(len(lines)), rng.randrange(len(lines))
    place, sign = rng.randrange(1, len(text)), rng.choice(SIGNS)
    kind = rng.choice(("cut", "line deleted", "line doubled", "lines exchanged", "sign inserted", "sign deleted"))
    kind = rng.choice((kind, kind, "sign replaced", "bit flipped", "encoding", "line ends", "chunk doubled"))
    if kind == "cut":
        return kind, text[:place].encode()
    if kind == "line deleted":
        return kind, "".join(lines[:one] + lines[one + 1 :]).encode()
    if kind == "line doubled":
        return kind, "".join([*lines[:one], lines[one], *lines[one:]]).encode()
    if kind == "lines exchanged":
        lines[one], lines[two] = lines[two], lines[one]
        return kind, "".join(lines).encode()
    if kind == "sign inserted":
        return kind, (text[:place] + sign + text[place:]).encode()
    if kind == "sign deleted":
        return kind, (text[: place - 1] + text[place:]).encode()
    if kind == "sign replaced":
        return kind, (text[: place - 1] + sign + text[place:]).encode()
    if kind == "bit flipped":
        flipped = bytearray(raw)
        flipped[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)
        return kind, bytes(flipped)
    if kind == "encoding":
        encoded = [raw.decode().encode(name) for name in ("utf-8-sig", "utf-16", "utf-16-le", "utf-32", "utf-7")]
        return kind, rng.choice([*encoded, text.replace("e", "é", 1).encode("latin-1"), b"\xef\xbb\xbf" * 2 + raw])
    if kind == "line ends":
        ends = rng.choice((["\r\n"], ["\r"], ["\n", "\r\n"], ["\n", "\r"], ["\u2028"], ["\n\n"], ["\x0b"], ["\x85"]))
        return kind, "".join(line.rstrip("\n") + rng.choice(ends) for line in lines).encode()
    return kind, (text[:place] + text[max(0, place - rng.randrange(1, 60)) :]).encode()
