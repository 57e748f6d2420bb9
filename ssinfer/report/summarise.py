"""From a study's result to the plain data of its report."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import norm

from ssinfer.backtesting.operating_characteristics import cross_fitted_placebo_gates
from ssinfer.errors import SsinferError
from ssinfer.report.data import (
    Benchmark,
    CasePanel,
    Figures,
    PaymentDot,
    PlaceboRow,
    ReportData,
    SizeCurve,
    SizeMarker,
)
from ssinfer.report.disclosure import case_is_small, unit_is_visible
from ssinfer.report.finding import best_pair, finding, honest_threshold
from ssinfer.report.numerals import count
from ssinfer.report.pairs import case_name, label_of, pairs_of, placebo_rows, rows_of, span
from ssinfer.report.sampling import Noise, noise_of, sampling_sentences
from ssinfer.report.tables import (
    KIND_ORDER,
    design_table,
    nominal_payment,
    payment_design_table,
    provenance_table,
    refusal_table,
    savings_table,
    score_design_table,
    settlement_table,
    size_class_table,
    threshold_name,
    threshold_table,
)

if TYPE_CHECKING:
    from ssinfer.report.pairs import Pair
    from ssinfer.study import StudyResult

NAN = float("nan")
Z_ONE_SIDED, Z_TWO_SIDED = float(norm.ppf(0.95)), float(norm.ppf(0.975))


def summarise(result: StudyResult) -> ReportData:
    """Return everything the template prints; nothing is computed after this."""
    best = best_pair(result)
    noise, reasons = noise_of(result)
    figures = Figures(
        placebos=_placebo_figure(result, noise),
        payments=_payment_figure(result, noise),
        curves=_size_curves(result, noise),
        marker=_size_marker(result, best),
        case=_case_figure(result),
    )
    return ReportData(
        title=result.title,
        note=result.note,
        question=result.question,
        data_label=result.data_label,
        finding=finding(result),
        sampling=sampling_sentences(result, noise, best),
        transport=_transport(result),
        designs=design_table(result),
        scores=score_design_table(result),
        payments=payment_design_table(result),
        sizes=size_class_table(result),
        thresholds=threshold_table(result, best),
        savings=savings_table(result),
        settlement=settlement_table(result),
        refusals=refusal_table(result),
        provenance=provenance_table(result),
        methods=_methods(result),
        absent=(*_absent(result), *reasons),
        figures=figures,
    )


def _placebo_figure(result: StudyResult, noise: dict[Pair, Noise]) -> tuple[PlaceboRow, ...]:
    hidden = case_is_small(result)
    found = []
    for pair in pairs_of(result):
        rows = placebo_rows(result, pair)
        rows = rows[unit_is_visible(result, rows)] if len(rows) else rows
        if not len(rows):
            continue
        try:
            paid = rows["savings_rate"].to_numpy() >= cross_fitted_placebo_gates(rows, 0.95, "one-sided")
        except SsinferError:
            paid = np.zeros(len(rows), dtype=bool)
        own = None if hidden else honest_threshold(result, pair)
        sampling, case = NAN, NAN
        if pair in noise and not hidden and pair in result.counterfactuals:
            years = float(result.counterfactuals[pair].insured_years.sum())
            sampling = Z_TWO_SIDED * noise[pair].components.k / math.sqrt(years)
        savings = rows_of(result.savings, pair)
        if len(savings) and not hidden:
            case = float(savings["savings_rate"].iloc[0])
        honest = NAN if own is None else float(own["rate"])
        found.append(
            PlaceboRow(label_of(result, pair), rows["savings_rate"].to_numpy(dtype=float), paid, honest, sampling, case)
        )
    return tuple(found)


def _payment_figure(result: StudyResult, noise: dict[Pair, Noise]) -> tuple[PaymentDot, ...]:
    if result.backtest is None:
        return ()
    dots = []
    for pair in pairs_of(result):
        rows = rows_of(result.backtest.thresholds, pair)
        if not len(rows):
            continue
        rows = rows[rows["size_class"] == "all"]
        order = rows["kind"].map({kind: place for place, kind in enumerate(KIND_ORDER)}).fillna(len(KIND_ORDER))
        rows = rows.assign(order=order).sort_values(
            ["order", "side", "level"], ascending=[True, True, False], kind="stable"
        )
        label = label_of(result, pair)
        for _, row in rows.iterrows():
            level = None if pd.isna(row["level"]) else float(row["level"])
            nominal = NAN if level is None else nominal_payment(level, str(row["side"]))
            name = threshold_name(str(row["kind"]), level, str(row["side"]))
            dots.append(
                PaymentDot(name, nominal, label, float(row["false_payment_rate"]), float(row["false_payment_rate_se"]))
            )
        if pair in noise:
            own = noise[pair].own_k
            dots.append(PaymentDot("Sampling error alone 95%, two-sided", 0.025, label, own.above, own.above_se))
    return tuple(dots)


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


def _case_figure(result: StudyResult) -> CasePanel | None:
    if case_is_small(result) or not result.counterfactuals:
        return None
    panel = result.panel
    design = result.designs[next(iter(result.counterfactuals))[0]]
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
    for pair in pairs_of(result):
        if pair not in result.counterfactuals:
            continue
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


def _transport(result: StudyResult) -> tuple[str, ...]:
    sentences = [
        f"The thresholds are measured on the units of this study ({result.data_label}) and hold for units of that kind and "
        "size, in years like those of the backtest. They are not transportable to other groups.",
        "A municipality of all insurers, for instance, is not 20,000 insured of one insurer's practices: who is in the "
        "group, how persons enter and leave it, which claims are seen and how large the shocks of a practice are all "
        "differ. A threshold for such a contract needs placebo groups of practices from the same insurer.",
        "The curve of thresholds against size moves along the numbers of insured only. It does not change the kind of group.",
    ]
    if result.backtest is not None and len(result.backtest.scores):
        n_origins = int(result.backtest.scores["n_origins"].max())
        sentences.append(
            f"The backtest has {n_origins} {'origin' if n_origins == 1 else 'origins'}. Another policy change, price shock "
            "or epidemic in the contract's years is outside what they can show."
        )
    return tuple(sentences)


def _methods(result: StudyResult) -> tuple[str, ...]:
    m = result.manifest
    methods = "; ".join(f"{name}: {method!r}" for name, method in result.methods.items())
    design = next(iter(result.designs.values()))
    sentences = [
        f"Data: {result.data_label}. The benchmark of each design is estimated by {methods}. Savings are benchmark less "
        "observed spending per insured-year, pooled over units and performance periods by insured-years; the measured "
        "savings rate (mean benchmark less spending, over mean benchmark) is what a threshold is held against. No threshold "
        "reads the contract group's spending in the performance period."
    ]
    if result.backtest is not None:
        rows = result.backtest.placebos
        units = rows.loc[rows["role"] == "placebo", "unit"].nunique()
        origins = [str(origin) for origin in sorted(rows["origin"].unique())]
        sentences.append(
            f"Backtest: {count(units)} placebo units, origins {', '.join(origins)}, each window with the contract's own shape "
            f"({len(design.baseline)} baseline and {len(design.performance)} performance periods). Placebo thresholds "
            "are order statistics of placebo savings standardised by each fit's own standard error, cross-fitted by blocks "
            "of neighbouring units and by origin. Standard errors are block bootstraps over neighbouring units with all "
            "their origins. k and the group shock are maximum-likelihood estimates from squared placebo savings against "
            "one over insured-years."
        )
    sentences.append(
        f"Software: ssinfer {m.get('version', '?')}, seed {m.get('seed', '?')}. Groups with fewer than "
        f"{result.suppress_below} insured are not shown."
    )
    return tuple(sentences)


def _absent(result: StudyResult) -> list[str]:
    found = []
    when = span(next(iter(result.designs.values())).performance)
    if result.backtest is None:
        found.append("No backtest: the tables and figures of false payments and detection are not there.")
    if case_is_small(result):
        found.append(
            f"{case_name(result)} has a period with fewer than {result.suppress_below} insured. Its benchmark, saving, "
            "thresholds and settlement are suppressed, all periods together, so that none can be derived."
        )
    elif not len(result.savings):
        found.append(f"No saving of the case: spending in {when} is not in the data.")
    if not len(result.settlement):
        found.append("No settlement: the study names no contract, or there is no saving to settle.")
    if result.panel.insured_years is None:
        found.append(
            "The panel has no numbers of insured: totals are not given, and small groups cannot be suppressed."
        )
    if result.backtest is not None and result.panel.insured_years is not None:
        placebos = result.backtest.placebos
        estimated = placebos[(placebos["role"] == "placebo") & (placebos["status"] == "ok")]
        hidden = int((~unit_is_visible(result, estimated)).sum())
        if hidden:
            found.append(f"{hidden} placebo results of units below {result.suppress_below} insured are not drawn.")
    return found
