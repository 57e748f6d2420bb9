"""Compares the designs of a study on one scale: tables of designs, scenarios, stop-loss and main effects."""

from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ssinfer.backtesting.kernels.block_bootstrap import spread_of_replicates
from ssinfer.foreign import own
from ssinfer.study.frames import BLOCKS, DESIGNS, EFFECTS, SCENARIOS, STOP_LOSS
from ssinfer.typing import Booleans, Floats

if TYPE_CHECKING:
    from ssinfer.study.pair_outcome import PairOutcome
    from ssinfer.study.plan import Plan

#: What a frontier compares, and the sign with which more is worse; a deviation counts by its size.
MEASURES = {"threshold_money": 1.0, "deviation_money": 1.0, "share_of_spending": -1.0, "misallocation": 1.0}
DIFFERENCES = {"threshold": "threshold_money", "deviation_size": "deviation_money", "misallocation": "misallocation"}
#: Main effects are given on these; of a deviation, on its size.
EFFECTS_ON = ("threshold_money", "deviation_money")
DESIGN_MEANS = (
    *("deviation", "deviation_all", "deviation_money", "threshold_rate", "threshold_all", "threshold_money"),
    *("false_payment_rate", "misallocation"),
)
VARIED = [*BLOCKS, "windows", "method"]  # columns of designs.csv
TOLERANCE = 1e-9  # of rounding
AT_LEAST_ERRORS = 2.0  # interactions smaller than this many standard errors are left out


def compare_designs(plan: "Plan", pairs: Sequence["PairOutcome"]) -> dict[str, pd.DataFrame]:
    """Return the tables by name of their file; empty without outcomes."""
    # A design that is named beside a grid shows one combination: with interactions, that is no main effect.
    named = {part.name for part in plan.config.design}
    crossed = [pair for pair in pairs if plan.config.grid and pair.design.name not in named]
    tables = {
        "designs.csv": DESIGNS.frame(_designs(plan, pairs)),
        "scenarios.csv": SCENARIOS.frame(_scenarios(plan, pairs)),
        "effects.csv": EFFECTS.frame(_effects(crossed or pairs)),
        "stop_loss.csv": STOP_LOSS.frame(_stop_loss(plan, pairs)),
    }
    return {name: table for name, table in tables.items() if len(table)}


def _with_errors(pair: "PairOutcome", names: Sequence[str], at: str = "") -> dict[str, float]:
    """Return the mean of each column and its standard error."""
    values = {name: (pair.mean(name + at), pair.error(name + at)) for name in names}
    return {key: number for name, two in values.items() for key, number in zip((name, f"{name}_se"), two, strict=True)}


def _designs(plan: "Plan", pairs: Sequence["PairOutcome"]) -> list[dict[str, Any]]:
    settles = next((pair for pair in pairs if (pair.design.name, pair.method) == plan.config.settling), None)
    rows = []
    for pair, other in zip(pairs, _dominators(pairs), strict=True):
        row: dict[str, Any] = {"design": pair.design.name, "method": pair.method, **pair.design.names}
        row |= {"windows": pair.design.windows, "label": str(own(pair.design.label)), "no_payments": pair.no_payments}
        row |= {"settles": pair is settles, "sensitivity": pair.design.sensitivity, "n_rows": len(pair.rows)}
        row |= {"n_without_threshold": int(pair.columns["false_payment_rate"].isna().sum())}
        row |= {name: pair.mean(name) for name in ("share_of_spending", "share_of_persons", "elasticity")}
        row |= _with_errors(pair, DESIGN_MEANS)
        if settles is not None:
            row |= difference(pair, settles, "deviation", "deviation_money")
        if other is not None:
            row["dominated_by"] = f"{other.design.name}, {other.method}"
            for name, column in DIFFERENCES.items():
                row |= difference(pair, other, name, column)
        rows.append(row)
    return rows


def difference(pair: "PairOutcome", other: "PairOutcome", name: str, column: str) -> dict[str, float]:
    """Return the difference of two means (or of their sizes), and its error over replicates with the same blocks."""
    both = [np.array([part.mean(column), *part.means[column]]) for part in (pair, other)]
    mean, *drawn = np.subtract(*map(np.abs, both) if name.endswith("size") else both)
    blocks = min(part.rows["block"].nunique() for part in (pair, other))
    error = spread_of_replicates(np.array(drawn)[:, None], blocks)[0]
    return {f"{name}_difference": float(mean), f"{name}_difference_se": float(error)}


def _dominators(pairs: Sequence["PairOutcome"]) -> list["PairOutcome | None"]:
    """Return, per pair, the dominating one with the smallest threshold; a sensitivity design dominates none."""
    worse = np.array([[sign * pair.mean(name) for name, sign in MEASURES.items()] for pair in pairs])  # (P, measures)
    found: list[PairOutcome | None] = []
    if len(pairs):
        worse[:, list(MEASURES).index("deviation_money")] = np.abs(worse[:, list(MEASURES).index("deviation_money")])
    able = np.array([not pair.design.sensitivity for pair in pairs])
    for row in worse:
        no_worse = (worse <= row + TOLERANCE).all(axis=1) & (worse < row - TOLERANCE).any(axis=1) & able
        best = np.flatnonzero(no_worse)
        found.append(pairs[best[worse[best, 0].argmin()]] if len(best) else None)
    return found


def _scenarios(plan: "Plan", pairs: Sequence["PairOutcome"]) -> list[dict[str, Any]]:
    rows = []
    for pair in pairs:
        for scenario, s in ((scenario, s) for scenario in plan.scenarios for s in (0.0, *plan.config.savings)):
            at = f" {scenario} {s:g}"
            row: dict[str, Any] = {"design": pair.design.name, "method": pair.method, "scenario": scenario, "saving": s}
            row |= {name: pair.mean(name + at) for name in ("own_saving", "paid_without_threshold")}
            row |= _distribution(pair.columns[_visible(plan, pair)], at)
            row |= _with_errors(pair, ("detection_rate", "paid", "insurer"), at)
            total = pair.columns[f"paid{at}"].clip(lower=0).sum()
            row["earned_of_100"] = 100 * pair.columns[f"earned{at}"].sum() / total if total > 0 else np.nan
            own = {} if pair.case is None else _distribution(pair.case, at)
            rows.append({**row, **{f"case_{name}": value for name, value in own.items()}})
    return rows


def _distribution(columns: pd.DataFrame, at: str) -> dict[str, float]:
    """Return mean, 5th and 95th percentile of payment and result, and probabilities, over placebos or draws."""
    detected, paid, insurer = (columns[name + at].to_numpy() for name in ("detection_rate", "paid", "insurer"))
    known = np.isfinite(paid) & np.isfinite(insurer)
    if not known.any():
        return {}
    row = {"detection_rate": float(np.nanmean(detected))}
    for name, values in (("paid", paid[known]), ("insurer", insurer[known])):
        low, high = np.quantile(values, [0.05, 0.95])
        row |= {name: float(values.mean()), f"{name}_5": low, f"{name}_95": high}
    return row | {"pays_back": (paid[known] < 0).mean(), "more_than_saved": (insurer[known] < 0).mean()}


def _visible(plan: "Plan", pair: "PairOutcome") -> Booleans:
    """Return which placebos may be shown one by one: no quantile over them is the figure of a hidden one."""
    return plan.hidden.visible(pair.rows["unit"], pair.design.name)


def _stop_loss(plan: "Plan", pairs: Sequence["PairOutcome"]) -> list[dict[str, Any]]:
    """Return, per design with truncation, the mean and spread over groups of what truncation leaves out."""
    truncated = {pair.design.fit: pair for pair in reversed(pairs) if plan.data.view_of(pair.design.fit).caps}
    rows = []
    for pair in reversed(truncated.values()):
        shown = _visible(plan, pair)
        for origin, excess in pair.columns["excess"][shown].groupby(pair.rows["origin"], sort=False):
            row = {"design": pair.design.name, "origin": origin, "groups": len(excess)}
            rows.append({**row, "excess": excess.mean(), "excess_sd": excess.std()})
    return rows


def _effects(pairs: Sequence["PairOutcome"]) -> list[dict[str, Any]]:
    r"""Return main effects of every entry of every block, and interactions beyond two standard errors.

    Least squares fit the sum of a constant and one effect per entry of each block to the designs and methods; the
    effects of a block have mean zero. In a grid without gaps they are differences of means. An effect that the designs
    cannot tell from those of other blocks is NaN. An interaction of two entries is the mean residual of the designs
    with both.
    """
    pairs = [pair for pair in pairs if not pair.design.equal_to]
    labels = pd.DataFrame([{**p.design.names, "windows": p.design.windows, "method": p.method} for p in pairs])
    varying = [block for block in labels if len(set(labels[block])) > 1]
    terms = [(block, entry) for block in varying for entry in pd.unique(labels[block])]
    blocks = min((pair.rows["block"].nunique() for pair in pairs), default=0)
    rows = []
    for name in EFFECTS_ON:
        known = np.array([np.isfinite(pair.mean(name)) for pair in pairs], dtype=bool)
        values = np.array([[pair.mean(name), *pair.means[name]] for pair in pairs])[known]  # (P, 1 + K)
        values = np.abs(values) if name == "deviation_money" else values
        here = labels[known].reset_index(drop=True)
        model = np.column_stack([np.ones(len(here)), *((here[block] == entry) for block, entry in terms)]).astype(float)
        solve = np.linalg.pinv(model)
        for number, (block, entry) in enumerate(terms, 1):
            of_block = np.array([False, *(other == block for other, _ in terms)])
            contrast = (np.arange(len(of_block)) == number) - of_block / of_block.sum()
            told = np.allclose(contrast @ solve @ model, contrast)
            effect = contrast @ solve @ values if told else np.full(values.shape[1], np.nan)
            rows.append(_effect(blocks, effect, name, block, entry))
        residuals = values - model @ (solve @ values)
        for first, second in combinations(varying, 2):
            for (entry, other), cell in here.groupby([first, second], sort=False):
                row = _effect(blocks, residuals[cell.index].mean(axis=0), name, first, entry, second, other)
                if abs(row["effect"]) > max(AT_LEAST_ERRORS * row["effect_se"], TOLERANCE):
                    rows.append(row)
    return rows


def _effect(blocks: int, effect: Floats, *labels: Any) -> dict[str, Any]:
    error = float(spread_of_replicates(effect[1:, None], blocks)[0])
    names = dict(zip(("measure", "block", "entry", "other_block", "other_entry"), (*labels, "", ""), strict=False))
    return {**names, "effect": float(effect[0]), "effect_se": error}


def numbered(table: pd.DataFrame) -> pd.DataFrame:
    """Return designs.csv numbered: first the design that settles, then those that none dominates, then the others."""
    dominated = table["dominated_by"].notna() & (table["dominated_by"] != "")
    table = table.assign(rest=~table["settles"], dominated=dominated)
    table = table.sort_values(["rest", "dominated", "misallocation"], kind="stable", ignore_index=True)
    return table.assign(number=table.index + 1)


def changed(table: pd.DataFrame) -> "list[tuple[str, pd.Series[Any]]]":
    """Return the rows that differ from the first in one block only, with this block, in the order of blocks."""
    differs = table[VARIED] != table.loc[0, VARIED]
    return [(block, table.loc[i]) for block in VARIED for i in table.index[differs[block] & (differs.sum(axis=1) == 1)]]
