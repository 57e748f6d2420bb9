"""Catalogues: the same ids and placeholders in all languages; code uses every id, and only those; texts keep a lang."""

from __future__ import annotations

import ast
import re
from collections import Counter
from functools import cache
from pathlib import Path
from string import Formatter

import pytest
from babel.messages.pofile import read_po
from markupsafe import escape

import ssinfer
from ssinfer import language
from ssinfer.errors import StudyError
from ssinfer.finding import Finding
from ssinfer.foreign import foreign, joined, own
from ssinfer.language import FOLDER, speak, tags
from ssinfer.report.sections import SECTIONS
from ssinfer.sentences import in_words, say, sentence
from ssinfer.study.frames import BLOCKS
from ssinfer.thresholds.kind import KINDS

ROOT = Path(ssinfer.__file__).parent
ALL = "en"  # the catalogue that has every id
NEVER_SAID = {"case_threshold_outside_placebos"}  # the report says ``outside_<cause>``
DECLARED = {
    *(f"section.{section.name}" for section in SECTIONS),
    *(f"block.{block}" for block in BLOCKS),
    *(f"threshold.{kind.name}{form}" for kind in KINDS.entries() for form in ("", ".in_words")),
}


@cache
def catalogue(tag: str) -> dict[str, tuple[str, ...]]:
    """The texts of a catalogue by id: one, or singular and plural."""
    with FOLDER.joinpath(f"{tag}.po").open("rb") as stream:
        messages = [message for message in read_po(stream, locale=tag, abort_invalid=True) if message.id]
    texts = {}
    for message in messages:
        one = isinstance(message.string, str)
        texts[message.id if isinstance(message.id, str) else message.id[0]] = (
            (message.string,) if one else tuple(message.string)
        )
    return texts


def placeholders(text: str) -> set[tuple[str, str]]:
    """Names in braces with the form in which they are printed."""
    return {(name, form or "") for _, name, form, _ in Formatter().parse(text) if name is not None}


def words_of_the_code() -> tuple[set[str], set[str], list[re.Pattern[str]]]:
    """Literal ids of `say` and `Finding`; all literal strings; and f-strings as patterns."""
    ids, literals, patterns = set(), set(), []
    for path in [*ROOT.rglob("*.py"), *ROOT.rglob("*.j2")]:
        if path.suffix == ".j2":
            text = path.read_text(encoding="utf-8")
            ids |= set(re.findall(r'\bsay\(\s*"([^"]+)"\s*[,)]', text))
            literals |= set(re.findall(r'"([^"\n]+)"', text))
            joins = re.findall(r'"([^"]+)" ~ \w+(?: ~ "([^"]+)")?', text)
            patterns += [re.compile(f"{re.escape(first)}.+{re.escape(last)}") for first, last in joins]
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                literals.add(node.value)
            elif isinstance(node, ast.JoinedStr):
                parts = [part.value if isinstance(part, ast.Constant) else None for part in node.values]
                if any(part and re.search(r"[a-z]{3}", part) for part in parts):
                    patterns.append(re.compile("".join(".+" if part is None else re.escape(part) for part in parts)))
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("say", "Finding"):
                first = node.args[0] if node.args else None
                choices = [first.body, first.orelse] if isinstance(first, ast.IfExp) else [first]
                ids |= {each.value for each in choices if isinstance(each, ast.Constant)}
    return ids, literals | ids, patterns


@pytest.mark.parametrize("tag", tags())
def test_every_id_stands_once(tag):
    lines = FOLDER.joinpath(f"{tag}.po").read_text(encoding="utf-8").splitlines()
    counts = Counter(line for line in lines if line.startswith("msgid ") and line != 'msgid ""')
    assert [line for line, number in counts.items() if number > 1] == []
    assert all("" not in texts for texts in catalogue(tag).values())


@pytest.mark.parametrize("tag", [tag for tag in tags() if tag != ALL])
def test_catalogues_have_the_same_ids_and_placeholders(tag):
    assert set(catalogue(ALL)) - set(catalogue(tag)) == set()
    assert set(catalogue(tag)) - set(catalogue(ALL)) == set()
    for key, texts in catalogue(ALL).items():
        expected = set().union(*map(placeholders, texts))
        assert set().union(*map(placeholders, catalogue(tag)[key])) == expected, key
        assert len(catalogue(tag)[key]) == len(texts), key


def test_code_uses_every_id_and_no_other():
    ids, literals, patterns = words_of_the_code()
    assert (ids | DECLARED) - set(catalogue(ALL)) == NEVER_SAID
    unused = set(catalogue(ALL)) - literals - DECLARED
    assert {key for key in unused if not any(pattern.fullmatch(key) for pattern in patterns)} == set()


def test_a_language_without_a_catalogue_and_an_unknown_id_are_refused():
    with pytest.raises(StudyError, match="'xx', which has no catalogue"):
        language.language("xx")
    with pytest.raises(KeyError, match="no such id"):
        say("no such id")
    assert say("no such id", "words of a plug-in, {n:count}", n=1_000) == "words of a plug-in, 1,000"


def test_numbers_and_plurals_follow_the_language():
    with speak("nl", "EUR"):
        assert say("x", "{a:money} {b:percent} {c:decimal} {d:day}", a=-1234.5, b=0.031, c=0.5, d="2024-03-01") == (
            "−€ 1.234 3,1% 0,5 1 maart 2024"
        )
        assert (say("designs", n=1), say("designs", n=2)) == ("1 ontwerp", "2 ontwerpen")


def test_texts_in_another_language_have_a_lang_in_html_and_are_plain_elsewhere():
    refused = Finding("absent_benchmark", {"group": "<A>", "named": "“b”", "reason": "No donors <left>."})
    english = sentence(refused)
    assert english == "The benchmark of <A> under “b” was refused: No donors <left>."
    assert type(english) is str
    with speak("nl"):
        dutch = sentence(refused)
        assert dutch == "De benchmark van <A> bij “b” is geweigerd: No donors <left>."
        marked = "De benchmark van &lt;A&gt; bij “b” is geweigerd: " + '<span lang="en">No donors &lt;left&gt;.</span>'
        assert escape(dutch) == marked
        assert escape(in_words([Finding("advice_scope", {}), refused])).endswith(marked)
        assert escape(joined(["<", foreign(">")], "; ")) == '&lt;; <span lang="en">&gt;</span>'
        with speak(own="nl"):
            assert own("ontwerp") == escape(own("ontwerp"))
        nested = say("x", "{finding} {names:listed}", finding=refused, names=["<", foreign("a")])
        assert escape(nested) == f'{marked} &lt; en <span lang="en">a</span>'
