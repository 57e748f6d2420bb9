"""Block bootstrap of averages: draws whole blocks of neighbouring units, with all their origins."""

from collections.abc import Callable

import numpy as np

from ssinfer.typing import Floats, Positions

BOOTSTRAP_REPLICATES = 500
MIN_BLOCKS = 5  # with fewer, a standard error is itself an accident: of two blocks it can be a thirtieth of the truth
MIN_KNOWN = 0.9  # share of the replicates that must have a value: those that have one resemble the placebos as they are


def block_weights(n_blocks: int, rng: np.random.Generator, replicates: int = BOOTSTRAP_REPLICATES) -> Floats:
    """Return how often each block is drawn (replicates, blocks); a replicate draws as many blocks as there are."""
    return rng.multinomial(n_blocks, np.full(n_blocks, 1.0 / n_blocks), size=replicates).astype(np.float64)


def block_sums(values: Floats, blocks: Positions, n_blocks: int) -> Floats:
    """Return sums of rows of values (R, V) by block (blocks, V)."""
    out = np.zeros((n_blocks, values.shape[1]))
    np.add.at(out, blocks, values)
    return out


def standard_errors(
    values: Floats,
    blocks: Positions,
    statistic: Callable[[Floats, Floats], Floats],
    rng: np.random.Generator,
    replicates: int = BOOTSTRAP_REPLICATES,
) -> Floats:
    """Return standard errors (K,) of a `statistic` of the column sums (..., V) and counts (...,) of values (R, V)."""
    n_blocks = int(blocks.max()) + 1
    sums = block_sums(np.column_stack([values, np.ones(len(values))]), blocks, n_blocks)
    drawn = block_weights(n_blocks, rng, replicates) @ sums
    with np.errstate(invalid="ignore", divide="ignore"):
        statistics = np.asarray(statistic(drawn[:, :-1], drawn[:, -1]))
    return spread_of_replicates(statistics, n_blocks)


def spread_of_replicates(statistics: Floats, n_blocks: int) -> Floats:
    """Return the SD over replicates (K, C), (C,); NaN with too few blocks, or too few replicates with a value."""
    known = np.isfinite(statistics)
    values = np.where(known, statistics, 0.0)
    count = np.maximum(known.sum(axis=0), 2)
    squares = np.where(known, (statistics - values.sum(axis=0) / count) ** 2, 0.0).sum(axis=0)
    enough = (n_blocks >= MIN_BLOCKS) & (known.mean(axis=0) >= MIN_KNOWN)
    return np.asarray(np.where(enough, np.sqrt(squares / (count - 1)), np.nan))


def mean_and_error(values: Floats, blocks: Positions, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Return column means (V,) of values (R, V) and their block-bootstrap standard errors (V,)."""
    return values.mean(axis=0), standard_errors(values, blocks, lambda sums, counts: sums / counts[..., None], rng)
