"""Scores: how far each benchmark was off, and how honest its intervals were, when the true saving is known."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ssinfer.backtesting.kernels.block_bootstrap import mean_and_error, standard_errors

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from ssinfer.typing import Floats


AVERAGES = ("covers_50", "covers_80", "covers_90", "covers_95", "width_90", "interval_score_90", "crps")
_NAMES = {name: name.replace("covers_", "coverage_") for name in AVERAGES}


def size_classes(assigned: Floats, edges: Sequence[float]) -> dict[str, NDArray[np.bool_]]:
    """Return which rows belong to "all" and to each class of insured persons between the edges."""
    classes = {"all": np.ones(len(assigned), dtype=bool)}
    if not len(edges):
        return classes
    cuts = [0.0, *sorted(set(edges)), np.inf]
    for low, high in pairwise(cuts):
        if low == 0:
            name = f"below {high:,.0f}"
        elif np.isinf(high):
            name = f"{low:,.0f} and above"
        else:
            name = f"{low:,.0f} to {high:,.0f}"
        inside = (assigned >= low) & (assigned < high)
        if inside.any():
            classes[name] = inside
    return classes


def groups(placebos: pd.DataFrame, edges: Sequence[float]) -> Iterator[tuple[dict[str, Any], pd.DataFrame]]:
    """Yield labels and placebo rows per design, method and size class; the case's own windows are left out."""
    rows = placebos[placebos["role"] == "placebo"]
    for (design, method), part in rows.groupby(["design", "method"], sort=False):
        for name, inside in size_classes(part["assigned"].to_numpy(), edges).items():
            yield {"design": design, "method": method, "size_class": name}, part[inside]


def score_table(placebos: pd.DataFrame, injected: Sequence[float], edges: Sequence[float], seed: int) -> pd.DataFrame:
    """Return the columns of scores.csv, a row per design, method, size class and injected saving.

    Savings and errors are rates of the benchmark; `bias_money` is per insured-year. An injected saving s lowers Y by
    s Y after the fit: the error of the measured saving, M - s Y(0), is the same for every s by construction (the
    benchmark cannot see it), which `bias` then confirms.
    """
    out = []
    for labels, part in groups(placebos, edges):
        row = _score(labels, part, placebos, seed)
        out += [{**row, "injected": saving, **_injected_bias(part, saving)} for saving in injected]
    return pd.DataFrame(out)


def _score(labels: dict[str, Any], part: pd.DataFrame, placebos: pd.DataFrame, seed: int) -> dict[str, Any]:
    rng = np.random.default_rng([seed, 1])
    ok = part[part["status"] == "ok"]
    row: dict[str, Any] = {
        **labels,
        "injected": 0.0,
        "n_units": ok["unit"].nunique(),
        "n_origins": ok["origin"].nunique(),
        "n_rows": len(part),
        "n_refused": int((part["status"] == "refused").sum()),
        "n_failed": int((part["status"] == "failed").sum()),
    }
    if not len(ok):
        return row
    bbar = ok["benchmark"].to_numpy()
    error = (bbar - ok["spending"].to_numpy()) / bbar
    blocks = np.unique(ok["block"].to_numpy(), return_inverse=True)[1]
    values = np.column_stack([error, error**2, error * bbar])

    def moments(sums: Floats, counts: Floats) -> Floats:
        mean = sums / np.asarray(counts)[..., None]
        rmse = np.sqrt(mean[..., 1:2])
        sd = np.sqrt(np.maximum(mean[..., 1:2] - mean[..., 0:1] ** 2, 0.0))
        return np.concatenate([mean[..., 0:1], rmse, sd, mean[..., 2:3]], axis=-1)

    found = moments(values.sum(axis=0), np.asarray(float(len(values))))
    errors = standard_errors(values, blocks, moments, rng)
    for name, value, se in zip(("bias", "rmse", "sd", "bias_money"), found, errors, strict=True):
        row[name] = value
        row[f"{name}_mcse"] = se
    row["bias_sd_between"] = between_units(error, ok["unit"].to_numpy(), ok["origin"].to_numpy())
    case = placebos[
        (placebos["role"] == "case")
        & (placebos["design"] == labels["design"])
        & (placebos["method"] == labels["method"])
        & (placebos["status"] == "ok")
    ]
    row["bias_case"] = case["savings_rate"].mean() if len(case) else np.nan
    row["bias_case_sd"] = case["savings_rate"].std(ddof=1) if len(case) > 1 else np.nan
    for name in [column for column in ok.columns if column.startswith("selected_")]:
        chosen = ok[name].to_numpy(dtype=bool)
        row[f"bias_{name}"] = error[chosen].mean() if chosen.any() else np.nan
    for name in AVERAGES:
        known = ok[name].notna().to_numpy()
        row[_NAMES[name]], row[f"{_NAMES[name]}_se"] = np.nan, np.nan
        if known.any():
            mean, se = mean_and_error(ok.loc[known, [name]].to_numpy(dtype=float), _dense(blocks[known]), rng)
            row[_NAMES[name]], row[f"{_NAMES[name]}_se"] = mean[0], se[0]
    row["seconds"] = ok["seconds"].mean()
    return row


def _injected_bias(part: pd.DataFrame, saving: float) -> dict[str, float]:
    """Return bias and rmse of M - s Y(0) at a true savings rate s, computed from the injected spending (1 - s) Y."""
    ok = part[part["status"] == "ok"]
    if not len(ok):
        return {}
    spending, bbar = ok["spending"].to_numpy(), ok["benchmark"].to_numpy()
    error = (bbar - (1 - saving) * spending - saving * spending) / bbar
    return {
        "bias": float(error.mean()),
        "rmse": float(np.sqrt((error**2).mean())),
        "bias_money": float((error * bbar).mean()),
    }


def between_units(error: Floats, units: Any, origins: Any) -> float:
    """Return the SD of the persistent unit component: root of the mean product of a unit's errors at two origins.

    Errors are taken from their origin's mean: what hits all units at an origin is no trait of a unit, and would lower
    the product. Zero where the products average below zero; NaN with one origin.
    """
    codes, origin = (np.unique(labels, return_inverse=True)[1] for labels in (units, origins))
    centred = error - (np.bincount(origin, weights=error) / np.bincount(origin))[origin]
    total, squares, count = (np.bincount(codes, weights=w) for w in (centred, centred**2, np.ones_like(centred)))
    pairs = (count * (count - 1)).sum()
    if pairs == 0:
        return float("nan")
    product = float((total**2 - squares).sum() / pairs)
    return float(np.sqrt(max(product, 0.0)))


def _dense(blocks: NDArray[np.intp]) -> NDArray[np.intp]:
    return np.unique(blocks, return_inverse=True)[1]
