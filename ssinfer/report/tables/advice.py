"""Tables of the advice: the ladder, its specifications, model thresholds, and the Pareto set."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import pandas as pd

from ssinfer.backtesting.advice import EVERY, NEVER
from ssinfer.printed import ABSENT
from ssinfer.report.analysis import ALL_SIZES, Analysis, rows_of
from ssinfer.report.table import DETECTION_RATE, FALSE_PAYMENT_RATE, LABEL, NoTable, ReportTable, TableColumn
from ssinfer.report.text.names import model_kinds, plain_key, threshold_name
from ssinfer.thresholds.kind import KINDS, ThresholdKey


def _model_thresholds(analysis: Analysis, *, by_size: bool) -> pd.DataFrame:
    """Return one-sided thresholds of designs and methods with the first kind (credible), in all or by class of size."""
    backtest, kinds = analysis.result.backtest, model_kinds()
    records: list[dict[str, Any]] = []
    for pair in analysis.pairs:
        thresholds = rows_of(None if backtest is None else backtest.thresholds, pair)
        if not len(thresholds) or not (thresholds["kind"] == kinds[0].name).any():
            continue
        for size, part in thresholds.groupby("size_class", sort=False):
            if (size != ALL_SIZES) != by_size:
                continue
            for level in sorted(pd.unique(part["level"].dropna()), reverse=True):
                for kind in kinds:
                    same = part[plain_key(kind, level).rows(part)]
                    labels = {"size": size} if by_size else {}
                    labels |= {"label": analysis.label(pair), "promised": 1 - level}
                    labels |= {"threshold_name": f"{kind.name.capitalize()} {100 * level:g}%"}
                    records.append({**(dict(same.iloc[0]) if len(same) else {}), **labels})
    return pd.DataFrame(records)


def _model_remarks(_analysis: Analysis, rows: pd.DataFrame) -> Iterator[str]:
    """Return a warning if two thresholds of a level were judged on different placebos."""
    keys = [name for name in ("label", "size", "promised") if name in rows.columns]
    n_rows = rows.groupby(keys, sort=False)["n_rows"]
    if (n_rows.min() < n_rows.max()).any():
        yield (
            "If two thresholds of the same level have different numbers of placebo contracts, the method gave some "
            "contracts only one of them. Their rows then describe different groups."
        )


def _pareto(analysis: Analysis) -> pd.DataFrame | NoTable:
    """Return the Pareto set; the contract group's own bias is left out if the group is too small to be shown."""
    table = analysis.pareto
    if not len(table):
        return NoTable()
    table = analysis.labelled(table[~table["dominated"]])
    priors = table["prior"].map(lambda prior: f", {prior} prior" if prior else "")
    return table.assign(threshold_name=table["kind"].map(lambda kind: KINDS.find(kind).label) + priors)


def _pareto_remarks(analysis: Analysis, _rows: pd.DataFrame) -> Iterator[str]:
    yield (
        f"The Pareto set of {len(analysis.pareto)} combinations of design, "
        "method and kind of threshold: no other combination is at least as good in every measure and better in one. "
        "Every threshold is multiplied by one factor, learned on other regions and years, so that all pay about 5% of "
        "contracts without savings. ± is one standard error, with the factor learned again. Placebos like the contract "
        "group are in the same tenth of spending, of last year's growth, or of socio-economic status."
    )


def _specifications(analysis: Analysis) -> pd.DataFrame | NoTable:
    """Return the table of the advice; "yes" marks the advised specification."""
    advice = analysis.result.advice
    if advice is None:
        return NoTable()  # the sentence of the section says why
    table = analysis.labelled(advice.table)
    named = [
        str(row["kind"]).capitalize() if row["kind"] in (NEVER, EVERY) else threshold_name(ThresholdKey.of(row))
        for _, row in table.iterrows()
    ]
    return table.assign(threshold_name=named)


def _ladder(analysis: Analysis) -> pd.DataFrame:
    """Return the ladder, with each change in words."""
    table = analysis.result.tables.get("ladder.csv", pd.DataFrame())
    rows = (row for _, row in table.iterrows())
    words = (
        f"{row['block']}: {analysis.entry(row['block'], row['entry'])}" if row["block"] else "today" for row in rows
    )
    return table.assign(change=list(words))


MODEL_THRESHOLDS = ReportTable(
    name="kinds",
    section="advice",
    order=30,
    caption="Credible and confidence thresholds",
    columns=(
        LABEL,
        TableColumn("Insured-years", "size"),
        TableColumn("Threshold", "threshold_name"),
        TableColumn("Promised false payment rate (%)", "promised", "percent", 0),
        TableColumn("Threshold (% of benchmark)", "threshold", "percent"),
        FALSE_PAYMENT_RATE,
        DETECTION_RATE,
        TableColumn("Undeserved payment ({currency} per insured-year)", "expected_overpayment_money", "number"),
        TableColumn("Unpaid saving ({currency} per insured-year)", "expected_underpayment_money", "number"),
        TableColumn("Placebo contracts", "n_rows", "number"),
    ),
    rows=partial(_model_thresholds, by_size=False),
    notes=(
        "One-sided, flat prior. Each placebo has its own threshold: means ± one standard error over blocks of "
        f"neighbouring units. {ABSENT}: the method has no such threshold. Methods without a credible threshold are not "
        "listed. Undeserved payment: expected payment if nothing was saved. Unpaid saving: payment due less payment "
        "made, expected over the true savings of the study above zero."
    ),
    remarks=_model_remarks,
)
TABLES = (
    ReportTable(
        name="ladder",
        section="advice",
        order=25,
        caption="What would make it work: each change, its threshold, and the chance to find the target saving",
        columns=(
            TableColumn("Change", "change"),
            TableColumn("Mean threshold (% of all spending)", "threshold", "percent"),
            TableColumn("Difference (threshold)", "threshold_difference", "percent"),
            TableColumn("Target saving found (%)", "detection_rate", "percent"),
            TableColumn("Difference (found)", "detection_rate_difference", "percent"),
            TableColumn("Insured", "insured", "number"),
            TableColumn("Years", "years", "number"),
            TableColumn("Source", "source"),
        ),
        rows=_ladder,
        notes=(
            "Measured: on the placebos of this study, as paired differences; ± is one standard error. Computed: for "
            "normal noise as large as that of today's placebos; differences are from the same formulas today."
        ),
    ),
    MODEL_THRESHOLDS,
    replace(
        MODEL_THRESHOLDS,
        name="kinds-by-size",
        order=40,
        caption="Credible and confidence thresholds by size of the placebo units",
        rows=partial(_model_thresholds, by_size=True),
        folded=True,
    ),
    ReportTable(
        name="pareto",
        section="advice",
        order=50,
        caption="Designs that no other design beats in every measure",
        columns=(
            LABEL,
            TableColumn("Threshold", "threshold_name"),
            TableColumn("Bias in the group's own earlier years (%, absolute)", "abs_bias_case", "percent", 1),
            TableColumn("Persistent bias of a unit (SD, %)", "bias_sd_between", "percent", 1),
            TableColumn("Largest bias among placebos like the group (%, absolute)", "abs_bias_selected", "percent", 1),
            FALSE_PAYMENT_RATE,
            TableColumn(DETECTION_RATE.head, "detection_rate", "percent"),
        ),
        rows=_pareto,
        remarks=_pareto_remarks,
    ),
    ReportTable(
        name="specifications",
        section="advice",
        order=60,
        caption="All specifications that the advice compares",
        columns=(
            LABEL,
            TableColumn("Threshold", "threshold_name"),
            TableColumn("False payment rate (%)", "false_payment_rate", "percent"),
            TableColumn("Target saving found (%)", "detection_rate", "percent"),
            TableColumn("Placebo contracts", "n_rows", "number"),
            TableColumn("Not judged", "n_unjudged", "number"),
            TableColumn("Admitted", "admitted", "yes or no"),
            TableColumn("Advised", "advised", "yes or no"),
        ),
        rows=_specifications,
        notes=(
            "Every placebo contract has its own threshold. These placebos choose, so the best looks better "
            "than it is. The sentences above give rates of windows that did not choose. Admitted: the false payment "
            "rate less one standard error is at most what the study allows. Not judged: no estimate or no threshold."
        ),
        folded=True,
    ),
)
