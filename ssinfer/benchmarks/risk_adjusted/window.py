"""Window: one pass over the persons per block, whose sums every design with the same windows shares."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from ssinfer.benchmarks.risk_adjusted.blocks import Block, Blocks
from ssinfer.benchmarks.risk_adjusted.kernels.own_noise import noise_of_units
from ssinfer.benchmarks.risk_adjusted.kernels.ridge import ridge_coefficients, unit_moments
from ssinfer.cohort.cohort import Cohort
from ssinfer.cohort.person_features import MIN_INSURED_YEARS, feature_grids
from ssinfer.kernels.groups import run_starts
from ssinfer.kernels.weighted_quantile import weighted_quantile
from ssinfer.typing import Booleans, Floats, Integers, Positions

RESIDUAL_QUANTILE = 0.99  # residuals of spending truncated here have 0.58 of the noise of all spending (risk_adjusted)
SCALE = 1.15  # of histories, to measure the response of predictions to a lasting level


@dataclass(frozen=True, eq=False)
class PersonBlock:
    """Persons of a block by unit, with K outcomes; the last outcome is truncated spending of the whole block."""

    rows: Positions  # (m,): rows of the cohort
    unit: Integers  # (m,)
    x: Floats  # (m, q): a column of ones, and standardised features, with 32 bits
    weights: Floats  # (m, K): insured-years
    money: Floats  # (m, K)
    moments: Floats  # (K, C, q, q): sums of w x x' by unit
    cross: Floats  # (K, C, q): sums of y x by unit
    scaled: Floats  # (C, q): sums of w x of the last outcome, with all histories times SCALE
    cap: float  # EUR per insured-year
    no_history: Floats  # (C,): insured-years of persons without a year of history, as a share of all

    @classmethod
    def of(
        cls, cohort: Cohort, block: Block, blocks: Blocks, periods: Sequence[int], covariates: Sequence[str] | None
    ) -> "PersonBlock":
        """Build features from the history, add up moments per unit. `periods` are outcomes of their own."""
        columns = [[period] for period in periods] + [list(block.columns)]
        # unknown spending of the performance period is that of treated units, whose insured time is known
        known = np.isfinite(cohort.spending) | bool(periods)
        years, spending = np.where(known, cohort.insured_years, 0.0), np.where(known, cohort.spending, 0.0)
        unit = cohort.unit_rows()
        seen = years[:, sorted({c for part in columns for c in part})].sum(axis=1) > 0
        rows = np.flatnonzero(seen)[np.argsort(unit[seen], kind="stable")]
        weights = np.column_stack([years[rows][:, part].sum(axis=1) for part in columns])
        money = np.column_stack([spending[rows][:, part].sum(axis=1) for part in columns])
        cap = history_cap(cohort, block, blocks)
        money[:, -1] = np.minimum(money[:, -1], cap * weights[:, -1])
        x, scaled, joined = _features(cohort, rows, block, blocks, covariates)
        starts = run_starts(unit[rows], len(cohort.units))
        firsts, same = _same_columns(weights)
        moments = np.stack([unit_moments(x, weights[:, k], starts) for k in firsts])[same]
        bounds = list(pairwise(starts))
        cross = np.stack([money[a:b].T @ x[a:b].astype(float) for a, b in bounds], axis=1)
        moved = np.stack([weights[a:b, -1] @ scaled[a:b].astype(float) for a, b in bounds])
        without = np.bincount(unit[rows], weights[:, -1] * joined, len(starts) - 1)
        total = np.bincount(unit[rows], weights[:, -1], len(starts) - 1)
        share = np.divide(without, total, out=np.zeros(len(total)), where=total > 0)
        return cls(rows, unit[rows], x, weights, money, moments, cross, moved, cap, share)


@dataclass(frozen=True, eq=False)
class Window:
    """The blocks of a window, and what the earlier blocks say of noise. C units, Q earlier blocks, P periods."""

    blocks: Blocks
    performance: PersonBlock
    earlier: tuple[PersonBlock, ...]
    residuals: Floats  # (n, Q): money of persons less predictions, in earlier blocks
    weights: Floats  # (n, Q + 1 + P): insured-years
    noise: Floats  # (C, Q): variance of each unit's truncated money in earlier blocks
    overlap: Floats  # (C, Q + 1 + P, Q + 1 + P): sums of products of insured-years
    sizes: Floats  # (C,): insured-years of the history
    elasticity: float  # fall of truncated spending per unit of a saving spread evenly over all spending

    @classmethod
    def of(cls, cohort: Cohort, blocks: Blocks, covariates: Sequence[str] | None, penalty: float) -> "Window":
        """Pass once over the persons of each block."""
        n, n_units = len(cohort.person), len(cohort.units)
        performance = PersonBlock.of(cohort, blocks.performance, blocks, blocks.periods, covariates)
        residuals, noise, earlier, weights = [], [], [], []
        for block in blocks.earlier:
            part = PersonBlock.of(cohort, block, blocks, (), covariates)
            coefficients = ridge_coefficients(
                part.moments[-1].sum(axis=0, dtype=float), part.cross[-1:].sum(axis=1), penalty
            )
            predicted = (part.x @ coefficients[0].astype(np.float32)).astype(float)
            residual = part.money[:, -1] - part.weights[:, -1] * predicted
            everybody = np.ones(len(residual), dtype=bool)
            variance, _ = noise_of_units(predicted, residual, part.weights[:, -1], everybody, part.unit, n_units)
            earlier.append(part)
            noise.append(variance)
            residuals.append(_placed(residual, part.rows, n))
            weights.append(_placed(part.weights[:, -1], part.rows, n))
        last = [_placed(values, performance.rows, n) for values in performance.weights.T]
        all_weights = np.column_stack([*weights, last[-1], *last[:-1]])
        width = all_weights.shape[1]
        overlap = np.empty((n_units, width, width))
        unit = cohort.unit_rows()
        for k in range(width):
            for other in range(k + 1):
                products = np.bincount(unit, all_weights[:, k] * all_weights[:, other], n_units)
                overlap[:, k, other] = overlap[:, other, k] = products
        history = np.setdiff1d(np.arange(blocks.performance.history_end), blocks.masked)
        return cls(
            blocks=blocks,
            performance=performance,
            earlier=tuple(earlier),
            residuals=np.column_stack(residuals) if residuals else np.zeros((n, 0)),
            weights=all_weights,
            noise=np.column_stack(noise) if noise else np.zeros((n_units, 0)),
            overlap=overlap,
            sizes=np.bincount(unit, cohort.insured_years[:, history].sum(axis=1), n_units),
            elasticity=_elasticity(cohort, blocks, performance.cap),
        )


def _placed(values: Floats, rows: Positions, n: int) -> Floats:
    full = np.zeros(n)
    full[rows] = values
    return full


def _same_columns(weights: Floats) -> tuple[list[int], Integers]:
    """Return the columns that differ, and for each column the place of its like among them: years have one alone."""
    firsts: list[int] = []
    same = []
    for k in range(weights.shape[1]):
        like = [place for place, first in enumerate(firsts) if np.array_equal(weights[:, k], weights[:, first])]
        if not like:
            firsts.append(k)
        same.append(like[0] if like else len(firsts) - 1)
    return firsts, np.array(same)


def _last_year(cohort: Cohort, block: Block, blocks: Blocks) -> tuple[Floats, Floats]:
    """Return money and insured-years of persons (n,) in the last year of a block's history."""
    history = np.setdiff1d(np.arange(max(block.history_end, 0)), blocks.masked)[-blocks.per_year :]
    money = np.nan_to_num(cohort.spending[:, history])
    years = np.where(np.isfinite(cohort.spending[:, history]), cohort.insured_years[:, history], 0.0)
    return money.sum(axis=1), years.sum(axis=1)


def history_cap(cohort: Cohort, block: Block, blocks: Blocks) -> float:
    """Return the cap on spending per insured-year: the 99th percentile of the last year before the block."""
    money, years = _last_year(cohort, block, blocks)
    present = years > MIN_INSURED_YEARS
    return weighted_quantile(money[present] / years[present], years[present], RESIDUAL_QUANTILE)


def _elasticity(cohort: Cohort, blocks: Blocks, cap: float) -> float:
    """Return the share of truncated spending that persons below the cap spend, in the last year of the history."""
    money, years = _last_year(cohort, blocks.performance, blocks)
    below: Booleans = money < cap * years
    truncated = np.minimum(money, cap * years).sum()
    return float(money[below].sum() / truncated) if truncated > 0 else 1.0


def _features(
    cohort: Cohort, rows: Positions, block: Block, blocks: Blocks, covariates: Sequence[str] | None
) -> tuple[Floats, Floats, Floats]:
    """Return standardised features (m, q), those of scaled histories, and whether a person has no last year (m,)."""
    names, grids = feature_grids(
        cohort,
        cohort.periods[block.history_end],
        [cohort.periods[column] for column in blocks.masked],
        covariates,
        -block.year,
        (1.0, SCALE),
    )
    values, scaled = (grid[rows] for grid in grids)
    del grids
    mean, sd = (stat(values, axis=0, dtype=float).astype(np.float32) for stat in (np.mean, np.std))
    none = values[:, names.index("year 1: none")].astype(float)

    def standardised(grid: Any) -> Floats:
        x: Floats = np.ones((len(grid), grid.shape[1] + 1), dtype=np.float32)
        np.subtract(grid, mean, out=x[:, 1:])
        x[:, 1:] /= sd + np.float32(1e-6)
        return x

    return standardised(values), standardised(scaled), none
