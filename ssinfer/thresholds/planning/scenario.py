"""Scenario: a contract before there are data, with its error, threshold and sharing in closed form."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy.special import ndtr, ndtri

from ssinfer.arguments import Number, Several, checked
from ssinfer.drawing import draw, frame_of
from ssinfer.errors import ParameterError
from ssinfer.kernels.error_components import shock_contrast
from ssinfer.level import check_level, check_side, tail
from ssinfer.thresholds.kind import KINDS
from ssinfer.thresholds.prior import Prior, find_prior
from ssinfer.thresholds.schedule import MSSP_K
from ssinfer.typing import Floats

FIXED = "fixed"


@checked(
    insured=Number(1),
    years=Number(1, 1000, whole=True),
    persistence=Number(0, 1, open="high"),
    baseline_weights=Several(Number(0)),
)
@dataclass(frozen=True, kw_only=True)
class Scenario:
    r"""A contract before there are data: its size, error, threshold and sharing.

    The measured rate is :math:`M = s + E_0`, :math:`E_0 \sim N(\text{bias}, SE^2)`, with

    .. math:: SE^2 = \frac{k^2}{n} \frac{1/Y + w'w}{1 + w'w} + \tau^2 \frac{1' S 1}{Y^2 S_{11}}

    over Y performance years. S is the contrast of an AR(1) shock of the group.

    Attributes
    ----------
    insured : number of insured persons n
    years : performance years Y, pooled
    k : person-level constant; the standard error of a contrast of one year is k / sqrt(n)
    shock_sd : SD tau that the group's shock adds to the error of the first year, a fraction of the benchmark
    persistence : autocorrelation of the shock over a year
    bias : bias of the benchmark, a fraction; positive if the benchmark is too high
    baseline_weights : weights w of the baseline years, the earliest first; they are normalised
    kind : "confidence", "credible", "schedule" or "fixed", the kind of threshold
        "confidence": the quantile of the assumed error at `level` and `side`. "credible": the same under a `prior`
        N(m, t²), :math:`z\,SE\sqrt{1 + SE^2/t^2} - m\,SE^2/t^2`. "schedule": Medicare's. "fixed": `rate`.
    level, side : of a confidence or credible threshold; a fraction, and "one-sided" or "two-sided"
    rate : the fixed threshold, a fraction of the benchmark
    prior : Prior, "flat", "sceptical" or "literature", of a credible threshold
    believed_shock : whether the threshold allows for the group's shock; if False, for sampling error only
    share : sharing rate, a fraction
    sharing : "first_dollar" or "excess"
    """

    insured: float
    years: int = 1
    k: float = MSSP_K
    shock_sd: float = 0.0
    persistence: float = 0.8
    bias: float = 0.0
    baseline_weights: tuple[float, ...] = (1.0, 1.0, 1.0)
    kind: str = "confidence"
    level: float = 0.95
    side: str = "one-sided"
    rate: float = 0.0
    prior: Prior | str = "flat"
    believed_shock: bool = True
    share: float = 0.5
    sharing: Literal["first_dollar", "excess"] = "first_dollar"

    def __post_init__(self) -> None:
        if self.k < 0 or self.shock_sd < 0 or self.k + self.shock_sd == 0:
            raise ParameterError(f"k={self.k}, shock_sd={self.shock_sd}: neither may be negative, nor both zero.")
        if not sum(self.baseline_weights) > 0:
            raise ParameterError(f"baseline_weights is {self.baseline_weights}; at least one must be positive.")
        if self.shock_sd > 0.5:
            raise ParameterError(f"shock_sd is {self.shock_sd}, which looks like a percentage. Write 0.0125 for 1.25%.")
        if not -1 < self.rate < 1 or not -1 < self.bias < 1:
            raise ParameterError(f"rate={self.rate}, bias={self.bias}: fractions are needed, 0.02 for 2%.")
        check_level(self.level)
        check_side(self.side)
        find_prior(self.prior)
        kinds = {kind.name: kind for kind in KINDS.entries() if kind.for_scenario is not None}
        if self.kind != FIXED and self.kind not in kinds:
            raise ParameterError(f"kind is {self.kind!r}; allowed: {', '.join(map(repr, sorted((*kinds, FIXED))))}.")
        with_prior = self.kind in kinds and "flat" in kinds[self.kind].priors
        if self.prior != "flat" and not with_prior:
            raise ParameterError(f"prior is {self.prior!r} with kind {self.kind!r}, which has no prior. Leave it out.")

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
        """Part of the standard error that does not shrink with size."""
        weights = self.weights
        baseline, performance = np.arange(len(weights), dtype=float), len(weights) + np.arange(self.years, dtype=float)
        contrast = shock_contrast(self.persistence, weights, baseline, performance)
        return self.shock_sd * float(np.sqrt(contrast.sum() / self.years**2 / contrast[0, 0]))

    @property
    def threshold(self) -> float:
        """The threshold, a rate."""
        return self.threshold_at(self.standard_error if self.believed_shock else self.sampling_error)

    @checked(standard_error=Number(0))
    def threshold_at(self, standard_error: float) -> float:
        """Return the threshold (a rate) for an assumed standard error."""
        return self.rate if self.kind == FIXED else float(KINDS.find(self.kind).for_scenario(self, standard_error))

    @property
    def tail(self) -> float:
        """The quantile of the null error at which a confidence or credible threshold lies."""
        return tail(self.level, check_side(self.side))

    @property
    def weights(self) -> Floats:
        """Baseline weights w, summing to one."""
        weights = np.asarray(self.baseline_weights, dtype=float)
        return np.asarray(weights / weights.sum())

    @property
    def spread(self) -> float:
        """Sum of squared baseline weights, w'w."""
        return float(self.weights @ self.weights)

    @checked()
    def paid(self, saving: float = 0.0) -> float:
        """Return P(M >= T), the probability of payment at a true savings rate."""
        return float(ndtr((saving + self.bias - self.threshold) / self.standard_error))

    @checked()
    def expected_bonus(self, saving: float = 0.0) -> float:
        r"""Return the expected bonus as a share of the benchmark.

        With m the mean of M and :math:`u = (m - T) / SE`, it is :math:`f [m \Phi(u) + SE\,\phi(u)]` for first-dollar
        sharing, and :math:`f [(m - T) \Phi(u) + SE\,\phi(u)]` for sharing of the excess. No bonus is negative: a
        threshold below zero is taken as zero.
        """
        threshold = max(self.threshold, 0.0)
        se, mean = self.standard_error, saving + self.bias
        u = (mean - threshold) / se
        base = mean if self.sharing == "first_dollar" else mean - threshold
        density = float(np.exp(-0.5 * u**2) / np.sqrt(2 * np.pi))
        return self.share * (base * float(ndtr(u)) + se * density)

    def plot(self, *, ax: Any = None) -> Any:
        """Draw the probability of payment by number of insured, for true savings of 0 to 10%; return a Figure or `ax`.

        Examples
        --------
        >>> Scenario(insured=20_000, years=3, shock_sd=0.01).plot().axes[0].get_xlabel()
        'Number of insured'
        """
        return draw("detection", frame_of("detection", self), ax)

    def detectable(self, power: float = 0.8) -> float:
        """Return the true savings rate that is paid with probability `power`."""
        return self.threshold - self.bias + float(ndtri(check_level(power, "power"))) * self.standard_error
