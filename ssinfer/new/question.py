"""Question: what a new study cannot know from its data, and its answer from an option, a person, or a default."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ssinfer.errors import StudyError
from ssinfer.finding import Finding
from ssinfer.names import match_names
from ssinfer.sentences import say, sentence


@dataclass(frozen=True)
class Question:
    """One question. Its words are ``new.ask.<id>``, and ``--<id>`` is the option that answers it."""

    id: str
    allowed: tuple[str, ...] = ()  # empty: any text
    default: str | None = None  # None: it must be answered
    several: bool = False  # the answer is a list
    about: Finding | None = None  # the doubt that it settles

    @property
    def option(self) -> str:
        """Name of the option of `ssinfer new`."""
        return f"--{self.id.replace('_', '-')}"

    @property
    def words(self) -> str:
        """The question, after the doubt that it settles."""
        return " ".join([*([sentence(self.about)] if self.about else []), say(f"new.ask.{self.id}")])


class Answers:
    """Answers to questions: given as options, from `ask` (a person at a terminal), or by default.

    `findings` are the defaults that were taken without asking.
    """

    def __init__(self, given: Mapping[str, Any], ask: Callable[[Question], str] | None = None) -> None:
        self.given = {name: value for name, value in given.items() if value not in (None, [])}
        self.ask = ask
        self.findings: list[Finding] = []

    def to(self, *questions: Question) -> list[Any]:
        """Return the answer to each question; a StudyError names all that have none, with their options."""
        found, missing = [], []
        for question in questions:
            answer = self.given.get(question.id)
            if answer is None and self.ask is not None:
                answer = self.ask(question)
            elif answer is None and question.default is not None:
                answer = question.default
                assumed = {"option": question.option, "value": answer}
                self.findings.append(Finding("new.assumed", assumed, refuses=False))
            if not answer:
                missing.append(_needed(question))
                continue
            found.append(_checked(question, answer))
        if missing:
            raise StudyError(" ".join(missing))
        return found


def _needed(question: Question) -> str:
    shown = ", ".join(map(repr, question.allowed[:8])) + (", ..." if len(question.allowed) > 8 else "")
    return say("new.missing", question=question.words, option=question.option, allowed=shown or "...")


def _checked(question: Question, answer: Any) -> Any:
    """Return an answer as one of those allowed; a list is split at semicolons, unless it is one name as it is."""
    if isinstance(answer, str):
        whole = answer in question.allowed or not question.several
        answer = [answer] if whole else [part.strip() for part in answer.split(";") if part.strip()]
    if question.allowed:
        answer = match_names(answer, question.allowed, f"{question.option} is", StudyError)
    return list(answer) if question.several else answer[0]
