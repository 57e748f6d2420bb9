"""Checks of data: each returns findings, which are data; :mod:`ssinfer.sentences` puts them into words."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from ssinfer.errors import DataError
from ssinfer.finding import Finding
from ssinfer.panel import Panel
from ssinfer.typing import Floats

_TOTAL = re.compile(r"\b(eind|sub|grand )?tota(al|len|ls?)\b|^(som|sum|alle|all|insgesamt|gesamt)$")
STANDARD_OF_SPENDING, STANDARD_INDEX = (0.5, 2.0), (0.8, 1.25)  # mean of a standard, over mean spending or as it is
LEAST_LINES, NEIGHBOURS = 0.5, 4  # share of the lines per insured-year of the nearest periods (their median)
LEAST_EXPECTED_LINES = 30  # below that a low count may be chance
JUMP_SDS, JUMP_FACTOR = 8, 3.0  # of a cell against both neighbours in time, in robust SDs of all changes


def mean_of(panel: Panel, values: Floats) -> float:
    """Return the mean of values (unit, period) over cells with spending, weighted by insured-years; NaN without any."""
    known = np.isfinite(values) & np.isfinite(panel.spending)
    return float(np.average(values[known], weights=_weights(panel)[known])) if known.any() else np.nan


def implausible_mean(panel: Panel, plausible: Sequence[float]) -> list[Finding]:
    """Doubt mean spending outside (lowest, highest); give it under the readings totals, cents and thousands."""
    (lowest, highest), mean = check_plausible(plausible), mean_of(panel, panel.spending)
    if not (mean < lowest or mean > highest):
        return []
    total = np.nan if panel.insured_years is None else float(np.nansum(panel.spending) / _weights(panel).sum())
    readings = {"total": total, "cents": mean / 100, "thousands": mean * 1000 if mean < lowest else mean / 1000}
    return [Finding("mean_spending", {"mean": mean, "lowest": lowest, "highest": highest, **readings})]


def check_plausible(plausible: Sequence[float]) -> tuple[float, float]:
    """Return a range of mean spending; anything but two ascending numbers is refused."""
    try:
        lowest, highest = (float(value) for value in plausible)
    except (TypeError, ValueError):
        lowest = highest = np.nan
    if lowest < highest:
        return lowest, highest
    raise DataError(f"plausible is {plausible!r}; allowed: [lowest, highest] mean spending, such as [300, 30000].")


def total_rows(panel: Panel) -> list[Finding]:
    """Doubt a unit called a total, with half of all insured-years, or with the money of all others in every period."""
    weights = _weights(panel)
    money = np.nan_to_num(panel.spending) * weights
    shares = weights.sum(axis=1) / max(weights.sum(), 1e-300)
    rest = money.sum(axis=0) - money
    is_sum = np.isclose(money, rest, rtol=1e-3, atol=0).all(axis=1) & rest.any(axis=1)
    findings = []
    for unit, share, equal in zip(panel.units, shares.tolist(), is_sum, strict=True):
        found = {"name": _TOTAL.search(unit.strip().casefold()), "half": share >= 0.4995, "sum": equal}  # half, rounded
        reasons = [why for why, true in found.items() if true and (why == "name" or len(panel.units) > 2)]
        if reasons:
            findings.append(Finding("total_row", {"unit": unit, "share": share, "reason": reasons[0]}, "total_row"))
    return findings


def thousands_points(panel: Panel) -> list[Finding]:
    """Doubt a column of numbers below 1,000 that have three decimals, if any: 2.416 for 2,416."""
    findings = []
    for column in ("spending", "insured_years"):
        values = np.abs(np.ravel(getattr(panel, column) if getattr(panel, column) is not None else []))
        values = values[np.isfinite(values)]
        last = np.round(values * 1000)
        broken = last % 1000 != 0
        three_at_most = (values < 1000).all() and np.allclose(values * 1000, last, rtol=0, atol=1e-6)
        if broken.any() and three_at_most and (last[broken] % 10 != 0).mean() > 0.5:
            found = {"column": column, "value": f"{values[broken][0]:.3f}", "read": f"{last[broken][0]:.0f}"}
            findings.append(Finding("thousands_points", found, "thousands"))
    return findings


def nonpositive_cells(panel: Panel) -> list[Finding]:
    """Doubt cells with negative or zero spending; the first is named."""
    cells = np.argwhere(panel.spending <= 0)
    for row, column in cells[:1].tolist():
        where = {"unit": panel.units[row], "period": panel.timeline.name(column), "count": len(cells)}
        return [Finding("nonpositive", {**where, "value": float(panel.spending[row, column])}, "nonpositive")]
    return []


def jumps(panel: Panel) -> list[Finding]:
    """Doubt cells that are many times both neighbours in time, or a small part of them; an end has the two nearest."""
    findings = []
    for column in ("spending", "insured_years"):
        values = getattr(panel, column)
        if values is None or values.shape[1] < 3:
            continue
        logs = np.log(np.where(values > 0, values, np.nan))
        changes = np.diff(logs, axis=1)
        centre = np.nanmedian(changes) if np.isfinite(changes).any() else 0.0
        limit = max(np.log(JUMP_FACTOR), JUMP_SDS * 1.4826 * np.nanmedian(np.abs(changes - centre)))
        last = logs.shape[1] - 1
        near = np.array([[1, 2], *([t - 1, t + 1] for t in range(1, last)), [last - 1, last - 2]])
        before, after = (logs - logs[:, near[:, side]] for side in (0, 1))
        jump = (np.minimum(before, after) > limit) | (np.maximum(before, after) < -limit)
        for row, t in np.argwhere(jump).tolist():
            numbers = {"value": float(values[row, t]), "near": float(values[row, near[t, 0]])}
            where = {"column": column, "unit": panel.units[row], "period": panel.timeline.name(t)}
            findings.append(Finding("jump", where | numbers, "jump"))
    return findings


def strange_standard(panel: Panel, name: str) -> list[Finding]:
    """Doubt a case-mix standard whose mean is near neither mean spending nor 1."""
    mean, spending = mean_of(panel, panel.covariate(name)), mean_of(panel, panel.spending)
    ranges = (STANDARD_OF_SPENDING, spending), (STANDARD_INDEX, 1)
    near = any(low * size <= mean <= high * size for (low, high), size in ranges)
    allowed = {"ranges": (*STANDARD_OF_SPENDING, *STANDARD_INDEX)}
    numbers = {"name": name, "mean": mean, "spending": spending, **allowed}
    return [] if near else [Finding("standard", numbers, "standard")]


def few_lines(panel: Panel, lines: Any) -> list[Finding]:
    """Doubt periods with insured persons and no counted claim line, or few (`lines` has one count per period)."""
    names, lines = [panel.timeline.name(t) for t in range(len(panel.periods))], np.asarray(lines, dtype=np.float64)
    years = _weights(panel).sum(axis=0)
    empty = tuple(names[t] for t in np.flatnonzero((years > 0) & (lines == 0)))
    findings = [Finding("no_lines", {"periods": empty}, "few_lines")] if empty else []
    usable = np.flatnonzero((years > 0) & (lines > 0))
    rates = lines[usable] / years[usable]
    for rate, t in zip(rates.tolist(), usable.tolist(), strict=True):
        nearest = np.argsort(np.abs(usable - t), kind="stable")[1 : NEIGHBOURS + 1]
        usual = float(np.median(rates[nearest])) if len(nearest) else 0.0
        if rate < LEAST_LINES * usual and usual * years[t] >= LEAST_EXPECTED_LINES:
            numbers = {"period": names[t], "rate": rate, "usual": usual, "least": LEAST_LINES}
            findings.append(Finding("few_lines", numbers, "few_lines"))
    return findings


def _weights(panel: Panel) -> Floats:
    """Return the insured-years of cells with spending, or ones if they are unknown; 0 without spending."""
    years = np.ones(panel.spending.shape) if panel.insured_years is None else panel.insured_years
    return np.where(np.isfinite(panel.spending), years, 0.0)
