"""Makes a new study from the console: prints what was found, asks, and names the next commands."""

import sys
from pathlib import Path
from typing import Any

from typer import BadParameter, echo, prompt

from ssinfer.errors import StudyError
from ssinfer.foreign import own
from ssinfer.language import speak
from ssinfer.new import Answers, Question, draft_of_panel, write_draft
from ssinfer.new.draft import refuse_existing
from ssinfer.new.panel import SAMPLE, SAMPLE_START, SAMPLE_TREATED
from ssinfer.sentences import say, sentence


def new_study(
    folder: Path,
    panel: Path | None,
    claims: Path | None,
    database: str | None,
    language: str | None,
    *,
    sample: bool,
    yes: bool,
    data: str | None = None,
    **given: Any,
) -> None:
    """Look at the data, ask what they cannot tell, and write the study into `folder`."""
    with speak(language) as spoken:
        refuse_existing(folder)
        if sum((data is not None, panel is not None, sample, claims is not None, database is not None)) != 1:
            raise StudyError(say("new.no_data"))
        if data is not None:
            panel, claims, database = _by_kind(data)
        place = claims or database
        name, files = "", {}
        if sample:
            panel, name = SAMPLE, "practices.csv"
            files = {name: panel.read_bytes()}
            given = {"treated": SAMPLE_TREATED, "start": SAMPLE_START, "spending_is": "per insured-year"} | {
                key: value for key, value in given.items() if value
            }
        ask = _asked if sys.stdin.isatty() and not yes else None
        answers = Answers(given, ask, lambda finding: echo(own(sentence(finding))))
        if place is not None:
            from ssinfer.new.claims import draft_of_claims  # noqa: PLC0415  (Ibis is loaded late)

            draft = draft_of_claims(place, folder, answers, spoken.tag)
        else:
            draft = draft_of_panel(Path(panel or ""), folder, answers, spoken.tag, name)
        path = write_draft(draft, folder, files)
        echo(say("new.written", path=path, out=folder / "result"))


def _by_kind(data: str) -> tuple[Path | None, Path | None, str | None]:
    """Return a place of data as a panel, as claims or as a database, by what it is."""
    path = Path(data)
    if "://" in data or data == "spark":
        return None, None, data
    tables = path.suffix == ".duckdb" or (path.is_dir() and path.suffix != ".parquet")  # Spark's panel is a folder
    return (None, path, None) if tables else (path, None, None)


def _asked(question: Question) -> str:
    """Ask until the answer is one of those allowed."""

    def checked(answer: str) -> str:
        try:
            question.check(answer)
        except StudyError as error:
            raise BadParameter(str(error)) from None
        return answer

    if question.allowed:
        echo(", ".join(question.allowed))
    return str(prompt(question.words, default=question.default, value_proc=checked))
