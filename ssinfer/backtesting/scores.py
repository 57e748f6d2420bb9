"""Scores: how far each benchmark is off, and how well its intervals cover, where the true saving is zero."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from ssinfer.backtesting.frames import SCORES, means_with_errors, rows_with
from ssinfer.backtesting.kernels.block_bootstrap import standard_errors
from ssinfer.backtesting.task import COVERAGE_LEVELS
from ssinfer.kernels.groups import dense_codes
from ssinfer.streams import stream_of
from ssinfer.typing import Booleans, Floats, Positions

#: Columns of the placebos that are averaged, and the names of their means.
AVERAGES = {f"covers_{100 * level:g}": f"coverage_{100 * level:g}" for level in COVERAGE_LEVELS} | {
    name: name for name in ("width_90", "interval_score_90", "crps")
}


def size_classes(assigned: Floats, edges: Sequence[float]) -> dict[str, Booleans]:
    """Return which rows belong to "all" and to each class of insured persons between the edges."""
    classes = {"all": np.ones(len(assigned), dtype=bool)}
    if not len(edges):
        return classes
    for low, high in pairwise([0.0, *sorted(set(edges)), np.inf]):
        name = size_class(low, high)
        inside = (assigned >= low) & (assigned < high)
        if inside.any():
            classes[name] = inside
    return classes


def size_class(low: float, high: float) -> str:
    """Return the name of a class of insured persons from `low` up to, without, `high`."""
    above = f"{low:,.0f} and above" if np.isinf(high) else f"{low:,.0f} to {high:,.0f}"
    return f"below {high:,.0f}" if low == 0 else above


def groups(placebos: pd.DataFrame, edges: Sequence[float]) -> Iterator[tuple[dict[str, Any], pd.DataFrame]]:
    """Yield labels and placebo rows per design, method and size class; windows of the case are left out."""
    rows = rows_with(placebos, role="placebo")
    for (design, method), part in rows.groupby(["design", "method"], sort=False):
        for name, inside in size_classes(part["assigned"].to_numpy(), edges).items():
            yield {"design": design, "method": method, "size_class": name}, part[inside]


def score_table(placebos: pd.DataFrame, edges: Sequence[float], seed: int) -> pd.DataFrame:
    """Return the columns of scores.csv, at a true saving of zero: one row per design, method and size class."""
    traits = [name.removeprefix("selected_") for name in placebos.columns if name.startswith("selected_")]
    rows = []
    for labels, part in groups(placebos, edges):
        status = part["status"]
        ok = part[status == "ok"]
        row = {
            **labels,
            "injected": 0.0,
            "n_units": ok["unit"].nunique(),
            "n_origins": ok["origin"].nunique(),
            "n_rows": len(part),
            "n_refused": int((status == "refused").sum()),
            "n_failed": int((status == "failed").sum()),
        }
        if len(ok):
            case = rows_with(placebos, design=labels["design"], method=labels["method"], role="case", status="ok")
            row |= _scores(ok, case["savings_rate"], traits, np.random.default_rng(stream_of(seed, "scores")))
        rows.append(row)
    return SCORES.frame(rows, trait=traits, level=[100 * level for level in COVERAGE_LEVELS])


def _scores(
    ok: pd.DataFrame, case: "pd.Series[float]", traits: Sequence[str], rng: np.random.Generator
) -> dict[str, Any]:
    """Return the scores of estimated placebos; `case` are savings rates of the case before its contract."""
    benchmark = ok["benchmark"].to_numpy()
    error = (benchmark - ok["spending"].to_numpy()) / benchmark
    blocks = dense_codes(ok["block"].to_numpy())[0]
    row = _moments(error, benchmark, blocks, rng)
    row["bias_sd_between"] = between_units(error, ok["unit"].to_numpy(), ok["origin"].to_numpy())
    row["bias_case"] = case.mean() if len(case) else np.nan
    row["bias_case_sd"] = case.std(ddof=1) if len(case) > 1 else np.nan
    for trait in traits:
        chosen = ok[f"selected_{trait}"].to_numpy(dtype=bool)
        row[f"bias_selected_{trait}"] = error[chosen].mean() if chosen.any() else np.nan
    for column, name in AVERAGES.items():
        known = ok[column].notna().to_numpy()
        if known.any():
            row |= means_with_errors({name: ok.loc[known, column]}, blocks[known], rng)
    levels = ok.reindex(columns=["relative_level", "relative_level_outside"]).to_numpy(dtype=float)
    known = np.isfinite(levels).all(axis=1)
    if known.sum() > 1:
        x, z = levels[known].T
        row |= _level_slope(error[known], x, z, dense_codes(blocks[known])[0], rng)
    return row


def _level_slope(error: Floats, x: Floats, z: Floats, blocks: Positions, rng: np.random.Generator) -> dict[str, float]:
    """Return the slope of the error on the lasting level, by x with z as its instrument, and its bootstrap error.

    The noise of the baseline is in both the error and x, so least squares on x alone show regression to the mean. Where
    x and z do not covary, units do not differ lastingly, and there is no slope (NaN).
    """
    x, z = x - x.mean(), z - z.mean()
    values = np.column_stack([error, x, z, error * z, x * z])

    def slope(sums: Floats, counts: Floats) -> Floats:
        e, x, z, ez, xz = np.moveaxis(sums / np.asarray(counts)[..., None], -1, 0)
        shared = xz - x * z
        return np.asarray(np.where(shared > 0, (ez - e * z) / np.where(shared > 0, shared, 1.0), np.nan))[..., None]

    value = slope(values.sum(axis=0), np.asarray(float(len(values))))[0]
    (se,) = standard_errors(values, blocks, slope, rng)
    return {"level_slope": float(value), "level_slope_se": float(se)}


def _moments(error: Floats, benchmark: Floats, blocks: Positions, rng: np.random.Generator) -> dict[str, float]:
    """Return bias, root mean squared error, SD and bias in money, with block-bootstrap standard errors."""
    values = np.column_stack([error, error**2, error * benchmark])

    def moments(sums: Floats, counts: Floats) -> Floats:
        mean = sums / np.asarray(counts)[..., None]
        rmse = np.sqrt(mean[..., 1:2])
        sd = np.sqrt(np.maximum(mean[..., 1:2] - mean[..., 0:1] ** 2, 0.0))
        return np.concatenate([mean[..., 0:1], rmse, sd, mean[..., 2:3]], axis=-1)

    sd = moments(values.sum(axis=0), np.asarray(float(len(values))))[2]
    figures = (error.mean(), np.sqrt((error**2).mean()), sd, (error * benchmark).mean())
    errors = standard_errors(values, blocks, moments, rng)
    row: dict[str, float] = {}
    for name, value, se in zip(("bias", "rmse", "sd", "bias_money"), figures, errors, strict=True):
        row |= {name: float(value), f"{name}_mcse": float(se)}
    return row


def between_units(error: Floats, units: Any, origins: Any) -> float:
    """Return the SD of the error that persists in a unit: root of the mean product of its errors at two origins."""
    codes, origin = dense_codes(units)[0], dense_codes(origins)[0]
    centred = error - (np.bincount(origin, weights=error) / np.bincount(origin))[origin]
    total, squares, count = (np.bincount(codes, weights=w) for w in (centred, centred**2, np.ones_like(centred)))
    pairs = (count * (count - 1)).sum()
    if pairs == 0:
        return float("nan")
    product = float((total**2 - squares).sum() / pairs)
    return float(np.sqrt(max(product, 0.0)))
