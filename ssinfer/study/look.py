"""Look: what a study's data hold, and what the checks find, before anything is fitted."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ssinfer.backtesting.placebos import PlaceboSample, placebo_units
from ssinfer.errors import SsinferError
from ssinfer.finding import Finding
from ssinfer.look import checks
from ssinfer.study.designs import settling
from ssinfer.study.frames import BLOCKS
from ssinfer.thresholds.placebo_order import units_needed

if TYPE_CHECKING:
    from ssinfer.study.plan import Plan

PLAUSIBLE = {"EUR": (300.0, 30_000.0), "USD": (300.0, 30_000.0)}  # mean spending per insured-year, all care


@dataclass(frozen=True, eq=False)
class Look:
    """The findings on the data of a plan, and its placebo contracts: their number per window, by design and origin."""

    plan: "Plan"
    findings: tuple[Finding, ...]
    placebos: Mapping[str, Mapping[Any, int]]


def look_at(plan: "Plan") -> Look:
    """Check the data of every comparison."""
    config, findings = plan.config, list[Finding]()
    for extract in plan.data.claims.extracts.values() if plan.data.claims else ():
        findings += checks.few_lines(extract.panel, extract.lines_per_period)
    for name, design in config.fits.items():
        panel, definition, standard = plan.data.panel_of(name), design.spending, design.comparison.standard
        for check in (checks.total_rows, checks.thousands_points, checks.nonpositive_cells, checks.jumps):
            findings += check(panel)
        named = definition.include or definition.exclude or definition.product_groups_exclude or definition.basket
        all_care = not named and "basket" not in config.data.model_fields_set
        plausible = config.data.plausible or (PLAUSIBLE.get(config.currency) if all_care else None)
        findings += checks.implausible_mean(panel, plausible) if plausible else []
        findings += checks.strange_standard(panel, str(standard)) if standard in panel.covariates else []
    findings += [Finding("placebo_sample", sample, refuses=False) for sample in placebo_samples(plan)]
    findings += [*plan.data.findings, *window_findings(plan), *incomplete_windows(plan)]
    placebos = {name: _placebos_per_window(plan, name) for name in plan.designs}
    for level in config.levels:
        for name, counts in placebos.items():
            units, needed = max(counts.values(), default=0), units_needed(level)
            if units < needed:
                found = {"percent": 100 * level, "design": name, "units": units, "needed": needed}
                findings.append(Finding("few_placebos", found, refuses=False))
    for block in BLOCKS:
        first: dict[str, str] = {}
        for entry in getattr(config, block):
            if (other := first.setdefault(entry.content, entry.name)) != entry.name:
                names = {"block": block, "name": entry.name, "other": other}
                findings.append(Finding("equal_blocks", names, refuses=False))
    findings += [
        Finding("equal_designs", {"design": design.name, "other": design.equal_to}, refuses=False)
        for design in config.designs
        if design.equal_to
    ]
    findings += [
        Finding(f"earlier_spending_{side}", {"name": part.name, "percent": 100 * share}, refuses=False)
        for part in config.population
        for side, share in part.earlier_spending.items()
    ]
    if not settling(config, config.designs)[2] and plan.contract_of(config.main_design) is not None:
        names = dict(zip(("design", "method"), config.settling, strict=True))
        findings.append(Finding("unmarked", names, refuses=False))
    return Look(plan, tuple({(finding.id, str(finding.numbers)): finding for finding in findings}.values()), placebos)


def placebo_samples(plan: "Plan") -> list[dict[str, Any]]:
    """Return the numbers of each sample that leaves out placebo units, with the designs that share them."""
    if not isinstance(plan.placebos, PlaceboSample):
        return []
    designs: dict[tuple[tuple[int, int], ...], list[str]] = {}
    with suppress(SsinferError):  # no placebo fits: the check of pairs, or the backtest, says so
        for name, design in plan.designs.items():
            panel = plan.data.panel_of(name) if plan.data.claims else plan.data.programme.whole
            classes = plan.placebos.classes(panel, design)
            designs.setdefault(tuple((drawn, len(units)) for units, drawn in classes), []).append(name)
    return [
        {"designs": names, "classes": classes, "seed": plan.config.seed}
        for classes, names in designs.items()
        if any(drawn < units for drawn, units in classes)
    ]


def window_findings(plan: "Plan") -> list[Finding]:
    """Return what to know of windows: a year or more before the performance period is left out; one placebo window."""
    found: dict[tuple[Any, ...], list[str]] = {}
    for name, design in plan.designs.items():
        timeline, learned = plan.panel.timeline, design.baseline_columns(plan.panel)
        first = plan.panel.columns(design.performance)[0]
        years = (first - learned[-1] - 1) / (timeline.per_year or 1) if len(learned) else 0
        if years >= 1:
            ends = {"last": timeline.name(int(learned[-1])), "first": timeline.name(int(first)), "years": float(years)}
            found.setdefault(("gap_between_baseline_and_performance", *ends.items()), []).append(name)
        if len(origins := [origin for origin, count in _placebos_per_window(plan, name).items() if count]) == 1:
            found.setdefault(("one_placebo_window", ("origin", str(origins[0]))), []).append(name)
    return [
        Finding(key, {**dict(numbers), "designs": names, "all": len(names) == len(plan.designs)}, refuses=False)
        for (key, *numbers), names in found.items()
    ]


def incomplete_windows(plan: "Plan") -> list[Finding]:
    """Return windows in which a donor has no spending, so that all placebos of a design which refuses it are lost."""
    found: dict[tuple[str, str, Any], list[Any]] = {}
    for name, part in plan.config.fits.items():
        design, panel = plan.designs[name], plan.data.panel_of(name)
        with suppress(SsinferError):  # no window or donor fits: the check of pairs, or the backtest, says so
            windows, donors = plan.windows_of(name) if design.incomplete == "refuse" else (), design.donor_rows(panel)
            for w in windows:
                columns = panel.columns([*w.learned, *w.measured])
                for row, column in np.argwhere(~np.isfinite(panel.spending[np.ix_(donors, columns)]))[:1]:
                    unit, period = panel.units[donors[row]], panel.timeline.name(int(columns[column]))
                    found.setdefault((part.comparison.name, unit, period), []).append(str(w.origin))
    return [
        Finding("incomplete_windows", {"comparison": c, "unit": u, "period": p, "origins": at}, refuses=False)
        for (c, u, p), at in found.items()
    ]


def _placebos_per_window(plan: "Plan", name: str) -> dict[Any, int]:
    """Return the number of placebo units with complete spending, by origin; none if no window or placebo fits."""
    panel, design = plan.data.panel_of(name), plan.designs[name]
    try:
        known = np.isfinite(panel.spending[panel.rows(placebo_units(panel, design, plan.placebos_of(name)))])
        windows = plan.windows_of(name)
    except SsinferError:  # the check of pairs, or the backtest, says so
        return {}
    return {w.origin: int(known[:, panel.columns([*w.learned, *w.measured])].all(axis=1).sum()) for w in windows}
