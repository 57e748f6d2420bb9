"""The numbers that figures draw, from a study's result."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ssinfer.errors import SsinferError
from ssinfer.figures.data import Benchmark, CasePanel, PaymentDot, PlaceboRow, SizeCurve, SizeMarker
from ssinfer.report.data import Figures
from ssinfer.report.disclosure import case_is_small, unit_is_visible
from ssinfer.report.earnings_frame import earnings_of
from ssinfer.report.tables.balance import love_plots
from ssinfer.report.text.finding import honest_threshold
from ssinfer.report.text.names import KIND_ORDER, KINDS, nominal_payment, threshold_name
from ssinfer.report.text.pairs import case_name, label_of, pairs_of, placebo_rows, rows_of, saving_of
from ssinfer.thresholds.placebo_cross_fitted import cross_fitted_placebo_thresholds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ssinfer.report.text.noise import Noise
    from ssinfer.report.text.pairs import Pair
    from ssinfer.study.result import StudyResult

MOST_BENCHMARKS = 6  # in the figure of the case
NAN = float("nan")


def figures_of(
    result: StudyResult, noise: dict[Pair, Noise], chosen: Pair, gate: Mapping[str, Any] | None = None
) -> Figures:
    """Return the numbers behind every figure; a figure that cannot be drawn is None or empty.

    `chosen` is the design with the recommended threshold, `gate`.
    """
    return Figures(
        placebos=_placebo_figure(result),
        payments=_payment_figure(result, noise, chosen, gate),
        earnings=earnings_of(result, chosen, gate),
        curves=_size_curves(result, noise),
        marker=_size_marker(result, chosen),
        case=_case_figure(result, chosen),
        balance=love_plots(result),
    )


def _placebo_figure(result: StudyResult) -> tuple[PlaceboRow, ...]:
    hidden = case_is_small(result)
    found = []
    for pair in pairs_of(result):
        rows = placebo_rows(result, pair)
        rows = rows[unit_is_visible(result, rows)] if len(rows) else rows
        if not len(rows):
            continue
        try:
            gates = cross_fitted_placebo_thresholds(rows, 0.95, "one-sided")
        except SsinferError:
            gates = np.full(len(rows), NAN)
        lines = () if hidden else _lines(result, pair)
        case = NAN
        saving = saving_of(result, pair)
        if saving is not None and not hidden:
            case = float(saving["savings_rate"])
        rates = rows["savings_rate"].to_numpy(dtype=float)
        found.append(PlaceboRow(label_of(result, pair), rates, ~np.isnan(gates), rates >= gates, lines, case))
    return tuple(found)


def _lines(result: StudyResult, pair: Pair) -> tuple[tuple[str, float], ...]:
    """Return the case's thresholds that a figure draws: honest, model-based two-sided 95%, Medicare's schedule."""
    found = []
    honest = honest_threshold(result, pair)
    if honest is not None:
        found.append(("honest threshold", float(honest["rate"])))
    rows = rows_of(result.case_thresholds, pair)
    wanted = (
        ("model, 95% two-sided", "confidence"),
        ("model, 95% two-sided", "credible"),
        ("Medicare's schedule", "schedule"),
    )
    for text, kind in wanted:
        same = rows[rows["kind"] == kind] if len(rows) else rows
        if len(same) and kind != "schedule":
            same = same[(same["level"] == 0.95) & (same["side"] == "two-sided")]
        if len(same) and not any(text == name for name, _ in found):
            found.append((text, float(same["rate"].iloc[0])))
    return tuple(found)


def _payment_figure(
    result: StudyResult, noise: dict[Pair, Noise], chosen: Pair, gate: Mapping[str, Any] | None
) -> tuple[PaymentDot, ...]:
    """Return a dot per threshold and design: one-sided thresholds, and the two-sided 95% that is habit with models.

    A two-sided 90% threshold of a model is its one-sided 95% one. The recommended threshold is always among them.
    """
    if result.backtest is None:
        return ()
    dots = []
    for pair in pairs_of(result):
        rows = rows_of(result.backtest.thresholds, pair)
        if not len(rows):
            continue
        rows = rows[rows["size_class"] == "all"]
        habit = (rows["side"] == "two-sided") & (rows["level"] == 0.95) & rows["kind"].isin(["credible", "confidence"])
        informed = ~rows["prior"].isin(["", "flat"])
        marked = pd.Series(data=False, index=rows.index)
        if gate is not None:
            marked = (rows["kind"] == gate["kind"]) & (rows["side"] == gate["side"]) & (rows["prior"] == gate["prior"])
            marked &= rows["level"].fillna(-1.0) == gate["level"]
        usual = ((rows["side"] == "one-sided") | habit) & ~(informed & ((rows["level"] != 0.95) | habit))
        rows = rows.assign(marked=marked)[usual | marked]
        label = label_of(result, pair)
        if pair in noise:
            own = noise[pair].own_k
            dots.append(
                PaymentDot(
                    "Sampling error alone 95%, two-sided", 0.025, label, own.above, own.above_se, main=pair == chosen
                )
            )
        for _, row in rows.iterrows():
            level = None if pd.isna(row["level"]) else float(row["level"])
            # under an informed prior a posterior probability is promised, not a rate of payment
            promises = level is not None and row["prior"] in ("", "flat")
            nominal = nominal_payment(float(row["level"]), str(row["side"])) if promises else NAN
            name = threshold_name(str(row["kind"]), level, str(row["side"]))
            if row["prior"] not in ("", "flat"):
                name = f"{name}, {row['prior']} prior"
            name += " (recommended)" if row["marked"] else ""
            actual, error = float(row["false_payment_rate"]), float(row["false_payment_rate_se"])
            dots.append(PaymentDot(name, nominal, label, actual, error, main=pair == chosen))
    return tuple(sorted(dots, key=_place_of_dot))


def _place_of_dot(dot: PaymentDot) -> tuple[float, ...]:
    """Return the order of a figure: sampling error alone, then kinds, then the promised rate from high to low."""
    kinds = [place for place, kind in enumerate(KIND_ORDER) if dot.threshold.startswith(KINDS[kind])]
    kind = max(kinds, key=lambda place: len(KINDS[KIND_ORDER[place]])) if kinds else -1
    return kind, float("prior" in dot.threshold), -dot.nominal if np.isfinite(dot.nominal) else 0.0


def _size_curves(result: StudyResult, noise: dict[Pair, Noise]) -> tuple[SizeCurve, ...]:
    parts = [(label_of(result, pair), one.components) for pair, one in noise.items()]
    return tuple(SizeCurve(label, c.k, c.shock, c.smallest, c.largest) for label, c in parts)


def _size_marker(result: StudyResult, best: Pair) -> SizeMarker | None:
    if case_is_small(result) or result.panel.insured_years is None or best not in result.counterfactuals:
        return None
    own = honest_threshold(result, best)
    if own is None:
        return None
    years = float(result.counterfactuals[best].insured_years.sum())
    return SizeMarker(case_name(result), years, float(own["rate"]))


def _case_figure(result: StudyResult, best: Pair) -> CasePanel | None:
    """Return the case's figure: benchmarks on the best design's spending; of its design alone if they are many."""
    if case_is_small(result) or not result.counterfactuals:
        return None
    first = best if best in result.counterfactuals else next(iter(result.counterfactuals))
    panel = result.panel_of(first[0])
    design = result.designs[first[0]]
    pairs = [pair for pair in pairs_of(result) if pair in result.counterfactuals and result.panel_of(pair[0]) is panel]
    if len(pairs) > MOST_BENCHMARKS:
        pairs = [pair for pair in pairs if pair[0] == first[0]]
    rows = design.treated_rows(panel)
    last = int(panel.columns(design.performance).max())
    weights = np.ones((len(rows), last + 1)) if panel.insured_years is None else panel.insured_years[rows, : last + 1]
    spending = panel.spending[rows, : last + 1]
    usable = np.isfinite(spending) & np.isfinite(weights)
    mass = np.where(usable, weights, 0.0)
    with np.errstate(invalid="ignore"):
        pooled = np.where(usable, spending * mass, 0.0).sum(axis=0) / mass.sum(axis=0)
    pooled = np.where(usable.all(axis=0), pooled, np.nan)
    kinds = set()
    benchmarks = []
    for pair in pairs:
        cf = result.counterfactuals[pair]
        kinds.add({"posterior": "credible", "sampling": "confidence", "none": ""}[cf.uncertainty])
        draws = cf.benchmark.values.reshape(-1, *cf.benchmark.shape[2:])  # (draw, unit, period)
        years = cf.insured_years.values
        with np.errstate(invalid="ignore"):
            by_period = np.where(years > 0, draws * years, 0.0).sum(axis=1) / years.sum(axis=0)  # (draw, period)
        lower, upper = np.full((2, by_period.shape[1]), np.nan)
        if cf.uncertainty != "none":
            lower, upper = np.quantile(by_period, [0.025, 0.975], axis=0)
        positions = np.asarray(panel.columns(tuple(cf.benchmark["period"].values.tolist())), dtype=np.intp)
        benchmarks.append(Benchmark(label_of(result, pair), positions, by_period.mean(axis=0), lower, upper))
    return CasePanel(
        case=case_name(result),
        periods=tuple(str(period) for period in panel.periods[: last + 1]),
        spending=pooled,
        baseline=tuple(int(column) for column in panel.columns(design.baseline)),
        masked=tuple(int(column) for column in panel.columns(design.masked)) if design.masked else (),
        performance=tuple(int(column) for column in panel.columns(design.performance)),
        benchmarks=tuple(benchmarks),
        currency=result.currency,
        interval=" or ".join(sorted(kind for kind in kinds if kind)),
    )
