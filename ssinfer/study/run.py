"""Runs a study: backtest, then the case. Only this package knows the order of the steps."""

import os
import platform
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import pandas as pd
from joblib import delayed

from ssinfer._version import __version__
from ssinfer.backtesting.backtest import backtest
from ssinfer.backtesting.result import BacktestResult, join_results
from ssinfer.foreign import own
from ssinfer.language import speak
from ssinfer.sentences import sentence
from ssinfer.study.advice import advice_of
from ssinfer.study.case import evaluate_case, provisional_settlements
from ssinfer.study.compared_designs import compare_designs
from ssinfer.study.disclosure import claims_tables
from ssinfer.study.estimands import estimands
from ssinfer.study.evidence import case_evidence, failed_checks
from ssinfer.study.in_toml import reasons_in_toml
from ssinfer.study.intact_groups import intact_groups
from ssinfer.study.ladder import ladder
from ssinfer.study.look import placebo_samples, window_findings
from ssinfer.study.pair_outcome import outcomes
from ssinfer.study.plan import Plan
from ssinfer.study.portfolio import portfolio
from ssinfer.study.result import StudyResult, sha256
from ssinfer.study.term import settle_terms
from ssinfer.thresholds.kind import CONTRACT
from ssinfer.workers import one_thread, parallel

LEAST_PER_PROCESS = 2  # data sets, so that each process takes whole ones
# libraries on whose versions the digits of a result may depend
STACK = ("numpy", "scipy", "pandas", "xarray", "scikit-learn", "statsmodels", "pymc", "arviz", "nutpie", "numba")


def run_study(
    plan: Plan,
    *,
    parts: tuple[str, ...] = ("backtest", "evaluate"),
    n_jobs: int = 2,
    progress: Callable[[int, int], None] | None = None,
    tables: dict[str, pd.DataFrame] | None = None,
) -> StudyResult:
    """Run a study with `n_jobs` processes; of several contracts each, and the portfolio of all with the first.

    `progress` is called with the numbers of finished and of all fits of the backtest. `tables` gets each table by the
    name of its file as soon as it is computed; they remain if a later step fails.
    """
    tables = {} if tables is None else tables
    result = _run_contract(plan, parts, n_jobs, progress, tables)
    if not plan.groups:
        return result
    first, *others = plan.groups
    results = {name: _run_contract(plan.groups[name], parts, n_jobs, progress, {}) for name in others}
    alone = plan.groups[first]
    manifest = {**result.manifest, "study_hash": alone.study_hash}
    of_first = replace(result, tables=dict(tables), manifest=manifest, study_file=alone.study_file)
    results = {first: of_first, **results}
    if "evaluate" in parts:
        tables["portfolio.csv"] = portfolio(plan.groups, results)
    return replace(result, groups=results if others else {})


@one_thread
def _run_contract(
    plan: Plan,
    parts: tuple[str, ...],
    n_jobs: int,
    progress: Callable[[int, int], None] | None,
    tables: dict[str, pd.DataFrame],
) -> StudyResult:
    """Backtest every design and method of a plan, then evaluate and settle the case."""
    with speak("en", plan.config.currency):  # the files are the same in every language
        # before the first fit
        data_hash, inputs = plan.panel.fingerprint(), {name: sha256(path) for name, path in plan.inputs.items()}
        tables |= claims_tables(plan.data.claims)
        result = backtest_plan(plan, n_jobs, progress, tables) if "backtest" in parts else None
        case = evaluate_case(plan, result, plan.pairs if "evaluate" in parts else ())
        if "evaluate" in parts:
            tables |= case_evidence(plan, case["counterfactuals"], result)
            case["savings"]["failed_checks"] = failed_checks(tables["diagnostics.csv"], case["savings"])
            tables |= {"savings.csv": case["savings"], "case_thresholds.csv": case["case_thresholds"]}
            tables |= {"settlement.csv": case["settlement"]} | provisional_settlements(plan, case)
            tables |= settle_terms(plan, case, result, lambda part: backtest_plan(part, n_jobs, None, {}))
            case["settlement"] = tables["settlement.csv"]
            if plan.data.claims is not None:
                tables["estimands.csv"] = estimands(plan, case["savings"], case["counterfactuals"])
        # Without insured-years, designs have no common scale.
        on_one_scale = None if plan.panel.insured_years is None else result
        pairs = [] if on_one_scale is None else outcomes(plan, on_one_scale, plan.config.savings, case)
        tables |= compare_designs(plan, pairs)
        if result is not None and pairs and len(steps := ladder(plan, result, pairs)):
            tables["ladder.csv"] = steps
        advice, no_advice = advice_of(plan, result, pairs)
        if advice is not None:
            tables["advice.csv"] = advice.table
        intact = intact_groups(plan) if "backtest" in parts else None
        if intact is not None and intact.table is not None:
            tables["intact_groups.csv"] = intact.table
        manifest = _manifest(plan, parts, result, data_hash) | {"inputs": inputs}
        manifest["information"] = {pair[1]: cf.information for pair, cf in case["counterfactuals"].items()}
        return StudyResult(
            title=plan.config.contract_title,
            **{name: getattr(plan.config, name) for name in ("question", "currency", "suppress_below")},
            **{name: getattr(plan, name) for name in ("panel", "designs", "design_labels", "methods", "hidden")},
            data_label=plan.data.label,
            note=plan.data.note,
            claims=plan.data.claims,
            panels={name: view.panel for name, view in plan.data.views.items()},
            intact_groups=intact,
            tables=tables,
            backtest=result,
            study_file=plan.study_file,
            manifest=manifest,
            advice=advice,
            no_advice=no_advice,
            **case,
        )


def backtest_plan(
    plan: Plan, n_jobs: int, progress: Callable[[int, int], None] | None, tables: dict[str, pd.DataFrame]
) -> BacktestResult:
    """Backtest the pairs of each data set (panel or cohort, by definition of spending), and join the results."""
    config = plan.config
    pairs_by_data: dict[int, tuple[Any, list[tuple[str, str]]]] = {}
    for pair in plan.pairs:
        data = plan.data_for(*pair)
        pairs_by_data.setdefault(id(data), (data, []))[1].append(pair)
    studies = []
    for data, pairs in pairs_by_data.values():
        designs = {design: plan.designs[design] for design, _ in pairs}
        options: dict[str, Any] = {
            "placebos": plan.placebos_of(pairs[0][0]),
            "injected": config.backtest.injected,
            "seed": config.seed,
            "origins": {design: plan.origins[design] for design in designs if design in plan.origins},
            "levels": config.levels,
            "size_edges": config.case.size_edges,
            "share": plan.share_of(config.main_design),
            "ses": config.case.ses,
            "pairs": pairs,
            "paths": True,
            "elasticity": {design: plan.data.elasticity.get(design, 1.0) for design in designs},
            "regions": plan.data.regions_of(plan.data.panel_of(pairs[0][0])),
        }
        studies.append(partial(backtest, data, designs, {name: plan.methods[name] for _, name in pairs}, **options))
    results: list[BacktestResult] = []

    def keep(fits: pd.DataFrame) -> None:
        tables["placebos.parquet"] = pd.concat([*(result.placebos for result in results), fits])

    # Of many data sets each process takes a whole one: none waits while another fits the last placebos of a data set.
    whole = n_jobs > 1 and len(studies) >= LEAST_PER_PROCESS * n_jobs
    finished = parallel(n_jobs, return_as="generator")(delayed(study)(n_jobs=1) for study in studies) if whole else None
    for study in studies:
        shifted = progress and _shifted(progress, sum(len(result.placebos) for result in results))
        result = next(finished) if finished else study(n_jobs=n_jobs, progress=shifted, keep=keep)
        if finished:
            keep(result.placebos)
            if shifted:
                shifted(len(result.placebos), len(result.placebos))
        results.append(result)
    joined = join_results(results)
    joined = replace(joined, placebos=reasons_in_toml(joined.placebos, config))
    tables |= {f"{name}.csv": getattr(joined, name) for name in ("scores", "detection", "thresholds")}
    tables |= {"placebos.parquet": joined.placebos, "placebo_paths.parquet": joined.paths}
    return joined


def _shifted(progress: Callable[[int, int], None], finished: int) -> Callable[[int, int], None]:
    return lambda done, total: progress(finished + done, finished + total)


def _manifest(plan: Plan, parts: tuple[str, ...], result: BacktestResult | None, data_hash: str) -> dict[str, Any]:
    """Return what is needed to repeat the study, and times and dates, which no other file holds."""
    main, (design, method) = plan.config.main_design, plan.config.settling  # empty names if none can settle
    by_own = (contract := plan.contract_of(main)) is not None and contract.threshold.kind != "computed"
    threshold: Any = {"kind": CONTRACT} if by_own else None if main.threshold is None else vars(main.threshold.key)
    settles = {"design": design, "method": method, "fit": main.fit, "threshold": threshold}
    seconds = [] if result is None else result.seconds.rename("seconds_per_fit").reset_index().to_dict("records")
    versions = {"python": platform.python_version()}
    for name in STACK:
        with suppress(PackageNotFoundError):
            versions[name] = version(name)
    return {
        "title": str(own(plan.config.contract_title)),
        "labels": {each.name: each.label for each in plan.config.designs if not isinstance(each.label, str)},
        "date": plan.config.date or plan.panel.timeline.last_day,
        "ssinfer": __version__,
        "study_hash": plan.study_hash,
        "data_hash": data_hash,
        "language": plan.language,
        "data": sentence(plan.data.label),
        "note": sentence(plan.data.note),
        "seed": plan.config.seed,
        "placebo_samples": placebo_samples(plan),
        "findings": [{"id": part.id, **part.numbers} for part in (*plan.data.findings, *window_findings(plan))],
        "contract": None if contract is None else contract.name,
        "share": plan.share_of(main),
        "settles": {**settles, "shares": contract is not None},
        "sensitivity": [name for name, part in plan.config.fits.items() if part.sensitivity],
        "parts": list(parts),
        "versions": versions,
        "study": plan.config.document(),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "n_cores": os.cpu_count(),
        "times": seconds,
    }
