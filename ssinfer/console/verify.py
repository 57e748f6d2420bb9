"""The record of a verification, as text and as JSON."""

import datetime as dt
import platform
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from textwrap import fill
from typing import Any

from ssinfer._version import __version__
from ssinfer.agreement.agreement import read_agreement
from ssinfer.agreement.settle import EXTRACTED, Settling, SettlingGroups
from ssinfer.console.lists import WIDTH
from ssinfer.documents import to_json
from ssinfer.language import speak
from ssinfer.report import write_report
from ssinfer.sentences import say, sentence
from ssinfer.study.config import read_study
from ssinfer.study.result import GROUPS, STUDY_FILE
from ssinfer.study.verify import Verification, verify_folder

FACTS = ("title", "date", "seed", "ssinfer", "study_hash", "created")  # of the manifest


def verify_study(
    folder: Path,
    out: Path | None,
    language: str | None,
    tell: Callable[[str], object],
    *,
    as_json: bool,
    **options: Any,
) -> tuple[str, bool]:
    """Verify a folder, and return the record, which is written to `out` too, and whether the folder is verified."""
    with speak(language):
        found = verify_folder(folder, _settling, write_report, tell=lambda step: tell(sentence(step)), **options)
        record = to_json(_document(found)) if as_json else _text(folder, found)
    if out is not None:
        out.write_text(f"{record}\n", encoding="utf-8")
    return record, not found.findings


def _settling(folder: Path, base: Path) -> Settling | SettlingGroups:
    """Return the run on the agreements in a finished folder, whose data are in another."""
    path, groups = folder / STUDY_FILE, folder / GROUPS
    config = read_study(path)
    if not groups.is_dir():
        run: Settling | SettlingGroups = Settling(read_agreement(folder), {}, path)
    elif any(part.share for part in config.group):
        run = SettlingGroups(groups, {}, path, None)
    else:  # each share stands in the agreement of its group only
        days = [str(part.run_out.extracted) for part in config.spending if part.run_out]
        data = config.data.model_dump(mode="json", exclude_unset=True)
        run = SettlingGroups(groups, data | ({EXTRACTED: days[0]} if days else {}), None, None)
    for part in run.parts.values() if isinstance(run, SettlingGroups) else [run]:
        part.folder = base
    return run


def _text(folder: Path, found: Verification) -> str:
    lines = [say("verify.failed" if found.findings else "verify.verified", folder=folder, n=len(found.findings))]
    lines += [say("verify.of", **{name: str(found.manifest.get(name, "")) for name in FACTS})]
    lines += [say("verify.data", name=name, digest=digest) for name, digest in found.inputs.items()]
    if found.cells:
        lines += [say("verify.compared", cells=sum(found.cells.values()), n=len(found.cells), files=len(found.equal))]
        lines += [say("verify.tolerance", tolerance=found.tolerance) if found.tolerance else say("verify.exact")]
    lines += [say("verify.left", names=found.left)] if found.left else []
    apart = [f"{name} {then}, {now}" for name, (then, now) in found.versions.items()]
    lines += [say("verify.versions", names=apart)] if apart else []
    for number, finding in enumerate(found.findings, 1):
        row = ", ".join(f"{name} = {value}" for name, value in finding.numbers.get("row", {}).items())
        lines.append(f"{number}. {sentence(replace(finding, numbers={**finding.numbers, 'row': row}))}")
    lines += [say("verify.by", version=__version__, python=platform.python_version(), today=str(_today()))]
    return "\n".join(fill(line, WIDTH, break_long_words=False, break_on_hyphens=False) for line in lines)


def _document(found: Verification) -> dict[str, Any]:
    facts = {name: found.manifest.get(name) for name in FACTS}
    parts = {name: getattr(found, name) for name in ("inputs", "cells", "equal", "left", "versions", "tolerance")}
    findings = [{"id": finding.id, **finding.numbers} for finding in found.findings]
    by = {"ssinfer": __version__, "python": platform.python_version(), "date": _today()}
    return {"verified": not found.findings, **facts, **parts, "findings": findings, "by": by}


def _today() -> dt.date:
    return dt.datetime.now(dt.UTC).date()
