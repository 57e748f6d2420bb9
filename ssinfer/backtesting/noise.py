"""noise_components: estimates sampling noise, which shrinks with size, and the group shock, which does not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy.special import ndtri

from ssinfer.arguments import COUNT, POSITIVE, checked
from ssinfer.backtesting.frames import means_with_errors, rows_with
from ssinfer.backtesting.kernels.block_bootstrap import BOOTSTRAP_REPLICATES, block_weights
from ssinfer.errors import RefusalError, SsinferError
from ssinfer.kernels.error_components import fit_noise
from ssinfer.level import check_level
from ssinfer.streams import stream_of
from ssinfer.thresholds.placebo_rows import codes_by_appearance, require_columns, rows_of_placebos
from ssinfer.thresholds.schedule import MSSP_K
from ssinfer.typing import Floats, Positions

#: Fewest placebo units that can tell sampling noise from a group shock.
MIN_UNITS_FOR_NOISE = 20
#: Points of the grid over the shock's share of the variance.
SHOCK_SHARE_POINTS = 241


@dataclass(frozen=True, eq=False)
class NoiseComponents:
    r"""Estimates of k and tau in :math:`E r_i^2 = k^2 / n_i + \tau^2` for placebo savings r.

    Attributes
    ----------
    k : maximum-likelihood estimate of the contribution of one insured-year to the savings rate
    shock : maximum-likelihood estimate of the SD of the group shock, a fraction of the benchmark
    k_lower, k_upper, shock_lower, shock_upper : ends of block-bootstrap percentile intervals; NaN with a single block
    level : probability of the intervals
    replicates : bootstrap replicates (R, 2) of k and shock
    n_units, n_origins, n_rows : numbers of placebo units, origins and rows
    smallest, largest : 5th and 95th percentile of the placebos' insured-years, beyond which estimates extrapolate
    """

    k: float
    shock: float
    k_lower: float
    k_upper: float
    shock_lower: float
    shock_upper: float
    level: float
    replicates: Floats = field(repr=False)
    n_units: int
    n_origins: int
    n_rows: int
    smallest: float
    largest: float


@dataclass(frozen=True)
class Noise:
    """Noise of one design and method, and payments by sampling noise alone, with the estimated k and Medicare's."""

    components: NoiseComponents
    own_k: Mapping[str, float]  # as `outside_sampling_interval` returns, as the next
    medicare_k: Mapping[str, float]


def noise_of_pairs(
    placebos: pd.DataFrame, pairs: Sequence[tuple[str, str]], seed: int
) -> tuple[dict[tuple[str, str], Noise], dict[str, list[tuple[str, str]]]]:
    """Return the noise of designs and methods with estimated placebos, and by reason those that do not show it."""
    noise, refused = dict[tuple[str, str], Noise](), dict[str, list[tuple[str, str]]]()
    for design, method in pairs:
        rows = rows_with(placebos, design=design, method=method, role="placebo", status="ok")
        try:
            if len(rows):
                components = noise_components(rows, seed=seed)
                outside = (outside_sampling_interval(rows, k, seed=seed) for k in (components.k, MSSP_K))
                noise[design, method] = Noise(components, *outside)
        except SsinferError as error:
            refused.setdefault(str(error), []).append((design, method))
    return noise, refused


@checked(replicates=COUNT)
def noise_components(
    placebos: pd.DataFrame, level: float = 0.95, seed: int = 1, replicates: int = BOOTSTRAP_REPLICATES
) -> NoiseComponents:
    r"""Return k and the group shock, estimated jointly from the savings of placebos.

    .. math:: r_{it} \sim N(0,\; k^2 / n_{it} + \tau^2)

    by maximum likelihood over all rows, whose true saving is zero. :math:`\tau` includes everything that does not
    shrink with size: shocks of a group, and errors of the design itself. Rows of one unit at several origins, and of
    neighbours, depend on each other: the intervals draw blocks of neighbours with all their origins. A national shock
    is common to all blocks. It has as many observations as there are origins, and is not in the intervals.

    Parameters
    ----------
    placebos : rows of one design and method of ``result.placebos``, or a frame with the columns unit, savings_rate,
        insured_years, and where available role, status, origin and block
    level, seed, replicates : probability of the intervals; random seed, and number of bootstrap replicates

    Raises
    ------
    DataError : a column is missing, or several designs or methods are mixed
    RefusalError : fewer than 20 units, or sizes that are too equal to tell k from the shock

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> n = np.exp(rng.uniform(np.log(2_000), np.log(500_000), 3_000))
    >>> rate = np.sqrt(3.0**2 / n + 0.012**2) * rng.standard_normal(n.size)
    >>> noise = noise_components(pd.DataFrame({"unit": range(3_000), "savings_rate": rate, "insured_years": n}))
    >>> noise.k_lower < 3.0 < noise.k_upper, noise.shock_lower < 0.012 < noise.shock_upper
    (True, True)
    """
    level = check_level(level)
    rows = _usable(placebos)
    sizes = rows["insured_years"].to_numpy(dtype=float)
    if rows["unit"].nunique() < MIN_UNITS_FOR_NOISE:
        raise RefusalError(
            f"{rows['unit'].nunique()} placebo units cannot show k and the group shock; at least {MIN_UNITS_FOR_NOISE} "
            "are needed. Widen the placebo rule."
        )
    if np.quantile(sizes, 0.95) < 1.5 * np.quantile(sizes, 0.05):
        raise RefusalError(
            "The placebos are too equal in size to tell sampling noise from a group shock (their 95th percentile of "
            "insured-years is below 1.5 times the 5th). Use placebos of several sizes, or give k."
        )
    unit, units = pd.factorize(rows["unit"])
    window = rows.groupby("unit", sort=False).cumcount().to_numpy()
    squares = np.full((len(units), int(window.max()) + 1, 1), np.nan)  # (J, W, 1)
    inverse = np.full(squares.shape[:2], 1.0 / np.median(sizes))  # (J, W); has no weight where the square is NaN
    squares[unit, window, 0] = rows["savings_rate"].to_numpy(dtype=float) ** 2
    inverse[unit, window] = 1.0 / sizes
    blocks = _blocks(rows)
    block_of_unit = np.zeros(len(units), dtype=np.intp)
    block_of_unit[unit] = blocks
    n_blocks = int(blocks.max()) + 1
    masses = np.ones((len(units), 1))
    if n_blocks > 1:
        drawn = block_weights(n_blocks, np.random.default_rng(stream_of(seed, "noise")), replicates)  # (R, blocks)
        masses = np.column_stack([masses, drawn[:, block_of_unit].T])
    fit = fit_noise(squares, inverse, np.ones(1), "size", masses, points=SHOCK_SHARE_POINTS)
    drawn_estimates = np.column_stack([fit.k[1:], fit.tau[1:]])
    tails = [(1 - level) / 2, (1 + level) / 2]
    ends = np.quantile(drawn_estimates, tails, axis=0) if n_blocks > 1 else np.full((2, 2), np.nan)
    smallest, largest = np.quantile(sizes, [0.05, 0.95]).tolist()
    bounds = ("k_lower", "k_upper", "shock_lower", "shock_upper")
    return NoiseComponents(
        k=float(fit.k[0]),
        shock=float(fit.tau[0]),
        **dict(zip(bounds, ends.T.ravel().tolist(), strict=True)),
        level=level,
        replicates=drawn_estimates,
        n_units=len(units),
        n_origins=int(rows["origin"].nunique()) if "origin" in rows.columns else 1,
        n_rows=len(rows),
        smallest=smallest,
        largest=largest,
    )


@checked(k=POSITIVE)
def outside_sampling_interval(placebos: pd.DataFrame, k: float, level: float = 0.95, seed: int = 1) -> dict[str, float]:
    r"""Return shares of placebos outside :math:`\pm z_{(1 + level)/2}\, k / \sqrt{n}`, an interval without shocks.

    They are `above`, `below` and `outside`, each with its block-bootstrap error, as `above_se`.
    """
    level = check_level(level)
    rows = _usable(placebos)
    rate = rows["savings_rate"].to_numpy(dtype=float)
    end = ndtri((1 + level) / 2) * k / np.sqrt(rows["insured_years"].to_numpy(dtype=float))
    above, below = rate >= end, rate <= -end
    columns, rng = {"above": above, "below": below, "outside": above | below}, stream_of(seed, "outside")
    return means_with_errors(columns, _blocks(rows), np.random.default_rng(rng))


def _usable(placebos: pd.DataFrame) -> pd.DataFrame:
    require_columns(placebos, ("unit", "savings_rate", "insured_years"))
    rows = rows_of_placebos(placebos)
    keep = np.isfinite(rows["savings_rate"].to_numpy(dtype=float)) & (rows["insured_years"].to_numpy() > 0)
    if "status" in rows.columns:
        keep &= (rows["status"] == "ok").to_numpy()
    if not keep.any():
        raise RefusalError("No placebo has a savings rate. Look at the reasons in the placebos' status column.")
    return rows[keep].sort_values([name for name in ("unit", "origin") if name in rows.columns], kind="stable")


def _blocks(rows: pd.DataFrame) -> Positions:
    """Return block numbers from 0; without the column `block`, every unit is its own block."""
    return codes_by_appearance(rows["block"] if "block" in rows.columns else rows["unit"])
