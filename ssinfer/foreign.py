"""Foreign: a text with parts in another language than the one in use, which have their ``lang`` in HTML."""

from collections.abc import Iterable, Mapping
from typing import Any, Self

from markupsafe import Markup

from ssinfer.language import own_tag, spoken

#: A text of the user's own, or its texts by the tag of their language.
type Text = str | Mapping[str, str]


class Foreign(str):
    """A text with parts in another language; template engines take its HTML, in which they have a ``lang``."""

    __slots__ = ("_html",)
    _html: Markup

    def __new__(cls, text: str, html: Markup) -> Self:
        """Return a text with its HTML."""
        new = super().__new__(cls, text)
        new._html = html
        return new

    def __html__(self) -> Markup:
        """Return the text in HTML."""
        return self._html


def foreign(text: object, tag: str = "en") -> str:
    """Return a text that is written in one language, whichever is in use, such as the message of an error.

    >>> foreign("te weinig", "nl"), foreign("te weinig", "nl").__html__()
    ('te weinig', Markup('<span lang="nl">te weinig</span>'))
    """
    plain = str(text)
    if not plain or tag == spoken().tag:
        return plain
    return Foreign(plain, Markup('<span lang="{}">{}</span>').format(tag, plain))


def chosen(text: object) -> tuple[str, str]:
    """Return the language and the words of a user's own text: those in the language in use, or else the first.

    >>> chosen({"nl": "ontwerp", "en": "design"}), chosen({"nl": "ontwerp"})
    (('en', 'design'), ('nl', 'ontwerp'))
    """
    if not isinstance(text, Mapping):
        return own_tag(), str(text)
    tag = spoken().tag if spoken().tag in text else str(next(iter(text)))
    return tag, str(text[tag])


def own(text: object) -> str:
    """Return a text of the user's own, such as a name or a label."""
    if isinstance(text, Foreign):
        return text
    tag, words = chosen(text)
    return foreign(words, tag)


def has_foreign(value: Any) -> bool:
    """Return whether a text, or one of a list of texts, has parts in another language."""
    return isinstance(value, Foreign) or (isinstance(value, list | tuple) and any(map(has_foreign, value)))


def joined(texts: Iterable[str], separator: str = " ") -> str:
    """Return texts as one; those that are empty are left out."""
    texts = [text for text in texts if text]
    text = separator.join(texts)
    return Foreign(text, Markup(separator).join(texts)) if has_foreign(texts) else text  # noqa: S704  (our own separator)
