"""Study: the only module that knows the order of the steps: plan, backtest, evaluate the case, write."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import pandas as pd

from ssinfer.backtesting.run import BacktestResult, backtest
from ssinfer.study_case import CaseResult, evaluate_case
from ssinfer.study_folder import MANIFEST, StudyResult, refuse_foreign_folder, write_study
from ssinfer.study_plan import Plan, plan_study

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["MANIFEST", "Plan", "StudyResult", "plan_study", "refuse_foreign_folder", "run_study", "write_study"]

STACK = ("numpy", "scipy", "pandas", "xarray", "scikit-learn", "statsmodels", "pymc", "arviz", "nutpie", "numba")


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
    case = CaseResult({}, pd.DataFrame(), pd.DataFrame(), pd.DataFrame())
    if "evaluate" in parts:
        case = evaluate_case(plan, result)
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
        counterfactuals=case.counterfactuals,
        savings=case.savings,
        case_thresholds=case.thresholds,
        settlement=case.settlement,
        manifest=_manifest(plan, parts),
        suppress_below=plan.file.suppress_below,
    )


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
        share=plan.share,
        ses=file.population.ses,
        pairs=plan.pairs,
        progress=progress,
    )


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
        "share": plan.share,
        "parts": list(parts),
        "versions": versions,
        "study": plan.file.model_dump(mode="json"),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "n_cores": os.cpu_count(),
    }
