"""Terms of a contract, validated when they are made: benchmark, threshold, sharing, quality, size, years."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

from ssinfer.contracts.checks import choice, fraction, fractions, money, names, whole
from ssinfer.errors import ContractError, did_you_mean

Basis = Literal["historical", "regional_blend", "norm_cost", "control_group", "global_budget", "expected_spending"]
ThresholdRule = Literal["none", "fixed", "schedule", "elected", "computed"]
QualityKind = Literal["none", "standard", "scaled", "gate_table"]


@dataclass(frozen=True, kw_only=True)
class BenchmarkTerms:
    """How the benchmark is computed. A settlement receives the benchmark; these terms describe its computation.

    Parameters
    ----------
    basis : a value of `Basis`
    history_weights : weights of the baseline years, oldest first; they sum to 1
    trend : the index by which the baseline is trended, in words
    regional_weight : weight of the regional component, or None
    regional_cap : its largest adjustment as a fraction of national spending, or None
    truncation : quantile at which the spending of a person is truncated (0.99), or None
    """

    basis: Basis = "historical"
    history_weights: tuple[float, ...] = ()
    trend: str = ""
    regional_weight: float | None = None
    regional_cap: float | None = None
    truncation: float | None = None

    def __post_init__(self) -> None:
        choice(self.basis, Basis, "benchmark.basis")
        weights = [fraction(w, "A weight in benchmark.history_weights") for w in self.history_weights]
        if weights and not math.isclose(sum(weights), 1.0, abs_tol=1e-6):
            raise ContractError(
                f"benchmark.history_weights must sum to 1, got {self.history_weights} ({sum(weights):g})."
            )
        fractions(self, "benchmark", "regional_weight", "regional_cap", "truncation")

    def blend(
        self,
        history: tuple[float, ...],
        *,
        trend: float = 1.0,
        regional: float | None = None,
        national: float | None = None,
    ) -> float:
        r"""Return the benchmark per insured-year that these terms prescribe.

        .. math:: B = g \sum_j w_j h_j + \mathrm{clip}\{v (R - g \sum_j w_j h_j), \pm c N\}

        with baseline spending h, trend g, regional spending R at weight v, and cap c on national spending N.

        >>> round(BenchmarkTerms(history_weights=(0.1, 0.3, 0.6)).blend((100.0, 100.0, 110.0), trend=1.1), 2)
        116.6
        """
        if len(history) != len(self.history_weights):
            raise ContractError(
                f"The benchmark weighs {len(self.history_weights)} baseline years, got {len(history)} of them."
            )
        trended = trend * math.fsum(w * h for w, h in zip(self.history_weights, history, strict=True))
        if self.regional_weight is None or regional is None:
            return trended
        adjustment = self.regional_weight * (regional - trended)
        if self.regional_cap is not None:
            if national is None:
                raise ContractError("The regional adjustment is capped by national spending: give `national`.")
            most = self.regional_cap * national
            adjustment = min(max(adjustment, -most), most)
        return trended + adjustment


@dataclass(frozen=True, kw_only=True)
class ThresholdTerms:
    """The savings threshold: the measured savings rate from which savings are paid.

    Parameters
    ----------
    kind : "none", "fixed" (`rate`), "schedule" (by head count), "elected" (one of `allowed`, chosen before the year) or
        "computed" (given at settlement, or T = z(level) sqrt(k^2 / n + shock^2) with n assigned persons)
    sharing : "first_dollar" (all savings are shared once the threshold is reached) or "excess" (only those above it)
    rate : the fixed threshold, or the default election
    default : "schedule" if the schedule applies when no threshold was elected, or None
    allowed : rates that may be elected; the schedule may always be elected if `schedule` is set
    schedule : name of the schedule ("mssp")
    schedule_below : head count below which the schedule applies in place of the elected rate
    level, k, shock : terms of a computed threshold
    loss_rate : minimum loss rate; None: the same rate as for savings
    """

    kind: ThresholdRule = "none"
    sharing: Literal["first_dollar", "excess"] = "first_dollar"
    rate: float = 0.0
    default: Literal["schedule"] | None = None
    allowed: tuple[float, ...] = ()
    schedule: str = ""
    schedule_below: int = 0
    level: float | None = None
    k: float | None = None
    shock: float = 0.0
    loss_rate: float | None = None

    def __post_init__(self) -> None:
        choice(self.kind, ThresholdRule, "threshold.kind")
        choice(self.sharing, Literal["first_dollar", "excess"], "threshold.sharing")
        fractions(self, "threshold", "rate", "shock", "loss_rate")
        for rate in self.allowed:
            fraction(rate, "A rate in threshold.allowed")
        if (self.kind == "schedule" or self.default == "schedule" or self.schedule_below) and self.schedule != "mssp":
            raise ContractError(
                f"threshold.schedule {self.schedule!r} is not known. {did_you_mean(self.schedule, ['mssp'])}"
            )
        if self.kind == "elected" and not self.allowed:
            raise ContractError("An elected threshold needs threshold.allowed, the rates to elect from.")
        if self.level is not None and not 0.5 <= fraction(self.level, "threshold.level") < 1:
            raise ContractError(f"threshold.level must be a one-sided level from 0.5 to below 1, got {self.level!r}.")
        if (self.level is None) != (self.k is None):
            raise ContractError("A computed threshold needs threshold.level and threshold.k together, or neither.")
        if self.k is not None and money(self.k, "threshold.k") <= 0:
            raise ContractError(f"threshold.k must be positive, got {self.k!r}.")


@dataclass(frozen=True, kw_only=True)
class SharingTerms:
    """Shares of savings and losses of the providers' side, and the caps.

    Parameters
    ----------
    savings : share of savings paid to the providers' side, 0 to 1
    losses : share of losses owed; None: one-sided, the payer bears the losses
    losses_complement : whether the loss share is 1 - savings x quality, from `losses_minimum` to `losses_maximum`
    savings_cap_benchmark, losses_cap_benchmark : caps as a fraction of the benchmark, or None
    savings_cap_revenue, losses_cap_revenue : caps as a fraction of the providers' revenue; the lower cap applies
    lower_rate : factor on the savings share paid below the threshold (0.5: the half-rate rule); 0: nothing is paid
    lower_rate_minimum : head count from which the lower rate is paid
    """

    savings: float = 0.5
    losses: float | None = None
    losses_complement: bool = False
    losses_minimum: float = 0.0
    losses_maximum: float = 1.0
    savings_cap_benchmark: float | None = None
    savings_cap_revenue: float | None = None
    losses_cap_benchmark: float | None = None
    losses_cap_revenue: float | None = None
    lower_rate: float = 0.0
    lower_rate_minimum: int = 0

    def __post_init__(self) -> None:
        caps = ("savings_cap_benchmark", "losses_cap_benchmark", "savings_cap_revenue", "losses_cap_revenue")
        fractions(self, "sharing", "savings", *caps, "lower_rate", "losses_minimum", "losses_maximum", "losses")
        if self.losses is not None and self.losses_complement:
            raise ContractError("sharing.losses and sharing.losses_complement exclude each other: drop one of the two.")
        if self.losses_minimum > self.losses_maximum:
            raise ContractError(
                f"sharing.losses_minimum {self.losses_minimum} exceeds sharing.losses_maximum {self.losses_maximum}."
            )


@dataclass(frozen=True, kw_only=True)
class QualityTerms:
    """How quality enters the share.

    Parameters
    ----------
    kind : "none", "standard" (the full rate when the standard is met, otherwise 0, or rate x score if `alternative`),
        "scaled" (rate x score) or "gate_table" (the quality gate that the score reaches gives both shares)
    scale : the score's maximum: 1, 5 or 100
    standard : score that meets the standard; None: the argument `standard_met` of `settle` tells
    alternative : whether the rate below the standard is scaled by the score
    gates : tuples (minimum score, share of savings, share of losses), ascending; a higher score never earns less
    fixed : part of the share that does not depend on the score (Physician Group Practice: the efficiency part)
    """

    kind: QualityKind = "none"
    scale: float = 100.0
    standard: float | None = None
    alternative: bool = False
    gates: tuple[tuple[float, float, float], ...] = ()
    fixed: float = 0.0

    def __post_init__(self) -> None:
        choice(self.kind, QualityKind, "quality.kind")
        fraction(self.fixed, "quality.fixed")
        if money(self.scale, "quality.scale") <= 0:
            raise ContractError(f"quality.scale must be positive (1, 5 or 100), got {self.scale!r}.")
        if self.standard is not None and not 0 <= money(self.standard, "quality.standard") <= self.scale:
            raise ContractError(f"quality.standard must lie on the scale 0 to {self.scale:g}, got {self.standard!r}.")
        object.__setattr__(self, "gates", tuple(tuple(gate) for gate in self.gates))
        if (self.kind == "gate_table") != bool(self.gates):
            raise ContractError("quality.gates and quality.kind = 'gate_table' need each other.")
        for gate in self.gates:
            if len(gate) != 3:
                raise ContractError(
                    f"A quality gate is (minimum score, share of savings, share of losses), got {gate!r}."
                )
            money(gate[0], "A quality gate's minimum score")
            fraction(gate[1], "A quality gate's share of savings")
            fraction(gate[2], "A quality gate's share of losses")
        for before, after in zip(self.gates, self.gates[1:], strict=False):
            if not (after[0] > before[0] and after[1] >= before[1] and after[2] <= before[2]):
                raise ContractError(
                    f"quality.gates must be monotone: a higher score never earns less or owes more, "
                    f"got {before} then {after}."
                )


@dataclass(frozen=True, kw_only=True)
class SizeTerms:
    """Smallest size (head count). Below it the settlement is refused ("refuse") or made all the same ("settle")."""

    minimum: int = 0
    below: Literal["refuse", "settle"] = "refuse"

    def __post_init__(self) -> None:
        whole(self.minimum, "size.minimum must be a head count of 0 or more")
        choice(self.below, Literal["refuse", "settle"], "size.below")


@dataclass(frozen=True, kw_only=True)
class YearsTerms:
    """Several years of one contract.

    Parameters
    ----------
    pool : years settled as one, benchmark and spending weighted by insured-years; 1: each year alone
    carry_over_losses : whether losses that were not shared are subtracted from later savings before sharing
    stop_after : consecutive years of losses beyond the loss threshold after which the contract stops; 0: never
    """

    pool: int = 1
    carry_over_losses: bool = False
    stop_after: int = 0

    def __post_init__(self) -> None:
        whole(self.pool, "years.pool must be a whole number of years of at least 1", least=1)
        whole(self.stop_after, "years.stop_after must be a whole number of years, 0 for never")


@dataclass(frozen=True, kw_only=True)
class NetTerms:
    """Costs that may be subtracted from savings, and projects whose savings are price times volume."""

    deductions: tuple[str, ...] = field(default=())
    direct_savings: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        for name in ("deductions", "direct_savings"):
            object.__setattr__(self, name, names(getattr(self, name), f"net.{name}"))
