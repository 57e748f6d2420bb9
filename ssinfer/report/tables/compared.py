"""Tables on all designs on one scale: the designs, main effects and interactions, the two parties, stop-loss."""

import pandas as pd

from ssinfer.figures.frontier import frontier_frame
from ssinfer.printed import ABSENT, column_with_errors, listed
from ssinfer.report.analysis import Analysis
from ssinfer.report.table import ReportFigure, ReportTable, ranged
from ssinfer.sentences import say
from ssinfer.study.compared_designs import DIFFERENCES, changed
from ssinfer.study.queries import rows_of

ONE_SCALE = (
    "numbered share_of_spending:percent:0 share_of_persons:percent:0 deviation_money:number threshold_all:percent "
    "threshold_money:number false_payment_rate:percent misallocation:number by:cell judged:number"
)
PARTIES = (
    "numbered programme saving:percent:0 own_saving:percent:1 detection_rate:percent paid:number "
    "paid_range:cell insurer:number insurer_range:cell pays_back:percent:0 more_than_saved:percent:0 "
    "earned_of_100:number:0 paid_without_threshold:number:0 case_paid:number"
)


def _designs(analysis: Analysis) -> pd.DataFrame:
    """Return one row per design and method; the dominating one by its number and how much lower it is."""
    table = analysis.compared
    numbers = {f"{row['design']}, {row['method']}": row["number"] for _, row in table.iterrows()}
    pairs = [(table[f"{name}_difference"].tolist(), table[f"{name}_difference_se"].tolist()) for name in DIFFERENCES]
    less = ["; ".join(row) for row in zip(*(column_with_errors(*pair) for pair in pairs), strict=True)]
    names = table["dominated_by"].astype(object).where(table["dominated_by"].notna(), "")
    by = [f"{numbers[name]} ({text})" if name else ABSENT for name, text in zip(names, less, strict=True)]
    return table.assign(by=by, judged=table["n_rows"] - table["n_without_threshold"])


def _effects(analysis: Analysis) -> pd.DataFrame:
    """Return one row per entry of a block, or pair of entries, with its effects on threshold and deviation."""
    records: dict[tuple[str, str], dict[str, object]] = {}
    effects = analysis.table("effects.csv")
    for _, row in effects[effects["effect"].notna()].iterrows():
        pairs = [(row["block"], row["entry"]), (row["other_block"], row["other_entry"])][: 1 + bool(row["other_block"])]
        block = listed([say(f"block.{name}", name) for name, _ in pairs])
        key = block, listed([analysis.entry(*pair) for pair in pairs])
        record = records.setdefault(key, dict(zip(("block", "entry"), key, strict=True)))
        record |= {row["measure"]: row["effect"], f"{row['measure']}_se": row["effect_se"]}
    return pd.DataFrame([*records.values()], dtype=object)  # which keeps the `lang` of texts


def _parties(analysis: Analysis) -> pd.DataFrame:
    """Return payments by scenario, without a saving and at the largest, of the first design and its changes."""
    table, parts = analysis.compared, []
    for row in [table.iloc[0], *(row for _, row in changed(table))] if len(table) else ():
        part = rows_of(analysis.result.tables["scenarios.csv"], (row["design"], row["method"]))
        none = (part["saving"] == 0) & (part["scenario"] == part["scenario"].iloc[0])
        part = part[none | (part["saving"] == part["saving"].max())]
        names = [row["numbered"], *[f"{row['number']}."] * (len(part) - 1)]
        words = {"numbered": names, "programme": [analysis.entry("scenario", name) for name in part["scenario"]]}
        parts.append(part.assign(**pd.DataFrame(words, part.index, dtype=object)))
        for name in ("paid", "insurer"):
            ends = zip(part[f"{name}_5"], part[f"{name}_95"], strict=True)
            parts[-1][f"{name}_range"] = [ranged(*pair, 0) for pair in ends]
    return pd.concat(parts) if parts else pd.DataFrame()


def _stop_loss(analysis: Analysis) -> pd.DataFrame:
    """Return what truncation leaves out, by design and window."""
    rows = analysis.table("stop_loss.csv")
    return rows.assign(label=pd.Series([*map(analysis.design_names.get, rows["design"])], rows.index, object))


STOP_LOSS = "label origin excess:number:0 excess_sd:number:0 groups:number:0"
TABLES = (
    ReportTable("one-scale-table", "one-scale", 10, _designs, ONE_SCALE),
    ReportTable("effects", "blocks", 10, _effects, "block entry threshold_money:number deviation_money:number"),
    ReportTable("parties-table", "parties", 10, _parties, PARTIES),
    ReportTable("stop-loss", "parties", 20, _stop_loss, STOP_LOSS, folded=True),
)
FRAME = ReportFigure(
    "frontier", "one-scale", 20, lambda a: frontier_frame(a.compared, a.result.currency), "designs.csv"
)
