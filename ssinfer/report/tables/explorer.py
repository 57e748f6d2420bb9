"""Section "what if": thresholds of other sizes, lengths, levels and savings, for the noise of the study's placebos."""

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import pandas as pd

from ssinfer.errors import SsinferError
from ssinfer.finding import Finding
from ssinfer.printed import count, percent, separated
from ssinfer.report.analysis import Analysis
from ssinfer.report.table import ReportTable, columns_of
from ssinfer.sentences import say
from ssinfer.study.case_thresholds import planned, size_of_contract
from ssinfer.study.ladder import MOST_YEARS
from ssinfer.study.verdict import DETECTED
from ssinfer.thresholds.planning.scenario import FIXED, Scenario
from ssinfer.thresholds.schedule import minimum_savings_rate

# positions of the sliders, to which the study's own values are added; sizes have two digits
SIZES = [n for tens in (10, 100, 1_000, 10_000) for n in range(10 * tens, 100 * tens, tens) if 500 <= n <= 500_000]
YEARS, LEVELS, SAVINGS = range(1, MOST_YEARS + 1), [p / 100 for p in range(80, 100)], [p / 200 for p in range(21)]
COLUMNS = "rule threshold:percent:1 false_payment_rate:percent:1 detection_rate:percent:1 expected_bonus:percent:2"


def _setting(analysis: Analysis) -> tuple[Scenario, float] | None:
    """Return a contract as today's, with the noise of its placebos to four digits, and the target saving.

    None: the placebos do not show it, or the contract group is too small to be shown.
    """
    (name, _), stated, advice = analysis.main, analysis.verdict.threshold or {}, analysis.result.advice
    if analysis.main not in analysis.noise or analysis.hidden:
        return None
    own: dict[str, Any] = {key: stated[key] for key in ("level", "side") if stated.get(key) is not None}
    size = size_of_contract(analysis.result.panel_of(name), analysis.result.designs[name])
    try:
        now, _ = planned(analysis.noise[analysis.main].components, *size)
    except SsinferError:
        return None
    own |= {key: float(f"{getattr(now, key):.4g}") for key in ("k", "shock_sd")}
    now = replace(now, insured=round(now.insured), share=analysis.share, **own)
    return now, DETECTED if advice is None else advice.rule.target_saving


def _rows(analysis: Analysis) -> pd.DataFrame:
    if (setting := _setting(analysis)) is None:
        return pd.DataFrame()
    now, saving = setting
    rules = {
        say("explorer.level", side=say(f"side.{now.side}")): now,
        say("explorer.sampling"): replace(now, believed_shock=False),
        say("explorer.schedule"): replace(now, kind="schedule"),
        say("cell.kind.pay every saving"): replace(now, kind=FIXED),
    }
    rates = [(rule, s.threshold, s.paid(), s.paid(saving), s.expected_bonus(saving)) for rule, s in rules.items()]
    return pd.DataFrame(rates, columns=[column.name for column in columns_of(COLUMNS)])


def _sliders(analysis: Analysis) -> dict[str, Any]:
    """Return the positions of each slider: value, print, and the parts of the formulas that depend on it alone."""
    if (setting := _setting(analysis)) is None:
        return {}
    now, saving = setting
    years = {n: replace(now, insured=1, years=n) for n in {*YEARS, now.years}}
    level, one = partial(percent, decimals=int(now.level not in LEVELS)), partial(percent, decimals=1)
    each: dict[str, Any] = {
        "insured": (now.insured, SIZES, count, lambda n: [minimum_savings_rate(n)]),
        "years": (now.years, YEARS, count, lambda n: [years[n].sampling_error, years[n].shock_error]),
        "level": (now.level, LEVELS, level, lambda p: [replace(now, level=p).threshold_at(1.0)]),
        "saving": (saving, SAVINGS, one, lambda _: []),
    }
    for name, (own, values, printed, parts) in each.items():
        known = sorted({own, *values})
        held = json.dumps([[value, printed(value), *parts(value)] for value in known])
        each[name] = {"own": known.index(own), "last": len(known) - 1, "printed": printed(own), "positions": held}
    return {"each": each, "share": now.share, "marks": separated(",.")}


def _command(analysis: Analysis, _rows: pd.DataFrame) -> Iterator[Finding]:
    """Return the command that prints the first row."""
    if (setting := _setting(analysis)) is not None:
        now, saving = setting
        names = ("k", "shock_sd", "persistence", "level", "side", "share", "insured", "years")
        given = {name.replace("_", "-"): getattr(now, name) for name in names}
        given |= {"baseline-years": len(now.baseline_weights), "saving": saving}
        options = "".join(f" --{name} {value}" for name, value in given.items())
        yield Finding("explorer.command", given | {"command": f"ssinfer power{options} --json"})


def what_if_lead(analysis: Analysis) -> Iterator[Finding | list[Finding]]:
    """Return what is computed, and from which assumptions."""
    if (setting := _setting(analysis)) is not None:
        now, _ = setting
        yield Finding("explorer.lead", {"design": analysis.quoted(analysis.main)})
        numbers = vars(now) | {"shock": 100 * now.shock_sd, "baseline": len(now.baseline_weights)}
        yield [Finding("explorer.assumed", numbers), Finding("explorer.uncertain", {})]


TABLES = ReportTable("explorer", "what-if", 10, _rows, COLUMNS, _command, sliders=_sliders)
