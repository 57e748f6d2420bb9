"""Language: a catalogue of sentences and the form of numbers; and the language and currency that are in use."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache, cached_property
from gettext import GNUTranslations, NullTranslations
from importlib.resources import files
from io import BytesIO
from typing import Any

from babel import Locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from ssinfer.errors import StudyError, did_you_mean

#: Folder of the catalogues, one per language: ``en.po`` has every id, and another has the same ids.
FOLDER: Any = files("ssinfer").joinpath("languages")

_SPOKEN: ContextVar[tuple[str, ...]] = ContextVar("spoken", default=("en", "", "en"))  # tag, currency, own tag


@dataclass(frozen=True)
class Language:
    """One language: its tag (such as ``nl``) and its catalogue, read from ``languages/<tag>.po``."""

    tag: str
    catalogue: GNUTranslations

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
        try:
            return self.catalogue.ngettext(key, key, n)
        except KeyError:
            return self.catalogue.gettext(key)


class _Missing(NullTranslations):
    """Raises a KeyError for an id that a catalogue does not have."""

    def gettext(self, message: str) -> str:
        """Refuse the id."""
        raise KeyError(f"{message!r} is not in the catalogue")

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:  # noqa: ARG002
        """Refuse the id."""
        raise KeyError(f"{msgid1!r} has no plural forms in the catalogue")


@cache
def language(tag: str) -> Language:
    """Return a language by its tag; one without a catalogue is refused with a StudyError."""
    if tag not in tags():
        raise StudyError(f"language is {tag!r}, which has no catalogue. {did_you_mean(tag, tags())}")
    compiled = BytesIO()
    with FOLDER.joinpath(f"{tag}.po").open("rb") as stream:
        write_mo(compiled, read_po(stream, locale=tag))
    compiled.seek(0)
    catalogue = GNUTranslations(compiled)
    catalogue.add_fallback(_Missing())
    return Language(tag, catalogue)


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
