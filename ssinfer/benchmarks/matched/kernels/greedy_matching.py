"""Greedy nearest-neighbour matching on one score, in time that grows like a sort.

Controls lie sorted by (stratum, score, id). Two disjoint-set forests over that line answer "the nearest control
still free to the right / to the left of here" in nearly constant time, so that k rounds over n_t treated persons
cost O(n log n + k n_t α(n)) and memory is a few vectors: no n x n object exists.

**Semantics.** k:1 matching without replacement runs in k *rounds*: every treated person is offered a first control
before anyone is offered a second. Within a round treated persons come by score ("largest", "smallest"), by id
("data"), or pair by pair in ascending distance ("closest"). With replacement every treated person simply takes its
k nearest controls and order is immaterial.

**Ties.** The line is sorted by (score, id), a treated person standing before the controls of its own score, and
the nearest control *on that line* is taken: of several at the same lower score the one with the largest id, of
several at the same or a higher score the one with the smallest id, and below before above at the same distance.
Treated persons that tie in the order (or in distance, under "closest") come by ascending id. Ids are data, not
positions, hence the pairs do not depend on the order of the rows. With row numbers as ids this reproduces MatchIt
4.7.2 on LaLonde's data, where 40 scores are tied.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from ssinfer.kernels.compile import compiled
from ssinfer.kernels.groups import dense_codes, run_starts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ssinfer.typing import Booleans, Floats

    Places = NDArray[np.int64]

Order = Literal["largest", "smallest", "closest", "data"]
ORDERS: tuple[Order, ...] = ("largest", "smallest", "closest", "data")


class Pairs(NamedTuple):
    """Matched pairs, a line per pair: rows of the treated person and of the control, and the round (1, ..., k)."""

    treated: Places
    control: Places
    round: Places


@compiled
def _find(parent: Places, place: int) -> int:
    """Return the root of `place`, halving the path on the way."""
    while parent[place] != place:
        parent[place] = parent[parent[place]]
        place = parent[place]
    return place


@compiled
def _nearest(
    own: float,
    cut: int,
    first: int,
    last: int,
    score: Floats,
    right: Places,
    left: Places,
    slack: float,
) -> int:
    """Return the place of the nearest free control in [first, last), or -1.

    `cut` is the first place whose score is >= `own`. Forest `right` holds places 0..n (n: none), forest `left`
    holds places shifted by one (0: none).
    """
    after = _find(right, cut)
    if after >= last:
        after = -1
    before = _find(left, cut) - 1
    if before < first:
        return after
    if after < 0:
        return before
    return before if own - score[before] <= score[after] - own + slack else after


@compiled
def _without_replacement(
    t_score: Floats,
    cuts: Places,
    firsts: Places,
    lasts: Places,
    score: Floats,
    ratio: int,
    caliper: float,
    slack: float,
) -> Places:
    """Return places (treated in order, round), -1 where no control was left within the caliper."""
    n_treated, n = len(t_score), len(score)
    right = np.arange(n + 1)
    left = np.arange(n + 1)
    found = np.full((n_treated, ratio), -1, dtype=np.int64)
    for turn in range(ratio):
        for i in range(n_treated):
            if turn > 0 and found[i, turn - 1] < 0:
                continue  # what was out of reach in one round is out of reach in the next
            place = _nearest(t_score[i], cuts[i], firsts[i], lasts[i], score, right, left, slack)
            if place < 0 or abs(t_score[i] - score[place]) > caliper + slack:
                continue
            found[i, turn] = place
            right[place] = place + 1
            left[place + 1] = place
    return found


@compiled
def _graded(distance: float, slack: float) -> float:
    """Return the distance in whole steps of `slack`, so that rounding does not order pairs."""
    return float(np.floor(distance / slack + 0.5)) if slack > 0.0 else distance


@compiled
def _before(distance: Floats, rank: Places, i: int, j: int) -> bool:
    """Whether treated i comes before treated j: by distance, then by id."""
    if distance[i] == distance[j]:
        return bool(rank[i] < rank[j])
    return bool(distance[i] < distance[j])


@compiled
def _sift(heap: Places, size: int, place: int, distance: Floats, rank: Places) -> None:
    """Restore the heap below `place`."""
    while True:
        least, child = place, 2 * place + 1
        for candidate in (child, child + 1):
            if candidate < size and _before(distance, rank, heap[candidate], heap[least]):
                least = candidate
        if least == place:
            return
        heap[place], heap[least] = heap[least], heap[place]
        place = least


@compiled
def _closest_first(
    t_score: Floats,
    t_rank: Places,
    cuts: Places,
    firsts: Places,
    lasts: Places,
    score: Floats,
    ratio: int,
    caliper: float,
    slack: float,
) -> Places:
    """Return places (treated, round), pairs taken in ascending distance within each round.

    A heap keeps every treated person's distance to its nearest control; a distance can only grow as controls are
    taken, so a stale top is recomputed and sinks.
    """
    n_treated, n = len(t_score), len(score)
    right = np.arange(n + 1)
    left = np.arange(n + 1)
    taken = np.zeros(n, dtype=np.bool_)
    found = np.full((n_treated, ratio), -1, dtype=np.int64)
    wanted = np.full(n_treated, -1, dtype=np.int64)
    distance = np.empty(n_treated)
    heap = np.empty(n_treated, dtype=np.int64)
    for turn in range(ratio):
        size = 0
        for i in range(n_treated):
            if turn > 0 and found[i, turn - 1] < 0:
                continue
            place = _nearest(t_score[i], cuts[i], firsts[i], lasts[i], score, right, left, slack)
            if place < 0 or abs(t_score[i] - score[place]) > caliper + slack:
                continue
            wanted[i] = place
            distance[i] = _graded(abs(t_score[i] - score[place]), slack)
            heap[size] = i
            size += 1
        for place in range(size // 2 - 1, -1, -1):
            _sift(heap, size, place, distance, t_rank)
        while size > 0:
            i = heap[0]
            place = wanted[i]
            if taken[place]:
                place = _nearest(t_score[i], cuts[i], firsts[i], lasts[i], score, right, left, slack)
                if place < 0 or abs(t_score[i] - score[place]) > caliper + slack:
                    size -= 1
                    heap[0] = heap[size]
                else:
                    wanted[i] = place
                    distance[i] = _graded(abs(t_score[i] - score[place]), slack)
            else:
                found[i, turn] = place
                taken[place] = True
                right[place] = place + 1
                left[place + 1] = place
                size -= 1
                heap[0] = heap[size]
            _sift(heap, size, 0, distance, t_rank)
    return found


@compiled
def _with_replacement(
    t_score: Floats,
    cuts: Places,
    firsts: Places,
    lasts: Places,
    score: Floats,
    ratio: int,
    caliper: float,
    slack: float,
) -> Places:
    """Return places (treated, round) of the `ratio` nearest controls."""
    n_treated = len(t_score)
    found = np.full((n_treated, ratio), -1, dtype=np.int64)
    for i in range(n_treated):
        own, before, after = t_score[i], cuts[i] - 1, cuts[i]
        for turn in range(ratio):
            has_left, has_right = before >= firsts[i], after < lasts[i]
            if not has_left and not has_right:
                break
            use_left = has_left and (not has_right or own - score[before] <= score[after] - own + slack)
            place = before if use_left else after
            if abs(own - score[place]) > caliper + slack:
                break
            found[i, turn] = place
            if use_left:
                before -= 1
            else:
                after += 1
    return found


def greedy_match(
    score: Floats,
    treated: Booleans,
    *,
    ratio: int = 1,
    replace: bool = False,
    order: Order = "largest",
    caliper: float = np.inf,
    strata: Places | None = None,
    ids: Places | None = None,
    slack: float = 0.0,
) -> Pairs:
    """Match each treated person to its `ratio` nearest controls on the score, greedily.

    Parameters
    ----------
    score : (n,)
        Finite scores, on the scale on which distance is measured.
    treated : (n,) bool
    ratio : int
        k of k:1.
    replace : bool
        Whether a control may serve several treated persons.
    order : "largest", "smallest", "closest", "data"
        Who comes first without replacement: largest or smallest score, smallest distance, smallest id.
    caliper : float
        Largest admitted distance, inclusive, in units of the score.
    strata : (n,) int, optional
        Only persons of the same stratum are matched.
    ids : (n,) int, optional
        Distinct numbers that break ties; row numbers by default.
    slack : float
        Distances that differ by no more than this are equal. Covariates on a grid (years of age) put controls at the
        same distance on both sides of a treated person, up to rounding in the score.

    Returns
    -------
    Pairs
        Sorted by the treated person's id, then round. Who found no control is absent.

    References
    ----------
    Rosenbaum, P. R. and Rubin, D. B. (1985). Constructing a control group using multivariate matched sampling
    methods that incorporate the propensity score. The American Statistician 39, 33-38.
    doi:10.1080/00031305.1985.10479383

    Examples
    --------
    >>> score = np.array([0.50, 0.60, 0.45, 0.54, 0.80])
    >>> greedy_match(score, np.array([True, True, False, False, False])).control
    array([2, 3])
    >>> greedy_match(score, np.array([True, True, False, False, False]), order="smallest").control
    array([3, 2])
    """
    n = len(score)
    ids = np.arange(n, dtype=np.int64) if ids is None else np.asarray(ids, dtype=np.int64)
    strata, n_strata = (np.zeros(n, dtype=np.int64), 1) if strata is None else dense_codes(np.asarray(strata))
    controls = np.flatnonzero(~treated)
    controls = controls[np.lexsort((ids[controls], score[controls], strata[controls]))]
    c_score = np.ascontiguousarray(score[controls], dtype=np.float64)
    starts = run_starts(strata[controls], n_strata)
    rows = np.flatnonzero(treated)
    if order == "largest":
        rows = rows[np.lexsort((ids[rows], -score[rows]))]
    elif order == "smallest":
        rows = rows[np.lexsort((ids[rows], score[rows]))]
    else:
        rows = rows[np.argsort(ids[rows], kind="stable")]
    t_score = np.ascontiguousarray(score[rows], dtype=np.float64)
    firsts, lasts = starts[strata[rows]], starts[strata[rows] + 1]
    cuts = _cuts(t_score, firsts, lasts, c_score)
    if replace:
        found = _with_replacement(t_score, cuts, firsts, lasts, c_score, ratio, caliper, slack)
    elif order == "closest":
        found = _closest_first(t_score, ids[rows], cuts, firsts, lasts, c_score, ratio, caliper, slack)
    else:
        found = _without_replacement(t_score, cuts, firsts, lasts, c_score, ratio, caliper, slack)
    by_id = np.argsort(ids[rows], kind="stable")
    found, rows = found[by_id], rows[by_id]
    who, turn = np.nonzero(found >= 0)
    return Pairs(rows[who], controls[found[who, turn]], turn + 1)


@compiled
def _cuts(t_score: Floats, firsts: Places, lasts: Places, score: Floats) -> Places:
    """Return for each treated person the first control of the stratum whose score is not below its own."""
    cuts = np.empty(len(t_score), dtype=np.int64)
    for i in range(len(t_score)):
        low, high = firsts[i], lasts[i]
        while low < high:
            middle = (low + high) // 2
            if score[middle] < t_score[i]:
                low = middle + 1
            else:
                high = middle
        cuts[i] = low
    return cuts
