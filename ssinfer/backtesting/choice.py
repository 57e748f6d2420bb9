"""choose_design: chooses a design, method and threshold, and reports their performance on held-out folds."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from ssinfer.arguments import SHARE, checked
from ssinfer.backtesting.frames import CROSS_FITTED, SPECIFICATIONS
from ssinfer.backtesting.kernels.block_bootstrap import BOOTSTRAP_REPLICATES, spread_of_replicates
from ssinfer.backtesting.misallocation import MEASURES, Misallocation
from ssinfer.backtesting.pareto import pareto_set
from ssinfer.backtesting.result import BacktestResult
from ssinfer.backtesting.thresholds_of_placebos import Replicates, thresholds_of_key, thresholds_of_placebos
from ssinfer.errors import RefusalError
from ssinfer.thresholds.kind import KINDS, ThresholdKey

LABELS = ["design", "method", "kind", "level", "side", "prior"]


@dataclass(frozen=True)
class Specification:
    """A design, a method and a threshold."""

    design: str
    method: str
    threshold: ThresholdKey

    @property
    def pair(self) -> tuple[str, str]:
        """The design and the method."""
        return self.design, self.method

    @property
    def labels(self) -> dict[str, Any]:
        """The columns of a written table: design, method, and those of the threshold."""
        return {"design": self.design, "method": self.method, **self.threshold.labels}

    def __str__(self) -> str:
        parts = (self.design, self.method, self.threshold.kind, self.threshold.level, self.threshold.side)
        return ", ".join(str(part) for part in (*parts, self.threshold.prior) if part)


@dataclass(frozen=True, eq=False, repr=False)
class Choice:
    """A choice of design, method and threshold.

    Attributes
    ----------
    best : the specification with the smallest expected misallocation over all windows
    specifications : one row per specification, the smallest misallocation first
    cross_fitted : one row per fold: the specification chosen without the fold, and its performance in the fold
    pareto : result of :func:`pareto_set`
    errors : block-bootstrap standard errors of the cross-fitted figures; each replicate learns thresholds from placebos
        again, but does not repeat the choice of each fold
    study : weights and true savings of the loss, for the record
    """

    best: Specification
    specifications: pd.DataFrame
    cross_fitted: pd.DataFrame
    pareto: pd.DataFrame
    errors: dict[str, float]
    study: dict[str, Any]

    def summary(self) -> dict[str, float]:
        """Return the cross-fitted figures of the choice: means over the folds, weighted by their placebos."""
        numbers = self.cross_fitted.drop(columns=["fold", *LABELS])
        weights = self.cross_fitted["n_rows"].to_numpy(dtype=float)
        known = numbers.notna().to_numpy() * weights[:, None]
        with np.errstate(invalid="ignore"):
            means = (numbers.fillna(0.0).to_numpy() * known).sum(axis=0) / known.sum(axis=0)
        return dict(zip(numbers.columns, means.tolist(), strict=True))

    def __repr__(self) -> str:
        summary = self.summary()
        return (
            f"Choice: {self.best}; on held-out folds it pays {100 * summary['false_payment_rate']:.1f}% of null "
            f"contracts and misallocates {100 * summary['misallocation']:.2f}% of the benchmark "
            f"({len(self.specifications)} specifications tried)"
        )


@checked(at_most=SHARE)
def choose_design(
    result: BacktestResult,
    savings: Sequence[float] = (0.0, 0.02, 0.05),
    chances: Sequence[float] | None = None,
    overpaid: float = 1.0,
    underpaid: float = 1.0,
    share: float = 0.5,
    kinds: Sequence[str] | None = None,
    levels: Sequence[float] = (0.95, 0.90),
    at_most: float = 1.0,
) -> Choice:
    r"""Choose the specification with the smallest expected misallocation, and report its performance on held-out folds.

    .. math:: L = \sum_s p_s \, E\bigl[w_o (P_s - f s)^+ + w_u (f s - P_s)^+\bigr],\qquad
              P_s = f M_s\,1\{M_s \ge T\},\; M_s = r + s Y / \bar B

    over placebos with their own thresholds T. A fold is one origin, or one block of neighbours if there is a single
    origin. The specification is chosen without the fold and scored in the fold, because the best of many specifications
    looks better than it is (13% false positives over six: Ferman, Pinto and Possebom 2020, doi 10.1002/pam.22206).

    A placebo that a method refuses, or without a threshold of the kind, is not paid. It counts in misallocation (the
    whole payment due is lost) and in detection, so that a method cannot look better by refusing difficult contracts.
    False payments leave it out.

    Parameters
    ----------
    result : BacktestResult
    savings, chances : true savings rates (fractions) and their probabilities; equal probabilities if not given
    overpaid, underpaid : weights of a euro paid too much and of a euro paid too little
    share : sharing rate f, a fraction; first-dollar
    kinds : names of the threshold kinds considered, with all their sides and priors; None: all that placebos have
    levels : levels considered, fractions
    at_most : highest false-payment rate of a specification that may be chosen, on the placebos that choose it. If none
        pays so rarely, the one with the lowest rate is chosen. A limit below 1 excludes kinds that are not `limitable`.

    Raises
    ------
    ParameterError : a rate, probability or limit is impossible
    RefusalError : no placebo has a threshold of these kinds
    """
    equal = [1 / max(len(savings), 1)] * len(savings)
    loss = Misallocation(tuple(savings), tuple(equal if chances is None else chances), overpaid, underpaid, share)
    placebos = result.placebos[result.placebos["role"] == "placebo"]
    fold_of = "origin" if len(pd.unique(placebos["origin"])) > 1 else "block"
    tried: list[Specification] = []
    frames: list[pd.DataFrame] = []
    for (design, method), part in placebos.groupby(["design", "method"], sort=False):
        ok, refused = part[part["status"] == "ok"], part[part["status"] != "ok"]
        if ok.empty:
            continue
        lost = loss.of_refusal(ok)
        for key, thresholds in thresholds_of_placebos(ok, levels).items():
            if kinds is None or key.kind in kinds:
                known = ~np.isnan(thresholds)
                unpaid = pd.concat([ok[~known], refused])
                scores = loss.score(ok[known], thresholds[known])
                columns = {name: np.append(scores[name], np.full(len(unpaid), lost[name])) for name in MEASURES}
                fold = [*ok.loc[known, fold_of], *unpaid[fold_of]]
                frames.append(pd.DataFrame(columns).assign(fold=fold, specification=len(tried)))
                tried.append(Specification(str(design), str(method), key))
    if not frames:
        wanted = "any kind" if kinds is None else f"kinds {tuple(kinds)}"
        cure = "Look at their status and reason." if kinds is None else f"Name others of {KINDS.names()}."
        raise RefusalError(f"No threshold of {wanted} exists for these placebos. {cure}")
    table = pd.concat(frames, ignore_index=True)
    table["fold"], folds = pd.factorize(table["fold"])
    labels = pd.DataFrame([specification.labels for specification in tried])
    specifications = _mean_scores(table, labels)
    best = _choose(specifications, at_most)
    chosen, rows = [], []
    for number, fold in enumerate(folds):
        inside = table["fold"] == number
        without = _choose(_mean_scores(table[~inside], labels), at_most)
        in_fold = inside & (table["specification"] == without)
        chosen.append((fold, tried[without]))
        means: dict[str, float] = dict(table.loc[in_fold, list(MEASURES)].mean())
        rows.append({"fold": fold, **tried[without].labels, **means, "n_rows": int(in_fold.sum())})
    return Choice(
        best=tried[best],
        specifications=SPECIFICATIONS.conform(specifications.drop(columns="specification")),
        cross_fitted=CROSS_FITTED.frame(rows),
        pareto=pareto_set(result),
        errors=_cross_fitted_errors(placebos, fold_of, chosen, loss, result.seed),
        study={**asdict(loss), "at_most": at_most, "folds": fold_of},
    )


def admitted(specifications: pd.DataFrame, at_most: float) -> "pd.Series[bool]":
    """Return which specifications a limit on false payments admits."""
    rare = specifications["false_payment_rate"] <= at_most
    return rare if at_most >= 1 else rare & _limitable(specifications)


def _limitable(specifications: pd.DataFrame) -> "pd.Series[bool]":
    return specifications["kind"].map({kind.name: kind.limitable for kind in KINDS.entries()})


def _mean_scores(table: pd.DataFrame, labels: pd.DataFrame) -> pd.DataFrame:
    """Return mean scores by specification, the best first; ties go to the earlier name and the higher level."""
    means = table.drop(columns="fold").groupby("specification").mean()
    named = labels.loc[means.index].join(means).rename_axis("specification").reset_index()
    upwards = [name != "level" for name in ["misallocation", *LABELS]]
    return named.sort_values(["misallocation", *LABELS], ascending=upwards, kind="stable", ignore_index=True)


def _choose(specifications: pd.DataFrame, at_most: float) -> int:
    """Return the number of the first specification that the limit admits; without one, of the lowest rate."""
    allowed = specifications[admitted(specifications, at_most)]
    if not len(allowed):
        limitable = specifications[_limitable(specifications)]
        rest = limitable if len(limitable) else specifications
        allowed = rest.sort_values("false_payment_rate", kind="stable")
    return int(allowed["specification"].iloc[0])


def _cross_fitted_errors(
    placebos: pd.DataFrame, fold_of: str, chosen: Sequence[tuple[Any, Specification]], loss: Misallocation, seed: int
) -> dict[str, float]:
    """Return standard errors of the cross-fitted figures, over replicates that draw blocks of all folds."""
    blocks = pd.Index(pd.unique(placebos["block"]))
    sums = {name: np.zeros(BOOTSTRAP_REPLICATES) for name in MEASURES}
    counts = {name: np.zeros(BOOTSTRAP_REPLICATES) for name in MEASURES}
    replicates: dict[tuple[str, str], Replicates] = {}
    relearned: dict[Specification, Any] = {}  # thresholds per replicate, or None
    for fold, specification in chosen:
        part = placebos[(placebos["design"] == specification.design) & (placebos["method"] == specification.method)]
        ok = part[part["status"] == "ok"]
        if specification.pair not in replicates:
            replicates[specification.pair] = Replicates(ok, seed, blocks)
        drawn = replicates[specification.pair]
        if specification not in relearned:
            relearned[specification] = drawn.thresholds(ok, specification.threshold)
        thresholds = thresholds_of_key(ok, specification.threshold)
        assert thresholds is not None  # noqa: S101  (it was chosen because placebos have this threshold)
        in_fold = (ok[fold_of] == fold).to_numpy()
        known = in_fold & ~np.isnan(thresholds)
        again = relearned[specification]
        rates = thresholds[known][None, :] if again is None else again[:, known]
        weights = drawn.row_weights(ok[known])  # (K, R)
        weights = weights * ~np.isnan(np.broadcast_to(rates, weights.shape))
        refused = part[(part["status"] != "ok") & (part[fold_of] == fold)]
        unpaid = pd.concat([ok[in_fold & np.isnan(thresholds)], refused])
        n_unpaid = drawn.weights[:, blocks.get_indexer(unpaid["block"])].sum(axis=1)  # (K,)
        scores, lost = loss.score(ok[known], rates), loss.of_refusal(ok)
        for name in MEASURES:
            counted = not np.isnan(lost[name])
            sums[name] += (weights * scores[name]).sum(axis=1) + n_unpaid * (lost[name] if counted else 0.0)
            counts[name] += weights.sum(axis=1) + (n_unpaid if counted else 0.0)
    errors = {}
    for name in MEASURES:
        some = counts[name] > 0
        errors[name] = float(spread_of_replicates((sums[name][some] / counts[name][some])[:, None], len(blocks))[0])
    return errors
