"""Runs a study from the console: prints the look at its data and its results, with a progress bar between them."""

import sys
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from rich.console import Console
from rich.progress import Progress
from typer import echo

from ssinfer.agreement.settle import Settling, SettlingGroups
from ssinfer.atomic import output_folder
from ssinfer.console.design_table import design_table
from ssinfer.console.look import look_text
from ssinfer.errors import EXPECTED
from ssinfer.language import speak
from ssinfer.report import write_report
from ssinfer.sentences import say
from ssinfer.study import Plan, plan_study, refuse_foreign_folder, run_study, write_study
from ssinfer.study.disclosure import disclosed
from ssinfer.study.failed import failed_folder, write_failed
from ssinfer.study.previous import read_previous
from ssinfer.study.result import GROUPS


def study_run(
    study: Path | Settling | SettlingGroups,
    parts: tuple[str, ...],
    jobs: int,
    language: str | None,
    leave: Callable[[Exception, str], NoReturn],
    out: Path | None = None,
    previous: Path | None = None,
    *,
    confidential: bool = False,
) -> None:
    """Look at the data of a study, perhaps on an agreement, run its parts and write its folder (none without `out`).

    With `previous`, the folder of an earlier delivery, the result has what changed since.

    An error after the first table, or one that is not expected, leaves DIR.failed; `leave` is told where it is.
    """
    plan: Plan | None = None
    tables: dict[str, Any] = {}
    try:
        with output_folder(out, lambda line: echo(line, err=True)) if out else nullcontext():
            planned = partial(plan_study, study) if isinstance(study, Path) else study.plan
            plan = planned(n_jobs=jobs, tell=lambda look: echo(look_text(look)), language=language)
            if out is None:
                with speak(plan.language):
                    echo(say("console.no_fault"))
                return
            refuse_foreign_folder(out, plan.study_hash, parts)
            failed_folder(out)
            base, plans = study.parent if isinstance(study, Path) else Path(), plan.groups or {"": plan}
            under = {name: Path(GROUPS, name) if len(plans) > 1 else Path() for name in plans}
            before = {name: read_previous(plans[name], previous / under[name], base) for name in under if previous}
            with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
                task = bar.add_task("Backtest", total=None)
                result = run_study(
                    plan,
                    parts=parts,
                    n_jobs=jobs,
                    progress=lambda done, total: bar.update(task, completed=done, total=total),
                    tables=tables,
                )
            result = result if isinstance(study, Path) else study.finish(plan, result)
            groups = {name: before[name].compared(plans[name], part) for name, part in result.groups.items() if before}
            first = next(iter(before.values()), None)
            result = result if first is None else replace(first.compared(plan, result), groups=groups)
            result = disclosed(result, confidential=confidential)
            printed = design_table(result)
            folder = write_study(result, out, report=write_report, confidential=confidential)
    except Exception as error:
        if out is None or (not tables and isinstance(error, EXPECTED)):
            raise
        with speak(language if plan is None else plan.language):
            try:
                kept = say("failed.kept", out=out, folder=write_failed(out, error, plan, parts, tables))
            except Exception as second:  # noqa: BLE001
                kept = say("failed.lost", out=out, name=type(second).__name__)
        leave(error, f" {kept}")
    with speak(plan.language):
        echo(f"{printed}\n{say('console.report', path=folder / 'report.html')}")
