"""Scenario: a contract before any data, its error, its gate and its sharing, in closed form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy.special import ndtr, ndtri

from ssinfer.errors import RefusalError
from ssinfer.kernels.error_components import shock_contrast
from ssinfer.level import check_level, check_side, tail
from ssinfer.thresholds.prior import Prior, find_prior
from ssinfer.thresholds.schedule import MSSP_K, minimum_savings_rate

if TYPE_CHECKING:
    from ssinfer.typing import Floats


Gate = Literal["confidence", "credible", "schedule", "fixed"]


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
    gate : "confidence", "credible", "schedule" or "fixed"
        "confidence": the quantile of the *believed* error at `level` and `side`; "credible": the same widened and
        moved by `prior`, :math:`z\,SE\sqrt{1 + SE^2/t^2} - m\,SE^2/t^2` (equal to it under the flat prior);
        "schedule": Medicare's; "fixed": `rate`.
    prior : Prior, "flat", "sceptical" or "literature"
        Of a credible gate.
    believed_shock : bool
        Whether a confidence or credible gate knows of the shock, or of sampling error alone (k / sqrt(n)).
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
    prior: Prior | str = "flat"
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
        if self.gate not in ("confidence", "credible", "schedule", "fixed"):
            raise RefusalError(f"gate is {self.gate!r}; allowed: 'confidence', 'credible', 'schedule', 'fixed'.")
        if self.gate != "credible" and self.prior != "flat":
            raise RefusalError(f"prior is {self.prior!r} with gate {self.gate!r}; only a credible gate has a prior.")
        if not -1 < self.rate < 1 or not -1 < self.bias < 1:
            raise RefusalError(f"rate={self.rate}, bias={self.bias}: fractions are needed, 0.02 for 2%.")
        if not 0 < self.share <= 1:
            raise RefusalError(f"share is {self.share}; a fraction in (0, 1] is needed.")
        find_prior(self.prior)
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
        spread = self.spread
        return self.k / float(np.sqrt(self.insured)) * float(np.sqrt((1 / self.years + spread) / (1 + spread)))

    @property
    def shock_error(self) -> float:
        """Part of the standard error that does not."""
        weights = self.weights
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
        return self.gate_of(self.standard_error if self.believed_shock else self.sampling_error)

    def gate_of(self, believed: float) -> float:
        """Return the confidence or credible gate of a believed normal error."""
        z = float(ndtri(tail(self.level, check_side(self.side))))
        prior = find_prior(self.prior)
        if not np.isfinite(prior.sd):
            return z * believed
        ratio = (believed / prior.sd) ** 2
        return z * believed * float(np.sqrt(1 + ratio)) - prior.mean * ratio

    @property
    def weights(self) -> Floats:
        """Baseline weights w, summing to one."""
        weights = np.asarray(self.baseline_weights, dtype=float)
        return np.asarray(weights / weights.sum())

    @property
    def spread(self) -> float:
        """Sum of squared baseline weights, w'w."""
        return float(self.weights @ self.weights)

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
