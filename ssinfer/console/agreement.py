"""Signs a study, and settles on an agreement, from the console."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from ssinfer.agreement.agreement import FILE, read_agreement
from ssinfer.agreement.settle import EXTRACTED, Settling
from ssinfer.agreement.sign import sign_study
from ssinfer.atomic import atomic_folder
from ssinfer.errors import StudyError
from ssinfer.language import speak
from ssinfer.report.agreement_page import write_agreement_pages
from ssinfer.sentences import say, sentence


def sign_text(study: Path, out: Path, jobs: int, language: str | None, tell: Callable[[str], object]) -> str:
    """Write the agreement of a study and its pages into a new folder, and return where it is, with its hash."""
    if out.exists():
        raise StudyError(f"{out} exists, and a signed agreement is never replaced. Name a new folder with --out.")
    agreement = sign_study(study, n_jobs=jobs, language=language, tell=lambda finding: tell(sentence(finding)))
    with atomic_folder(out) as folder:
        (folder / FILE).write_text(agreement.text, encoding="utf-8", newline="\n")
        write_agreement_pages(agreement, folder)
    with speak(language or agreement.document["language"]):
        return say("console.agreement", path=out / FILE, hash=agreement.hash)


def settling(agreement: Path | None, data: Sequence[str], study: Path | None, reason: str | None) -> Path | Settling:
    """Return the run on an agreement, or a study file alone; `data` has PATH, KEY=PATH or extracted=DATE."""
    if agreement is not None:
        named = [re.fullmatch(r"(?:([a-z_]+)=)?(.+)", text) for text in data]
        texts = {part[1] or "file": part[2] for part in named if part}
        given = {key: text if key == EXTRACTED else str(Path(text).absolute()) for key, text in texts.items()}
        return Settling(read_agreement(agreement), given, study, reason)
    if study is None or data or reason is not None:
        raise StudyError("Give a study file; --data and --amend are for a run with --agreement AGREEMENT.")
    return study
