r"""advise: which design, method and threshold a next contract could use, and whether any of them works at its size.

Over placebos i, which saved nothing, with measured rates r, thresholds T >= 0, spending Y and benchmark B:

.. math:: F = P(r_i \ge T_i), \qquad D = P(r_i + s_i Y_i / \bar B_i \ge T_i)

are the false payment rate and the detection rate. :math:`s_i` is the part of the group's own spending that the target
saving, a fraction of all spending, comes to under the design. It is on one scale for all definitions of spending.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtri

from ssinfer.arguments import Choice, Number, checked, read_fields
from ssinfer.backtesting.frames import ADVICE, rows_with
from ssinfer.backtesting.kernels.block_bootstrap import MIN_BLOCKS, spread_of_replicates
from ssinfer.backtesting.result import BacktestResult
from ssinfer.backtesting.thresholds_of_placebos import Replicates, thresholds_of_key
from ssinfer.errors import RefusalError
from ssinfer.finding import estimate
from ssinfer.thresholds.kind import KINDS, UNINFORMED, ThresholdKey
from ssinfer.typing import Floats, Positions

MIN_ORIGINS = 5  # with fewer folds, each choice is made on so few windows that it differs between seeds
MAX_BLOCK_FOLDS = 10  # with fewer origins
MIN_JUDGED = 0.5  # share of its placebos that a specification must judge: refusing most of them is no precision
NEVER, EVERY = "never pay", "pay every saving"
RATES = ("false_payment_rate", "detection_rate")
Z_REFUSED = float(ndtri(0.95))  # a one-sided test at 5%


@dataclass(frozen=True)
class AdviceRule:
    """The rule of an advice, stated before any result is seen.

    Attributes
    ----------
    target_saving : true saving that a contract should find, a fraction of all spending, above zero
    detection : probability with which it should be found, a fraction
    level, side : of the threshold that settles; they fix the share of contracts that may be paid without a saving
    """

    target_saving: float = 0.03
    detection: float = 0.5
    level: float = 0.95
    side: str = "one-sided"

    def __post_init__(self) -> None:
        shares = dict.fromkeys(("target_saving", "detection", "level"), Number(0, 1, open=True))
        read_fields(self, **shares, side=Choice(("one-sided", "two-sided")))

    @property
    def false_payments(self) -> float:
        """The stated share of false payments: 1 - level one-sided, half of it two-sided."""
        return (1 - self.level) / (2 if self.side == "two-sided" else 1)


@dataclass(frozen=True)
class Specification:
    """A design, a method and a threshold; its definition of spending, and its place in the order of simplicity."""

    design: str
    method: str
    threshold: ThresholdKey
    definition: str = ""
    order: tuple[int, ...] = ()

    @property
    def pair(self) -> tuple[str, str]:
        """The design and the method."""
        return self.design, self.method

    def __str__(self) -> str:
        key = self.threshold
        return ", ".join(str(part) for part in (*self.pair, key.kind, key.level, key.side, key.prior) if part)


@dataclass(frozen=True, eq=False, repr=False)
class Advice:
    """Advice for a next contract of this size.

    Attributes
    ----------
    outcome : "feasible", "weak" or "not feasible"
    reasons : ids of what does not hold: "false_payments", "detection"
    specification : the advised one; if nothing is feasible, the one that comes nearest
    false_payment_rate, detection_rate : of such a choice on windows that did not choose, with block-bootstrap errors
    table : one row per specification, and rows "never pay" and "pay every saving" of the advised design (`ADVICE`)
    rule : the stated rule
    folds : "origin" or "block": what did not choose
    of_all : whether the target saving is a fraction of all spending; False: of each design's own
    """

    outcome: Literal["feasible", "weak", "not feasible"]
    reasons: tuple[str, ...]
    specification: Specification
    false_payment_rate: float
    false_payment_rate_se: float
    detection_rate: float
    detection_rate_se: float
    table: pd.DataFrame
    rule: AdviceRule
    folds: Literal["origin", "block"]
    of_all: bool

    def row_of(self, settles: Mapping[str, Any]) -> "pd.Series[Any] | None":
        """Return the row of the fit, method and threshold that settle today; None if they were not tried."""
        key = settles.get("threshold") or {}
        wanted = {"design": settles.get("fit"), "method": settles.get("method"), "kind": key.get("kind")}
        wanted |= {name: key.get(name) for name in ("level", "side", "prior")}
        rows = self.table[np.logical_and.reduce([self.table[name] == value for name, value in wanted.items()])]
        return rows.iloc[0] if len(rows) else None

    def finds_enough(self, row: "pd.Series[Any]") -> bool:
        """Return whether a specification is admitted, and finds the target saving as often as is asked."""
        return bool(row["admitted"] and row["detection_rate"] - row["detection_rate_se"] >= self.rule.detection)

    def document(self) -> dict[str, Any]:
        """Return what finding.json holds: the outcome, the specification, the rule, and rates with their errors."""
        chosen = self.specification
        said: dict[str, Any] = {"outcome": self.outcome, "reasons": list(self.reasons)}
        said |= {"design": chosen.design, "method": chosen.method, "threshold": dict(vars(chosen.threshold))}
        said |= {name: estimate(vars(self), name) for name in RATES}
        return {**said, "rule": dict(vars(self.rule)), "of_all": self.of_all}

    def __repr__(self) -> str:
        return (
            f"Advice: {self.outcome}; {self.specification}; on windows that did not choose it pays "
            f"{100 * self.false_payment_rate:.1f}% of contracts without savings and finds a saving of "
            f"{100 * self.rule.target_saving:g}% in {100 * self.detection_rate:.0f}% ({len(self.table) - 2} tried)"
        )


def may_pay(share: Floats | float, rate: Floats | float, error: Floats | float) -> NDArray[np.bool_]:
    """Return whether a one-sided test at 5% does not refuse that this false payment rate is at most a share."""
    return np.asarray(rate - Z_REFUSED * error <= share)


@checked()
def advise(
    result: BacktestResult, rule: AdviceRule | None = None, specifications: Sequence[Specification] | None = None
) -> Advice:
    r"""Advise on a next contract: feasible, weak or not feasible at this size, and by which specification.

    A specification is admitted if its false payment rate less 1.645 standard errors is at most the stated share, so
    unless a one-sided test at 5% refuses that it pays at most this share. A limit on the estimate itself would refuse
    half of all thresholds that pay exactly the share, and a limit of one standard error one in six. Of the admitted
    ones the highest detection rate is the best. Among those with the best one's definition of spending whose paired
    difference to it is at most one standard error, the first in the order of simplicity is advised.

    The figures of the advice are cross-fitted. Each origin (with fewer than five: each tenth of the blocks of
    neighbours) is judged by the specification that the others choose, because the best of many looks better than it is
    (Ferman, Pinto and Possebom 2020, doi 10.1002/pam.22206). With these figures, D, F and their standard errors, the
    outcome is

    - *feasible* if :math:`D - se(D)` is at least the stated probability and :math:`F - 1.645\,se(F)` at most the
      share;
    - *not feasible* if :math:`D + se(D)` is below the stated probability;
    - *weak* otherwise.

    Refused placebos, and those without a threshold, are in neither rate; the table counts them. The comparison of
    specifications counts them as not found, and one that judges fewer than half of its placebos is not admitted.

    Parameters
    ----------
    result : BacktestResult
        A column `own_saving` of its placebos is the target saving as a fraction of their own spending; without it the
        target saving is that fraction.
    rule : AdviceRule; default: a saving of 3% with probability 50%, one-sided at 95%
    specifications : those among which is chosen; default: each design and method with each kind of threshold that may
        settle, simplest first in the order of methods in `result`, of kinds, and of designs in `result`

    Raises
    ------
    RefusalError : no specification has a threshold, or the placebos lie in fewer than five blocks of neighbours
    """
    rule = AdviceRule() if rule is None else rule
    placebos = rows_with(result.placebos, role="placebo")
    ok, n_placebos = rows_with(placebos, status="ok"), placebos.groupby(["design", "method"]).size()
    blocks = pd.Index(np.unique(ok["block"]))
    if len(blocks) < MIN_BLOCKS:
        raise RefusalError(
            f"No advice: {len(ok)} estimated placebo contracts lie in {len(blocks)} blocks of neighbouring units. "
            f"A standard error needs {MIN_BLOCKS}. Name more placebo units."
        )
    folds: Literal["origin", "block"] = "origin" if len(pd.unique(ok["origin"])) >= MIN_ORIGINS else "block"
    fold = pd.Series(pd.factorize(ok[folds])[0] % (MAX_BLOCK_FOLDS if folds == "block" else len(ok)), index=ok.index)
    if specifications is None:
        methods = [str(method) for method in pd.unique(ok["method"])]
        by_design = ok.groupby("design", sort=False)["method"]
        specifications = candidates([(str(d), list(pd.unique(of)), "", None) for d, of in by_design], methods, rule)
    replicates = {
        pair: Replicates(rows, result.seed, blocks) for pair, rows in ok.groupby(["design", "method"], sort=False)
    }
    counted: dict[Specification, Floats] = {}
    for each in sorted(specifications, key=lambda specification: specification.order):
        of_pair = replicates.get(each.pair)
        if of_pair is not None and (thresholds := _thresholds(of_pair, each.threshold, result.errors)) is not None:
            counted[each] = payment_sums(of_pair, thresholds, fold, rule.target_saving)
    tried = [each for each, sums in counted.items() if sums[2, 0].any()]
    if not tried:
        raise RefusalError("No advice: no placebo has a threshold of a specification. Look at their status and reason.")
    sums = np.stack([counted[each] for each in tried])  # (C, 3, 1 + K, folds)
    rows_of_pair = np.array([n_placebos[each.pair] for each in tried])
    judged = sums[:, 2, 0].sum(axis=-1) / rows_of_pair
    definitions = pd.factorize(np.array([each.definition for each in tried]))[0]
    whole = _compared(sums.sum(axis=-1), judged, definitions, rule)
    held = np.zeros(sums.shape[1:3])
    for number in range(sums.shape[-1]):
        without = _compared(sums.sum(axis=-1) - sums[..., number], judged, definitions, rule)
        held += sums[without["advised"].argmax(), ..., number]
    rates = {str(name): float(value) for name, value in rate_table(held[None]).iloc[0].items() if name != "n_rows"}
    (false, false_se), (found, found_se) = ((rates[name], rates[f"{name}_se"]) for name in RATES)
    holds = {
        "false_payments": may_pay(rule.false_payments, false, false_se),
        "detection": found - found_se >= rule.detection,
    }
    reasons = tuple(reason for reason, true in holds.items() if not true)
    labels = pd.DataFrame([{**vars(each), **each.threshold.labels} for each in tried])
    table = labels.join(whole).assign(n_unjudged=rows_of_pair - whole["n_rows"])
    table = table.sort_values(["admitted", "detection_rate"], ascending=False, kind="stable")
    chosen = tried[whole["advised"].argmax()]
    of_chosen = replicates[chosen.pair]
    at = [
        payment_sums(of_chosen, np.full((1, len(of_chosen.rows)), rate), fold, rule.target_saving)
        for rate in (np.inf, 0.0)
    ]
    ends = rate_table(np.stack(at).sum(axis=-1)).assign(**vars(chosen) | {"order": 0})
    ends = ends.assign(kind=[NEVER, EVERY], side="", prior="", admitted=False, advised=False)
    ends["n_unjudged"] = n_placebos[chosen.pair] - ends["n_rows"]
    return Advice(
        outcome="not feasible" if found + found_se < rule.detection else "weak" if reasons else "feasible",
        reasons=reasons,
        specification=chosen,
        **rates,
        table=pd.concat([table, ends], ignore_index=True)[list(ADVICE.header())],
        rule=rule,
        folds=folds,
        of_all="own_saving" in ok.columns,
    )


def candidates(
    designs: Iterable[tuple[str, Sequence[str], str, ThresholdKey | None]], methods: Sequence[str], rule: AdviceRule
) -> list[Specification]:
    """Return designs and their methods with each kind of threshold that may settle, at the rule's level and side.

    `designs` are name, methods, definition of spending, and a stated threshold, which is one more if it has no other
    level or side. Simplest are the first of `methods`, then the first kind, then the first design.
    """
    at = rule.level, rule.side
    kinds = [kind for kind in KINDS.entries() if kind.settles and kind.has_level and kind.in_backtests]
    priors = [
        (kind, prior) for kind in kinds for prior in kind.priors if prior in UNINFORMED and rule.side in kind.sides
    ]
    keys = [ThresholdKey(kind.name, *at, prior) for kind, prior in priors]
    found: dict[tuple[Any, ...], Specification] = {}
    for number, (design, own_methods, definition, stated) in enumerate(designs):
        own = [] if stated is None or (stated.level is not None and (stated.level, stated.side) != at) else [stated]
        for method, key in product(own_methods, [*keys, *own]):
            order = methods.index(method), KINDS.find(key.kind).order, number
            found.setdefault((design, method, key), Specification(design, method, key, definition, order))
    return list(found.values())


def _thresholds(replicates: Replicates, key: ThresholdKey, errors: NDArray[np.float32]) -> Floats | None:
    """Return the thresholds (1 + K, R) of placebos, and learned again in K replicates, or (1, R) where they stay."""
    once = thresholds_of_key(replicates.rows, key, errors)
    if once is None or np.isnan(once).all():
        return None
    again = replicates.thresholds(replicates.rows, key)
    return once[None] if again is None else np.vstack([once, again])


def payment_sums(replicates: Replicates, thresholds: Floats, fold: "pd.Series[int]", saving: float) -> Floats:
    """Return false payments, detected savings and placebos (3, 1 + K, folds): counts, then those of each replicate."""
    rows = replicates.rows
    rate, relative = rows["savings_rate"].to_numpy(), (rows["spending"] / rows["benchmark"]).to_numpy()
    falls = np.full(len(rows), saving) * rows.get("elasticity", 1.0)
    own = np.asarray(rows.get("own_saving", falls), dtype=float)
    weights = np.take(replicates.counts, replicates.block.to_numpy(), axis=1)
    inside = (fold[rows.index].to_numpy()[:, None] == np.arange(fold.max() + 1)).astype(float)
    known, limits = np.isfinite(own) & ~np.isnan(thresholds), np.maximum(thresholds, 0.0)  # a loss is never paid
    paid = (rate >= limits, rate + own * relative >= limits, np.ones(limits.shape, dtype=bool))
    return np.stack([(weights * (values & known)) @ inside for values in paid])


def _rates(sums: Floats, n_blocks: int = MIN_BLOCKS) -> tuple[Floats, Floats]:
    """Return false payment and detection rates (2, C, 1 + K) of sums (C, 3, 1 + K), and their errors (2, C)."""
    with np.errstate(invalid="ignore", divide="ignore"):
        rates = np.moveaxis(sums[:, :2] / sums[:, 2:], 0, 1)
    return rates, np.stack([spread_of_replicates(part[:, 1:].T, n_blocks) for part in rates])


def rate_table(sums: Floats, n_blocks: int = MIN_BLOCKS) -> pd.DataFrame:
    """Return the number of placebos, and both rates with their errors, of sums (C, 3, 1 + K)."""
    (false, found), (false_se, found_se) = _rates(sums, n_blocks)
    table = pd.DataFrame({"n_rows": sums[:, 2, 0].astype(int), "false_payment_rate": false[:, 0]})
    return table.assign(false_payment_rate_se=false_se, detection_rate=found[:, 0], detection_rate_se=found_se)


def _compared(sums: Floats, judged: Floats, definitions: Positions, rule: AdviceRule) -> pd.DataFrame:
    """Return rates of specifications (C, 3, 1 + K), simplest first, differences to the best, and which is advised."""
    table, found = rate_table(sums), _rates(sums)[0][1] * judged[:, None]
    false, false_se = (table[name].to_numpy() for name in ("false_payment_rate", "false_payment_rate_se"))
    admitted = (judged >= MIN_JUDGED) & may_pay(rule.false_payments, false, false_se)
    # Without any that is admitted, the one that pays least often comes nearest.
    best = np.argmax(np.where(admitted, found[:, 0], np.where(admitted.any(), -1.0, -np.nan_to_num(false, nan=2.0))))
    behind = found[best] - found
    behind_se = spread_of_replicates(behind[:, 1:].T, MIN_BLOCKS)
    near = admitted & (definitions == definitions[best]) & (behind[:, 0] <= behind_se)
    advised = np.arange(len(table)) == (np.argmax(near) if near.any() else best)
    return table.assign(difference=behind[:, 0], difference_se=behind_se, admitted=admitted, advised=advised)
