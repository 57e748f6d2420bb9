"""Operating characteristics without data: what a gate pays, by size, years, shocks and sharing base."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from ssinfer.errors import RefusalError
from ssinfer.kernels.error_components import shock_contrast
from ssinfer.level import check_level, check_side, tail
from ssinfer.thresholds.schedule import MSSP_K, minimum_savings_rate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

Gate = Literal["confidence", "schedule", "fixed"]
DRAWS = 100_000


@dataclass(frozen=True, kw_only=True)
class Scenario:
    r"""A contract before any data: its size, its error, its gate and its sharing.

    The measured rate is :math:`M = s + E_0`, :math:`E_0 \sim N(\text{bias}, SE^2)`, with

    .. math:: SE^2 = \frac{k^2}{n} \frac{1/Y + w'w}{1 + w'w} + \tau^2 \frac{1' S 1}{Y^2 S_{11}}

    over Y performance years: k the person-level constant of a one-year contrast, w the baseline weights, :math:`\tau`
    the SD that a group's shock adds to the first year's error, S the contrast of an AR(1) shock with
    autocorrelation `persistence` over a year.

    Attributes
    ----------
    insured : float
        Persons n.
    years : int
        Performance years Y, pooled.
    k, shock_sd, persistence, bias : float
    baseline_weights : tuple of float
        Earliest first; normalised.
    gate : "confidence", "schedule" or "fixed"
        "confidence": the quantile of the *believed* error at `level` and `side`; "schedule": Medicare's; "fixed":
        `rate`.
    believed_shock : bool
        Whether the confidence gate knows of the shock, or of sampling error alone (k / sqrt(n)).
    share : float
    sharing : "first_dollar" or "excess"
    """

    insured: float
    years: int = 1
    k: float = MSSP_K
    shock_sd: float = 0.0
    persistence: float = 0.8
    bias: float = 0.0
    baseline_weights: tuple[float, ...] = (1.0, 1.0, 1.0)
    gate: Gate = "confidence"
    level: float = 0.95
    side: str = "one-sided"
    rate: float = 0.0
    believed_shock: bool = True
    share: float = 0.5
    sharing: Literal["first_dollar", "excess"] = "first_dollar"

    def __post_init__(self) -> None:
        if self.insured < 1:
            raise RefusalError(f"insured is {self.insured}; at least one person is needed.")
        if self.years < 1 or int(self.years) != self.years:
            raise RefusalError(f"years is {self.years}; a whole number of performance years from 1 is needed.")
        if self.k < 0 or self.shock_sd < 0 or self.k + self.shock_sd == 0:
            raise RefusalError(f"k={self.k}, shock_sd={self.shock_sd}: neither may be negative, nor both zero.")
        if not 0 <= self.persistence < 1:
            raise RefusalError(f"persistence is {self.persistence}; an autocorrelation in [0, 1) is needed.")
        if self.shock_sd > 0.5:
            raise RefusalError(f"shock_sd is {self.shock_sd}, which looks like a percentage. Write 0.0125 for 1.25%.")
        if self.gate not in ("confidence", "schedule", "fixed"):
            raise RefusalError(f"gate is {self.gate!r}; allowed: 'confidence', 'schedule', 'fixed'.")
        if self.sharing not in ("first_dollar", "excess"):
            raise RefusalError(f"sharing is {self.sharing!r}; allowed: 'first_dollar', 'excess'.")
        check_level(self.level)
        check_side(self.side)

    @property
    def standard_error(self) -> float:
        """SE of the pooled savings rate."""
        return float(np.hypot(self.sampling_error, self.shock_error))

    @property
    def sampling_error(self) -> float:
        """Part of the standard error that shrinks with size."""
        spread = self._spread
        return self.k / float(np.sqrt(self.insured)) * float(np.sqrt((1 / self.years + spread) / (1 + spread)))

    @property
    def shock_error(self) -> float:
        """Part of the standard error that does not."""
        weights = self._weights
        baseline, performance = np.arange(len(weights), dtype=float), len(weights) + np.arange(self.years, dtype=float)
        one = shock_contrast(self.persistence, weights, baseline, performance)
        return self.shock_sd * float(np.sqrt(one.sum() / self.years**2 / one[0, 0]))

    @property
    def threshold(self) -> float:
        """The gate, a rate."""
        if self.gate == "fixed":
            return self.rate
        if self.gate == "schedule":
            return minimum_savings_rate(self.insured)
        believed = self.standard_error if self.believed_shock else self.sampling_error
        return float(ndtri(tail(self.level, check_side(self.side)))) * believed

    @property
    def _weights(self) -> Floats:
        weights = np.asarray(self.baseline_weights, dtype=float)
        return np.asarray(weights / weights.sum())

    @property
    def _spread(self) -> float:
        return float(self._weights @ self._weights)

    def paid(self, saving: float = 0.0) -> float:
        """Return P(M >= T) at a true savings rate."""
        return float(ndtr((saving + self.bias - self.threshold) / self.standard_error))

    def expected_bonus(self, saving: float = 0.0) -> float:
        r"""Return the expected bonus as a share of the benchmark.

        First dollar :math:`f [m \Phi(u) + SE\,\phi(u)]`, excess :math:`f [(m - T) \Phi(u) + SE\,\phi(u)]`, with m the
        mean of M and :math:`u = (m - T) / SE`; a gate below zero pays no negative bonus and is taken at zero.
        """
        gate = max(self.threshold, 0.0)
        se, mean = self.standard_error, saving + self.bias
        u = (mean - gate) / se
        base = mean if self.sharing == "first_dollar" else mean - gate
        density = float(np.exp(-0.5 * u**2) / np.sqrt(2 * np.pi))
        return self.share * (base * float(ndtr(u)) + se * density)

    def detectable(self, power: float = 0.8) -> float:
        """Return the true savings rate that the gate finds with probability `power`."""
        return self.threshold - self.bias + float(ndtri(check_level(power, "power"))) * self.standard_error


def power_table(
    scenario: Scenario,
    insured: Sequence[float] = (500, 1_000, 5_000, 10_000, 20_000, 50_000, 100_000, 500_000),
    years: Sequence[int] = (1, 2, 3, 5),
    savings: Sequence[float] = (0.01, 0.02, 0.03, 0.05, 0.10),
) -> pd.DataFrame:
    """Return operating characteristics over sizes and performance years.

    Returns
    -------
    pandas.DataFrame
        insured, years, standard_error, threshold, false_payment_rate, detection_rate_{s}, detectable (power 80%),
        undeserved_bonus (expected, share of the benchmark, true saving 0).

    Examples
    --------
    >>> table = power_table(Scenario(insured=1, gate="schedule"), insured=[5000], years=[1])
    >>> table[["standard_error", "threshold", "false_payment_rate"]].round(3).values.tolist()
    [[0.03, 0.039, 0.098]]
    """
    rows = []
    for n in insured:
        for span in years:
            one = replace(scenario, insured=n, years=span)
            row = {
                "insured": n,
                "years": span,
                "standard_error": one.standard_error,
                "threshold": one.threshold,
                "false_payment_rate": one.paid(0.0),
            }
            row |= {f"detection_rate_{100 * saving:g}": one.paid(saving) for saving in savings}
            rows.append({**row, "detectable": one.detectable(), "undeserved_bonus": one.expected_bonus(0.0)})
    return pd.DataFrame(rows)


def insured_needed(scenario: Scenario, saving: float, power: float = 0.8) -> float:
    """Return the insured needed to find a true savings rate with probability `power`; infinite if no size does.

    A group shock does not shrink with size: below z(level) + z(power) times its error no number of insured is enough.
    """
    check_level(power, "power")
    low, high = 1.0, 1e9
    if replace(scenario, insured=high).paid(saving) < power:
        return float("inf")
    for _ in range(100):
        middle = float(np.sqrt(low * high))
        low, high = (low, middle) if replace(scenario, insured=middle).paid(saving) >= power else (middle, high)
    return high


def simulate_payments(
    scenario: Scenario, saving: float, rng: np.random.Generator, contracts: int = DRAWS
) -> tuple[float, float]:
    """Return the share of simulated contracts that is paid, and the mean bonus as a share of the benchmark."""
    measured = saving + scenario.bias + scenario.standard_error * rng.standard_normal(contracts)
    gate = scenario.threshold
    paid = measured >= gate
    base = measured if scenario.sharing == "first_dollar" else measured - gate
    return float(paid.mean()), float(scenario.share * np.where(paid, np.maximum(base, 0.0), 0.0).mean())


def simulate_looks(
    scenario: Scenario, rng: np.random.Generator, looks: int = 4, contracts: int = DRAWS, saving: float = 0.0
) -> pd.DataFrame:
    """Return what happens when a contract is looked at several times a year, and paid at the first look that passes.

    After each look the measured rate averages the periods so far; each look's gate is the nominal one for its
    own error (sampling noise of a part of a year is larger by sqrt(J), baseline noise and the shock stay).

    Parameters
    ----------
    scenario : Scenario
        Its gate's level and side are each look's nominal ones; a fixed or scheduled gate stays as it is.
    looks : int
        Looks per year (4: quarterly), over `scenario.years` years.

    Returns
    -------
    pandas.DataFrame
        look, paid_at_look (at this look on its own), paid_by_look (at this or an earlier look).
    """
    if looks < 1:
        raise RefusalError(f"looks is {looks}; at least one look a year is needed.")
    total = looks * scenario.years
    weights, spread = scenario._weights, scenario._spread  # noqa: SLF001  (the scenario's own arithmetic)
    unit = scenario.k**2 / scenario.insured / (1 + spread)
    times = np.arange(total)
    rho = scenario.persistence ** (1 / looks)
    # a year's baseline is looks periods: the shock of a baseline year is their mean
    n_baseline = len(weights) * looks
    fine = np.repeat(weights / looks, looks)
    shock = shock_contrast(rho, fine, np.arange(n_baseline, dtype=float), n_baseline + times.astype(float))
    first_year = shock[:looks, :looks].mean()
    cov = scenario.shock_sd**2 * shock / first_year + unit * spread + np.eye(total) * unit * looks
    averaging = np.tril(np.ones((total, total))) / (times[:, None] + 1)
    pooled = averaging @ cov @ averaging.T
    draws = rng.standard_normal((contracts, total)) @ np.linalg.cholesky(pooled + 1e-18 * np.eye(total)).T
    se = np.sqrt(np.diag(pooled))
    if scenario.gate == "confidence":
        sampling = np.sqrt(unit * spread + unit * looks / (times + 1))
        believed = se if scenario.believed_shock else sampling
        gates = float(ndtri(tail(scenario.level, check_side(scenario.side)))) * believed
    else:
        gates = np.full(total, scenario.threshold)
    paid = draws + saving + scenario.bias >= gates
    ever = np.logical_or.accumulate(paid, axis=1)
    return pd.DataFrame({"look": times + 1, "paid_at_look": paid.mean(axis=0), "paid_by_look": ever.mean(axis=0)})
