"""Prints the look at a study's data on the console, in about 20 lines of 80 columns."""

from collections.abc import Iterator, Mapping
from textwrap import wrap
from typing import Any

import numpy as np
import pandas as pd

from ssinfer.design import Design
from ssinfer.finding import Finding
from ssinfer.foreign import own
from ssinfer.language import speak
from ssinfer.look.checks import mean_of
from ssinfer.panel import Panel
from ssinfer.report.table import ranged
from ssinfer.sentences import say, sentence, word
from ssinfer.study.config_claims import SpendingConfig
from ssinfer.study.designs import StudyDesign
from ssinfer.study.disclosure import disclosed_claims
from ssinfer.study.look import Look
from ssinfer.typing import Floats

WIDTH, INDENT = 80, 12
MOST = 6  # categories that are listed


def look_text(look: Look) -> str:
    """Return the data in words: periods, units, insured, spending, windows, placebos, categories, exclusions."""
    plan = look.plan
    with speak(plan.language, plan.config.currency):
        lines = wrap(f"{own(plan.config.title)}: {sentence(plan.data.note)}", WIDTH)
        lines += wrap(say("look.hash", label=plan.data.label, hash=plan.study_hash[:12]), WIDTH)
        for head, text in dict.fromkeys((say(f"look.{name}"), text) for name, text in _rows(look)):
            lines += wrap(text, WIDTH, initial_indent=f"{head:<{INDENT}}", subsequent_indent=" " * INDENT)
    return "\n".join(lines)


def _rows(look: Look) -> Iterator[tuple[str, str]]:
    """Return the name of each row, and its text."""
    plan, config, panel = look.plan, look.plan.config, look.plan.panel
    claims = disclosed_claims(plan.data.claims, plan.hidden)
    extracts = claims.extracts if claims else {}
    first, last = panel.timeline.name(0), panel.timeline.name(len(panel.periods) - 1)
    length = _length(panel, len(panel.periods))
    yield "periods", say("look.all_periods", length=length, when=say("look.range", low=first, high=last))
    yield (
        "units",
        say(
            "look.treated",
            n=len(panel.units),
            treated=", ".join(config.case.names.get(unit, unit) for unit in config.case.treated),
        ),
    )
    yield "insured", _insured(look, panel)
    yield from (("spending", _spending(look, part)) for part in config.fits.values())
    yield from (("windows", _windows(design, panel)) for design in plan.designs.values())
    yield from (("placebos", _placebos(counts)) for counts in look.placebos.values())
    yield from (("categories", _listed(extract.categories, "category")) for extract in extracts.values())
    for name, extract in extracts.items():
        for key in ("hidden files", "deaths of unknown persons", "deaths before birth"):
            if number := extract.noticed.get(key, 0):
                yield "note", say(f"look.noticed.{key.replace(' ', '_')}", n=number)
        left_out = extract.attrition[extract.attrition["step"].isin(["spending", "kept apart"])]
        if len(left_out):
            yield "left_out", f"{name}: {_listed(left_out, 'reason')}"
    yield from (("note", sentence(finding)) for finding in look.findings if not finding.refuses)
    if config.data.accept:
        yield "accepted", ", ".join(config.data.accept)


def _length(panel: Panel, n: int) -> Finding:
    return Finding(f"look.n_periods.{panel.frequency or 'ordinal'}", {"n": n})


def _range(look: Look, panel: Panel, values: Floats, fit: str = "") -> str:
    known = values[look.plan.hidden.visible(panel.units, fit)]
    ends = (np.nanmin(known), np.nanmax(known)) if np.isfinite(known).any() else ()
    return ranged(*ends, 0) if ends else say("look.not_shown")


def _insured(look: Look, panel: Panel) -> str:
    if (years := panel.insured_years) is None:
        return say("look.insured_unknown")
    return say("look.insured_years", range=_range(look, panel, years), total=np.nansum(years, axis=0).mean())


def _spending(look: Look, part: StudyDesign) -> str:
    panel, source = look.plan.data.panel_of(part.fit), look.plan.config.data
    name = f"{part.spending.name}: " if part.spending != SpendingConfig() else ""
    if not look.plan.hidden.visible(panel.units, part.fit).any():
        return name + say("look.spending_hidden")
    given = str(getattr(source, "spending_is", "per insured-year")).replace(" ", "_")
    mean, reach = mean_of(panel, panel.spending), _range(look, panel, panel.spending, part.fit)
    return name + say(f"look.spending_{given}", mean=mean, range=reach)


def _windows(design: Design, panel: Panel) -> str:
    parts = []
    for name in ("baseline", "performance", "masked"):
        columns = [c for label in getattr(design, name) if (c := panel.timeline.column(label)) is not None]
        if columns:
            first, last = (panel.timeline.name(column) for column in (columns[0], columns[-1]))
            when = first if first == last else say("look.range", low=first, high=last)
            parts.append(say(f"look.{name}", when=when, length=_length(panel, len(columns))))
    return "; ".join(parts)


def _placebos(counts: Mapping[Any, int]) -> str:
    if not counts:
        return say("look.no_placebos")
    low, high = min(counts.values()), max(counts.values())
    number = f"{low}" if low == high else say("look.range", low=low, high=high)
    return say("look.contracts", number=number, origins=", ".join(map(str, counts)))


def _listed(frame: pd.DataFrame, label: str) -> str:
    """Return the lines and money of categories, most money first; only names where small numbers are hidden."""
    frame = frame.assign(**{label: [word(label, name) for name in frame[label]]})
    if frame["lines"].isna().any():
        return say("look.few_lines", names=", ".join(frame[label]))
    ordered = frame.sort_values("euros", ascending=False, kind="stable")
    rest = ordered.iloc[MOST:]
    rows = [*ordered.head(MOST)[[label, "lines", "euros"]].itertuples(index=False, name=None)]
    rows += [(say("look.others", n=len(rest)), rest["lines"].sum(), rest["euros"].sum())] if len(rest) else []
    return "; ".join(say("look.lines", name=name, lines=lines, amount=money) for name, lines, money in rows)
