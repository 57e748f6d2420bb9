"""Gates of every placebo by kind, level and side, and the same gates learned again in every bootstrap replicate."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.special import ndtri

from ssinfer.backtesting.kernels.block_bootstrap import block_weights
from ssinfer.backtesting.kernels.placebo_gates import placebo_gates
from ssinfer.backtesting.task import GateKey, gate_column
from ssinfer.errors import RefusalError
from ssinfer.kernels.predictive_error_distribution import fit_error_distribution, refit_error_distributions
from ssinfer.level import check_side, tail
from ssinfer.thresholds.calibrated_likelihood import cross_fitted_gates, law_inputs
from ssinfer.thresholds.placebo import order_statistic
from ssinfer.thresholds.schedule import minimum_savings_rate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ssinfer.typing import Floats, Positions


PRIORS = ("flat", "sceptical", "literature")
SIDES = ("one-sided", "two-sided")
# kinds whose gates stand in columns of the placebos: from each one's own fit, or calibrated on the others
OWN_KINDS = (("confidence", ""), *(("credible", prior) for prior in PRIORS), ("calibrated", ""))
# kinds without a level, one-sided
LEVELLESS = tuple(("expected loss", float("nan"), "one-sided", prior) for prior in PRIORS[1:])


def gates(ok: pd.DataFrame, levels: Sequence[float]) -> dict[GateKey, Floats]:
    """Return the gate (rate) of every placebo by kind, level and side.

    NaN: this placebo has no gate of the kind; infinite: no measured saving passes it. A kind that no placebo has is
    left out.
    """
    found: dict[GateKey, Floats] = {}
    for level in levels:
        for side in SIDES:
            for kind, prior in OWN_KINDS:
                name = gate_column(kind, level, side, prior)
                if name in ok.columns and ok[name].notna().any():
                    found[kind, level, side, prior] = ok[name].to_numpy(dtype=float)
            try:
                found["placebo", level, side, ""] = cross_fitted_placebo_gates(ok, level, side)
            except RefusalError:
                continue
    for key in LEVELLESS:
        name = gate_column(*key)
        if name in ok.columns and ok[name].notna().any():
            found[key] = ok[name].to_numpy(dtype=float)
    assigned = ok["assigned"].to_numpy(dtype=float)
    known = assigned >= 1
    if known.any() and not (assigned[known] == 1).all():
        schedule = [minimum_savings_rate(n) if n >= 1 else np.nan for n in assigned]
        found["schedule", float("nan"), "one-sided", ""] = np.array(schedule)
    return found


def cross_fitted_placebo_gates(ok: pd.DataFrame, level: float, side: str) -> Floats:
    """Return placebo gates, each from other blocks of neighbours and, where there are several, other origins.

    An origin with too few placebos for the level gives no order statistic and is passed over; where no other origin
    gives one, the placebo's own does, without its block. NaN for a placebo to which no origin gives one, or without the
    standard error that others have; refused where that is all of them.
    """
    gate = np.full(len(ok), np.nan)
    usable = _scaled(ok)
    part = ok[usable]
    if len(part):
        gate[usable] = _learned(part, level, side, _codes(part["block"]), None)[0]
    if np.isfinite(gate).any():
        return gate
    z = part["savings_rate"].to_numpy(dtype=float) / _scale(part)
    for period in pd.unique(part["origin"]):
        order_statistic(z[(part["origin"] == period).to_numpy()], level, side)  # says what is wrong
    raise RefusalError(
        "No placebo has enough others outside its block of neighbours for a placebo gate. Add comparable units."
    )


def calibrated_columns(placebos: pd.DataFrame, levels: Sequence[float]) -> pd.DataFrame:
    """Return columns of calibrated gates beside the placebos' rows, cross-fitted; NaN where there are none.

    Every design and method is calibrated on all its own placebos, whatever their size, so that a class of size uses
    the others' information on how the error shrinks.
    """
    names = {(level, side): gate_column("calibrated", level, side) for level in levels for side in SIDES}
    out = pd.DataFrame(np.nan, index=placebos.index, columns=list(names.values()))
    rows = placebos[(placebos["role"] == "placebo") & (placebos["status"] == "ok")]
    for _, part in rows.groupby(["design", "method"], sort=False):
        try:
            found = cross_fitted_gates(part, tuple(levels), SIDES)
        except RefusalError:
            continue
        for key, gate in found.items():
            out.loc[part.index, names[key]] = gate
    return out


class Replicates:
    """Block-bootstrap replicates of the estimated placebos of one design and method, all origins of a block together.

    Gates that are learned from other placebos (placebo, calibrated) are learned again in each replicate, so that a
    standard error holds the variation of the gate as well; credible, confidence and scheduled gates are each placebo's
    own and stay. In a replicate a calibrated gate leaves out the placebo's origin, not its block, one of many.

    Parameters
    ----------
    ok : DataFrame
        Placebos of one design and method, of all sizes.
    seed : int
    blocks : Index, optional
        Labels of all blocks of the backtest: designs and methods with the same seed and blocks are drawn together, so
        that their differences can be taken replicate by replicate. Default: those of `ok`.
    """

    def __init__(self, ok: pd.DataFrame, seed: int, blocks: pd.Index[Any] | None = None) -> None:
        self.ok = ok
        labels = pd.Index(pd.unique(ok["block"])) if blocks is None else blocks
        self.block = pd.Series(labels.get_indexer(pd.Index(ok["block"])), index=ok.index)
        self.several = len(pd.unique(self.block)) > 1
        self.weights = block_weights(len(labels), np.random.default_rng([seed, 2]))  # (K, blocks)

    def row_weights(self, part: pd.DataFrame) -> Floats:
        """Return how often each row of a part is drawn (K, R)."""
        return np.ascontiguousarray(self.weights[:, self.block[part.index].to_numpy()])

    def gates(self, part: pd.DataFrame, key: GateKey) -> Floats | None:
        """Return the gates (K, R) of a part in every replicate; None where they do not depend on other placebos."""
        kind, level, side, _ = key
        if kind == "placebo":
            return self.placebo_gates(part, level, side)
        if kind == "calibrated":
            mean, spread = self._laws
            rows = self.ok.index.get_indexer(part.index)
            return np.asarray(mean[:, rows] + float(ndtri(tail(level, check_side(side)))) * spread[:, rows])
        return None

    def placebo_gates(self, part: pd.DataFrame, level: float, side: str, *, once: bool = False) -> Floats:
        """Return the placebo gates (K, R) of a part, scaled by its standard errors; `once`: of the part as it is."""
        weights = np.ones((1, self.weights.shape[1])) if once else self.weights
        gate = np.full((len(weights), len(part)), np.nan)
        usable = _scaled(part)
        mine = part[usable]
        gate[:, usable] = _learned(mine, level, side, self.block[mine.index].to_numpy(), weights)
        return gate

    @cached_property
    def _laws(self) -> tuple[Floats, Floats]:
        """Return mean and spread (K, R) of every placebo's error law, fitted without its origin in every replicate."""
        y, s, relative = law_inputs(self.ok)
        block = self.block.to_numpy()
        origin = _codes(self.ok["origin"])
        mean, spread = np.empty((2, len(self.weights), len(y)))
        for period in range(int(origin.max()) + 1):
            mine = origin == period
            rest = ~mine if origin.max() > 0 else np.ones(len(y), dtype=bool)
            by_origin = len(np.unique(origin[rest])) > 1
            clusters = _codes((origin if by_origin else block)[rest])
            law = fit_error_distribution(y[rest], s[rest], relative[rest], clusters)
            drawn = np.ascontiguousarray(self.weights[:, block[rest]])
            laws = refit_error_distributions(
                y[rest], s[rest], relative[rest], clusters, drawn, law, drawn=not by_origin
            )
            for place, one in enumerate(laws):
                mean[place, mine], spread[place, mine] = one.mean, one.predictive_sd(s[mine], relative[mine])
        return mean, spread


def _learned(part: pd.DataFrame, level: float, side: str, block: Positions, weights: Floats | None) -> Floats:
    """Return placebo gates (K, R) under block weights (K, B); weights None: the gates themselves."""
    scale = _scale(part)
    z = part["savings_rate"].to_numpy(dtype=float) / scale
    values = np.abs(z) if check_side(side) == "two-sided" else z
    drawn = np.ones((1, int(block.max()) + 1)) if weights is None else weights[:, : int(block.max()) + 1]
    # Copies, so that the kernel meets one layout of arrays and is compiled once, not once a caller.
    return placebo_gates(
        values, np.array(scale), np.array(block), _codes(part["origin"]), np.array(drawn, order="C"), level
    )


def _scaled(ok: pd.DataFrame) -> NDArray[np.bool_]:
    """Return which placebos can be standardised as the others are: all, where none has a standard error."""
    known = ok["standard_error"].notna().to_numpy()
    return known if known.any() else np.ones(len(ok), dtype=bool)


def _scale(part: pd.DataFrame) -> Floats:
    se = part["standard_error"].to_numpy(dtype=float)
    return se if np.isfinite(se).all() else np.ones(len(part))


def _codes(labels: object) -> Positions:
    return np.asarray(pd.factorize(np.asarray(labels))[0], dtype=np.intp)
