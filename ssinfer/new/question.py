"""Question: what a new study cannot know from its data, and its answer from an option, a person, or a default."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from ssinfer.errors import StudyError
from ssinfer.finding import Finding
from ssinfer.names import fold, match_names
from ssinfer.periods.reading import Timeline
from ssinfer.sentences import say, sentence


@dataclass(frozen=True)
class Question:
    """One question. Its words are ``new.ask.<id>``, and ``--<id>`` is the option that answers it."""

    id: str
    allowed: tuple[str, ...] = ()  # empty: any text
    default: str | None = None  # None: it must be answered
    several: bool = False  # the answer is a list
    about: Finding | None = None  # the doubt that it settles
    timeline: Timeline | None = None  # the answer is one of its periods, in any spelling

    @property
    def option(self) -> str:
        """Name of the option of `ssinfer new`."""
        return f"--{self.id.replace('_', '-')}"

    @property
    def words(self) -> str:
        """The question, after the doubt that it settles."""
        return " ".join([*([sentence(self.about)] if self.about else []), say(f"new.ask.{self.id}")])

    def check(self, answer: Any) -> Any:
        """Return an answer as one of those allowed; the answer to `several` is a list of names, or patterns with *."""
        if self.timeline is not None:
            return self._period(self.timeline, answer)
        names = [name for line in ([answer] if isinstance(answer, str) else answer) for name in self._split(line)]
        if self.allowed:
            names = [label for name in names for label in self._labels(name)]
        if not names:
            raise StudyError(f"{self._complaint} {answer!r}, which names nothing. {_needed(self)}")
        return list(dict.fromkeys(names)) if self.several else names[0]

    def _split(self, answer: str) -> Sequence[str]:
        """Return the names in a line: separated by semicolons, or by commas if no name has one."""
        if answer in self.allowed or not self.several:
            return [answer]
        comma = ";" not in answer and not any("," in label for label in self.allowed)
        return [name for part in answer.split("," if comma else ";") if (name := part.strip())]

    def _labels(self, name: str) -> Sequence[str]:
        """Return the labels that a name means, in any case, or as a pattern."""
        same = [label for label in self.allowed if fold(label) == fold(name)]
        matched = [label for label in self.allowed if self.several and "*" in name and fnmatchcase(label, name)]
        return matched or (same if len(same) == 1 else match_names([name], self.allowed, self._complaint, StudyError))

    def _period(self, timeline: Timeline, answer: Any) -> str:
        if (column := timeline.begins(answer)) is None:
            raise StudyError(
                f"{self._complaint} {answer!r}; no period of the data begins there. They are {timeline.describe()}."
            )
        return str(timeline.labels[column])

    @property
    def _complaint(self) -> str:
        return f"{self.option} is"


class Answers:
    """Answers to questions: given as options, from `ask` (a person at a terminal), or by default.

    `findings` are what was found in the data, and the defaults that were taken without asking; `tell` gets each.
    """

    def __init__(
        self,
        given: Mapping[str, Any],
        ask: Callable[[Question], str] | None = None,
        tell: Callable[[Finding], None] = lambda _: None,
    ) -> None:
        self.given = {name: value for name, value in given.items() if value not in (None, [])}
        self.ask = ask
        self._tell = tell
        self.findings: list[Finding] = []

    def tell(self, name: str, **numbers: Any) -> None:
        """Tell what was found."""
        self.findings.append(Finding(name, numbers, refuses=False))
        self._tell(self.findings[-1])

    def to(self, *questions: Question) -> list[Any]:
        """Return the answer to each question; a StudyError names all that have none, with their options."""
        found, missing = [], []
        for question in questions:
            answer = self.given.get(question.id)
            if answer is None and self.ask is not None:
                answer = self.ask(question)
            elif answer is None and question.default is not None:
                answer = question.default
                self.tell("new.assumed", option=question.option, value=answer)
            if not answer:
                missing.append(_needed(question))
                continue
            found.append(question.check(answer))
        if missing:
            raise StudyError(" ".join(missing))
        return found


def _needed(question: Question) -> str:
    allowed, rest = question.allowed[:8], len(question.allowed) - 8
    shown = ", ".join(map(repr, allowed)) + (say("new.more", n=rest) if rest > 0 else "")
    return say("new.missing", question=question.words, option=question.option, allowed=shown)
