"""sign_study: the agreement of a study, from data before the contract's first day."""

import calendar
import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ssinfer._version import __version__
from ssinfer.agreement.agreement import Agreement
from ssinfer.agreement.signed_terms import parameters_of, settings_of, settles_of, terms_of, units_of, with_groups
from ssinfer.agreement.signed_threshold import threshold_of
from ssinfer.contracts.settle import settle
from ssinfer.documents import read_text
from ssinfer.errors import DataError, StudyError
from ssinfer.finding import Finding
from ssinfer.language import speak
from ssinfer.periods import parse_period
from ssinfer.study.config import StudyConfig, read_study
from ssinfer.study.config_base import Span
from ssinfer.study.config_blocks import SharingConfig
from ssinfer.study.plan import Plan, make_plan
from ssinfer.study.run import backtest_plan
from ssinfer.thresholds.kind import CONTRACT

EXAMPLES = (0.5, 1.0, 1.5)  # measured savings of the worked example, of the threshold
MONTHS = 3  # from delivery to settlement


def sign_study(
    path: str | Path,
    *,
    n_jobs: int = 1,
    tell: Callable[[Finding], object] | None = None,
    language: str | None = None,
    today: dt.date | None = None,
) -> Agreement:
    """Return the agreement of a study file. Nothing is read of the performance periods and later.

    Parameters
    ----------
    path : study file (TOML), with a design that settles, a threshold and a sharing rule
    n_jobs : number of processes; the agreement does not depend on it
    tell : called with each finding on the data, such as that they hold more than is read
    language : tag of the language of errors and of the look
    today : day of signing, if the study has no `agreement.signed`

    Raises
    ------
    StudyError : nothing can be settled, or no placebo window ends before the start
    """
    text = read_text(Path(path), "the study file", StudyError, "Pass the path of a TOML file.")
    config = read_study(path, text)
    main = config.main_design
    if not config.settling[0] or main.sharing is None:
        raise StudyError(f"{path} settles nothing: an agreement needs [[sharing]] and a design that may settle.")
    with speak(language or config.report.language):
        dates = _dates(config, today or dt.datetime.now(dt.UTC).date())
        sealed = config.sealed(dates["as_of"])
        plan = make_plan(sealed, text, Path(path).parent, n_jobs=n_jobs, language=language)
        if tell is not None:
            for finding in plan.data.findings:
                tell(finding)
        pair = main.fit, config.settling[1]
        if main.fit not in plan.origins:
            raise StudyError(
                f"No placebo window of {plan.designs[main.fit]!r} ends before the start, so its false payments cannot "
                "be known at signing. Give data of earlier periods, or shorten the baseline."
            )
        result = backtest_plan(replace(plan, pairs=(pair,)), n_jobs, None, {})
        threshold = threshold_of(plan, result, pair)
        return Agreement.of(_document(plan, dates, threshold, main.sharing))


def _dates(config: StudyConfig, today: dt.date) -> dict[str, Any]:
    """Return the dates; a period without a calendar has no start, so all but `signed` must then be stated."""
    given, run_out = config.agreement, config.main_design.spending.run_out
    signed, dates = given.signed or today, dict[str, Any]()
    try:
        periods = [parse_period(label) for label in _ends(config.main_design.performance)]
    except DataError:
        as_of, delivery = given.as_of or signed, given.delivery
    else:
        start, last = min(periods).first_day, max(periods).end - dt.timedelta(days=1)
        dates["start"] = start
        as_of = given.as_of or min(signed, start - dt.timedelta(days=1))
        if as_of >= start:
            raise StudyError(f"agreement.as_of is {as_of}; allowed: a day before the start, {start}. Give an earlier.")
        due = run_out.extracted if run_out else last
        delivery = given.delivery or due
    if delivery is not None:
        dates |= {"delivery": delivery, "settlement": given.settlement or _months_later(delivery, MONTHS)}
    return {"signed": signed, "as_of": as_of, **dates}


def _ends(performance: Any) -> list[Any]:
    return [performance.first, performance.last] if isinstance(performance, Span) else list(performance)


def _months_later(day: dt.date, months: int) -> dt.date:
    """Return the last day of a month some months later."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return dt.date(year, month + 1, calendar.monthrange(year, month + 1)[1])


def _examples(plan: Plan, threshold: dict[str, Any], sharing: SharingConfig, benchmark: float) -> list[dict[str, Any]]:
    """Return settlements of round numbers: savings below, at and above the threshold."""
    level = threshold.get("rate", (threshold.get("lower", 0.0) + min(threshold.get("upper", 0.0), 0.5)) / 2)
    level, rows = max(round(float(level), 3), 0.0), []
    given: dict[str, Any] = {"benchmark": round(benchmark, -1), "quality": sharing.quality}
    given |= {name: max(1.0, float(round(threshold[name], -1))) for name in ("insured_years", "assigned")}
    given |= {"threshold": level} if threshold["kind"] != CONTRACT else {}
    for times in EXAMPLES:
        saved = times * (level or 0.02)
        given["spending"] = round(given["benchmark"] * (1 - saved), 2)
        settled = settle(plan.contracts[sharing.name][0], **given, currency=plan.config.currency)
        rows.append(
            {**given, "threshold": level, "saved": saved, "lines": settled.lines, "payment": float(settled.payment)}
        )
    return rows


def _document(plan: Plan, dates: dict[str, Any], threshold: dict[str, Any], sharing: SharingConfig) -> dict[str, Any]:
    """Return the tables of the agreement; what a person reads stands first."""
    config, main = plan.config, plan.config.main_design
    panel = plan.data.panel_of(main.fit)
    rows = panel.rows(plan.designs[main.fit].treated)
    spending = panel.spending[rows][:, np.isfinite(panel.spending[rows]).all(axis=0)]
    groups = None if plan.data.claims is None else plan.data.claims.groups
    return {
        "title": config.title,
        "language": config.report.language,
        "currency": config.currency,
        **dates,
        "settles": settles_of(plan),
        "threshold": threshold,
        "example": _examples(plan, threshold, sharing, float(spending[:, -1].mean())),
        "contract": terms_of(plan.contracts),
        "parameters": parameters_of(plan.methods),
        "versions": {"ssinfer": __version__},
        "study": settings_of(with_groups(config, groups)),
        "origins": {name: list(labels) for name, labels in plan.origins.items()},
        "known": {"data_hash": panel.fingerprint(), "units": units_of(plan)},
    }
