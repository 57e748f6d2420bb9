"""Compares the designs of a study on one scale: tables of designs, scenarios, stop-loss and main effects."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ssinfer.backtesting.kernels.block_bootstrap import spread_of_replicates
from ssinfer.study.config_blocks import BLOCKS
from ssinfer.study.frames import DESIGNS, EFFECTS, SCENARIOS, STOP_LOSS
from ssinfer.study.pair_outcome import PairOutcome, outcomes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ssinfer.backtesting.result import BacktestResult
    from ssinfer.study.plan import Plan
    from ssinfer.typing import Floats

#: What a frontier compares, and the sign with which more is worse.
MEASURES = {"threshold_money": 1.0, "deviation_money": 1.0, "share_of_spending": -1.0, "misallocation": 1.0}
#: Main effects are given on these.
EFFECTS_ON = ("threshold_money", "deviation_money")
TOLERANCE = 1e-9
AT_LEAST_ERRORS = 2.0  # interactions smaller than this many standard errors are left out


def compare_designs(plan: Plan, result: BacktestResult) -> dict[str, pd.DataFrame]:
    """Return the tables by name of their file; empty for data without insured-years, which have no common scale."""
    savings = tuple(s for s in plan.config.backtest.injected if s > 0)
    if plan.panel.insured_years is None:
        return {}
    pairs = outcomes(plan, result, savings)
    if not pairs:
        return {}
    tables = {
        "designs.csv": DESIGNS.frame(_designs(plan, pairs)),
        "scenarios.csv": SCENARIOS.frame(_scenarios(plan, pairs, savings)),
        "effects.csv": EFFECTS.frame(_effects(pairs)),
        "stop_loss.csv": STOP_LOSS.frame(_stop_loss(plan, pairs)),
    }
    return {name: table for name, table in tables.items() if len(table)}


def _designs(plan: Plan, pairs: Sequence[PairOutcome]) -> list[dict[str, Any]]:
    settles = next((pair for pair in pairs if (pair.design.name, pair.method) == plan.config.settling), None)
    rows = []
    dominated = _dominators(pairs)
    for number, pair in enumerate(pairs):
        row: dict[str, Any] = {"design": pair.design.name, "method": pair.method, **pair.design.names}
        row |= {"label": pair.design.label}
        row |= {"settles": pair is settles, "sensitivity": pair.design.sensitivity, "n_rows": len(pair.rows)}
        row |= {"n_without_threshold": int(pair.columns["false_payment_rate"].isna().sum())}
        for name in ("share_of_spending", "share_of_persons"):
            row[name] = pair.mean(name)
        for name in DESIGN_MEANS:
            row |= {name: pair.mean(name), f"{name}_se": pair.error(name)}
        if settles is not None:
            difference, error = _paired(pair, settles, "deviation_money")
            row |= {"deviation_difference": difference, "deviation_difference_se": error}
        place = dominated[number]
        if place is not None:
            other = pairs[place]
            difference, error = _paired(pair, other, "threshold_money")
            row |= {"dominated_by": f"{other.design.name}, {other.method}"}
            row |= {"threshold_difference": difference, "threshold_difference_se": error}
        rows.append(row)
    return rows


DESIGN_MEANS = (
    *("deviation", "deviation_all", "deviation_money", "threshold_rate", "threshold_all", "threshold_money"),
    *("false_payment_rate", "misallocation"),
)


def _paired(one: PairOutcome, other: PairOutcome, name: str) -> tuple[float, float]:
    """Return the difference of means on the placebos that both have, and its error over the same replicates."""
    if one is other:
        return 0.0, 0.0
    keys = ["unit", "origin"]
    both = [pair.rows[keys].assign(value=pair.columns[name].to_numpy()) for pair in (one, other)]
    joined = both[0].merge(both[1], on=keys, suffixes=("", "_other")).dropna()
    if joined.empty:
        return float("nan"), float("nan")
    difference = float((joined["value"] - joined["value_other"]).mean())
    drawn = (one.means[name] - other.means[name]).to_numpy()
    return difference, float(spread_of_replicates(drawn[:, None], one.rows["block"].nunique())[0])


def _worse(pairs: Sequence[PairOutcome]) -> Floats:
    """Return the measures of each pair (P, M), more is worse; deviation by its size."""
    means = np.array([[pair.mean(name) for name in MEASURES] for pair in pairs]) * np.array([*MEASURES.values()])
    means[:, list(MEASURES).index("deviation_money")] = np.abs(means[:, list(MEASURES).index("deviation_money")])
    return np.asarray(means)


def _dominators(pairs: Sequence[PairOutcome]) -> list[int | None]:
    """Return, per pair, the dominating one with the smallest threshold; a sensitivity design dominates none."""
    worse = _worse(pairs)
    able = np.array([not pair.design.sensitivity for pair in pairs])
    found: list[int | None] = []
    for row in worse:
        no_worse = (worse <= row + TOLERANCE).all(axis=1) & (worse < row - TOLERANCE).any(axis=1) & able
        best = np.flatnonzero(no_worse)
        found.append(int(best[worse[best, 0].argmin()]) if len(best) else None)
    return found


def _scenarios(plan: Plan, pairs: Sequence[PairOutcome], savings: Sequence[float]) -> list[dict[str, Any]]:
    rows = []
    for pair in pairs:
        for scenario in plan.scenarios:
            for s in (0.0, *savings):
                at = f"{scenario} {s:g}"
                paid, insurer = (pair.columns[f"{name} {at}"].dropna() for name in ("paid", "insurer"))
                row: dict[str, Any] = {
                    "design": pair.design.name,
                    "method": pair.method,
                    "scenario": scenario,
                    "saving": s,
                }
                row |= {"own_saving": pair.mean(f"saved {at}")}
                row |= {
                    "detection_rate": pair.mean(f"detected {at}"),
                    "detection_rate_se": pair.error(f"detected {at}"),
                }
                for name, values in (("paid", paid), ("insurer", insurer)):
                    low, high = values.quantile([0.05, 0.95]) if len(values) else (np.nan, np.nan)
                    row |= {name: values.mean(), f"{name}_5": low, f"{name}_95": high}
                    row |= {f"{name}_se": pair.error(f"{name} {at}")}
                total = paid.clip(lower=0).sum()
                row |= {
                    "pays_back": (paid < 0).mean(),
                    "more_than_saved": (insurer < 0).mean(),
                    "earned_of_100": 100 * pair.columns[f"earned {at}"].sum() / total if total > 0 else np.nan,
                    "paid_without_threshold": pair.mean(f"untested {at}"),
                }
                rows.append(row)
    return rows


def _stop_loss(plan: Plan, pairs: Sequence[PairOutcome]) -> list[dict[str, Any]]:
    """Return, per design with truncation, the mean and spread over groups of what truncation leaves out."""
    rows, seen = [], set[str]()
    for pair in pairs:
        view = plan.data.view_of(pair.design.fit)
        if view.caps is None or view.untruncated is None or view.cohort is None or pair.design.fit in seen:
            continue
        seen.add(pair.design.fit)
        full, years = view.untruncated.to_panel(), view.panel.insured_years
        excess = (full.spending[full.rows(view.panel.units)] - view.panel.spending) * (1.0 if years is None else years)
        for origin in pd.unique(pair.rows["origin"]):
            here = pair.rows[pair.rows["origin"] == origin]
            design = plan.designs[pair.design.fit]
            start = view.panel.columns([origin])[0]
            columns = np.arange(start, start + len(design.performance))
            units = view.panel.rows(here["unit"])
            assert years is not None  # noqa: S101  (claims have insured-years)
            per_year = excess[np.ix_(units, columns)].sum(axis=1) / years[np.ix_(units, columns)].sum(axis=1)
            rows.append(
                {
                    "design": pair.design.name,
                    "origin": origin,
                    "excess": float(per_year.mean()),
                    "excess_sd": float(per_year.std(ddof=1)) if len(per_year) > 1 else np.nan,
                    "groups": len(per_year),
                }
            )
    return rows


def _effects(pairs: Sequence[PairOutcome]) -> list[dict[str, Any]]:
    r"""Return main effects of every entry of every block, and interactions beyond two standard errors.

    The effect of an entry is the mean over the designs with it less the mean over all designs, of designs that do not
    settle by a sensitivity population alike. An interaction of two entries is the mean over the designs with both less
    what the two main effects and the mean of all give.
    """
    labels = pd.DataFrame([{**pair.design.names, "method": pair.method} for pair in pairs])
    varying = [block for block in (*BLOCKS, "method") if labels[block].unique().size > 1]
    blocks = min(pair.rows["block"].nunique() for pair in pairs)
    rows = []
    for name in EFFECTS_ON:
        size = np.abs if name == "deviation_money" else np.asarray
        values = size(np.array([[pair.mean(name)] for pair in pairs]))
        drawn = size(np.array([pair.means[name].to_numpy() for pair in pairs]))  # (P, K)
        both = np.concatenate([values, drawn], axis=1)
        centre = both.mean(axis=0)
        main: dict[tuple[str, str], Floats] = {}
        for block in varying:
            for entry in pd.unique(labels[block]):
                main[block, str(entry)] = both[(labels[block] == entry).to_numpy()].mean(axis=0) - centre
                rows.append(_effect(blocks, name, main[block, str(entry)], block, str(entry)))
        for one, other in combinations(varying, 2):
            for labelled, part in labels.groupby([one, other], sort=False):
                a, b = (str(label) for label in labelled)
                effect = both[part.index].mean(axis=0) - centre - main[one, a] - main[other, b]
                row = _effect(blocks, name, effect, one, a, other, b)
                if abs(row["effect"]) > AT_LEAST_ERRORS * row["effect_se"]:
                    rows.append(row)
    return rows


def _effect(
    blocks: int, name: str, effect: Floats, block: str, entry: str, other: str = "", of_other: str = ""
) -> dict[str, Any]:
    error = float(spread_of_replicates(effect[1:, None], blocks)[0])
    labels = {"block": block, "entry": entry, "other_block": other, "other_entry": of_other}
    return {"measure": name, **labels, "effect": float(effect[0]), "effect_se": error}
