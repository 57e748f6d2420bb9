"""noise_components: sampling noise that shrinks with size, and the shock that does not, from placebo savings."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ssinfer.backtesting.kernels.block_bootstrap import REPLICATES, block_weights, standard_errors
from ssinfer.errors import DataError, ParameterError, RefusalError
from ssinfer.kernels.error_components import fit_noise
from ssinfer.level import check_level

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ssinfer.typing import Floats


LEAST_UNITS = 20
GRID = 241


@dataclass(frozen=True, eq=False)
class NoiseComponents:
    r"""What the placebo savings say of :math:`E r_i^2 = k^2 / n_i + \tau^2`.

    Attributes
    ----------
    k, shock : float
        Maximum-likelihood estimates: k of one insured-year's contribution to the savings rate, the shock's
        standard deviation as a fraction of the benchmark.
    k_lower, k_upper, shock_lower, shock_upper : float
        Ends of block-bootstrap percentile intervals; NaN with fewer than two blocks of neighbours.
    level : float
        Probability of the intervals.
    replicates : array (R, 2)
        Bootstrap replicates of (k, shock).
    n_units, n_origins, n_rows : int
    smallest, largest : float
        5th and 95th percentile of the placebos' insured-years: the estimates say little outside.
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

    def standard_error(self, insured_years: Floats | float, *, shock: bool = True) -> Floats:
        """Return sqrt(k^2 / n + tau^2), or k / sqrt(n) with ``shock=False``, for numbers of insured-years n."""
        n = np.asarray(insured_years, dtype=np.float64)
        return np.asarray(np.sqrt(self.k**2 / n + (self.shock**2 if shock else 0.0)))


@dataclass(frozen=True)
class OutsideSamplingInterval:
    """Share of placebos outside a two-sided interval from sampling error alone, with block-bootstrap errors.

    Attributes
    ----------
    above : share whose saving lies above it: contracts that saved nothing, and would be paid.
    below : share whose loss lies below it: contracts that lost nothing, and would owe.
    above_se, below_se, outside_se : Monte Carlo standard errors; NaN with fewer than two blocks.
    level : probability that the interval claims to hold.
    n_rows : int
    """

    above: float
    below: float
    outside: float
    above_se: float
    below_se: float
    outside_se: float
    level: float
    n_rows: int


def noise_components(
    placebos: pd.DataFrame, level: float = 0.95, seed: int = 1, replicates: int = REPLICATES
) -> NoiseComponents:
    r"""Return k and the group shock, estimated jointly from the savings that placebos showed.

    .. math:: r_{it} \sim N(0,\; k^2 / n_{it} + \tau^2)

    by maximum likelihood over all rows, whose true saving is zero. Everything that does not shrink with size is
    in :math:`\tau`: shocks particular to a group, and what error the design itself makes. Rows of one unit at several
    origins, and of neighbours, depend on each other: the intervals draw blocks of neighbours with all their origins.
    A national shock is common to all blocks: its uncertainty has n = origins and is not in the intervals.

    Parameters
    ----------
    placebos : pandas.DataFrame
        Columns unit, savings_rate, insured_years, and where available role, status, origin and block.
        Pass the rows of one design and method of ``result.placebos``.
    level : float
        Probability of the intervals; a fraction.
    seed : int
    replicates : int
        Bootstrap replicates.

    Returns
    -------
    NoiseComponents

    Raises
    ------
    DataError
        A column is missing.
    RefusalError
        Fewer than 20 units, rows of several designs or methods, or sizes that are all alike: k and the shock
        cannot be told apart.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> n = np.exp(rng.uniform(np.log(2_000), np.log(500_000), 3_000))
    >>> rate = np.sqrt(3.0**2 / n + 0.012**2) * rng.standard_normal(n.size)
    >>> found = noise_components(pd.DataFrame({"unit": range(3_000), "savings_rate": rate, "insured_years": n}))
    >>> found.k_lower < 3.0 < found.k_upper, found.shock_lower < 0.012 < found.shock_upper
    (True, True)
    """
    level = check_level(level)
    rows = _usable(placebos)
    sizes = rows["insured_years"].to_numpy(dtype=float)
    if rows["unit"].nunique() < LEAST_UNITS:
        raise RefusalError(
            f"{rows['unit'].nunique()} placebo units cannot show k and the group shock; at least {LEAST_UNITS} are "
            "needed. Widen the placebo rule."
        )
    if np.quantile(sizes, 0.95) < 1.5 * np.quantile(sizes, 0.05):
        raise RefusalError(
            "The placebos are too much of one size to tell sampling noise from a group shock (their 95th percentile of "
            "insured-years is below 1.5 times the 5th). Use placebos of several sizes, or give k."
        )
    unit, units = pd.factorize(rows["unit"])
    window = rows.groupby("unit", sort=False).cumcount().to_numpy()
    squares = np.full((len(units), int(window.max()) + 1, 1), np.nan)  # (J, W, 1)
    inverse = np.full(squares.shape[:2], 1.0 / np.median(sizes))  # (J, W); without a square a size has no weight
    squares[unit, window, 0] = rows["savings_rate"].to_numpy(dtype=float) ** 2
    inverse[unit, window] = 1.0 / sizes
    blocks = _blocks(rows)
    block_of_unit = np.zeros(len(units), dtype=np.intp)
    block_of_unit[unit] = blocks
    n_blocks = int(blocks.max()) + 1
    masses = np.ones((len(units), 1))
    if n_blocks > 1:
        drawn = block_weights(n_blocks, np.random.default_rng([seed, 3]), replicates)  # (R, blocks)
        masses = np.column_stack([masses, drawn[:, block_of_unit].T])
    fit = fit_noise(squares, inverse, np.ones(1), "size", masses, points=GRID)
    drawn_k, drawn_shock = fit.k[1:], fit.tau[1:]
    tails = [(1 - level) / 2, (1 + level) / 2]
    unknown = (float("nan"), float("nan"))
    k_ends = np.quantile(drawn_k, tails) if n_blocks > 1 else unknown
    shock_ends = np.quantile(drawn_shock, tails) if n_blocks > 1 else unknown
    smallest, largest = np.quantile(sizes, [0.05, 0.95])
    return NoiseComponents(
        k=float(fit.k[0]),
        shock=float(fit.tau[0]),
        k_lower=float(k_ends[0]),
        k_upper=float(k_ends[1]),
        shock_lower=float(shock_ends[0]),
        shock_upper=float(shock_ends[1]),
        level=level,
        replicates=np.column_stack([drawn_k, drawn_shock]),
        n_units=len(units),
        n_origins=int(rows["origin"].nunique()) if "origin" in rows.columns else 1,
        n_rows=len(rows),
        smallest=float(smallest),
        largest=float(largest),
    )


def outside_sampling_interval(
    placebos: pd.DataFrame, k: float, level: float = 0.95, seed: int = 1
) -> OutsideSamplingInterval:
    r"""Return the share of placebos outside :math:`\pm z_{(1 + level)/2}\, k / \sqrt{n}`: no group shock.

    It answers what an interval pays that knows of sampling error only. With the right k and no shock, `above` is
    (1 - level) / 2.

    Parameters
    ----------
    placebos : pandas.DataFrame
        As for :func:`noise_components`.
    k : float
        Standard deviation of one insured-year's contribution to the savings rate.
    level : float
        A fraction.
    seed : int

    Returns
    -------
    OutsideSamplingInterval

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> frame = pd.DataFrame({"unit": range(9_000), "insured_years": 20_000.0})
    >>> frame["savings_rate"] = 3.0 / np.sqrt(20_000) * rng.standard_normal(9_000)
    >>> round(outside_sampling_interval(frame, k=3.0).outside, 2)
    0.05
    """
    from scipy.stats import norm  # noqa: PLC0415  (scipy.stats is slow to import)

    level = check_level(level)
    if not (np.isfinite(k) and k > 0):
        raise ParameterError(f"k must be a positive number, got {k!r}. noise_components estimates it.")
    rows = _usable(placebos)
    rate = rows["savings_rate"].to_numpy(dtype=float)
    end = norm.ppf((1 + level) / 2) * k / np.sqrt(rows["insured_years"].to_numpy(dtype=float))
    above, below = rate >= end, rate <= -end
    values = np.column_stack([above, below, above | below]).astype(np.float64)
    errors = standard_errors(
        values,
        _blocks(rows),
        lambda sums, counts: sums / np.asarray(counts)[..., None],
        np.random.default_rng([seed, 4]),
    )
    shares = values.mean(axis=0)
    return OutsideSamplingInterval(
        above=float(shares[0]),
        below=float(shares[1]),
        outside=float(shares[2]),
        above_se=float(errors[0]),
        below_se=float(errors[1]),
        outside_se=float(errors[2]),
        level=level,
        n_rows=len(rows),
    )


def _usable(placebos: pd.DataFrame) -> pd.DataFrame:
    for name in ("unit", "savings_rate", "insured_years"):
        if name not in placebos.columns:
            raise DataError(
                f"placebos lacks the column {name!r}; it has {list(placebos.columns)}. Pass result.placebos."
            )
    for name in ("design", "method"):
        if name in placebos.columns and len(pd.unique(placebos[name])) > 1:
            raise RefusalError(
                f"placebos holds rows of several {name}s: the same history would count several "
                f"times. "
                f"Select one {name} first."
            )
    keep = np.isfinite(placebos["savings_rate"].to_numpy(dtype=float)) & (placebos["insured_years"].to_numpy() > 0)
    if "role" in placebos.columns:
        keep &= (placebos["role"] == "placebo").to_numpy()
    if "status" in placebos.columns:
        keep &= (placebos["status"] == "ok").to_numpy()
    if not keep.any():
        raise RefusalError("No placebo has a savings rate. Look at the reasons in the placebos' status column.")
    return placebos[keep]


def _blocks(rows: pd.DataFrame) -> NDArray[np.intp]:
    """Return block numbers from 0; without the column every unit is a block of its own."""
    labels = rows["block"] if "block" in rows.columns else rows["unit"]
    return np.asarray(pd.factorize(labels)[0], dtype=np.intp)
