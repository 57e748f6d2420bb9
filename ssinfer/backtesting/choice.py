"""choose_design: which design, method and threshold to use, and what the choice is worth where it was not made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ssinfer.backtesting.kernels.block_bootstrap import REPLICATES
from ssinfer.backtesting.misallocation import SCORED, Misallocation
from ssinfer.backtesting.pareto import pareto_set
from ssinfer.backtesting.thresholds_of_placebos import Replicates, thresholds_of_key, thresholds_of_placebos
from ssinfer.errors import ParameterError
from ssinfer.thresholds.kind import KINDS, ThresholdKey

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ssinfer.backtesting.backtest import BacktestResult
    from ssinfer.typing import Floats


KEYS = ["design", "method", "kind", "level", "side", "prior"]


@dataclass(frozen=True, eq=False, repr=False)
class Choice:
    """A choice of design, method and threshold.

    Attributes
    ----------
    best : dict
        The specification with the smallest expected misallocation over all windows.
    specifications : DataFrame
        All of them: misallocation (rate of the benchmark, over the stated true savings and weights), best first.
    honest : DataFrame
        A row per fold: what was chosen without it, and what that specification misallocates, pays falsely and
        finds in it.
    pareto : DataFrame
        Designs, methods and kinds of threshold with bias measures and detection at equal false payments, and whether
        any other is at least as good in all of them and better in one.
    errors : dict
        Block-bootstrap standard errors of the honest figures (over blocks of neighbours with all their origins); gates
        that placebos teach are learned again in every replicate, the choice of each fold is not made again.
    study : dict
        Weights and savings of the loss, for the record.
    """

    best: dict[str, Any]
    specifications: pd.DataFrame
    honest: pd.DataFrame
    pareto: pd.DataFrame
    errors: dict[str, float]
    study: dict[str, Any]

    def summary(self) -> dict[str, float]:
        """Return the honest figures of the choice: means over the folds that did not make it."""
        numbers = self.honest.drop(columns=["fold", *KEYS])
        weights = self.honest["n_rows"].to_numpy(dtype=float)
        known = numbers.notna().to_numpy() * weights[:, None]
        with np.errstate(invalid="ignore"):
            means = (numbers.fillna(0.0).to_numpy() * known).sum(axis=0) / known.sum(axis=0)
        return dict(zip(numbers.columns, means.tolist(), strict=True))

    def __repr__(self) -> str:
        words = ", ".join(str(self.best[key]) for key in KEYS if self.best[key] == self.best[key] and self.best[key])
        found = self.summary()
        return (
            f"Choice: {words}; where it was not chosen it pays {100 * found['false_payment_rate']:.1f}% of null "
            f"contracts and misallocates {100 * found['misallocation']:.2f}% of the benchmark "
            f"({len(self.specifications)} specifications tried)"
        )


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
    r"""Choose the specification that minimises expected misallocation, and report it where it was not chosen.

    .. math:: L = \sum_s p_s \, E\bigl[w_o (P_s - f s)^+ + w_u (f s - P_s)^+\bigr],\qquad
              P_s = f M_s\,1\{M_s \ge T\},\; M_s = r + s Y / \bar B

    over placebos with their own gates. The honest figures come from leaving out one origin at a time (blocks of
    neighbours where there is a single origin): the specification is chosen on the rest and scored on what was left
    out, because the best of many looks better than it is (up to 13% false positives over six specifications).
    A placebo that a method refuses, or to which it gives no gate of the kind, is not paid: it counts so in
    misallocation (all that is due is lost) and in detection, so that a method cannot shine by refusing what is hard;
    false payments leave it out.

    Parameters
    ----------
    result : BacktestResult
    savings, chances : sequences of float
        True savings rates and their probabilities; alike if not given.
    overpaid, underpaid : float
        Weights of a euro paid too much and too little.
    share : float
        Sharing rate f, first-dollar.
    kinds : sequence of str, optional
        Names of the threshold kinds considered, with all their sides and priors. Default: all that placebos have.
    levels : sequence of float
        Levels considered.
    at_most : float
        Highest false-payment rate, on the placebos that choose, of a specification that may be chosen; where none is
        so low, the one that pays falsely least is. Below 1 it leaves out the gate of smallest expected loss, which
        pays a contract always or never.

    Returns
    -------
    Choice

    References
    ----------
    Ferman, Pinto and Possebom 2020, doi 10.1002/pam.22206 (specification searching).
    """
    if any(not 0 <= saving < 1 for saving in savings) or not len(savings):
        raise ParameterError(f"savings is {tuple(savings)}; true savings rates are fractions in [0, 1), such as 0.03.")
    chance = np.full(len(savings), 1 / len(savings)) if chances is None else np.asarray(chances, dtype=float)
    if chance.shape != (len(savings),) or (chance < 0).any() or not np.isclose(chance.sum(), 1.0):
        raise ParameterError(f"chances is {chances}; one probability per saving is needed, summing to 1.")
    rows = result.placebos
    placebos = rows[rows["role"] == "placebo"]
    fold_of = "origin" if len(pd.unique(placebos["origin"])) > 1 else "block"
    loss = Misallocation(tuple(savings), tuple(chance.tolist()), overpaid, underpaid, share)
    frames: list[pd.DataFrame] = []
    names: list[tuple[Any, ...]] = []
    for (design, method), part in placebos.groupby(["design", "method"], sort=False):
        ok, refused = part[part["status"] == "ok"], part[part["status"] != "ok"]
        if ok.empty:
            continue
        left = loss.of_refusal(ok)
        for key, gate in thresholds_of_placebos(ok, levels).items():
            if kinds is None or key.kind in kinds:
                known = ~np.isnan(gate)
                judged, other = ok[known], pd.concat([ok[~known], refused])
                found = loss.score(judged, gate[known])
                columns: dict[str, Any] = {
                    name: np.append(found[name], np.full(len(other), left.get(name, np.nan))) for name in SCORED
                }
                columns["fold"] = [*judged[fold_of], *other[fold_of]]
                frames.append(pd.DataFrame(columns).assign(specification=len(names)))
                names.append((design, method, *key.labels.values()))
    if not frames:
        wanted = "any kind" if kinds is None else f"kinds {tuple(kinds)}"
        raise ParameterError(f"No threshold of {wanted} exists for these placebos. Name others of {KINDS.names()}.")
    if not 0 < at_most <= 1:
        raise ParameterError(f"at_most is {at_most}; a false-payment rate is a fraction in (0, 1], such as 0.05.")
    table = pd.concat(frames, ignore_index=True)
    labels = pd.DataFrame(names, columns=KEYS).fillna({"level": -1.0})
    table["fold"], folds = pd.factorize(table["fold"])
    specifications = _means(table, labels)
    best = _choose(specifications, at_most)
    honest = []
    for place, fold in enumerate(folds):
        inside = table["fold"] == place
        chosen = _choose(_means(table[~inside], labels), at_most)
        mine = inside & (table["specification"] == chosen["specification"])
        numbers = table.loc[mine, SCORED].mean().to_dict()
        honest.append({"fold": fold, **chosen[KEYS].to_dict(), **numbers, "n_rows": int(mine.sum())})
    return Choice(
        best={name: best[name] for name in KEYS},
        specifications=specifications.drop(columns="specification"),
        honest=pd.DataFrame(honest),
        pareto=pareto_set(result),
        errors=_honest_errors(placebos, fold_of, honest, loss, result.seed),
        study={
            "savings": tuple(savings),
            "chances": tuple(chance.tolist()),
            "overpaid": overpaid,
            "underpaid": underpaid,
            "share": share,
            "at_most": at_most,
            "folds": fold_of,
        },
    )


def _means(table: pd.DataFrame, labels: pd.DataFrame) -> pd.DataFrame:
    """Return specifications by expected misallocation, the smallest first.

    Ties go to the earlier name and the higher level: two-sided 90% and one-sided 95% are one gate.
    """
    means = table.drop(columns="fold").groupby("specification").mean()
    named = labels.loc[means.index].join(means).rename_axis("specification").reset_index()
    upwards = [name != "level" for name in ["misallocation", *KEYS]]
    return named.sort_values(["misallocation", *KEYS], ascending=upwards, kind="stable", ignore_index=True)


def _choose(specifications: pd.DataFrame, at_most: float) -> pd.Series[Any]:
    """Return the first specification that pays falsely rarely enough; without one, that which does so least."""
    allowed = specifications[admitted(specifications, at_most)]
    if len(allowed):
        return allowed.iloc[0]
    limited = specifications[_limitable(specifications)]
    return (limited if len(limited) else specifications).sort_values("false_payment_rate", kind="stable").iloc[0]


def admitted(specifications: pd.DataFrame, at_most: float) -> pd.Series[bool]:
    """Return which specifications a limit on false payments admits.

    The gate of smallest expected loss pays one contract from about the first cent and another never: its mean over
    placebos is no rate that any one contract would meet, so a limit below 1 does not admit it.
    """
    rare = specifications["false_payment_rate"] <= at_most
    return rare if at_most >= 1 else rare & _limitable(specifications)


def _limitable(specifications: pd.DataFrame) -> pd.Series[bool]:
    return specifications["kind"].map({kind.name: kind.limitable for kind in KINDS.entries()})


def _honest_errors(
    placebos: pd.DataFrame, fold_of: str, honest: Sequence[dict[str, Any]], loss: Misallocation, seed: int
) -> dict[str, float]:
    """Return standard errors of the honest figures: each fold's specification, in replicates over all folds."""
    blocks = pd.Index(pd.unique(placebos["block"]))
    sums: dict[str, Floats] = {name: np.zeros(REPLICATES) for name in SCORED}
    counts: dict[str, Floats] = {name: np.zeros(REPLICATES) for name in SCORED}
    made: dict[tuple[str, str], Replicates] = {}
    relearned: dict[Any, Floats | None] = {}
    for row in honest:
        pair = row["design"], row["method"]
        part = placebos[(placebos["design"] == pair[0]) & (placebos["method"] == pair[1])]
        ok = part[part["status"] == "ok"]
        key = ThresholdKey.of({**row, "level": None if row["level"] < 0 else row["level"]})
        if pair not in made:
            made[pair] = Replicates(ok, seed, blocks)
        if (pair, key) not in relearned:
            relearned[pair, key] = made[pair].thresholds(ok, key)
        own = thresholds_of_key(ok, key)
        assert own is not None  # noqa: S101  (the specification was chosen because placebos have this threshold)
        fold = (ok[fold_of] == row["fold"]).to_numpy()
        known = fold & ~np.isnan(own)
        again = relearned[pair, key]
        gate = own[known][None, :] if again is None else again[:, known]
        judged = ok[known]
        weights = made[pair].row_weights(judged)  # (K, R)
        weights = weights * ~np.isnan(np.broadcast_to(gate, weights.shape))
        other = pd.concat([ok[fold & np.isnan(own)], part[(part["status"] != "ok") & (part[fold_of] == row["fold"])]])
        drawn = made[pair].weights[:, blocks.get_indexer(other["block"])].sum(axis=1)  # (K,)
        found, left = loss.score(judged, gate), loss.of_refusal(ok)
        for name in SCORED:
            sums[name] += (weights * found[name]).sum(axis=1) + drawn * left.get(name, 0.0)
            counts[name] += weights.sum(axis=1) + (drawn if name in left else 0.0)
    errors = {}
    for name in SCORED:
        some = counts[name] > 0
        several = len(blocks) > 1 and some.sum() > 1
        errors[name] = float((sums[name][some] / counts[name][some]).std(ddof=1)) if several else float("nan")
    return errors
