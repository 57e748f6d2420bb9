"""Greedy nearest-neighbour matching on one score, in the time of a sort.

Controls are sorted by (stratum, score, id). Two disjoint-set forests over this order return the nearest free control to
the right or to the left of a position in nearly constant time: k rounds over n_t treated persons cost
O(n log n + k n_t α(n)).

**Ties.** In the order by (score, id), a treated person stands before the controls with its own score, and takes the
nearest control *in that order*: of controls with the same lower score the largest id, of controls with the same or a
higher score the smallest id. At the same distance, the control below is taken before the control above. Treated
persons that tie choose by ascending id. Ids are data, not positions, so the pairs do not depend on the order of rows.
"""

import heapq
from typing import Literal, NamedTuple

import numpy as np

from ssinfer.kernels.compile import compiled
from ssinfer.kernels.groups import dense_codes, run_starts
from ssinfer.typing import Booleans, Floats, Integers

Order = Literal["largest", "smallest", "closest", "data"]
NONE = -1  # no control


class Pairs(NamedTuple):
    """Matched pairs: rows of the treated person and of the control, and the round (1, ..., k)."""

    treated: Integers
    control: Integers
    round: Integers


class _Queue(NamedTuple):
    """Treated persons in the order in which they choose, and the sorted controls."""

    score: Floats  # (n_t,)
    id: Integers  # (n_t,)
    first: Integers  # (n_t,): the person's stratum is controls [first, last)
    last: Integers
    cut: Integers  # (n_t,): first control of the stratum whose score is not below the person's score
    controls: Floats  # (n_c,): scores of the sorted controls
    limit: float  # largest allowed distance
    slack: float  # distances that differ by no more than this are equal


@compiled
def _find(parent: Integers, position: int) -> int:
    """Return the root of `position`, and halve the path to it."""
    while parent[position] != position:
        parent[position] = parent[parent[position]]
        position = parent[position]
    return position


@compiled
def _nearer(queue: _Queue, i: int, below: int, above: int) -> int:
    """Return which of two controls is nearer to treated person i: NONE if both are outside stratum or limit."""
    score, controls = queue.score[i], queue.controls
    has_below, has_above = below >= queue.first[i], above < queue.last[i]
    if not has_above and not has_below:
        return NONE
    use_below = has_below and (not has_above or score - controls[below] <= controls[above] - score + queue.slack)
    position = below if use_below else above
    return NONE if abs(score - controls[position]) > queue.limit + queue.slack else position


@compiled
def _nearest(queue: _Queue, i: int, right: Integers, left: Integers) -> int:
    """Return the nearest free control of treated person i within the limit, or NONE; `left` is shifted by one."""
    return _nearer(queue, i, _find(left, queue.cut[i]) - 1, _find(right, queue.cut[i]))


@compiled
def _rank(queue: _Queue, i: int, position: int, closest: bool) -> float:
    """Return when a pair is made: by distance in multiples of the slack, so that rounding orders no pairs, or by i."""
    if not closest:
        return float(i)
    distance = abs(queue.score[i] - queue.controls[position])
    return float(np.floor(distance / queue.slack + 0.5)) if queue.slack > 0.0 else distance


@compiled
def _without_replacement(queue: _Queue, ratio: int, closest: bool) -> Integers:
    """Return the position of the control of each treated person and round (n_t, ratio), NONE without one.

    In each round pairs are made in the order of a heap that holds every person's nearest control.
    """
    n_treated, n = len(queue.score), len(queue.controls)
    right = np.arange(n + 1)
    left = np.arange(n + 1)
    matches = np.full((n_treated, ratio), NONE, dtype=np.int64)
    for turn in range(ratio):
        heap = [(0.0, 0, 0, 0) for _ in range(0)]  # rank, id, treated person, control
        for i in range(n_treated):
            # no control within the limit in one round: none in the next
            position = NONE if turn > 0 and matches[i, turn - 1] < 0 else _nearest(queue, i, right, left)
            if position >= 0:
                heap.append((_rank(queue, i, position, closest), queue.id[i], i, position))
        heapq.heapify(heap)
        while heap:
            _, _, i, position = heap[0]
            if right[position] == position:  # free: remove it from both forests
                matches[i, turn] = position
                right[position] = position + 1
                left[position + 1] = position
                heapq.heappop(heap)
                continue
            position = _nearest(queue, i, right, left)
            if position >= 0:
                heapq.heapreplace(heap, (_rank(queue, i, position, closest), queue.id[i], i, position))
            else:
                heapq.heappop(heap)
    return matches


@compiled
def _with_replacement(queue: _Queue, ratio: int) -> Integers:
    """Return the positions of the nearest controls of each treated person (n_t, ratio), NONE without one."""
    matches = np.full((len(queue.score), ratio), NONE, dtype=np.int64)
    for i in range(len(queue.score)):
        below, above = queue.cut[i] - 1, queue.cut[i]
        for turn in range(ratio):
            position = _nearer(queue, i, below, above)
            if position < 0:
                break
            matches[i, turn] = position
            if position == below:
                below -= 1
            else:
                above += 1
    return matches


def greedy_match(
    score: Floats,
    treated: Booleans,
    *,
    ratio: int = 1,
    replace: bool = False,
    order: Order = "largest",
    caliper: float = np.inf,
    strata: Integers | None = None,
    ids: Integers | None = None,
    slack: float = 0.0,
) -> Pairs:
    """Match treated persons to `ratio` nearest controls on the score (n,), greedily; pairs are in order of treated id.

    Without replacement every treated person is offered a first control before any person is offered a second one.
    Rosenbaum and Rubin (1985), doi:10.1080/00031305.1985.10479383. `order` says who chooses first: largest or smallest
    score, smallest distance ("closest") or smallest id ("data"). Distances that differ by at most `slack` are equal.
    """
    n = len(score)
    ids = np.arange(n, dtype=np.int64) if ids is None else np.asarray(ids, dtype=np.int64)
    strata, n_strata = (np.zeros(n, dtype=np.int64), 1) if strata is None else dense_codes(np.asarray(strata))
    ascending = np.lexsort((ids, ~treated, score, strata))  # a treated person before the controls with its own score
    controls = ascending[~treated[ascending]]
    cut = np.empty(n, dtype=np.int64)
    cut[ascending] = np.cumsum(~treated[ascending])
    starts = run_starts(strata[controls], n_strata)
    rows = np.flatnonzero(treated)
    keys = {"largest": -score[rows], "smallest": score[rows]}
    rows = rows[np.lexsort((ids[rows], keys[order])) if order in keys else np.argsort(ids[rows], kind="stable")]
    of_treated, of_controls = (np.ascontiguousarray(score[group], dtype=np.float64) for group in (rows, controls))
    first, last = starts[strata[rows]], starts[strata[rows] + 1]
    queue = _Queue(of_treated, ids[rows], first, last, cut[rows], of_controls, float(caliper), float(slack))
    matches = _with_replacement(queue, ratio) if replace else _without_replacement(queue, ratio, order == "closest")
    by_id = np.argsort(ids[rows], kind="stable")
    matches, rows = matches[by_id], rows[by_id]
    person, turn = np.nonzero(matches >= 0)
    return Pairs(rows[person], controls[matches[person, turn]], turn + 1)
