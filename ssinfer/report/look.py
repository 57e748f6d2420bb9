"""Prints the look at a study's data on the console, in about 20 lines of 80 columns."""

from collections.abc import Mapping
from textwrap import wrap
from typing import Any

import numpy as np
import pandas as pd

from ssinfer.design import Design
from ssinfer.language import speak
from ssinfer.look.checks import mean_of
from ssinfer.panel import Panel
from ssinfer.periods.period import plural
from ssinfer.sentences import sentence
from ssinfer.study.config_claims import SpendingConfig
from ssinfer.study.designs import StudyDesign
from ssinfer.study.disclosure import disclosed_claims
from ssinfer.study.hidden import HiddenGroups
from ssinfer.study.look import Look
from ssinfer.typing import Floats

WIDTH, INDENT = 80, 12
MOST = 6  # categories that are listed


def look_text(look: Look) -> str:
    """Return the data in words: periods, units, insured, spending, windows, placebos, categories, exclusions."""
    with speak(currency=look.plan.config.currency):
        return _look_text(look)


def _look_text(look: Look) -> str:
    plan, config = look.plan, look.plan.config
    panel, claims = plan.panel, disclosed_claims(plan.data.claims, plan.hidden)
    extracts = claims.extracts if claims else {}
    rows = [
        ("periods", panel.timeline.describe()),
        ("units", f"{len(panel.units)}, of which under contract: {', '.join(config.case.treated)}"),
        ("insured", _insured(panel, plan.hidden)),
        *(("spending", _spending(look, part)) for part in config.fits.values()),
        *(("windows", _windows(design, panel)) for design in plan.designs.values()),
        *(("placebos", _placebos(counts)) for counts in look.placebos.values()),
        *(("categories", _listed(extract.categories, "category", look)) for extract in extracts.values()),
    ]
    for name, extract in extracts.items():
        for key in ("hidden files", "deaths of unknown persons", "deaths before birth"):
            number = extract.noticed.get(key, 0)
            rows += [("note", f"The tables of claims have {number:,} {key}.")] if number else []
        left_out = extract.attrition[extract.attrition["step"].isin(["spending", "kept apart"])]
        rows += [("left out", f"{name}: {_listed(left_out, 'reason', look)}")] if len(left_out) else []
    rows += [("note", sentence(finding)) for finding in look.findings if not finding.refuses]
    rows += [("accepted", ", ".join(config.data.accept))] if config.data.accept else []
    lines = wrap(f"{config.title}: {plan.data.note}", WIDTH)
    lines += wrap(f"{plan.data.label}; study hash {plan.study_hash[:12]}, fixed before any result", WIDTH)
    for head, text in dict.fromkeys(rows):
        lines += wrap(text, WIDTH, initial_indent=f"{head:<{INDENT}}", subsequent_indent=" " * INDENT)
    return "\n".join(lines)


def _insured(panel: Panel, hidden: HiddenGroups) -> str:
    years = panel.insured_years
    if years is None:
        return "insured-years are unknown: all units weigh the same"
    total, known = np.nansum(years, axis=0).mean(), years[hidden.visible(panel.units)]
    return f"{_range(known)} insured-years per unit and period, {total:,.0f} per period"


def _range(values: Floats) -> str:
    return f"{np.nanmin(values):,.0f} to {np.nanmax(values):,.0f}" if np.isfinite(values).any() else "not shown:"


def _spending(look: Look, part: StudyDesign) -> str:
    config, panel = look.plan.config, look.plan.data.panel_of(part.fit)
    name = f"{part.spending.name}: " if part.spending != SpendingConfig() else ""
    mean, known = mean_of(panel, panel.spending), panel.spending[look.plan.hidden.visible(panel.units)]
    given = getattr(config.data, "spending_is", "per insured-year")
    return f"{name}{config.currency} {mean:,.0f} per insured-year on average ({_range(known)}); given {given}"


def _windows(design: Design, panel: Panel) -> str:
    parts = []
    for name in ("baseline", "performance", "masked"):
        columns = [c for label in getattr(design, name) if (c := panel.timeline.column(label)) is not None]
        if columns:
            ends = dict.fromkeys(panel.timeline.name(column) for column in (columns[0], columns[-1]))
            unit = plural(panel.frequency or "ordinal", len(columns))
            parts.append(f"{name} {' to '.join(ends)} ({len(columns)} {unit})")
    return "; ".join(parts)


def _placebos(counts: Mapping[Any, int]) -> str:
    if not counts:
        return "none: no window or no placebo contract fits"
    number = " to ".join(dict.fromkeys(f"{count}" for count in (min(counts.values()), max(counts.values()))))
    return f"{number} contracts per window; windows start in {', '.join(map(str, counts))}"


def _listed(frame: pd.DataFrame, label: str, look: Look) -> str:
    """Return the lines and euros of categories, most money first; only names where small numbers are hidden."""
    if frame["lines"].isna().any():
        return f"{', '.join(map(str, frame[label]))} (some have few lines, so no lines and euros are shown)"
    ordered = frame.sort_values("euros", ascending=False, kind="stable")
    rest = ordered.iloc[MOST:]
    rows = [*ordered.head(MOST)[[label, "lines", "euros"]].itertuples(index=False, name=None)]
    rows += [(f"{len(rest)} others", rest["lines"].sum(), rest["euros"].sum())] if len(rest) else []
    currency = look.plan.config.currency
    return "; ".join(f"{name} {lines:,} lines, {currency} {money:,.0f}" for name, lines, money in rows)
