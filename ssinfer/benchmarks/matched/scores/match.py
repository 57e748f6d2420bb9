"""Match: who was compared with whom, on which distance, and who fell out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from ssinfer.benchmarks.matched.kernels.greedy_matching import ORDERS, Order, greedy_match
from ssinfer.errors import DesignError, RefusalError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ssinfer.benchmarks.matched.scores.propensity import PropensityScores
    from ssinfer.typing import Booleans, Floats

    Places = NDArray[np.int64]

Distance = Literal["score", "logit"]
# Rounding of fitted log-odds, in standard deviations: nearer than this, two distances are equal.
_ROUNDING = 1e-10


@dataclass(frozen=True, eq=False, repr=False)
class Match:
    """Matched sets among n persons.

    A *set* is one treated person with its controls; its number is the row of the treated person.

    Attributes
    ----------
    treated, control : (m,) rows of each pair, sorted by treated person and round
    round : (m,) 1, ..., k
    distance : (m,) absolute difference of scores on the scale matched on
    is_treated : (n,) bool
    caliper : float
        Largest admitted distance, in units of the scale; infinite for none.
    on : "score" or "logit"
    """

    treated: Places
    control: Places
    round: Places
    distance: Floats
    is_treated: Booleans
    caliper: float
    on: Distance

    @property
    def pair_weights(self) -> Floats:
        """Weight of each pair (m,): one over the number of controls in its set, so that sets weigh the same."""
        size = np.bincount(self.treated, minlength=len(self.is_treated))
        return np.asarray(1.0 / size[self.treated])

    @property
    def weights(self) -> Floats:
        """Weights of persons (n,): 1 for matched treated, 0 for the unmatched.

        A control has the sum of its pair weights, scaled so that they add up to the number of matched controls.
        """
        weights = np.zeros(len(self.is_treated))
        controls = np.bincount(self.control, weights=self.pair_weights, minlength=len(weights))
        used = controls > 0
        weights[used] = controls[used] * used.sum() / controls.sum()
        weights[self.treated] = 1.0
        return weights

    @property
    def sets(self) -> Places:
        """Set of each person (n,), -1 if unmatched. With replacement a control is given its first set only."""
        sets = np.full(len(self.is_treated), -1, dtype=np.int64)
        sets[self.control[::-1]] = self.treated[::-1]
        sets[self.treated] = self.treated
        return sets

    @property
    def attrition(self) -> pd.DataFrame:
        """Persons before and after matching, by group: columns group, persons, matched, unmatched, share_matched."""
        n_t = int(self.is_treated.sum())
        before = {"treated": n_t, "control": len(self.is_treated) - n_t}
        used = np.zeros(len(self.is_treated), dtype=bool)
        used[self.treated] = used[self.control] = True
        after = {"treated": int(used[self.is_treated].sum()), "control": int(used[~self.is_treated].sum())}
        rows = [
            (group, before[group], after[group], before[group] - after[group], after[group] / before[group])
            for group in before
        ]
        return pd.DataFrame(rows, columns=["group", "persons", "matched", "unmatched", "share_matched"])

    def to_frame(self, person: Any = None) -> pd.DataFrame:
        """Return the pair table: treated, control, round, distance, weight; labels in place of rows if given (n,)."""
        names = np.arange(len(self.is_treated)) if person is None else np.asarray(person)
        return pd.DataFrame(
            {
                "treated": names[self.treated],
                "control": names[self.control],
                "round": self.round,
                "distance": self.distance,
                "weight": self.pair_weights,
            }
        )

    def __repr__(self) -> str:
        treated, control = self.attrition.itertuples(index=False)
        reach = "no caliper" if np.isinf(self.caliper) else f"caliper {self.caliper:.4g} on the {self.on}"
        return (
            f"Match: {treated.matched:,} of {treated.persons:,} treated with {control.matched:,} of "
            f"{control.persons:,} controls, "
            f"{len(self.treated):,} pairs, {reach}"
        )


def match_persons(
    scores: PropensityScores,
    treated: Booleans,
    *,
    ratio: int = 1,
    replace: bool = False,
    order: Order = "largest",
    caliper: float | None = 0.2,
    on: Distance = "logit",
    exact: Any = None,
    ids: Places | None = None,
) -> Match:
    """Match treated persons to controls on the propensity score.

    Parameters
    ----------
    scores : PropensityScores
    treated : (n,) bool
    ratio : int
        Controls per treated person.
    replace : bool
        Whether a control may serve several treated persons.
    order : "largest", "smallest", "closest", "data"
        See :func:`~ssinfer.benchmarks.matched.kernels.greedy_matching.greedy_match`, also for the rule on ties.
    caliper : float or None
        Largest admitted distance in standard deviations (n - 1) of the scale over **all** persons; the same
        width inside every stratum. None: no caliper.
    on : "logit" or "score"
        The scale of distance and caliper.
    exact : (n,) labels, optional
        Strata: only persons with the same label are matched.
    ids : (n,) int, optional
        Distinct numbers that break ties; row numbers by default.

    Returns
    -------
    Match

    Raises
    ------
    DesignError
        An argument is impossible.
    RefusalError
        A stratum with treated persons has no controls, or nobody is matched within the caliper.

    References
    ----------
    Austin, P. C. (2011). Optimal caliper widths for propensity-score matching. Pharmaceutical Statistics 10,
    150-161. doi:10.1002/pst.433

    Examples
    --------
    >>> from ssinfer.benchmarks.matched.scores.propensity import propensity_scores
    >>> age = np.array([30.0, 40, 50, 60, 35, 45, 55, 65])
    >>> treated = np.array([True, False, True, True, False, False, False, True])
    >>> match = match_persons(propensity_scores({"age": age}, treated), treated, caliper=1.0)
    >>> match.to_frame(age)[["treated", "control"]].values.tolist()
    [[30.0, 35.0], [50.0, 45.0], [65.0, 55.0]]
    """
    treated = np.asarray(treated, dtype=bool)
    check_matching(ratio=ratio, order=order, caliper=caliper, on=on)
    scale = scores.logit if on == "logit" else scores.score
    strata = None
    if exact is not None:
        strata, labels = pd.factorize(np.asarray(exact))
        strata = strata.astype(np.int64)
        _refuse_empty_strata(strata, labels, treated)
    width = np.inf if caliper is None else caliper * float(scale.std(ddof=1))
    pairs = greedy_match(
        scale,
        treated,
        ratio=ratio,
        replace=replace,
        order=order,
        caliper=width,
        strata=strata,
        ids=ids,
        slack=_ROUNDING * float(scale.std()),
    )
    if not len(pairs.treated):
        raise RefusalError(
            f"Nobody is matched: no control lies within {width:.4g} of any treated person on the {on} (caliper "
            f"{caliper:g} SD). The groups do not overlap: widen the caliper, or choose a comparison group that does."
        )
    distance = np.abs(scale[pairs.treated] - scale[pairs.control])
    return Match(pairs.treated, pairs.control, pairs.round, distance, treated, width, on)


def check_matching(*, ratio: int, order: str, caliper: float | None, on: str) -> None:
    """Refuse arguments that no data could make sense of."""
    if ratio != int(ratio) or ratio < 1:
        raise DesignError(f"ratio is {ratio!r}; the number of controls per treated person is an integer from 1.")
    if order not in ORDERS:
        raise DesignError(f"order is {order!r}; allowed: {', '.join(map(repr, ORDERS))}.")
    if caliper is not None and not caliper > 0:
        raise DesignError(f"caliper is {caliper!r}; give a positive number of standard deviations, or None.")
    if on not in ("score", "logit"):
        raise DesignError(f"The caliper's scale is {on!r}; allowed: 'logit' or 'score'.")


def _refuse_empty_strata(strata: Places, labels: Any, treated: Booleans) -> None:
    size = len(labels)
    inside = np.bincount(strata[treated], minlength=size)
    outside = np.bincount(strata[~treated], minlength=size)
    empty = np.flatnonzero((inside > 0) & (outside == 0))
    if len(empty):
        raise RefusalError(
            f"Stratum {labels[empty[0]]!r} has {int(inside[empty[0]])} treated persons and no controls ({len(empty)} "
            "such strata). Merge strata, or leave these persons out and count them."
        )
