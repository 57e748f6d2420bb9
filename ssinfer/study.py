"""Study: the only module that knows the order of the steps; every step is validated before anything is fitted."""

from __future__ import annotations

import inspect
import os
import platform
import shutil
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from ssinfer.backtesting.placebos import neighbour_blocks
from ssinfer.backtesting.run import BacktestResult, backtest
from ssinfer.backtesting.task import seed_of
from ssinfer.comparison import RULE_KEYS, ComparisonRule, SimilarSize, comparison_of
from ssinfer.contracts.contract import load_contract
from ssinfer.contracts.settle import settle
from ssinfer.datasets.panel_file import read_panel_file
from ssinfer.design import Design
from ssinfer.errors import DesignError, PanelError, SsinferError, StudyError, did_you_mean
from ssinfer.panel import Panel
from ssinfer.plugins.discovery import make_method
from ssinfer.study_file import Comparison, Span, StudyFile, read_study
from ssinfer.thresholds.compare import compare_thresholds, whole_calibration
from ssinfer.windows import rolling_windows

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ssinfer.counterfactual import Counterfactual

    _Evaluation = tuple[dict[tuple[str, str], Counterfactual], pd.DataFrame, pd.DataFrame, pd.DataFrame]

MANIFEST = "manifest.json"
STACK = ("numpy", "scipy", "pandas", "xarray", "scikit-learn", "statsmodels", "pymc", "arviz", "nutpie", "numba")


@dataclass(frozen=True, eq=False)
class Plan:
    """A study whose every part has been looked at: nothing is fitted yet, and nothing should fail for its input."""

    file: StudyFile
    panel: Panel
    data_label: str
    note: str
    designs: Mapping[str, Design]
    design_labels: Mapping[str, str]
    methods: Mapping[str, Any]
    pairs: tuple[tuple[str, str], ...]
    placebos: ComparisonRule | list[str] | None
    origins: Mapping[str, tuple[Any, ...]] | None
    contract: Any

    @property
    def study_hash(self) -> str:
        """SHA-256 of the settings."""
        return self.file.fingerprint()


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


def plan_study(path: str | Path) -> Plan:
    """Read a study file, load its data, and validate every step before anything is fitted.

    Raises
    ------
    StudyError, DesignError, PanelError, DatasetError, PluginError, ContractError
        With what is wrong, what is allowed, and the next step.
    """
    path = Path(path)
    file = read_study(path)
    panel, label, note = _load(file, path.parent)
    designs, labels = {}, {}
    for part in file.comparison:
        designs[part.name] = _design(file, part, panel)
        labels[part.name] = part.label or repr(designs[part.name])
    methods: dict[str, Any] = {}
    pairs = []
    for method in file.method:
        name = method.name or method.method
        methods[name] = make_method(method.method, method.parameters)
        pairs += [(design, name) for design in (method.comparisons or designs)]
    wanted = {part.name: part.origins or file.windows.origins for part in file.comparison}
    origins = {name: tuple(_periods(span, panel, "origins")) for name, span in wanted.items() if span is not None}
    for design_name, method_name in pairs:
        try:
            if hasattr(methods[method_name], "prepare"):
                methods[method_name].check_parameters()
                methods[method_name].prepare(panel, designs[design_name])
            rolling_windows(panel, designs[design_name], origins.get(design_name))
        except SsinferError as error:
            raise StudyError(f"comparison {design_name!r} with method {method_name!r}: {error}") from error
    population = file.population
    placebos: ComparisonRule | list[str] | None = population.placebos
    if placebos is None and (population.at_least or population.ratio):
        placebos = SimilarSize(ratio=population.ratio or float("inf"), at_least=population.at_least)
    if population.ses is not None:
        panel.covariate(population.ses)
    contract = load_contract(file.sharing.contract, year=file.sharing.year)
    return Plan(
        file=file,
        panel=panel,
        data_label=label,
        note=note,
        designs=designs,
        design_labels=labels,
        methods=methods,
        pairs=tuple(pairs),
        placebos=placebos,
        origins=origins,
        contract=contract,
    )


def run_study(
    plan: Plan,
    *,
    parts: tuple[str, ...] = ("backtest", "evaluate"),
    n_jobs: int = 2,
    progress: Callable[[int, int], None] | None = None,
) -> StudyResult:
    """Backtest every design x method of a plan, then evaluate and settle the case.

    Parameters
    ----------
    plan : Plan
    parts : tuple of "backtest", "evaluate"
    n_jobs : int
        Processes; the result does not depend on it.
    progress : callable (done, total), optional
        Numbers of fits of the backtest.
    """
    result = _backtest(plan, n_jobs, progress) if "backtest" in parts else None
    evaluated: _Evaluation = ({}, pd.DataFrame(), pd.DataFrame(), pd.DataFrame())
    if "evaluate" in parts:
        evaluated = _evaluate(plan, result)
    return StudyResult(
        title=plan.file.title,
        question=plan.file.question,
        currency=plan.file.currency,
        data_label=plan.data_label,
        note=plan.note,
        panel=plan.panel,
        designs=plan.designs,
        design_labels=plan.design_labels,
        methods=plan.methods,
        backtest=result,
        counterfactuals=evaluated[0],
        savings=evaluated[1],
        case_thresholds=evaluated[2],
        settlement=evaluated[3],
        manifest=_manifest(plan, parts),
        suppress_below=plan.file.suppress_below,
    )


def write_study(result: StudyResult, folder: str | Path, *, report: Callable[[StudyResult, Path], Any] | None) -> Path:
    """Write the result's files; the folder is complete or absent.

    Files: scores.csv placebos.parquet thresholds.csv savings.nc savings.csv case_thresholds.csv settlement.csv
    manifest.json, and what `report` adds (report.html, figures/).
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


def _load(file: StudyFile, beside: Path) -> tuple[Panel, str, str]:
    data = file.data
    if data.source == "vektis":
        from ssinfer.datasets import load_vektis  # noqa: PLC0415  (only the source that is used)

        assert data.years is not None  # noqa: S101  (validated by the study file)
        years = range(int(data.years.first), int(data.years.last) + 1)
        extra = [file.population.ses] if file.population.ses else []
        wanted = ["expected", "share_65_plus", "latitude", "longitude", *extra]
        panel = load_vektis(years, basket=data.basket, covariates=list(dict.fromkeys(wanted)))
        label = f"Vektis, basket {data.basket!r}, {years[0]}-{years[-1]}, {len(panel.units)} municipalities"
        return panel, label, "real data: Dutch municipalities (Bron: Vektis)"
    if data.source == "dartmouth":
        from ssinfer.datasets import load_dartmouth  # noqa: PLC0415  (only the source that is used)

        panel = load_dartmouth()
        return panel, f"Dartmouth Atlas, {len(panel.units)} US counties", "real data: Medicare spending per US county"
    if data.source == "simulated_kerngezond_vlissingen":
        from ssinfer.datasets.simulated_panel import simulate_kerngezond_vlissingen  # noqa: PLC0415

        first = file.windows.performance
        start = first.first if isinstance(first, Span) else first[0]
        simulated = simulate_kerngezond_vlissingen(data.groups, saving=data.saving, start=str(start), seed=data.seed)
        label = f"simulated quarterly panel, {data.groups} groups, true saving {100 * data.saving:g}%, seed {data.seed}"
        return simulated.panel, label, "simulated data with known truth, calibrated to published figures: not a finding"
    assert data.file is not None  # noqa: S101  (validated by the study file)
    frame = read_panel_file(beside / data.file, str(data.columns.get("unit", "unit")))
    allowed = list(inspect.signature(Panel.from_frame).parameters)[1:]
    for key in data.columns:
        if key not in allowed:
            raise StudyError(f"data.columns names {key!r}. {did_you_mean(key, allowed)}")
    return Panel.from_frame(frame, **data.columns), f"panel {data.file}", f"data of the study's own file {data.file}"


def _periods(given: Span | list[Any], panel: Panel, what: str) -> list[Any]:
    if not isinstance(given, Span):
        return list(given)
    try:
        first, last = panel.columns([given.first, given.last])
    except PanelError as error:
        raise StudyError(f"windows.{what}: {error}") from None
    return list(panel.periods[first : last + 1])


def _design(file: StudyFile, part: Comparison, panel: Panel) -> Design:
    windows = file.windows
    try:
        return Design(
            treated=file.population.treated,
            baseline=_periods(part.baseline or windows.baseline, panel, "baseline"),
            performance=_periods(windows.performance, panel, "performance"),
            masked=_periods(windows.masked, panel, "masked"),
            donors=comparison_of({key: getattr(part, key) for key in RULE_KEYS}),
            standard=part.standard,
            under_contract=file.population.under_contract,
            incomplete=part.incomplete,
        )
    except DesignError as error:
        raise StudyError(f"comparison {part.name!r}: {error}") from error


def _backtest(plan: Plan, n_jobs: int, progress: Callable[[int, int], None] | None) -> BacktestResult:
    file = plan.file
    return backtest(
        plan.panel,
        plan.designs,
        plan.methods,
        placebos=plan.placebos,
        injected=file.threshold.injected,
        n_jobs=n_jobs,
        seed=file.seed,
        origins=plan.origins,
        levels=file.threshold.all_levels,
        size_edges=file.population.size_edges,
        share=file.sharing.share,
        ses=file.population.ses,
        pairs=plan.pairs,
        progress=progress,
    )


def _evaluate(plan: Plan, result: BacktestResult | None) -> _Evaluation:
    """Fit the case, derive its thresholds, and settle by the study's gate."""
    file = plan.file
    fits: dict[tuple[str, str], Counterfactual] = {}
    savings: list[dict[str, Any]] = []
    thresholds: list[pd.DataFrame] = []
    settlements: list[dict[str, Any]] = []
    for design, method in plan.pairs:
        labels = {"design": design, "method": method}
        try:
            cf = plan.methods[method].fit(
                plan.panel, plan.designs[design], seed=seed_of(file.seed, design, method, "case")
            )
        except SsinferError as error:
            savings.append({**labels, "status": "refused", "reason": str(error)})
            continue
        fits[design, method] = cf
        placebos = None
        if result is not None:
            rows = result.placebos
            mine = (rows["design"] == design) & (rows["method"] == method) & (rows["status"] == "ok")
            placebos = _cross_fitted(rows[mine & (rows["role"] == "placebo")], plan, design)
        table = compare_thresholds(cf, file.threshold.all_levels, placebos)
        if file.threshold.calibrate and placebos is not None:
            whole = whole_calibration(cf, placebos, file.threshold.all_levels, file.seed)
            table = pd.concat([table, whole], ignore_index=True)
        try:
            pooled = cf.savings().pooled()
        except SsinferError as error:
            savings.append({**labels, "status": "sealed", "reason": str(error)})
            thresholds.append(table.assign(**labels))
            continue
        row = cf.savings().summary(0.95).iloc[-1]
        insured = float(pooled.insured_years.item())
        measured = float(pooled.measured_rate.item())
        savings.append(
            {
                **labels,
                "status": "ok",
                "reason": "",
                **{name: row[name] for name in ("benchmark", "spending", "saving", "savings_rate", "lower", "upper")},
                "insured_years": insured,
                "total": float(row["saving"]) * insured,
            }
        )
        thresholds.append(table.assign(**labels, measured=measured, passed=measured >= table["rate"]))
        settlements += _settle(plan, labels, cf, table, insured)
    frames = (pd.DataFrame(savings), pd.concat(thresholds) if thresholds else pd.DataFrame(), pd.DataFrame(settlements))
    return fits, *frames


def _cross_fitted(placebos: pd.DataFrame, plan: Plan, design: str) -> pd.DataFrame:
    """Return the placebos from which the case's gate is derived, cross-fitted as every placebo's gate was.

    Left out are the case's neighbours and, where there are other origins, all errors of the contract's own years.
    """
    treated = plan.designs[design].treated
    blocks = neighbour_blocks(plan.panel)[plan.panel.rows(treated)]
    apart = placebos[~placebos["block"].isin(blocks)]
    other = apart[apart["origin"] != plan.designs[design].performance[0]]
    return other if len(other) else apart


def _settle(
    plan: Plan, labels: dict[str, str], cf: Counterfactual, table: pd.DataFrame, insured: float
) -> list[dict[str, Any]]:
    file = plan.file
    part = file.threshold
    mine = (table["kind"] == part.gate) & (
        (part.gate == "schedule") | ((table["level"] == part.level) & (table["side"] == part.side))
    )
    if not mine.any() or not np.isfinite(table.loc[mine, "rate"].iloc[0]):
        reason = table.loc[mine, "reason"].iloc[0] if mine.any() else f"there is no {part.gate} threshold here"
        return [{**labels, "contract": plan.contract.name, "party": "", "amount": np.nan, "reason": reason}]
    gate = float(table.loc[mine, "rate"].iloc[0])
    pooled = cf.savings().pooled()
    computed = plan.contract.threshold.kind == "computed"
    try:
        settlement = settle(
            plan.contract,
            benchmark=cf.level,
            spending=float(pooled.spending.item()),
            insured_years=insured,
            assigned=cf.assigned if np.isfinite(cf.assigned) else None,
            threshold=gate if computed else None,
            quality=file.sharing.quality,
            currency=file.currency,
        )
    except SsinferError as error:
        return [{**labels, "contract": plan.contract.name, "party": "", "amount": np.nan, "reason": str(error)}]
    return [
        {
            **labels,
            "contract": plan.contract.name,
            "party": party,
            "amount": amount,
            "gate": gate,
            "reason": settlement.reason,
        }
        for party, amount in settlement.lines.items()
    ]


def _manifest(plan: Plan, parts: tuple[str, ...]) -> dict[str, Any]:
    versions = {"python": platform.python_version()}
    for name in STACK:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    from ssinfer import __version__  # noqa: PLC0415  (the facade imports nothing of ours at the top)

    return {
        "title": plan.file.title,
        "ssinfer": __version__,
        "study_hash": plan.study_hash,
        "data_hash": plan.panel.fingerprint(),
        "data": plan.data_label,
        "note": plan.note,
        "seed": plan.file.seed,
        "parts": list(parts),
        "versions": versions,
        "study": plan.file.model_dump(mode="json"),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "n_cores": os.cpu_count(),
    }


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
