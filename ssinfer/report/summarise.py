"""From a study's result to the plain data of its report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ssinfer.figures.numbers import count, quoted
from ssinfer.report.data import ReportData
from ssinfer.report.disclosure import case_is_small, unit_is_visible
from ssinfer.report.figure_frames import figures_of
from ssinfer.report.tables.backtest import payment_design_table, refusal_table, score_design_table, size_class_table
from ssinfer.report.tables.balance import balance_table
from ssinfer.report.tables.case import (
    design_table,
    provenance_table,
    savings_table,
    settlement_table,
    threshold_table,
)
from ssinfer.report.tables.claims import (
    attrition_table,
    counting_sentences,
    intact_sentences,
    intact_table,
    truncation_table,
    truth_table,
)
from ssinfer.report.tables.intervals import interval_table
from ssinfer.report.tables.kinds import kinds_table
from ssinfer.report.text.finding import finding, recommended_threshold
from ssinfer.report.text.noise import noise_of, sampling_sentences
from ssinfer.report.text.pairs import case_name, has_saving, label_of, span
from ssinfer.report.text.recommendation import (
    choice_of,
    chosen_pair,
    pareto_table,
    specification_table,
    which_sentences,
)

if TYPE_CHECKING:
    from ssinfer.study.result import StudyResult


def summarise(result: StudyResult) -> ReportData:
    """Return everything the template prints; nothing is computed after this."""
    noise, reasons = noise_of(result)
    choice, why_none = choice_of(result)
    chosen = chosen_pair(result, choice)
    return ReportData(
        title=result.title,
        note=result.note,
        question=result.question,
        data_label=result.data_label,
        finding=finding(result, chosen, None if choice is None else recommended_threshold(result, chosen, choice.best)),
        sampling=sampling_sentences(result, noise, chosen),
        which=which_sentences(result, choice, why_none),
        transport=_transport(result),
        counting=counting_sentences(result),
        attrition=attrition_table(result),
        truncation=truncation_table(result),
        truth=truth_table(result),
        intact=intact_sentences(result),
        intact_groups=intact_table(result),
        designs=design_table(result),
        scores=score_design_table(result),
        payments=payment_design_table(result),
        sizes=size_class_table(result),
        kinds=kinds_table(result),
        kinds_by_size=kinds_table(result, by_size=True),
        pareto=pareto_table(result, choice),
        specifications=specification_table(result, choice),
        thresholds=threshold_table(result, chosen),
        savings=savings_table(result),
        settlement=settlement_table(result),
        refusals=refusal_table(result),
        provenance=provenance_table(result),
        methods=_methods(result),
        absent=(*_absent(result), *reasons),
        figures=figures_of(result, noise, chosen, None if choice is None else choice.best),
        balance=balance_table(result),
        intervals=interval_table(result),
    )


def _transport(result: StudyResult) -> tuple[str, ...]:
    sentences = [
        (
            f"The thresholds are measured on the units of this study ({result.data_label}) and hold for units of that "
            "kind and size, in years like those of the backtest. They are not transportable to other groups."
        ),
        (
            "A municipality of all insurers, for instance, is not 20,000 insured of one insurer's practices: who is "
            "in the group, how persons enter and leave it, which claims are seen and how large the shocks of a "
            "practice are all differ. A threshold for such a contract needs placebo groups of practices from the same "
            "insurer."
        ),
        (
            "The curve of thresholds against size moves along the numbers of insured only. It does not change the "
            "kind of group."
        ),
    ]
    if result.backtest is not None and len(result.backtest.scores):
        n_origins = int(result.backtest.scores["n_origins"].max())
        sentences.append(
            f"The backtest has {n_origins} {'origin' if n_origins == 1 else 'origins'}. Another policy change, price "
            "shock or epidemic in the contract's years is outside what they can show."
        )
    return tuple(sentences)


def _methods(result: StudyResult) -> tuple[str, ...]:
    m = result.manifest
    methods = "; ".join(f"{name}: {method!r}" for name, method in result.methods.items())
    design = next(iter(result.designs.values()))
    sentences = [
        (
            f"Data: {result.data_label}. The benchmark of each design is estimated by {methods}. Savings are benchmark "
            "less observed spending per insured-year, pooled over units and performance periods by insured-years; the "
            "measured savings rate (mean benchmark less spending, over mean benchmark) is what a threshold is held "
            "against. No threshold reads the contract group's spending in the performance period."
        )
    ]
    if result.backtest is not None:
        rows = result.backtest.placebos
        units = rows.loc[rows["role"] == "placebo", "unit"].nunique()
        origins = [str(origin) for origin in sorted(rows["origin"].unique())]
        sentences.append(
            f"Backtest: {count(units)} placebo units, origins {', '.join(origins)}, each window with the contract's "
            f"own shape ({len(design.baseline)} baseline and {len(design.performance)} performance periods). Placebo "
            "thresholds are order statistics of placebo savings standardised by each fit's own standard error, "
            "cross-fitted by blocks of neighbouring units and by origin. Standard errors are block bootstraps over "
            "neighbouring units with all their origins. k and the group shock are maximum-likelihood estimates from "
            "squared placebo savings against one over insured-years."
        )
    sentences.append(
        f"Software: ssinfer {m.get('version', m.get('ssinfer', '?'))}, seed {m.get('seed', '?')}. Groups with fewer "
        f"than {result.suppress_below} insured are not shown."
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
    elif not has_saving(result):
        found.append(f"No saving of the case in {when}: it is sealed, was refused, or was not evaluated.")
    if {"status", "reason"} <= set(result.savings.columns):
        for _, row in result.savings[result.savings["status"] == "refused"].iterrows():
            pair = (str(row["design"]), str(row["method"]))
            found.append(f"The case under {quoted(label_of(result, pair))} was refused: {row['reason']}")
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
