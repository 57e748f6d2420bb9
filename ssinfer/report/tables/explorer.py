"""Section "what if": thresholds of other sizes, lengths, levels and savings, for the noise of the study's placebos."""

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pandas as pd

from ssinfer.errors import SsinferError
from ssinfer.finding import Finding
from ssinfer.printed import separated
from ssinfer.report.analysis import Analysis
from ssinfer.report.table import ReportTable, Slider, Sliders
from ssinfer.sentences import say
from ssinfer.study.case_thresholds import planned, size_of_contract
from ssinfer.study.ladder import MOST_YEARS
from ssinfer.study.verdict import DETECTED
from ssinfer.thresholds.planning.power import power_table
from ssinfer.thresholds.planning.scenario import FIXED, Scenario
from ssinfer.thresholds.schedule import MSSP_KNOTS

SIZES, LEVELS, MOST_SAVING = (500, 500_000), (0.80, 0.99), 0.10  # ends of sliders
COLUMNS = "rule threshold:percent:1 false_payment_rate:percent:1 detection_rate:percent:1 expected_bonus:percent:2"


def _scenario(analysis: Analysis) -> Scenario | None:
    """Return a contract as large and as long as today's, with the noise of its placebos to four digits.

    None: the placebos do not show it, or the contract group is too small to be shown.
    """
    name, stated = analysis.main[0], analysis.verdict.threshold or {}
    if analysis.main not in analysis.noise or analysis.hidden or name not in analysis.result.designs:
        return None
    size = size_of_contract(analysis.result.panel_of(name), analysis.result.designs[name])
    own: dict[str, Any] = {key: stated[key] for key in ("level", "side") if stated.get(key) is not None}
    try:
        now, _ = planned(analysis.noise[analysis.main].components, *size)
        digits: dict[str, Any] = {key: float(f"{getattr(now, key):.4g}") for key in ("k", "shock_sd")}
        return replace(now, insured=round(now.insured), share=analysis.share, **digits, **own)
    except SsinferError:
        return None


def _saving(analysis: Analysis) -> float:
    return DETECTED if analysis.result.advice is None else analysis.result.advice.rule.target_saving


def _rows(analysis: Analysis) -> pd.DataFrame:
    now, saving = _scenario(analysis), _saving(analysis)
    if now is None:
        return pd.DataFrame()
    rules = {
        say("explorer.level", side=say(f"side.{now.side}")): now,
        say("explorer.sampling"): replace(now, believed_shock=False),
        say("explorer.schedule"): replace(now, kind="schedule"),
        say("cell.kind.pay every saving"): replace(now, kind=FIXED),
    }
    tables = [power_table(each, [now.insured], [now.years], [saving]) for each in rules.values()]
    names = {f"{name}_{100 * saving:g}": name for name in ("detection_rate", "expected_bonus")}
    return pd.concat(tables, ignore_index=True).rename(columns=names).assign(rule=[*rules])


def _sliders(analysis: Analysis) -> Sliders | None:
    now, saving = _scenario(analysis), _saving(analysis)
    if now is None:
        return None
    model: dict[str, Any] = {name: getattr(now, name) for name in ("k", "shock_sd", "persistence", "share")}
    model |= {"baseline": len(now.baseline_weights), "two_sided": now.side == "two-sided"}
    model |= {"knots": MSSP_KNOTS, "marks": [separated(","), separated(".")]}
    level = int(round(100 * now.level, 6) % 1 > 0)
    each = (
        _slider("insured", now.insured, SIZES, 0),
        _slider("years", now.years, (1, MOST_YEARS), 1),
        _slider("level", now.level, LEVELS, 100, level, "%"),
        _slider("saving", saving, (0.0, MOST_SAVING), 200, 1, "%"),
    )
    return Sliders(json.dumps(model), each)


def _slider(name: str, own: float, ends: tuple[float, float], per: int, decimals: int = 0, unit: str = "") -> Slider:
    """Return a slider from end to end, longer if the study's own value lies outside."""
    positions = [round(per * at) if per else _position(at) for at in (own, *ends)]
    return Slider(name, own, positions[0], min(positions), max(positions), per, decimals, unit)


def _position(insured: float) -> int:
    """Return the position of the nearest number with two digits, of which there are 90 per factor of ten."""
    tens = max(0, math.floor(math.log10(max(insured, 10))) - 1)
    return max(0, 90 * tens + round(insured / 10.0**tens) - 10)


def _command(analysis: Analysis, rows: pd.DataFrame) -> Iterator[Finding]:
    """Return the command that prints the first row."""
    now, row = _scenario(analysis), rows.iloc[0]
    if now is not None:
        given = {name: getattr(now, name) for name in ("k", "shock_sd", "persistence", "level", "side", "share")}
        given |= {"baseline_years": len(now.baseline_weights), "insured": int(row["insured"]), "years": now.years}
        options = "".join(f" --{name.replace('_', '-')} {value}" for name, value in given.items())
        yield Finding("explorer.command", {"command": f"ssinfer power{options} --saving {_saving(analysis)} --json"})


def what_if_lead(analysis: Analysis) -> Iterator[Finding | list[Finding]]:
    """Return what is computed, and from which assumptions."""
    now = _scenario(analysis)
    if now is not None:
        yield Finding("explorer.lead", {"design": analysis.quoted(analysis.main)})
        numbers = {name: getattr(now, name) for name in ("k", "shock_sd", "persistence", "share")}
        known = numbers | {"shock": 100 * now.shock_sd, "baseline": len(now.baseline_weights)}
        yield [Finding("explorer.assumed", known), Finding("explorer.uncertain", {})]


TABLES = ReportTable("explorer", "what-if", 10, _rows, COLUMNS, _command, sliders=_sliders)
