"""Window: one pass over the persons per block, whose sums every design with the same windows shares."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from ssinfer.benchmarks.risk_adjusted.blocks import Block, Blocks
from ssinfer.benchmarks.risk_adjusted.kernels.own_noise import noise_of_units
from ssinfer.benchmarks.risk_adjusted.kernels.ridge import ridge_coefficients, unit_moments
from ssinfer.cohort.cohort import Cohort
from ssinfer.cohort.person_features import MIN_INSURED_YEARS, feature_grids
from ssinfer.kernels.groups import group_sums, run_starts
from ssinfer.kernels.quantiles import weighted_quantile
from ssinfer.typing import Booleans, Floats, Integers, Positions

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
    joined: Booleans  # (m,): whether nothing is known of the person's year before
    x_scaled: Floats | None  # (m, q): x with all histories times SCALE, for regressors only

    @classmethod
    def of(
        cls,
        cohort: Cohort,
        block: Block,
        blocks: Blocks,
        periods: Sequence[int],
        covariates: Sequence[str] | None,
        truncation: float,
        keep: bool = False,
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
        cap = history_cap(cohort, block, blocks, truncation)
        money[:, -1] = np.minimum(money[:, -1], cap * weights[:, -1])
        x, scaled, joined = _features(cohort, rows, block, blocks, covariates)
        starts = run_starts(unit[rows], len(cohort.units))
        # periods in which all persons have the same insured-years share their moments
        distinct = {column.tobytes(): column for column in weights.T}
        sums = {key: unit_moments(x, column, starts) for key, column in distinct.items()}
        moments = np.stack([sums[column.tobytes()] for column in weights.T])
        bounds = list(pairwise(starts))
        cross = _cross(money, x, starts)
        moved = np.stack([weights[a:b, -1] @ scaled[a:b].astype(float) for a, b in bounds])
        return cls(rows, unit[rows], x, weights, money, moments, cross, moved, cap, joined, scaled if keep else None)

    def split(self, years: Sequence[int]) -> tuple["PersonBlock", "PersonBlock"]:
        """Return the block with truncated spending in all outcomes, and with what is above; `years` of the outcomes.

        With y the spending of a person in a contract year and w the insured-years, what exceeds cap x w is cut in
        proportion to the spending of the periods, as :class:`~ssinfer.claims.Truncation` does by calendar year.
        """
        kept = self.money.copy()
        for year in set(years):
            columns = np.flatnonzero(np.array(years) == year)
            spent, limit = self.money[:, columns].sum(axis=1), self.cap * self.weights[:, columns].sum(axis=1)
            over = spent > limit
            kept[np.ix_(over, columns)] *= (limit[over] / spent[over])[:, None]
        starts = run_starts(self.unit, self.cross.shape[1])
        first, second = (
            replace(self, money=money, cross=_cross(money, self.x, starts)) for money in (kept, self.money - kept)
        )
        return first, second


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
    person: Integers  # (n,): number of each row's person
    excess: PersonBlock | None  # spending above the cap, if the performance block has truncated spending
    regressions: dict[Any, Any] = field(default_factory=dict)  # those of a regressor, which designs share

    @classmethod
    def of(
        cls,
        cohort: Cohort,
        blocks: Blocks,
        covariates: Sequence[str] | None,
        penalty: float,
        truncation: float = 0.99,
        *,
        truncated: bool = False,
        keep: bool = False,
    ) -> "Window":
        """Pass once over the persons of each block.

        `truncated`: so are the outcomes of the performance block. `keep` features of scaled histories for a regressor.
        """
        n, n_units, width = len(cohort.person), len(cohort.units), len(blocks.earlier)
        options = covariates, truncation, keep
        performance, excess = PersonBlock.of(cohort, blocks.performance, blocks, blocks.periods, *options), None
        if truncated:
            performance, excess = performance.split(blocks.years)
        weights = np.zeros((n, width + 1 + len(blocks.periods)))
        weights[performance.rows, width:] = np.roll(performance.weights, 1, axis=1)
        earlier = tuple(PersonBlock.of(cohort, block, blocks, (), *options) for block in blocks.earlier)
        residuals, noise = np.zeros((n, width)), np.zeros((n_units, width))
        for q, part in enumerate(earlier):
            coefficients = ridge_coefficients(
                part.moments[-1].sum(axis=0, dtype=float), part.cross[-1:].sum(axis=1), penalty
            )
            predicted = (part.x @ coefficients[0].astype(np.float32)).astype(float)
            residual = part.money[:, -1] - part.weights[:, -1] * predicted
            everybody = np.ones(len(residual), dtype=bool)
            noise[:, q], _ = noise_of_units(predicted, residual, part.weights[:, -1], everybody, part.unit, n_units)
            residuals[part.rows, q], weights[part.rows, q] = residual, part.weights[:, -1]
        unit = cohort.unit_rows()
        overlap = np.stack([group_sums(unit, weights, n_units, column) for column in weights.T], axis=2)
        history = np.setdiff1d(np.arange(blocks.performance.history_end), blocks.masked)
        return cls(
            blocks=blocks,
            performance=performance,
            earlier=earlier,
            residuals=residuals,
            weights=weights,
            noise=noise,
            overlap=overlap,
            sizes=np.bincount(unit, cohort.insured_years[:, history].sum(axis=1), n_units),
            elasticity=_elasticity(cohort, blocks, performance.cap),
            person=np.asarray(pd.factorize(cohort.person)[0], dtype=np.int64),
            excess=excess,
        )


def _last_year(cohort: Cohort, block: Block, blocks: Blocks) -> tuple[Floats, Floats]:
    """Return money and insured-years of persons (n,) in the last year of a block's history."""
    history = np.setdiff1d(np.arange(max(block.history_end, 0)), blocks.masked)[-blocks.per_year :]
    money = np.nan_to_num(cohort.spending[:, history])
    years = np.where(np.isfinite(cohort.spending[:, history]), cohort.insured_years[:, history], 0.0)
    return money.sum(axis=1), years.sum(axis=1)


def _cross(money: Floats, x: Floats, starts: Integers) -> Floats:
    """Return the sums of y x by unit (K, C, q)."""
    return np.stack([money[a:b].T @ x[a:b].astype(float) for a, b in pairwise(starts)], axis=1)


def history_cap(cohort: Cohort, block: Block, blocks: Blocks, truncation: float) -> float:
    """Return the cap on spending per insured-year: a quantile of the last year before the block."""
    money, years = _last_year(cohort, block, blocks)
    present = years > MIN_INSURED_YEARS
    return weighted_quantile(money[present] / years[present], years[present], truncation)


def _elasticity(cohort: Cohort, blocks: Blocks, cap: float) -> float:
    """Return the share of truncated spending of persons who are not above the cap, in the last year of the history."""
    money, years = _last_year(cohort, blocks.performance, blocks)
    below: Booleans = money <= cap * years * (1 + 1e-9)
    truncated = np.minimum(money, cap * years).sum()
    return float(money[below].sum() / max(truncated, 1e-300)) or 1.0  # 1 if nobody spends below the cap


def _features(
    cohort: Cohort, rows: Positions, block: Block, blocks: Blocks, covariates: Sequence[str] | None
) -> tuple[Floats, Floats, Booleans]:
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
    last = "year 1: none"  # absent if the whole year before an earlier block is masked
    none = values[:, names.index(last)] > 0 if last in names else np.ones(len(values), dtype=bool)

    def standardised(grid: Any) -> Floats:
        x: Floats = np.ones((len(grid), grid.shape[1] + 1), dtype=np.float32)
        np.subtract(grid, mean, out=x[:, 1:])
        x[:, 1:] /= sd + np.float32(1e-6)
        return x

    return standardised(values), standardised(scaled), none
