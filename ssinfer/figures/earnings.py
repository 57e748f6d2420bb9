"""Figure: the probability of payment and the expected payment by true saving, one row per threshold."""

import matplotlib.figure
import numpy as np
import pandas as pd
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patches import Rectangle

from ssinfer.backtesting.frames import relative_spending
from ssinfer.backtesting.thresholds_of_placebos import thresholds_of_placebos
from ssinfer.figures.figure import Figure
from ssinfer.figures.style import CENTRED, INK, SOFT, figure
from ssinfer.printed import money, separated
from ssinfer.schema import Column, FrameSchema
from ssinfer.sentences import say
from ssinfer.thresholds.kind import KINDS, ThresholdKey
from ssinfer.thresholds.names import threshold_name

TRUE_PAYMENT = LinearSegmentedColormap.from_list("true payment", ["#FFFFFF", "#7FB8DC"])
FALSE_PAYMENT = LinearSegmentedColormap.from_list("false payment", ["#FFFFFF", "#D55E00"])
DARKEST_FALSE_RATE = 0.25
ROW_HEIGHT = 0.46  # inches
TRUE_SAVINGS = np.array([0.0, 0.01, 0.02, 0.03, 0.05, 0.10])


def earnings_frame(placebos: pd.DataFrame, share: float, best: ThresholdKey | None) -> pd.DataFrame:
    """Return payments to placebos by true saving for one-sided 95% thresholds and the `best` one, at a sharing rate."""
    if not len(placebos):
        return pd.DataFrame()
    levels = (0.95,) if best is None or best.level in (None, 0.95) else (0.95, best.level)
    benchmark = placebos["benchmark"].to_numpy(dtype=float)
    relative = relative_spending(placebos)
    measured = placebos["savings_rate"].to_numpy(dtype=float) + TRUE_SAVINGS[:, None] * relative  # (saving, placebo)
    parts = []
    thresholds = thresholds_of_placebos(placebos, levels)
    for key in sorted(thresholds, key=lambda key: KINDS.names().index(key.kind)):
        usual = key.level == 0.95 or KINDS.find(key.kind).learns_from == "size"
        usual = usual and key.side == "one-sided" and not key.informed
        if not (usual or key == best):
            continue
        known = ~np.isnan(thresholds[key])
        paid = (measured >= thresholds[key])[:, known]
        payment = np.where(paid, share * np.maximum(measured[:, known], 0.0) * benchmark[known], 0.0)
        columns = {"true_saving": TRUE_SAVINGS, "paid": paid.mean(axis=1), "payment": payment.mean(axis=1)}
        parts.append(pd.DataFrame({**columns, "threshold": threshold_name(key, short=True), "advised": key == best}))
    if not parts:
        return pd.DataFrame()
    table = pd.concat(parts, ignore_index=True)
    return table.assign(due=share * table["true_saving"] * float((relative * benchmark).mean()))


def draw(frame: pd.DataFrame) -> matplotlib.figure.Figure:
    """Return a table of cells: one row per threshold, one column per true saving, shaded by probability of payment."""
    savings = list(dict.fromkeys(frame["true_saving"]))
    names = list(dict.fromkeys(frame["threshold"]))
    currency = frame["currency"].iloc[0]
    width, height = len(savings), len(names)
    picture = figure(1.15 + ROW_HEIGHT * (height + 1))
    axis = picture.subplots()
    for cell in frame.to_dict("records"):
        column, row = savings.index(cell["true_saving"]), names.index(cell["threshold"])
        paid = float(cell["paid"])
        shade = FALSE_PAYMENT(min(paid / DARKEST_FALSE_RATE, 1.0)) if cell["true_saving"] == 0 else TRUE_PAYMENT(paid)
        axis.add_patch(Rectangle((column, row), 1, 1, facecolor=shade, edgecolor="white", linewidth=2))
        of_100 = say("figure.earnings.of_100", paid=100 * paid)
        axis.text(column + 0.5, row + 0.36, of_100, color=INK, weight="bold", fontsize=8, **CENTRED)
        axis.text(column + 0.5, row + 0.73, money(float(cell["payment"]), currency), color=INK, fontsize=7.5, **CENTRED)
    advised = set(frame.loc[frame["advised"], "threshold"])
    for row, name in enumerate(names):
        if name in advised:
            axis.add_patch(Rectangle((0, row), width, 1, fill=False, edgecolor=INK, linewidth=1.8, zorder=4))
    for column, due in enumerate(frame.drop_duplicates("true_saving")["due"].tolist()):
        axis.text(column + 0.5, height + 0.5, money(due, currency), color=SOFT, **CENTRED)
    heads = [separated(f"{100 * saving:g}%") if saving else say("figure.earnings.none") for saving in savings]
    axis.set_xticks([column + 0.5 for column in range(width)], heads, color=INK, weight="bold")
    axis.xaxis.tick_top()
    axis.xaxis.set_label_position("top")
    axis.set_xlabel(say("figure.earnings.saving", currency=currency), labelpad=10)
    labels = [say("figure.earnings.advised", name=name) if name in advised else name for name in names]
    axis.set_yticks([row + 0.5 for row in range(height + 1)], [*labels, say("figure.earnings.due")], color=INK)
    axis.set_xlim(0, width)
    axis.set_ylim(height + 1, 0)
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
    return picture


SCHEMA = FrameSchema(
    "earnings",
    "one row per threshold and true saving",
    Column("design", "text", "", "Name of the design."),
    Column("currency", "text", "", "Currency of the payments."),
    Column("threshold", "text", "", "Name of the threshold."),
    Column("true_saving", "float", "fraction of spending", "True saving of the contract."),
    Column("paid", "float", "fraction of contracts", "Share of placebo contracts that are paid."),
    Column("payment", "float", "currency per insured-year", "Mean payment."),
    Column("due", "float", "currency per insured-year", "Payment under a benchmark without error."),
    Column("advised", "bool", "", "Whether this is the advised threshold."),
)
FIGURE = Figure("earnings", 20, SCHEMA, draw)
