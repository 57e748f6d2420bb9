"""Signs a study, and settles on an agreement, from the console."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from ssinfer.agreement.agreement import FILE, read_agreement
from ssinfer.agreement.settle import EXTRACTED, Settling, SettlingGroups
from ssinfer.agreement.sign import sign_study
from ssinfer.atomic import atomic_folder
from ssinfer.errors import StudyError
from ssinfer.language import speak
from ssinfer.report.agreement_page import write_agreement_pages
from ssinfer.sentences import say, sentence


def sign_text(study: Path, out: Path, jobs: int, language: str | None, tell: Callable[[str], object]) -> str:
    """Write the agreement of each contract of a study, with its pages, into a new folder; return their hashes."""
    if out.exists():
        raise StudyError(f"{out} exists, and a signed agreement is never replaced. Name a new folder with --out.")
    agreements = sign_study(study, n_jobs=jobs, language=language, tell=lambda finding: tell(sentence(finding)))
    lines = []
    with atomic_folder(out) as folder:
        for name, agreement in agreements.items():
            (folder / name).mkdir(exist_ok=True)
            (folder / name / FILE).write_text(agreement.text, encoding="utf-8", newline="\n")
            write_agreement_pages(agreement, folder / name)
            with speak(language or agreement.document["language"]):
                lines.append(say("console.agreement", path=out / name / FILE, hash=agreement.hash))
    return "\n".join(lines)


def settling(
    agreement: Path | None, data: Sequence[str], study: Path | None, reason: str | None
) -> Path | Settling | SettlingGroups:
    """Return the run on an agreement, or a study file alone; `data` has PATH, KEY=PATH or extracted=DATE."""
    if agreement is not None:
        named = [re.fullmatch(r"(?:([a-z_]+)=)?(.+)", text) for text in data]
        texts = {part[1] or "file": part[2] for part in named if part}
        given = {key: text if key == EXTRACTED else str(Path(text).absolute()) for key, text in texts.items()}
        if [*agreement.glob(f"*/{FILE}")]:
            return SettlingGroups(agreement, given, study, reason)
        return Settling(read_agreement(agreement), given, study, reason)
    if study is None or data or reason is not None:
        raise StudyError("Give a study file; --data and --amend are for a run with --agreement AGREEMENT.")
    return study
