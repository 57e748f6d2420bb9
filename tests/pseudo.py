"""A generated language: the English catalogue with accents, so that a word without one comes from no catalogue."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from babel.messages.pofile import read_po, write_po

from ssinfer.console.design_table import design_table
from ssinfer.language import FOLDER, language
from ssinfer.report import write_report
from ssinfer.study.result import StudyResult

TAG = "de"  # a locale that Babel knows and that has no catalogue
ACCENTS = str.maketrans("aeiouyAEIOUY", "áéíóúýÁÉÍÓÚÝ")
VOID = {"meta", "link", "br", "img", "hr", "input", "path", "use", "rect"}
CODE = (  # calls, classes, names with a dot or underscore, quoted code, paths; currencies, hashes, dates, and versions
    r"\w+\(.*?\)|\b[A-Z][a-z]+[A-Z]\w+|`[^`]*`|\w*[._]\w[\w.]*|/\S+"
    r"|\b(EUR|USD)\b|\b[0-9a-f]{12}\b|\d+\. \w+ \d{4}|[\w-]+ \d+\.\d+[\d.]*"
)
WORD = r"(?<!\w)[A-Za-z]*[aeiouyAEIOUY][A-Za-z]*(?!\w)"


class Visible(HTMLParser):
    """The texts that a reader sees or hears, without those in another language and the style."""

    def __init__(self, page: str, tag: str = "nl") -> None:
        super().__init__()
        self.tag = tag
        self.texts: list[str] = []
        self.open: list[bool] = []  # of each open tag: whether its text is left out
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        hidden = (
            tag in ("style", "script") or given.get("lang", self.tag) != self.tag or (bool(self.open) and self.open[-1])
        )
        if not hidden and given.get("aria-label"):
            self.texts.append(given["aria-label"])
        if tag not in VOID:
            self.open.append(hidden)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        if tag not in VOID:
            self.open.pop()

    def handle_data(self, data):
        if data.strip() and not self.open[-1]:
            self.texts.append(" ".join(data.split()))


@contextmanager
def pseudo_language(folder: Path) -> Iterator[str]:
    """Use the generated catalogue, written into a folder, and give its tag."""
    with FOLDER.joinpath("en.po").open("rb") as stream:
        catalogue = read_po(stream, locale=TAG)
    languages = folder / "languages"
    languages.mkdir()
    languages.joinpath("en.po").write_bytes(FOLDER.joinpath("en.po").read_bytes())
    for message in catalogue:
        given = [message.string] if isinstance(message.string, str) else message.string
        parts = [re.split(r"(\{[^}]*\}|\(#[^)]*\))", text) for text in given]  # every second one is kept
        texts = ["".join(p if i % 2 else p.translate(ACCENTS) for i, p in enumerate(part)) for part in parts]
        message.string = texts[0] if isinstance(message.string, str) else tuple(texts)
    with languages.joinpath(f"{TAG}.po").open("wb") as stream:
        write_po(stream, catalogue)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ssinfer.language.FOLDER", languages)
        language.cache_clear()
        try:
            yield TAG
        finally:
            language.cache_clear()


def printed(result: StudyResult, folder: Path) -> list[str]:
    """The texts of the report, figures and console of a study in the generated language; others are left out."""
    with pseudo_language(folder) as tag:
        page = write_report(result, folder / "report", tag).read_text(encoding="utf-8")
        console = design_table(replace(result, manifest={**result.manifest, "language": tag}))
    return [*Visible(page, tag).texts, *console.splitlines()]


def names_of(result: StudyResult) -> set[str]:
    """The words of the user's own names and of errors, which have no `lang` in figures and on the console."""
    study = result.manifest.get("study", {})
    blocks = [part for parts in study.values() if isinstance(parts, list) for part in parts if "name" in part]
    labels = [*result.design_labels.values(), *(part.get("label", "") for part in blocks)]
    compared = result.tables["designs.csv"]["label"] if "designs.csv" in result.tables else ()
    named = [*result.designs, *result.methods, *result.panel.units, *(part["name"] for part in blocks), *compared]
    errors = [
        result.no_advice,
        *result.savings.get("reason", ()),
        *result.case_thresholds.get("reason", ()),
    ]  # messages of errors are in English
    errors += [*result.settlement["reason"][result.settlement["party"] == ""]] if len(result.settlement) else []
    texts = (*named, *labels, *errors, *result.manifest.get("versions", ()))
    return {word for text in texts for word in re.findall(WORD, str(text))}


def without_accents(texts: Iterable[str], names: Iterable[str] = ()) -> list[str]:
    """The texts with a word that no catalogue gave, and that is none of the user's names."""
    names = {part.lower() for part in names}
    words = {text: re.findall(WORD, re.sub(CODE, " ", text)) for text in texts}
    return [text for text, found in words.items() if {word.lower() for word in found if len(word) > 1} - names]


def from_no_catalogue(result: StudyResult, folder: Path, *names: str) -> list[str]:
    """The texts of report, figures and console with a word that neither the catalogue nor the user gave."""
    texts = printed(result, folder)
    assert len(texts) > 200
    return without_accents(texts, {*names_of(result), *names})
