"""StudyResult, and the folder it is written to: complete or absent, and never over another study's."""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import xarray as xr

from ssinfer.atomic import atomic_folder, owner_only, write_csv
from ssinfer.backtesting.advice import Advice
from ssinfer.backtesting.result import BacktestResult
from ssinfer.counterfactual import Counterfactual
from ssinfer.design import Design
from ssinfer.documents import parse_json, read_text, to_json
from ssinfer.errors import StudyError
from ssinfer.finding import Finding
from ssinfer.foreign import Text
from ssinfer.language import tags
from ssinfer.panel import Panel
from ssinfer.study.crate import CRATE, crate
from ssinfer.study.disclosure import disclosed
from ssinfer.study.frames import OUTPUT, with_dictionary
from ssinfer.study.hidden import HiddenGroups
from ssinfer.study.intact_groups import IntactGroups
from ssinfer.study.report_data import REPORT_DATA, report_data
from ssinfer.study.verdict import verdict_of

if TYPE_CHECKING:
    from ssinfer.study.data import ClaimsCount

MANIFEST, FINDING, STUDY_FILE, SUMS = "manifest.json", "finding.json", "study.toml", "SHA256SUMS"
AGREEMENT = "agreement.toml"
GROUPS = "groups"  # folder with a result of each of several contracts


@dataclass(frozen=True, eq=False)
class StudyResult:
    """Everything that a report shows."""

    title: Text
    question: Text
    currency: str
    data_label: Finding | str  # the data
    note: Finding | str  # whether they are real
    panel: Panel
    designs: Mapping[str, Design]
    design_labels: Mapping[str, Text]
    methods: Mapping[str, Any]
    backtest: BacktestResult | None
    counterfactuals: Mapping[tuple[str, str], Counterfactual]
    savings: pd.DataFrame
    case_thresholds: pd.DataFrame
    settlement: pd.DataFrame
    manifest: Mapping[str, Any]
    suppress_below: int
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)  # of the output folder, by name of the file
    claims: "ClaimsCount | None" = None
    panels: Mapping[str, Panel] = field(default_factory=dict)
    intact_groups: IntactGroups | None = None
    hidden: HiddenGroups | None = None  # None: to be found from the panels
    disclosed: bool = False  # whether this is what may be shown: see ssinfer.study.disclosure
    study_file: bytes = b""  # the study as run, in TOML
    agreement: str = ""  # on which it settles, in TOML
    advice: Advice | None = None  # for the next contract
    no_advice: str = ""  # why there is none
    groups: Mapping[str, "StudyResult"] = field(default_factory=dict)  # of each of several contracts, by name

    @property
    def language(self) -> str | None:
        """The tag of the language of all that is printed; None: the one in use."""
        return self.manifest.get("language")

    @property
    def own_language(self) -> str:
        """The tag of the language of the user's own texts: that of the study."""
        return str(self.manifest.get("study", {}).get("report", {}).get("language", "en"))

    def panel_of(self, design: str) -> Panel:
        """Return the panel of a design: that of its own definition of spending, if the study has several."""
        return self.panels.get(design, self.panel)


def write_study(
    result: StudyResult,
    folder: str | Path,
    *,
    report: Callable[[StudyResult, Path], Any] | None,
    confidential: bool = False,
) -> Path:
    """Write the files of a result (docs/output_folder.md), complete or not at all; `report` writes further files.

    Small groups are hidden (:func:`ssinfer.study.disclosure.disclosed`), unless the folder is `confidential`.
    """
    folder, result = Path(folder), disclosed(result, confidential=confidential)
    refuse_foreign_folder(folder, str(result.manifest["study_hash"]), result.manifest["parts"])
    with atomic_folder(folder) as temporary:
        for name, table in with_dictionary(result.tables, result.currency).items():
            write_table(table, temporary / name)
        (temporary / STUDY_FILE).write_bytes(result.study_file)
        if result.agreement:
            (temporary / AGREEMENT).write_text(result.agreement, encoding="utf-8", newline="\n")
        if result.counterfactuals:
            trees = {"/".join(map(group_name, pair)): cf.to_datatree() for pair, cf in result.counterfactuals.items()}
            # HDF5 ends the process where a file may not grow; Python raises an error.
            document = xr.DataTree.from_dict(trees).to_netcdf(engine="h5netcdf")
            (temporary / "savings.nc").write_bytes(document)
        (temporary / FINDING).write_text(f"{to_json(verdict_of(result).document())}\n", encoding="utf-8")
        (temporary / REPORT_DATA).write_bytes(report_data(result))
        if report is not None:
            report(result, temporary)
        for name, group in result.groups.items():
            write_study(group, temporary / GROUPS / name, report=report, confidential=confidential)
        names = sorted(path.relative_to(temporary).as_posix() for path in temporary.rglob("*") if path.is_file())
        seal(temporary, result.manifest, {name: sha256(temporary / name) for name in names})
        if result.claims is not None or result.manifest["confidential"]:
            owner_only(temporary)
    return folder


def seal(folder: Path, manifest: Mapping[str, Any], sums: Mapping[str, str]) -> None:
    """Write the metadata and the hashes of files, and the manifest with them."""
    (folder / CRATE).write_text(crate(manifest, {*sums, SUMS, MANIFEST} - {CRATE}), encoding="utf-8", newline="\n")
    sums = {**sums, CRATE: sha256(folder / CRATE)}
    lines = [f"{digest}  {name}\n" for name, digest in sorted(sums.items())]
    (folder / SUMS).write_bytes("".join(lines).encode())
    files = {**dict(sorted(sums.items())), SUMS: sha256(folder / SUMS)}
    (folder / MANIFEST).write_text(f"{to_json({**manifest, 'files': files})}\n", encoding="utf-8")


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file as `sha256sum` prints it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def group_name(name: str) -> str:
    """Return a name as that of one group in netCDF, different for different names: "/" becomes "%2F"."""
    return re.sub(r"[/%\x00-\x1f]|^[.\s]|\s$", lambda match: f"%{ord(match[0]):02X}", name)


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a table as Parquet or as CSV, as the name of the file says."""
    if path.suffix != ".parquet":
        write_csv(table, path)
    else:  # Parquet holds no mixed labels
        labels = [name for name in ("origin", "period") if name in table and table[name].dtype == object]
        table.astype(dict.fromkeys(labels, str)).to_parquet(path, index=False)


def refuse_foreign_folder(folder: str | Path, study_hash: str, parts: Sequence[str] = ("backtest", "evaluate")) -> None:
    """Refuse to overwrite another study's folder, or a folder that holds parts that this run will not write."""
    folder = Path(folder)
    if folder.is_file():
        raise StudyError(f"--out {folder} is a file; name a folder.")
    if not folder.exists() or not any(folder.iterdir()):
        return
    if not (folder / MANIFEST).is_file():
        raise StudyError(f"{folder} is not empty and holds no {MANIFEST} of ssinfer. Name a new folder with --out.")
    try:
        manifest = parse_json(read_text(folder / MANIFEST, "", StudyError, ""), MANIFEST, StudyError, "")
        held_hash, held_parts = manifest.get("study_hash"), manifest.get("parts", [])
    except (ValueError, AttributeError):  # a damaged manifest is treated as that of another study
        held_hash, held_parts = None, []
    if held_hash != study_hash:
        raise StudyError(
            f"{folder} holds the result of another study (hash {str(held_hash)[:12]}, this one {study_hash[:12]}). "
            "Name a new folder with --out, or delete it: results of different specifications are never mixed."
        )
    ours = {*OUTPUT, REPORT_DATA, FINDING, STUDY_FILE, AGREEMENT, SUMS, MANIFEST, GROUPS, CRATE}
    ours |= {"savings.nc", "report.html", "figures", *(f"agreement.{tag}.html" for tag in tags())}
    held = [path for path in folder.iterdir() if path.name not in ours]
    held += [path for path in (folder / "figures").glob("*") if path.suffix not in (".svg", ".png")]
    if held:
        raise StudyError(f"{min(held)} is not of ssinfer and would be deleted. Move it, or name a new --out.")
    lost = [part for part in held_parts if part not in parts]
    if lost:
        raise StudyError(
            f"{folder} holds the {' and '.join(lost)} part of this study, which would be dropped. Run both with "
            "`ssinfer run`, or name a new folder with --out."
        )
