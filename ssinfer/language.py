"""Language: a catalogue of sentences and the form of numbers; and the language and currency that are in use."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache, cached_property
from gettext import c2py
from importlib.resources import files
from typing import Any

from babel import Locale
from babel.messages.pofile import read_po

from ssinfer.errors import StudyError, did_you_mean

#: Folder of the catalogues, one per language: ``en.po`` has every id, and another has the same ids.
FOLDER: Any = files("ssinfer").joinpath("languages")

_SPOKEN: ContextVar[tuple[str, ...]] = ContextVar("spoken", default=("en", "", "en"))  # tag, currency, own tag


@dataclass(frozen=True, eq=False)
class Language:
    """One language: its tag (such as ``nl``), and its catalogue of texts by id, read from ``languages/<tag>.po``."""

    tag: str
    texts: Mapping[str, str | tuple[str, ...]]  # one text, or its forms for different numbers of things
    form: Callable[[int], int]  # the place of the form for a number

    @cached_property
    def locale(self) -> Locale:
        """The locale of numbers and dates."""
        return Locale.parse(self.tag)

    @cached_property
    def separators(self) -> dict[int, str]:
        """The separators of thousands and decimals, as a translation of Python's own."""
        symbols = self.locale.number_symbols["latn"]
        return str.maketrans({",": symbols["group"], ".": symbols["decimal"]})

    def template(self, key: str, n: int = 1) -> str:
        """Return the text with an id, in the form for `n` things; an unknown id raises a KeyError."""
        text = self.texts[key]
        return text if isinstance(text, str) else text[self.form(n)]


@cache
def language(tag: str) -> Language:
    """Return a language by its tag; one without a catalogue is refused with a StudyError."""
    if tag not in tags():
        raise StudyError(f"language is {tag!r}, which has no catalogue. {did_you_mean(tag, tags())}")
    with FOLDER.joinpath(f"{tag}.po").open("rb") as stream:
        catalogue = read_po(stream, locale=tag)
    texts: dict[Any, Any] = {each.id[0] if each.pluralizable else each.id: each.string for each in catalogue if each.id}
    return Language(tag, texts, c2py(catalogue.plural_expr))


def tags() -> list[str]:
    """Return the tags of the languages that have a catalogue."""
    return sorted(each.name.removesuffix(".po") for each in FOLDER.iterdir() if each.name.endswith(".po"))


@contextmanager
def speak(tag: str | None = None, currency: str | None = None, own: str | None = None) -> Iterator[Language]:
    """Use a language and a currency in all sentences and numbers within; None keeps what is in use.

    `own` is the language of the user's own texts, such as names and labels.
    """
    given = (tag, currency, own)
    token = _SPOKEN.set(tuple(w if g is None else g for w, g in zip(_SPOKEN.get(), given, strict=True)))
    try:
        yield spoken()
    finally:
        _SPOKEN.reset(token)


def spoken() -> Language:
    """Return the language in use; English by default."""
    return language(_SPOKEN.get()[0])


def own_tag() -> str:
    """Return the tag of the language of the user's own texts; that of English by default."""
    return _SPOKEN.get()[2]


def currency_in_use() -> str:
    """Return the currency in use; empty by default."""
    return _SPOKEN.get()[1]
