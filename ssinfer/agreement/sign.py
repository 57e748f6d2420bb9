"""sign_study: the agreement of a study, from data before the contract's first day; and what its terms are."""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ssinfer._version import __version__
from ssinfer.agreement.agreement import Agreement, plain
from ssinfer.agreement.signed_threshold import threshold_of
from ssinfer.contracts.contract import Contract
from ssinfer.contracts.settle import settle
from ssinfer.errors import DataError, StudyError, raised_as
from ssinfer.finding import Finding
from ssinfer.language import speak
from ssinfer.periods import plain_label
from ssinfer.study.config import StudyConfig, read_study
from ssinfer.study.config_blocks import SharingConfig
from ssinfer.study.config_claims import GroupsConfig
from ssinfer.study.plan import Plan, make_plan
from ssinfer.study.run import backtest_plan
from ssinfer.thresholds.kind import CONTRACT

EXAMPLES = (0.5, 1.0, 1.5)  # measured savings of the worked example, of the threshold
MONTHS = 3  # from delivery to settlement


def sign_study(path: str | Path, **options: Any) -> dict[str, Agreement]:
    """Return the agreements of a study file (TOML); see :func:`sign_config`."""
    return sign_config(read_study(path), Path(path).parent, **options)


def sign_config(
    config: StudyConfig,
    folder: Path,
    *,
    n_jobs: int = 1,
    tell: Callable[[Finding], object] | None = None,
    language: str | None = None,
) -> dict[str, Agreement]:
    """Return the agreement of each group of a study, without groups under the name "".

    Nothing is read of the performance periods and later.

    Parameters
    ----------
    config : study with a design that settles, a threshold and a sharing rule
    folder : that of the study file
    n_jobs : number of processes; the agreement does not depend on it
    tell : called with each finding on the data, such as that they hold more than is read
    language : tag of the language of errors

    Raises
    ------
    StudyError : nothing can be settled, or no placebo window ends before the start
    """
    main = config.main_design
    if not config.settling[0] or main.sharing is None:
        raise StudyError("The study settles nothing: an agreement needs [[sharing]] and a design that may settle.")
    with speak(language or config.report.language):
        dates = _dates(config)
        plan = make_plan(config.sealed(dates["as_of"]), "", folder, n_jobs=n_jobs, language=language)
        if tell is not None:
            for finding in plan.data.findings:
                tell(finding)
        if main.fit not in plan.origins:
            raise StudyError(
                f"No placebo window of {plan.designs[main.fit]!r} ends before the start, so its false payments cannot "
                "be known at signing. Give data of earlier periods, or shorten the baseline."
            )
        return {
            own.only_group: _signed(plan.groups.get(own.only_group, plan), own, dates, n_jobs) for own in config.studies
        }


def _signed(plan: Plan, config: StudyConfig, dates: dict[str, Any], n_jobs: int) -> Agreement:
    """Return the agreement of one contract: its sealed plan, and its study."""
    main = config.main_design
    pair, sharing = (main.fit, config.settling[1]), main.sharing
    assert sharing is not None  # noqa: S101  (refused above)
    threshold = threshold_of(plan, lambda part: backtest_plan(replace(part, pairs=(pair,)), n_jobs, None, {}), pair)
    panel, seal = plan.data.panel_of(main.fit), plan.config.seal
    rows = panel.spending[panel.rows(plan.designs[main.fit].treated)]
    until = None if seal is None or plan.data.claims is None else seal.end_of_claims(plan.panel.periods)
    last = float(rows[:, np.isfinite(rows).all(axis=0)][:, -1].mean())
    terms = {
        "title": config.contract_title,
        "language": config.report.language,
        "currency": config.currency,
        **dates,
        "settles": settles_of(plan),
        "threshold": threshold,
        "example": _examples(plan, threshold, sharing, round(last, -1)),
        "contract": terms_of(plan.contracts),
        "parameters": parameters_of(plan.methods),
        "defaults": plan.config.defaults,
        "versions": {"ssinfer": __version__},
        "study": settings_of(with_groups(config, getattr(plan.data.claims, "groups", None))),
        "origins": {name: list(labels) for name, labels in plan.origins.items()},
        "known": {"data_hash": panel.fingerprint(), "groups_until": until, "units": units_of(plan)},
    }
    return Agreement.of(terms)


def _dates(config: StudyConfig) -> dict[str, Any]:
    """Return the dates that are stated, or their defaults."""
    given, run_out, day = config.agreement, config.main_design.spending.run_out, dt.timedelta(days=1)
    with raised_as(StudyError, "Periods without a calendar cannot be signed:", DataError):
        start, last = config.performance[0].first_day, config.performance[-1].end - day
    signed = given.signed or dt.datetime.now(dt.UTC).date()
    as_of = given.as_of or min(signed, start - day)
    if as_of >= start:
        raise StudyError(f"agreement.as_of is {as_of}; allowed: a day before the start, {start}. Give an earlier day.")
    delivery = given.delivery or (run_out.extracted if run_out else last)
    month = pd.Timestamp(delivery) + pd.DateOffset(months=MONTHS)
    settlement = given.settlement or (month + pd.offsets.MonthEnd(0)).date()
    return {"signed": signed, "as_of": as_of, "start": start, "delivery": delivery, "settlement": settlement}


def _examples(plan: Plan, threshold: dict[str, Any], sharing: SharingConfig, benchmark: float) -> list[dict[str, Any]]:
    """Return settlements of round numbers: savings below, at and above the threshold."""
    level = threshold.get("rate", (max(threshold.get("lower", 0), 0) * min(threshold.get("upper", 0), 0.5)) ** 0.5)
    level, rows = max(round(float(level), 3), 0.0), []
    given: dict[str, Any] = {"benchmark": benchmark, "quality": sharing.quality}
    given |= {name: max(1.0, float(round(threshold[name], -1))) for name in ("insured_years", "assigned")}
    given |= {"threshold": level} if threshold["kind"] != CONTRACT else {}
    for saved in [times * (level or 0.02) for times in EXAMPLES]:
        given["spending"] = round(benchmark * (1 - saved), 2)
        settled = settle(plan.contracts[sharing.name][0], **given, currency=plan.config.currency)
        result = {"saved": saved, "lines": settled.lines, "payment": float(settled.payment)}
        rows.append({**given, "threshold": level, **result})
    return rows


def terms_of(contracts: Mapping[str, tuple[Contract, float]]) -> dict[str, Any]:
    """Return the sharing rate and the whole terms of contracts, by name of the sharing rule."""
    return {name: {"share": share, "terms": asdict(contract)} for name, (contract, share) in contracts.items()}


def parameters_of(methods: Mapping[str, Any]) -> dict[str, Any]:
    """Return every parameter of methods, defaults included, as texts."""
    values = {name: method.get_params(deep=True) for name, method in methods.items() if hasattr(method, "get_params")}
    return {name: {key: repr(own[key]) for key in sorted(own)} for name, own in values.items()}


def settings_of(config: StudyConfig) -> dict[str, Any]:
    """Return every setting of the study that is signed, defaults included: not the place of the data.

    Shares of groups stand in their contracts: an agreement does not tell that of another group.
    """
    left_out: Any = {"report": True, "date": True, "agreement": True, "data": True, "group": {"__all__": {"share"}}}
    study = config.document(exclude=left_out | ({} if config.group else {"group": True, "only_group": True}))
    for part, table in zip(config.method, study["method"], strict=True):
        if "time_limit" not in part.model_fields_set:  # it is for methods of other packages only
            del table["time_limit"]
    data = config.data.model_dump(mode="json", exclude_unset=True, exclude={"file", "connection"})
    return {name: plain(table) for name, table in {**study, "data": data}.items() if table is not None}


def settles_of(plan: Plan) -> dict[str, Any]:
    """Return what settles: design, method and sharing rule by name, contract group and periods."""
    main, design = plan.config.main_design, plan.designs[plan.config.main_design.fit]
    names = {"design": main.name, "method": plan.config.settling[1], "sharing": main.sharing and main.sharing.name}
    periods = {key: list(map(plain_label, getattr(design, key))) for key in ("baseline", "performance", "masked")}
    return {**names, "treated": design.treated, **periods}


def with_groups(config: StudyConfig, groups: GroupsConfig | None) -> StudyConfig:
    """Return a study with the stated size of its groups of practices, which the data of a delivery do not change."""
    if groups is None or groups.size is None:  # intact practices have their own
        return config
    return config.model_copy(update={"case": config.case.model_copy(update={"groups": groups})})


def units_of(plan: Plan) -> list[str]:
    """Return the units that a delivery must hold: practices of claims, or units of the panel."""
    return list((plan.data.panel if plan.data.claims is None else plan.data.claims.practices).units)
