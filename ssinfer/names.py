"""Names: finds the labels of data that a user's names mean, and labels that look like one name twice."""

import unicodedata
from collections.abc import Collection, Iterable
from typing import Any

from ssinfer.accept import advice
from ssinfer.errors import DataError, SsinferError, did_you_mean
from ssinfer.input_table import plain_value

_LOOK_LATIN = str.maketrans("аеорсухіјѕвкмнтαορνικτυχβημζսօո", "aeopcyxijsbkmhtaopviktuxbhmzuon")
_DIRECTIONS = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"  # they reverse the text that a reader sees


def as_names(names: Any) -> tuple[str, ...]:
    """Return names as a tuple of text; a single name is one name, not its letters."""
    if not isinstance(names, Iterable) or isinstance(names, bytes):
        raise DataError(f"{names!r} is no name and no list of names. Pass a list, such as ['age', 'sex'].")
    return tuple(str(plain_value(name)) for name in ((names,) if isinstance(names, str) else names))


def refuse_controls(labels: Iterable[object], what: str, error: type[Exception], allowed: str = "") -> None:
    """Refuse labels with control characters, which damage figures, consoles and tables; `allowed` may occur."""
    for label in map(str, labels):
        if not label.isprintable() and any(
            unicodedata.category(sign) in ("Cc", "Cs") or sign in _DIRECTIONS for sign in label if sign not in allowed
        ):
            raise error(f"{what} {ascii(label)[:200]} has a control character. Remove it.")


def normalise(name: object) -> str:
    """Return the form in which names are compared: Unicode NFC, without blanks at the ends."""
    return unicodedata.normalize("NFC", str(name)).strip()


def match_names(
    names: Iterable[object], known: Collection[str], complaint: str, error: type[SsinferError], cure: str = ""
) -> tuple[str, ...]:
    """Return the label in `known` of each name: an equal one, else the only one that is equal after normalisation."""
    labels = []
    for name in as_names(names):
        same = [name] if name in known else [label for label in known if normalise(label) == normalise(name)]
        if len(same) != 1:
            raise error(f"{complaint} {name!r}. {did_you_mean(name, known)} {cure}".rstrip())
        labels += same
    return tuple(labels)


def fold(label: object) -> str:
    """Return a label without case, blanks, invisible signs and Unicode form; letters that look Latin are Latin."""
    plain = unicodedata.normalize("NFKC", str(label)).casefold().translate(_LOOK_LATIN)
    return "".join(sign for sign in plain if not sign.isspace() and unicodedata.category(sign) != "Cf")


def refuse_similar(labels: Iterable[str], what: str, accept: Collection[str], error: type[SsinferError]) -> None:
    """Refuse labels of data that differ only in case, blanks or Unicode form, unless the user accepts them."""
    first: dict[str, str] = {}
    for label in () if "similar_names" in accept else labels:
        other = first.setdefault(fold(label), label)
        if other != label:
            show = ascii if normalise(other) == normalise(label) else repr
            raise error(
                f"{what} {show(other)} and {show(label)} differ only in case, blanks or Unicode form: one group seems "
                f"to be in the data twice. Give both one name. If they are two groups, pass {advice('similar_names')}."
            )
