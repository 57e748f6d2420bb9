"""StudyResult, and the folder it is written to: complete or absent, and never over another study's."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import xarray as xr

from ssinfer.errors import StudyError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ssinfer.backtesting.backtest import BacktestResult
    from ssinfer.counterfactual import Counterfactual
    from ssinfer.design import Design
    from ssinfer.panel import Panel
    from ssinfer.study.data import ClaimsCount
    from ssinfer.study.intact_groups import IntactGroups

MANIFEST = "manifest.json"


@dataclass(frozen=True, eq=False)
class StudyResult:
    """Everything a report shows."""

    title: str
    question: str
    currency: str
    data_label: str
    note: str
    panel: Panel
    designs: Mapping[str, Design]
    design_labels: Mapping[str, str]
    methods: Mapping[str, Any]
    backtest: BacktestResult | None
    counterfactuals: Mapping[tuple[str, str], Counterfactual]
    savings: pd.DataFrame
    case_thresholds: pd.DataFrame
    settlement: pd.DataFrame
    manifest: Mapping[str, Any]
    suppress_below: int
    claims: ClaimsCount | None = None
    panels: Mapping[str, Panel] = field(default_factory=dict)
    intact_groups: IntactGroups | None = None

    def panel_of(self, design: str) -> Panel:
        """Return the panel that a design sees: its own definition of spending, where the study has several."""
        return self.panels.get(design, self.panel)


def write_study(result: StudyResult, folder: str | Path, *, report: Callable[[StudyResult, Path], Any] | None) -> Path:
    """Write the result's files; the folder is complete or absent.

    Files: scores.csv placebos.parquet thresholds.csv savings.nc savings.csv case_thresholds.csv settlement.csv
    manifest.json; of claims attrition.csv truncation.csv own_costs.csv truth.csv intact_groups.csv; and what `report`
    adds (report.html, figures/).
    """
    import json  # noqa: PLC0415  (only here)

    folder = Path(folder)
    refuse_foreign_folder(folder, str(result.manifest["study_hash"]), result.manifest["parts"])
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        if result.backtest is not None:
            result.backtest.scores.to_csv(beside / "scores.csv", index=False)
            result.backtest.thresholds.to_csv(beside / "thresholds.csv", index=False)
            _parquet_ready(result.backtest.placebos).to_parquet(beside / "placebos.parquet", index=False)
        if result.counterfactuals:
            _savings_tree(result).to_netcdf(beside / "savings.nc", engine="h5netcdf")
            result.savings.to_csv(beside / "savings.csv", index=False)
            result.case_thresholds.to_csv(beside / "case_thresholds.csv", index=False)
            result.settlement.to_csv(beside / "settlement.csv", index=False)
        _write_claims(result, beside)
        if report is not None:
            report(result, beside)
        text = json.dumps(result.manifest, indent=2, default=str)
        (beside / MANIFEST).write_text(text + "\n", encoding="utf-8")
        beside.chmod(0o755)
        if folder.exists():
            old = Path(tempfile.mkdtemp(prefix=f".{folder.name}-old-", dir=folder.parent))
            folder.rename(old / "old")
            beside.rename(folder)
            shutil.rmtree(old)
        else:
            beside.rename(folder)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise
    return folder


def _write_claims(result: StudyResult, folder: Path) -> None:
    """Write what was counted of claims, a row's definition of spending in front."""
    claims = result.claims
    if claims is None:
        return
    for name in ("attrition", "truncation", "own_costs"):
        frames = {spending: getattr(extract, name) for spending, extract in claims.extracts.items()}
        parts = [
            frame.assign(definition=spending) for spending, frame in frames.items() if frame is not None and len(frame)
        ]
        if parts:
            whole = pd.concat(parts, ignore_index=True)
            whole[["definition", *whole.columns.drop("definition")]].to_csv(folder / f"{name}.csv", index=False)
    if claims.truth:
        rows = [{"design": name, **vars(truth)} for name, truth in claims.truth.items()]
        pd.DataFrame(rows).to_csv(folder / "truth.csv", index=False)
    if result.intact_groups is not None and result.intact_groups.table is not None:
        result.intact_groups.table.to_csv(folder / "intact_groups.csv", index=False)


def refuse_foreign_folder(folder: str | Path, study_hash: str, parts: Sequence[str] = ("backtest", "evaluate")) -> None:
    """Refuse an output folder that holds something else than an earlier result of the same study, or a part more.

    `parts` are those that will be written: what a backtest took an hour to find is not replaced by an evaluation.
    """
    import json  # noqa: PLC0415  (only here)

    folder = Path(folder)
    if folder.is_file():
        raise StudyError(f"--out {folder} is a file; name a folder.")
    if not folder.exists() or not any(folder.iterdir()):
        return
    manifest = folder / MANIFEST
    if not manifest.is_file():
        raise StudyError(f"{folder} is not empty and holds no {MANIFEST} of ours. Name a new folder with --out.")
    try:
        held = json.loads(manifest.read_text(encoding="utf-8"))
        found, there = held.get("study_hash"), held.get("parts", [])
    except (ValueError, AttributeError):
        found, there = None, []
    if found != study_hash:
        raise StudyError(
            f"{folder} holds the result of another study (hash {str(found)[:12]}, this one {study_hash[:12]}). Name a "
            "new folder with --out, or delete it: results of different specifications are never mixed."
        )
    lost = [part for part in there if part not in parts]
    if lost:
        raise StudyError(
            f"{folder} holds the {' and '.join(lost)} part of this study, which would be dropped. Run both with "
            "`ssinfer run`, or name a new folder with --out."
        )


def _savings_tree(result: StudyResult) -> xr.DataTree:
    """Return one DataTree, a branch per design and method."""
    branches: dict[str, Any] = {}
    for (design, method), cf in result.counterfactuals.items():
        branches[f"{design}/{method}".replace(" ", "_")] = cf.to_datatree()
    return xr.DataTree.from_dict(branches)


def _parquet_ready(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with period labels that Parquet can hold: numbers stay, anything else is text."""
    if pd.api.types.is_numeric_dtype(frame["origin"]):
        return frame
    return frame.assign(origin=frame["origin"].astype(str))
