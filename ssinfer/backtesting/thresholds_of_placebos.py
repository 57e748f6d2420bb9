"""Thresholds of every placebo by kind, level and side; and the same learned again in every bootstrap replicate."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ssinfer.backtesting.frames import rows_with
from ssinfer.backtesting.kernels.block_bootstrap import block_weights
from ssinfer.errors import SsinferError
from ssinfer.streams import stream_of
from ssinfer.thresholds.kind import KINDS, ThresholdKey
from ssinfer.typing import Floats


def keys_of_fits(levels: Sequence[float]) -> tuple[ThresholdKey, ...]:
    """Return the keys of thresholds that come from each placebo's own fit."""
    return tuple(key for kind in KINDS.entries() if kind.for_fits is not None for key in kind.keys(levels))


def keys_of_placebos(levels: Sequence[float]) -> list[ThresholdKey]:
    """Return the keys of all thresholds that placebos can have, by level and side; those without a level last."""
    kinds = sorted((kind for kind in KINDS.entries() if kind.in_backtests), key=lambda kind: not kind.in_columns)
    position = {level: number for number, level in enumerate(levels)}
    return sorted(
        (key for kind in kinds for key in kind.keys(tuple(position))),
        key=lambda key: (len(position) if key.level is None else position[key.level], key.side != "one-sided"),
    )


def thresholds_of_placebos(rows: pd.DataFrame, levels: Sequence[float]) -> dict[ThresholdKey, Floats]:
    """Return the rates (rows,) of the thresholds of a design and method, by key; NaN: none, infinite: never paid."""
    learned: dict[ThresholdKey, Floats] = {}
    for kind in KINDS.entries():
        if kind.for_placebos is not None and not kind.in_columns:
            learned |= _unless_refused(kind.for_placebos, rows, kind.keys(levels))
    thresholds_by_key: dict[ThresholdKey, Floats] = {}
    for key in keys_of_placebos(levels):
        if key.column in rows.columns and rows[key.column].notna().any():
            thresholds_by_key[key] = rows[key.column].to_numpy(dtype=float)
        elif key in learned:
            thresholds_by_key[key] = learned[key]
    return thresholds_by_key


def thresholds_of_key(
    rows: pd.DataFrame, key: ThresholdKey, errors: NDArray[np.float32] | None = None
) -> Floats | None:
    """Return the thresholds (rows,) of one key, None where no placebo has one; `errors` are those of a backtest."""
    if errors is not None and (for_errors := KINDS.find(key.kind).for_errors) is not None:
        return np.asarray(for_errors(errors[rows.index], key))
    return thresholds_of_placebos(rows, [] if key.level is None else [key.level]).get(key)


def cross_fitted_columns(placebos: pd.DataFrame, levels: Sequence[float]) -> pd.DataFrame:
    """Return the columns of thresholds that each design and method learns once from its placebos of all sizes."""
    kinds = [kind for kind in KINDS.entries() if kind.for_placebos is not None and kind.across_sizes]
    columns = [key.column for kind in kinds for key in kind.keys(levels)]
    out = pd.DataFrame(np.nan, index=placebos.index, columns=columns)
    rows = rows_with(placebos, role="placebo", status="ok")
    for _, part in rows.groupby(["design", "method"], sort=False):
        for kind in kinds:
            for key, values in _unless_refused(kind.for_placebos, part, kind.keys(levels)).items():
                out.loc[part.index, key.column] = values
    return out


def _unless_refused(
    learn: Callable[..., Any], rows: pd.DataFrame, keys: Sequence[ThresholdKey]
) -> dict[ThresholdKey, Floats]:
    try:
        return dict(learn(rows, keys))
    except SsinferError:  # too few placebos for this kind
        return {}


@lru_cache(maxsize=1)  # of all designs and methods of a backtest
def _drawn_blocks(n_blocks: int, seed: int) -> Floats:
    drawn = block_weights(n_blocks, np.random.default_rng(stream_of(seed, "thresholds")))
    return np.vstack([np.ones(n_blocks), drawn])


class Replicates:
    """Block-bootstrap replicates of a design and method; thresholds of other placebos are learned again in each.

    `blocks` are the labels of all blocks of the backtest, by default those of `rows`. Designs and methods with the same
    seed and blocks draw the same blocks, so that their differences can be formed within each replicate.
    """

    def __init__(self, rows: pd.DataFrame, seed: int, blocks: "pd.Index[Any] | None" = None) -> None:
        self.rows = rows
        labels = pd.Index(np.unique(rows["block"])) if blocks is None else blocks
        self.block = pd.Series(labels.get_indexer(pd.Index(rows["block"])), index=rows.index)
        self.counts = _drawn_blocks(len(labels), seed)  # (1 + K, blocks): each block once, then as in each replicate
        self.weights = self.counts[1:]
        self._learned: dict[str, Callable[[pd.DataFrame, ThresholdKey], Floats]] = {}

    def row_weights(self, part: pd.DataFrame) -> Floats:
        """Return how often each row of a part is drawn (K, part)."""
        return np.take(self.weights, self.block[part.index].to_numpy(), axis=1)

    def thresholds(self, part: pd.DataFrame, key: ThresholdKey) -> Floats | None:
        """Return the thresholds (K, part) in every replicate; None where they do not depend on other placebos."""
        kind = KINDS.find(key.kind)
        if kind.for_replicates is None:
            return None
        if key.kind not in self._learned:
            self._learned[key.kind] = kind.for_replicates(self.rows, self.block.to_numpy(), self.weights)
        return self._learned[key.kind](part, key)
