"""Terms of a contract, validated when they are made: benchmark, threshold, sharing, quality, size, years, rebasing."""

import math
from typing import Annotated, Literal

from pydantic import Field, Strict

from ssinfer.contracts.checks import Allowed, Flag, Fraction, HeadCount, Names, Number, Text, checked
from ssinfer.errors import ContractError

Basis = Literal["historical", "regional_blend", "norm_cost", "control_group", "global_budget", "expected_spending"]
ThresholdRule = Literal["none", "fixed", "schedule", "elected", "computed"]
QualityKind = Literal["none", "standard", "scaled", "gate_table"]
GATE = "three numbers. A quality gate is (minimum score, share of savings, share of losses)"
Gate = Annotated[tuple[Number, Fraction, Fraction], Allowed(GATE)]
Level = Annotated[Number, Field(ge=0.5, lt=1), Allowed("a one-sided level from 0.5 to below 1", "probability")]
Variation = Annotated[Number, Field(gt=0, le=1000), Allowed("positive and at most 1000", "ratio")]
Years = Annotated[int, Strict(), Field(le=100)]


@checked
class BenchmarkTerms:
    """How the benchmark is computed. A settlement receives the benchmark; these terms describe its computation.

    Parameters
    ----------
    basis : what the benchmark is computed from
    history_weights : weights of the baseline years, oldest first; they sum to 1
    trend : the index by which the baseline is trended, in words
    regional_weight : weight of the regional component, or None
    regional_cap : its largest adjustment as a fraction of national spending, or None
    truncation : quantile at which the spending of a person is truncated (0.99), or None
    """

    basis: Basis = "historical"
    history_weights: Annotated[tuple[Fraction, ...], Allowed("a list of fractions that sum to 1", "fraction")] = ()
    trend: Text = ""
    regional_weight: Fraction | None = None
    regional_cap: Fraction | None = None
    truncation: Fraction | None = None

    def __post_init__(self) -> None:
        total = sum(self.history_weights)
        if self.history_weights and not math.isclose(total, 1.0, abs_tol=1e-6):
            raise ContractError(f"benchmark.history_weights must sum to 1, got {self.history_weights} ({total:g}).")

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
            raise ContractError(f"The benchmark weighs {len(self.history_weights)} baseline years, got {len(history)}.")
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


@checked
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
    level : one-sided level of a computed threshold
    k : coefficient of variation of a person in a computed threshold
    shock : SD of the group shock in a computed threshold
    loss_rate : minimum loss rate; None: the same rate as for savings
    """

    kind: ThresholdRule = "none"
    sharing: Literal["first_dollar", "excess"] = "first_dollar"
    rate: Fraction = 0.0
    default: Literal["schedule"] | None = None
    allowed: Annotated[tuple[Fraction, ...], Allowed("a list of fractions from 0 to 1", "fraction")] = ()
    schedule: Literal["", "mssp"] = ""
    schedule_below: HeadCount = 0
    level: Level | None = None
    k: Variation | None = None
    shock: Fraction = 0.0
    loss_rate: Fraction | None = None

    def __post_init__(self) -> None:
        if (self.kind == "schedule" or self.default or self.schedule_below) and not self.schedule:
            raise ContractError("threshold.schedule is missing. Allowed: 'mssp'.")
        if self.kind == "elected" and not self.allowed:
            raise ContractError("An elected threshold needs threshold.allowed, the rates to elect from.")
        if (self.level is None) != (self.k is None):
            raise ContractError("A computed threshold needs threshold.level and threshold.k together, or neither.")


@checked
class SharingTerms:
    """Shares of savings and losses of the providers' side, and the caps.

    Parameters
    ----------
    savings : share of savings paid to the providers' side, 0 to 1
    losses : share of losses owed; None: one-sided, the payer bears the losses
    losses_complement : whether the loss share is 1 - savings x quality
    losses_minimum, losses_maximum : bounds of that loss share
    savings_cap_benchmark, losses_cap_benchmark : caps as a fraction of the benchmark, or None
    savings_cap_revenue, losses_cap_revenue : caps as a fraction of the providers' revenue; the lower cap applies
    lower_rate : factor on the savings share paid below the threshold (0.5: the half-rate rule); 0: nothing is paid
    lower_rate_minimum : head count from which the lower rate is paid
    """

    savings: Fraction = 0.5
    losses: Fraction | None = None
    losses_complement: Flag = False
    losses_minimum: Fraction = 0.0
    losses_maximum: Fraction = 1.0
    savings_cap_benchmark: Fraction | None = None
    savings_cap_revenue: Fraction | None = None
    losses_cap_benchmark: Fraction | None = None
    losses_cap_revenue: Fraction | None = None
    lower_rate: Fraction = 0.0
    lower_rate_minimum: HeadCount = 0

    def __post_init__(self) -> None:
        if self.losses is not None and self.losses_complement:
            raise ContractError("sharing.losses and sharing.losses_complement exclude each other: drop one of the two.")
        if self.losses_minimum > self.losses_maximum:
            raise ContractError(
                f"sharing.losses_minimum {self.losses_minimum} exceeds sharing.losses_maximum {self.losses_maximum}."
            )


@checked
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
    scale: Annotated[Number, Field(ge=1, le=1e6), Allowed("positive (1, 5 or 100), from 1 to 1e6", "points")] = 100.0
    standard: Annotated[Number, Allowed("a number from 0 to quality.scale", "points")] | None = None
    alternative: Flag = False
    gates: Annotated[tuple[Gate, ...], Allowed("a list of gates")] = ()
    fixed: Fraction = 0.0

    def __post_init__(self) -> None:
        scores = {"quality.standard": self.standard, **{f"quality.gates: {gate}": gate[0] for gate in self.gates}}
        for term, score in scores.items():
            if score is not None and not 0 <= score <= self.scale:
                raise ContractError(f"{term} must lie on the scale 0 to {self.scale:g}, got {score!r}.")
        if (self.kind == "gate_table") != bool(self.gates):
            raise ContractError("quality.gates and quality.kind = 'gate_table' need each other.")
        for before, after in zip(self.gates, self.gates[1:], strict=False):
            if not (after[0] > before[0] and after[1] >= before[1] and after[2] <= before[2]):
                raise ContractError(
                    f"quality.gates must be monotone: a higher score never earns less or owes more, "
                    f"got {before} then {after}."
                )


@checked
class SizeTerms:
    """Smallest size.

    Parameters
    ----------
    minimum : smallest number of assigned persons
    below : what happens to a smaller group: the settlement is refused, or made all the same ("settle")
    """

    minimum: HeadCount = 0
    below: Literal["refuse", "settle"] = "refuse"


@checked
class YearsTerms:
    """Several years of one contract.

    Parameters
    ----------
    pool : years settled as one, benchmark and spending weighted by insured-years; 1: each year alone
    carry_over_losses : whether losses that were not shared are subtracted from later savings before sharing
    stop_after : consecutive years of losses beyond the loss threshold after which the contract stops; 0: never
    savings_cap_benchmark, losses_cap_benchmark : caps over the years: all that was paid (owed) so far, as a fraction of
        the benchmarks so far, or None
    """

    pool: Annotated[Years, Field(ge=1), Allowed("a whole number of years of at least 1, at most 100", "years")] = 1
    carry_over_losses: Flag = False
    stop_after: Annotated[Years, Field(ge=0), Allowed("a whole number of years, 0 for never, at most 100", "years")] = 0
    savings_cap_benchmark: Fraction | None = None
    losses_cap_benchmark: Fraction | None = None


@checked
class RebasingTerms:
    """How the benchmark follows the group's own spending in a contract of several years.

    Parameters
    ----------
    every : contract years between two baselines; 0: the first baseline holds throughout, 1: rolling
    years : years before that form the new baseline, with equal weights
    new_weight : weight of the new baseline; the rest has the first benchmark, or regional spending that stands for it
    prior_savings : share of the measured savings of these years that is added back, if that is more than the first
        benchmark adds
    """

    every: Annotated[Years, Field(ge=0), Allowed("a whole number of years, 0 for never, at most 100", "years")] = 0
    years: Annotated[Years, Field(ge=1), Allowed("a whole number of years of at least 1, at most 100", "years")] = 3
    new_weight: Fraction = 1.0
    prior_savings: Fraction = 0.0


@checked
class NetTerms:
    """What changes the gross saving.

    Parameters
    ----------
    deductions : costs that may be subtracted from savings
    direct_savings : projects whose savings are price times volume
    """

    deductions: Names = ()
    direct_savings: Names = ()
