"""ThresholdKind declares one kind of threshold; ThresholdKey names one threshold of a kind."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any, Literal

from ssinfer.level import check_level, check_side, tail
from ssinfer.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pandas as pd

    from ssinfer.counterfactual import Counterfactual
    from ssinfer.thresholds.threshold import Threshold
    from ssinfer.typing import Floats, Positions

#: Priors under which a level is a rate of false payments, and not only a posterior probability.
UNINFORMED = ("", "flat")

#: Kind of a threshold that is the contract's own.
CONTRACT = "contract"

#: All threshold kinds: module attributes KIND in this package, and entry points of the group ``ssinfer.thresholds``.
KINDS = Registry("threshold kind", "ssinfer.thresholds", "KIND", "ssinfer.thresholds")


@dataclass(frozen=True)
class ThresholdKey:
    """Names one threshold: kind, level (None for a kind without levels), side, and prior (empty without priors).

    >>> key = ThresholdKey("credible", 0.95, "one-sided", "flat")
    >>> key.column, round(key.promised_rate, 4)
    ('threshold_credible_95_one-sided_flat', 0.05)
    """

    kind: str
    level: float | None = None
    side: str = "one-sided"
    prior: str = ""

    @classmethod
    def of(cls, row: Mapping[str, Any] | pd.Series[Any]) -> ThresholdKey:
        """Return the key of a row of a written table, in which a kind without levels has the level NaN."""
        level = row["level"]
        known = level is not None and level == level  # noqa: PLR0124  (NaN differs from itself)
        return cls(str(row["kind"]), float(level) if known else None, str(row["side"]), str(row["prior"]))

    @property
    def labels(self) -> dict[str, Any]:
        """The columns of a written table: kind, level (NaN where there is none), side, prior."""
        level = float("nan") if self.level is None else self.level
        return {"kind": self.kind, "level": level, "side": self.side, "prior": self.prior}

    @property
    def column(self) -> str:
        """Name of the column of a backtest's placebos that holds this threshold of each placebo."""
        level = [] if self.level is None else [f"{100 * self.level:g}"]
        prior = [self.prior] if self.prior else []
        return "_".join(["threshold", self.kind.replace(" ", "_"), *level, self.side, *prior])

    @property
    def fraction(self) -> float:
        """The level of a kind that has levels."""
        return check_level(self.level)

    @property
    def tail(self) -> float:
        """The quantile of the null error at which the threshold lies."""
        return tail(self.fraction, check_side(self.side))

    @property
    def informed(self) -> bool:
        """Whether an informative prior is used. The level is then not the false-payment rate."""
        return self.prior not in UNINFORMED

    @property
    def promised_rate(self) -> float | None:
        """The false-payment rate that the level promises; None without a level or under an informative prior."""
        if self.level is None or self.informed:
            return None
        return (1 - self.level) / (2 if self.side == "two-sided" else 1)

    def rows(self, frame: pd.DataFrame) -> pd.Series[bool]:
        """Return which rows of a table with columns kind, level, side and prior are of this threshold."""
        level = frame["level"].isna() if self.level is None else frame["level"] == self.level
        return (frame["kind"] == self.kind) & level & (frame["side"] == self.side) & (frame["prior"] == self.prior)


@dataclass(frozen=True, eq=False)
class PlaceboFit:
    """Relative null errors E0 / Bbar (S,) of one placebo's own fit; None where the method gives no such draws."""

    posterior: Floats | None  # of the posterior predictive distribution
    sampling: Floats | None  # of the sampling distribution


#: Returns thresholds (replicates, part) of some of the rows that it was learned from, for a key.
type ReplicateThresholds = Callable[[pd.DataFrame, ThresholdKey], Floats]


@dataclass(frozen=True, kw_only=True, eq=False)
class ThresholdKind:
    """Declares one kind of threshold, with everything that studies, backtests and reports need to know about it.

    Attributes
    ----------
    name : key of the kind in study files and in the column `kind` of tables; catalogues have its names in print
    order : position in tables and figures
    learns_from : error distribution of the group's own fit, savings of placebos, or number of insured alone
    for_case : callable (counterfactual, placebos, seed) -> callable (key) -> Threshold
        Learns from the case and from placebos (a frame if `learns_from` is "placebos", or else possibly None). Both
        callables may raise an SsinferError; its message is the reason in tables.
    for_fits : callable (fits, keys) -> array (fits, keys), optional
        Returns thresholds (rates) of placebos from their own fits. NaN: none. Infinite: no measured saving passes.
    for_placebos : callable (rows, keys) -> mapping of key to array (rows,), optional
        Returns thresholds of the estimated placebos of one design and method, each without that placebo's own block
        of neighbours. Keys for which too few placebos exist are left out.
    for_replicates : callable (rows, blocks, weights) -> callable (part, key) -> array (replicates, part), optional
        Learns the thresholds again in bootstrap replicates. `rows` are as in `for_placebos`, `blocks` (rows,) are their
        block numbers, `weights` (replicates, blocks) is how often each block is drawn, and `part` selects rows.
    for_errors : callable (errors, key) -> array (R,), optional
        Returns thresholds of placebos from null errors (R, S) that a backtest keeps, for a kind that only designs name.
    for_scenario : callable (scenario, standard error) -> float, optional; the rate of a contract before there are data
    distribution : for a kind that learns from the fit, what the method must offer, such as "posterior"
    has_level : whether the kind has levels of confidence or probability
    sides, priors : sides, and names of priors on the true savings rate; one empty name for a kind without priors
    settles : whether a study may settle a contract by this kind
    on_request : whether the kind takes long and is computed only where a study asks for it
    pays : whether the threshold decides on payment; False for a kind whose use is its detectable saving
    across_sizes : whether it learns from placebos of all sizes, once; the thresholds then are columns of the placebos
    multiple_of_standard_error : whether each placebo's threshold is one learned multiple of its standard error
    label, words : names of a plug-in, in no catalogue: in tables ("Flat"), in sentences ("the flat rate")
    """

    name: str
    order: int
    learns_from: Literal["fit", "placebos", "size"]
    for_case: Callable[[Counterfactual, Any, int], Callable[[ThresholdKey], Threshold]]
    for_fits: Callable[[Sequence[PlaceboFit], Sequence[ThresholdKey]], Floats] | None = None
    for_placebos: Callable[[pd.DataFrame, Sequence[ThresholdKey]], Mapping[ThresholdKey, Floats]] | None = None
    for_replicates: Callable[[pd.DataFrame, Positions, Floats], ReplicateThresholds] | None = None
    for_errors: Callable[[Floats, ThresholdKey], Floats] | None = None
    for_scenario: Callable[[Any, float], float] | None = None
    distribution: str = ""
    has_level: bool = True
    sides: tuple[str, ...] = ("one-sided", "two-sided")
    priors: tuple[str, ...] = ("",)
    settles: bool = False
    on_request: bool = False
    pays: bool = True
    across_sizes: bool = False
    multiple_of_standard_error: bool = False
    label: str = ""
    words: str = ""

    def keys(self, levels: Sequence[float]) -> tuple[ThresholdKey, ...]:
        """Return the keys of this kind by level, side and prior."""
        labels = product(levels if self.has_level else (None,), self.sides, self.priors)
        return tuple(ThresholdKey(self.name, level, side, prior) for level, side, prior in labels)

    @property
    def in_columns(self) -> bool:
        """Whether thresholds of placebos are columns of a backtest's placebos."""
        return self.for_fits is not None or (self.for_placebos is not None and self.across_sizes)

    @property
    def in_backtests(self) -> bool:
        """Whether placebos have thresholds of this kind."""
        return self.for_fits is not None or self.for_placebos is not None
