"""Runs the study of a finished folder again on the same data, and finds every file, input and number that differs."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import gettempdir
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from ssinfer._version import __version__
from ssinfer.atomic import temporary_folder
from ssinfer.documents import parse_json, read_text
from ssinfer.errors import SsinferError, StudyError
from ssinfer.finding import Finding
from ssinfer.study.config import read_study
from ssinfer.study.crate import CRATE
from ssinfer.study.plan import make_plan
from ssinfer.study.report_data import OF_RUN
from ssinfer.study.result import AGREEMENT, MANIFEST, STUDY_FILE, SUMS, StudyResult, sha256, write_study
from ssinfer.study.run import run_study

ADVICE = "Name a folder that `ssinfer run` wrote."
NOT_COMPARED = {*OF_RUN, "files", "versions", "ssinfer"} - {"inputs"}  # parts of a manifest
TABLES = (".csv", ".parquet", ".nc", ".json")  # compared by cell; other files by their bytes
OF_REPORT = (".html", ".svg", ".png", ".zip")  # their bytes depend on the versions of libraries
NO_FIT = ("verify.input", "verify.hash")  # findings after which nothing is fitted


@dataclass(eq=False)
class Verification:
    """What was compared, and what differs: without `findings` the folder is verified.

    `manifest` is that of the folder, `inputs` are the hashes of the data that were read, and `cells` the numbers of
    compared cells by file. `equal` files have equal bytes; those `left` were not compared. `versions` of libraries
    that differ are those in the folder and here.
    """

    manifest: Mapping[str, Any]
    tolerance: float  # a fraction of the largest number of a column
    findings: list[Finding] = field(default_factory=list)
    inputs: Mapping[str, str] = field(default_factory=dict)
    cells: dict[str, int] = field(default_factory=dict)
    equal: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    versions: Mapping[str, tuple[str, str]] = field(default_factory=dict)


def verify_folder(
    folder: Path,
    settling: Callable[[Path, Path], Any],
    report: Callable[[StudyResult, Path, str], Any],
    *,
    data: Path | None = None,
    n_jobs: int = 2,
    tolerance: float = 0.0,
    any_version: bool = False,
    tell: Callable[[Finding], object] = lambda _finding: None,
) -> Verification:
    """Run the study of a folder again, and compare its files; what the folder hides is hidden before.

    Parameters
    ----------
    folder : finished folder of `ssinfer run`, `backtest` or `evaluate`
    settling : returns the run on the agreement in a folder; its second argument is the folder of the data
    report : writes the report of a result into a folder, in the language with a tag
    data : folder from which the paths of the study start; None: `folder`, the one above, or the working folder
    n_jobs : processes; the result does not depend on them
    tolerance : allowed difference, a fraction of the largest number of a column or of an array of draws
    any_version : whether a folder of another version of ssinfer is compared, too
    tell : is called before each step

    Raises
    ------
    StudyError : the folder is not finished, of another version or compares two deliveries; its data are not found
    """
    if not 0 <= tolerance < 1:
        raise StudyError(f"--tolerance is {tolerance}; allowed is 0 (exact) to below 1. Give a fraction, such as 1e-6.")
    manifest = _json(folder / MANIFEST)
    if not isinstance(manifest, dict) or not {"files", "inputs", "parts", "study_hash"} <= manifest.keys():
        raise StudyError(f"{folder / MANIFEST} is no manifest of a result. {ADVICE}")
    if (version := manifest.get("ssinfer")) != __version__ and not any_version:
        raise StudyError(
            f"{folder} is of ssinfer {version}, and this is {__version__}: only the same version promises the same "
            f"numbers. Use `python -m pip install 'ssinfer=={version}'`, or compare all the same with --any-version."
        )
    if "previous" in manifest:
        raise StudyError(
            f"{folder} was run with --previous, and compares a delivery that it does not hold. Verify the folder of a "
            "run of the same study without --previous."
        )
    found, files, inputs = Verification(manifest, tolerance), manifest["files"], manifest["inputs"]
    held = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    tell(Finding("verify.step.folder", {"n": len(files)}))
    found.findings += _changed("file", files, {name: held[name] for name in held.keys() - {MANIFEST}})
    if any(finding.numbers["file"] == STUDY_FILE for finding in found.findings):
        return found
    path = folder / STUDY_FILE
    config = read_study(path, text := read_text(path, "the study", StudyError, ADVICE))
    file, places = getattr(config.data, "file", None) or "", [data] if data else [folder, folder.parent, Path()]
    if (base := next((place for place in places if not file or (place / file).exists()), data)) is None:
        tried = ", ".join(str(place.resolve()) for place in places)
        raise StudyError(f"the data {file!r} are in none of {tried}. Give the folder of the study file with --data.")
    tell(Finding("verify.step.data", {"n": len(inputs)}))
    known = config.data.files(base)
    named = {n: h for n, h in inputs.items() if n in known or n == file or n.startswith(f"{file}/")}
    found.findings += _changed("input", named, known)
    if any(finding.id.startswith(NO_FIT) for finding in found.findings):
        return found
    options: dict[str, Any] = {"n_jobs": n_jobs, "language": manifest.get("language")}
    again = settling(folder, base) if (folder / AGREEMENT).is_file() else None
    plan = again.plan(**options) if again else make_plan(config, text, base, path=path, **options)
    found.findings += _changed("input", inputs, plan.inputs)
    for name, now in (("study_hash", plan.study_hash), ("data_hash", plan.panel.fingerprint())):
        if manifest.get(name) != now:
            found.findings.append(Finding("verify.hash", {"name": name, "expected": manifest.get(name), "found": now}))
    if any(finding.id.startswith(NO_FIT) for finding in found.findings):
        return found
    found.inputs, quarters = inputs, set[int]()

    def progress(done: int, total: int) -> None:
        if (quarter := 4 * done // max(total, 1)) not in quarters:
            quarters.add(quarter)
            tell(Finding("verify.step.fits", {"done": done, "n": total}))

    result = run_study(plan, parts=tuple(manifest["parts"]), n_jobs=n_jobs, progress=progress)
    result = again.finish(plan, result) if again else result
    tell(Finding("verify.step.compare", {}))
    page = held["report.html"].read_text(encoding="utf-8", errors="replace") if "report.html" in held else ""
    tag = (re.findall(r'<html lang="(\w+)">', page) or [plan.language])[0]
    with temporary_folder("ssinfer-verify-", Path(gettempdir())) as temporary:
        write = (lambda part, target: report(part, target, tag)) if page else None
        confidential = bool(manifest.get("confidential"))
        _compare(found, folder, write_study(result, temporary / "new", report=write, confidential=confidential))
    return found


def _compare(found: Verification, folder: Path, new: Path) -> None:
    """Add what differs between the files of a folder and of the new run."""
    manifest, now = found.manifest, _json(new / MANIFEST)
    then, here = manifest.get("versions", {}), now["versions"]
    versions = {name: (str(then.get(name)), str(here.get(name))) for name in {**then, **here}}
    found.versions = {name: pair for name, pair in versions.items() if pair[0] != pair[1]}
    exact = not found.versions and not found.tolerance and manifest.get("ssinfer") == now["ssinfer"]
    files, written = {*manifest["files"], MANIFEST}, {*now["files"], MANIFEST}
    no_bytes: tuple[str, ...] = () if exact else OF_REPORT
    no_bytes += (STUDY_FILE,) if AGREEMENT in files else ()  # its terms were compared as settings
    for name in sorted(part for part in files | written if not part.endswith((SUMS, CRATE))):
        old, fresh, table = folder / name, new / name, name.endswith(TABLES)
        if name not in written and not table:
            found.left.append(name)
        elif name not in files & written:
            found.findings.append(Finding("verify.absent" if name in files else "verify.new", {"file": name}))
        elif old.is_file() and table and not (name.endswith(".nc") and sha256(old) == sha256(fresh)):  # slow to read
            tables = _tables(fresh)
            found.cells[name] = sum(part.size for part in tables.values())
            try:
                same = sha256(old) == sha256(fresh)
                found.findings += [] if same else _cells(name, _tables(old), tables, found.tolerance)
            except (ValueError, OSError, LookupError, TypeError, AttributeError, SsinferError) as error:
                found.findings.append(Finding("verify.unreadable", {"file": name, "reason": str(error)}))
        elif old.is_file() and name.endswith(no_bytes):
            found.left.append(name)
        elif old.is_file() and sha256(old) != sha256(fresh):
            found.findings.append(Finding("verify.bytes", {"file": name, "old": sha256(old), "new": sha256(fresh)}))
        elif old.is_file():
            found.equal.append(name)


def _changed(kind: str, expected: Mapping[str, str], held: Mapping[str, Path]) -> Iterator[Finding]:
    """Yield the files that are missing, were added, or have another SHA-256 than expected."""
    for name in dict.fromkeys([*expected, *sorted(held)]):
        there = name in held and held[name].is_file()
        digests = {"expected": expected.get(name, ""), "found": sha256(held[name]) if there else ""}
        if len({*digests.values()}) > 1:
            what = ("changed" if there else "missing") if name in expected else "added"
            yield Finding(f"verify.{kind}_{what}", {"file": name, **digests})


def _cells(file: str, old: Mapping[str, Any], new: Mapping[str, Any], tolerance: float) -> Iterator[Finding]:
    """Yield the first different cell of each column, with the number of different cells; or the columns and rows."""
    for part in dict.fromkeys([*old, *new]):
        then, now = (_texts(tables.get(part, pd.DataFrame())) for tables in (old, new))
        for name in then.columns.symmetric_difference(now.columns, sort=False):
            what = "absent" if name in now else "new"
            yield Finding(f"verify.column_{what}", {"file": file, "column": f"{part}{name}"})
        if len(then) != len(now):
            yield Finding("verify.rows", {"file": file, "old": len(then), "new": len(now)})
            continue
        keys = _keys(now)
        for name in then.columns.intersection(now.columns, sort=False):
            unequal = (then[name] != now[name]).to_numpy()
            if tolerance and unequal.any():
                a, b = (pd.to_numeric(table[name], errors="coerce").to_numpy(float) for table in (then, now))
                unequal = unequal & ~(np.abs(a - b) <= tolerance * np.max(np.abs(b), initial=0, where=np.isfinite(b)))
            for row in np.flatnonzero(unequal)[:1]:
                at = {key: now[key].iloc[row] for key in keys if key != name} or {"position": int(row)}
                cell = {"column": f"{part}{name}", "row": at, "n": int(unequal.sum())}
                yield Finding("verify.cell", {"file": file, **cell, "old": then[name][row], "new": now[name][row]})


def _keys(table: pd.DataFrame) -> list[str]:
    """Return the first columns that together tell the rows of a table apart."""
    keys, told = list[str](), 1
    for name in table.columns:
        if told < len(table) and (apart := len(table[[*keys, name]].drop_duplicates())) > told:
            keys, told = [*keys, name], apart
    return keys


def _tables(path: Path) -> dict[str, pd.DataFrame]:
    """Return the cells of a file as tables: one, or of draws one per array."""
    if path.suffix == ".csv":
        return {"": pd.read_csv(path, dtype=str, keep_default_na=False)}
    if path.suffix == ".parquet":
        return {"": pd.read_parquet(path)}
    if path.suffix == ".json":
        kept = {key: part for key, part in _json(path).items() if path.name != MANIFEST or key not in NOT_COMPARED}
        return {"": pd.DataFrame({key: [value] for key, value in _leaves(kept)}, dtype=object)}
    with xr.open_datatree(path, engine="h5netcdf") as tree:
        arrays = {f"{node.path}/{name} ": array for node in tree.subtree for name, array in node.variables.items()}
        return {name: pd.DataFrame({"value": array.to_numpy().ravel()}) for name, array in arrays.items()}


def _texts(table: pd.DataFrame) -> pd.DataFrame:
    """Return the cells as texts, which are equal for equal numbers only; NaN equals NaN."""
    return pd.DataFrame({str(name): [str(value) for value in table[name].tolist()] for name in table}, dtype=str)


def _leaves(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the single values of a JSON document, with their place."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    if not parts:
        yield key, value
    for name, part in parts:
        yield from _leaves(part, f"{key}.{name}".lstrip("."))


def _json(path: Path) -> Any:
    return parse_json(read_text(path, "the result", StudyError, ADVICE), path, StudyError, ADVICE)
