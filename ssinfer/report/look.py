"""Prints the look at a study's data on the console, in about 20 lines of 80 columns."""

from collections.abc import Mapping
from textwrap import wrap
from typing import Any

import numpy as np
import pandas as pd

from ssinfer.design import Design
from ssinfer.look.checks import mean_of
from ssinfer.panel import Panel
from ssinfer.periods.period import plural
from ssinfer.sentences import sentence
from ssinfer.study.config_claims import SpendingConfig
from ssinfer.study.designs import StudyDesign
from ssinfer.study.look import Look

WIDTH, INDENT = 80, 12
MOST = 6  # categories that are listed


def look_text(look: Look) -> str:
    """Return the data in words: periods, units, insured, spending, windows, placebos, categories, exclusions."""
    plan, config = look.plan, look.plan.config
    panel, extracts = plan.panel, plan.data.claims.extracts if plan.data.claims else {}
    rows = [
        ("periods", panel.timeline.describe()),
        ("units", f"{len(panel.units)}, of which under contract: {', '.join(config.case.treated)}"),
        ("insured", _insured(panel, config.suppress_below)),
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


def _insured(panel: Panel, limit: int) -> str:
    years = panel.insured_years
    if years is None:
        return "insured-years are unknown: all units weigh the same"
    least = f"{np.nanmin(years):,.0f}" if np.nanmin(years) >= limit else f"fewer than {limit}"
    total = np.nansum(years, axis=0).mean()
    return f"{least} to {np.nanmax(years):,.0f} insured-years per unit and period, {total:,.0f} per period"


def _spending(look: Look, part: StudyDesign) -> str:
    config, panel = look.plan.config, look.plan.data.panel_of(part.fit)
    name = f"{part.spending.name}: " if part.spending != SpendingConfig() else ""
    mean, low, high = mean_of(panel, panel.spending), np.nanmin(panel.spending), np.nanmax(panel.spending)
    given = getattr(config.data, "spending_is", "per insured-year")
    return f"{name}{config.currency} {mean:,.0f} per insured-year on average ({low:,.0f} to {high:,.0f}); given {given}"


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
    """Return the lines and euros of categories, most money first; small numbers of lines are not given."""
    ordered, limit = frame.sort_values("euros", ascending=False, kind="stable"), look.plan.config.suppress_below
    rest = ordered.iloc[MOST:]
    rows = [*ordered.head(MOST)[[label, "lines", "euros"]].itertuples(index=False, name=None)]
    rows += [(f"{len(rest)} others", rest["lines"].sum(), rest["euros"].sum())] if len(rest) else []
    currency = look.plan.config.currency
    return "; ".join(
        f"{name} fewer than {limit} lines" if lines < limit else f"{name} {lines:,} lines, {currency} {money:,.0f}"
        for name, lines, money in rows
    )
