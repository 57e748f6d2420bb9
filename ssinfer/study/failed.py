"""DIR.failed: the tables of a run that did not end, with a file that says what is missing and where the run stopped."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from ssinfer._version import __version__
from ssinfer.atomic import atomic_folder, owner_only
from ssinfer.errors import StudyError, error_id, traceback_without_values
from ssinfer.sentences import say
from ssinfer.study.crate import CRATE
from ssinfer.study.disclosure import disclosed_tables
from ssinfer.study.frames import DICTIONARY
from ssinfer.study.plan import Plan
from ssinfer.study.report_data import REPORT_DATA
from ssinfer.study.result import FINDING, MANIFEST, STUDY_FILE, SUMS, write_table

NOTE = "error.txt"
ALWAYS = (FINDING, REPORT_DATA, STUDY_FILE, DICTIONARY.name, CRATE, SUMS, MANIFEST)
OF_CASE = "savings.csv case_thresholds.csv settlement.csv savings.nc weights.csv diagnostics.csv paths.csv"
OF_PLACEBOS = "placebos.parquet placebo_paths.parquet scores.csv detection.csv thresholds.csv"
FILES = {"backtest": OF_PLACEBOS.split(), "evaluate": OF_CASE.split()}


def failed_folder(out: Path) -> Path:
    """Return DIR.failed of a folder, after the one of an earlier run was removed; a folder of others is refused."""
    folder = out.absolute().with_name(f"{out.absolute().name}.failed")
    if (folder / NOTE).is_file():
        shutil.rmtree(folder)
    if folder.exists():
        raise StudyError(f"{folder} is not of ssinfer, which writes there if a run fails. Move it, or change --out.")
    return folder


def write_failed(
    out: Path, error: Exception, plan: Plan | None, parts: Sequence[str], tables: Mapping[str, pd.DataFrame]
) -> Path:
    """Write DIR.failed, which only its owner may read, and return it: without small groups and values of variables."""
    folder, shown = failed_folder(out), {} if plan is None else disclosed_tables(tables, plan.hidden)
    wanted = [*(name for part in parts for name in FILES[part]), "report.html", "figures", *ALWAYS]
    missing, hidden = [name for name in wanted if name not in tables], [name for name in tables if name not in shown]
    with atomic_folder(folder) as temporary:
        for name, table in shown.items():
            write_table(table, temporary / name)
        said = say("failed.tables", missing=", ".join(missing), hidden=", ".join(hidden) or say("nothing"))
        said += say("failed.error", version=__version__, name=type(error).__name__, id=error_id(error))
        (temporary / NOTE).write_text(said + traceback_without_values(error), encoding="utf-8")
        owner_only(temporary)
    return folder
