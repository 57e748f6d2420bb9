"""Tables on all designs on one scale: the designs, main effects and interactions, the two parties, stop-loss."""

import pandas as pd

from ssinfer.printed import ABSENT, column_with_errors, plain
from ssinfer.report.analysis import Analysis, rows_of
from ssinfer.report.table import FALSE_PAYMENT_RATE, ReportTable, TableColumn
from ssinfer.report.text.compared import changed
from ssinfer.study.compared_designs import DIFFERENCES

NUMBERED = TableColumn("Design", "numbered")


def _designs(analysis: Analysis) -> pd.DataFrame:
    """Return one row per design and method; the dominating one by its number and how much lower it is."""
    table = analysis.compared
    if not len(table):
        return table
    numbers = {f"{row['design']}, {row['method']}": row["number"] for _, row in table.iterrows()}
    pairs = [(table[f"{name}_difference"].tolist(), table[f"{name}_difference_se"].tolist()) for name in DIFFERENCES]
    less = ["; ".join(row) for row in zip(*(column_with_errors(*pair) for pair in pairs), strict=True)]
    names = table["dominated_by"].astype(object).where(table["dominated_by"].notna(), "")
    by = [f"{numbers[name]} ({text})" if name else ABSENT for name, text in zip(names, less, strict=True)]
    return table.assign(by=by, judged=table["n_rows"] - table["n_without_threshold"])


def _effects(analysis: Analysis) -> pd.DataFrame:
    """Return one row per entry of a block, or pair of entries, with its effects on threshold and deviation."""
    effects = analysis.result.tables.get("effects.csv", pd.DataFrame())
    records: dict[tuple[str, str], dict[str, object]] = {}
    for _, row in effects.iterrows():
        pairs = [(row["block"], row["entry"]), (row["other_block"], row["other_entry"])][: 1 + bool(row["other_block"])]
        key = " and ".join(block for block, _ in pairs), " and ".join(analysis.entry(*pair) for pair in pairs)
        records.setdefault(key, {"block": key[0], "entry": key[1]})
        records[key] |= {row["measure"]: row["effect"], f"{row['measure']}_se": row["effect_se"]}
    return pd.DataFrame([*records.values()])


def _parties(analysis: Analysis) -> pd.DataFrame:
    """Return payments by scenario, without a saving and at the largest, of the first design and its changes."""
    table, parts = analysis.compared, []
    for row in [table.iloc[0], *(row for _, row in changed(table))] if len(table) else ():
        part = rows_of(analysis.result.tables["scenarios.csv"], (row["design"], row["method"]))
        none = (part["saving"] == 0) & (part["scenario"] == part["scenario"].iloc[0])
        part = part[none | (part["saving"] == part["saving"].max())]
        names = [row["numbered"], *[f"{row['number']}."] * (len(part) - 1)]
        programmes = [analysis.entry("scenario", name) for name in part["scenario"]]
        parts.append(part.assign(numbered=names, programme=programmes))
        for name in ("paid", "insurer"):
            ends = zip(part[f"{name}_5"], part[f"{name}_95"], strict=True)
            parts[-1][f"{name}_range"] = [f"{plain(low, 0)} to {plain(high, 0)}" for low, high in ends]
    return pd.concat(parts) if parts else pd.DataFrame()


def _stop_loss(analysis: Analysis) -> pd.DataFrame:
    """Return what truncation leaves out, by design and window."""
    rows = analysis.result.tables.get("stop_loss.csv", pd.DataFrame())
    words = dict(analysis.compared[["design", "label"]].to_numpy()) if len(rows) else {}
    return rows.assign(label=rows["design"].map(words)) if len(rows) else rows


TABLES = (
    ReportTable(
        name="one-scale-table",
        section="one-scale",
        order=10,
        caption="Designs and methods, per insured-year of the whole population",
        columns=(
            NUMBERED,
            TableColumn("Share of all spending (%)", "share_of_spending", "percent", 0),
            TableColumn("Share of all persons (%)", "share_of_persons", "percent", 0),
            TableColumn("Measured at zero saving ({currency})", "deviation_money", "number"),
            TableColumn("Threshold (% of all spending)", "threshold_all", "percent"),
            TableColumn("Threshold ({currency})", "threshold_money", "number"),
            FALSE_PAYMENT_RATE,
            TableColumn("Misallocation ({currency})", "misallocation", "number"),
            TableColumn("Dominated by (lower by)", "by", "cell"),
            TableColumn("Placebo contracts", "judged", "number"),
        ),
        rows=_designs,
        notes=(
            "Number 1 settles; then come the designs that none dominates, by misallocation. Means are over placebo "
            "contracts, each with its own threshold. Amounts are per insured-year, or shares of the spending, of the "
            "whole population of the same group. Misallocation: mean absolute difference between the payment made and "
            "the payment due, over the true savings. A design is dominated if another has no higher "
            "threshold, deviation and misallocation and no smaller share, and is better in one. In brackets: how much "
            "lower its threshold, absolute deviation and misallocation are."
        ),
    ),
    ReportTable(
        name="effects",
        section="blocks",
        order=10,
        caption="Effect of each entry of a block, less the mean of the block, with all other blocks alike",
        columns=(
            TableColumn("Building block", "block"),
            TableColumn("Entry", "entry"),
            TableColumn("On the threshold ({currency})", "threshold_money", "number"),
            TableColumn("On the absolute saving measured at zero saving ({currency})", "deviation_money", "number"),
        ),
        rows=_effects,
        notes="Rows of two blocks are interactions beyond two standard errors. Empty: the designs cannot tell it.",
    ),
    ReportTable(
        name="parties-table",
        section="parties",
        order=10,
        caption="Payments and the insurer's result, per insured-year of the whole population",
        columns=(
            NUMBERED,
            TableColumn("Programme", "programme"),
            TableColumn("True saving (% of all spending)", "saving", "percent", 0),
            TableColumn("The same, of own spending (%)", "own_saving", "percent", 1),
            TableColumn("Paid (%)", "detection_rate", "percent"),
            TableColumn("Providers get ({currency})", "paid", "number"),
            TableColumn("5 to 95%", "paid_range", "cell"),
            TableColumn("Insurer keeps ({currency})", "insurer", "number"),
            TableColumn("5 to 95%", "insurer_range", "cell"),
            TableColumn("Providers pay back (%)", "pays_back", "percent", 0),
            TableColumn("Insurer pays more than was saved (%)", "more_than_saved", "percent", 0),
            TableColumn("Of 100 paid, for true savings", "earned_of_100", "number", 0),
            TableColumn("Providers get without a threshold ({currency})", "paid_without_threshold", "number", 0),
            TableColumn("This contract, by its own draws ({currency})", "case_paid", "number"),
        ),
        rows=_parties,
        notes="The design that settles, and those that differ from it in one building block. All: scenarios.csv.",
    ),
    ReportTable(
        name="stop-loss",
        section="parties",
        order=20,
        caption="Truncation as stop-loss: spending above the cap, per insured-year of the design",
        columns=(
            TableColumn("Design", "label"),
            TableColumn("First period", "origin"),
            TableColumn("Expected excess ({currency})", "excess", "number", 0),
            TableColumn("SD over groups ({currency})", "excess_sd", "number", 0),
            TableColumn("Groups", "groups", "number", 0),
        ),
        rows=_stop_loss,
        notes="The expected excess is the price without a loading; its spread is the risk that the insurer takes over.",
        folded=True,
    ),
)
