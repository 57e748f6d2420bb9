"""Match: pairs of treated persons and controls, and the persons without a match."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from ssinfer.arguments import COUNT, POSITIVE, Optional, Rule, checked
from ssinfer.benchmarks.matched.kernels.greedy_matching import Order, greedy_match
from ssinfer.benchmarks.matched.scores.propensity import PropensityScores
from ssinfer.errors import RefusalError
from ssinfer.typing import Booleans, Floats, Integers

Distance = Literal["score", "logit"]
RULES: dict[str, Rule] = {"ratio": COUNT, "caliper": Optional(POSITIVE)}
ROUNDING = 1e-10  # of fitted log-odds, in standard deviations: distances that differ by less are equal


@dataclass(frozen=True, eq=False, repr=False)
class Match:
    """Matched sets among n persons: m pairs. A *set* is one treated person with its controls."""

    treated: Integers  # (m,): rows of the pairs, sorted by treated person and round
    control: Integers
    round: Integers  # (m,): 1, ..., k
    distance: Floats  # (m,): absolute difference of scores on the scale of matching
    is_treated: Booleans  # (n,)
    caliper: float  # largest allowed distance; infinite without a caliper
    on: Distance  # scale of matching

    @property
    def pair_weights(self) -> Floats:
        """Weight of each pair (m,): 1 / number of controls in its set, so that all sets have equal weight."""
        size = np.bincount(self.treated, minlength=len(self.is_treated))
        return np.asarray(1.0 / size[self.treated])

    @property
    def weights(self) -> Floats:
        """Weights (n,): 1 if treated and matched, 0 if unmatched; sums of pair weights with mean 1 if control."""
        weights = np.zeros(len(self.is_treated))
        controls = np.bincount(self.control, weights=self.pair_weights, minlength=len(weights))
        used = controls > 0
        weights[used] = controls[used] * used.sum() / controls.sum()
        weights[self.treated] = 1.0
        return weights

    @property
    def attrition(self) -> pd.DataFrame:
        """Persons before and after matching: columns group, persons, matched, unmatched, share_matched."""
        persons = np.array([self.is_treated.sum(), (~self.is_treated).sum()])
        matched = np.array([len(np.unique(self.treated)), len(np.unique(self.control))])
        counts = {"persons": persons, "matched": matched, "unmatched": persons - matched}
        return pd.DataFrame({"group": ["treated", "control"], **counts, "share_matched": matched / persons})

    def to_frame(self, person: Any = None) -> pd.DataFrame:
        """Return treated, control, round, distance and weight of pairs; persons by their rows, or by `person` (n,)."""
        names = np.arange(len(self.is_treated)) if person is None else np.asarray(person)
        pairs = {"treated": names[self.treated], "control": names[self.control], "round": self.round}
        return pd.DataFrame({**pairs, "distance": self.distance, "weight": self.pair_weights})


@checked(**RULES)
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
    ids: Integers | None = None,
) -> Match:
    """Match treated persons to controls on the propensity score, by :func:`greedy_match`, in strata of `exact` (n,).

    `caliper` is in SDs of the scale `on` over all persons; None: no limit (Austin 2011, doi:10.1002/pst.433).
    """
    treated = np.asarray(treated, dtype=bool)
    scale = scores.logit if on == "logit" else scores.score
    strata = None
    if exact is not None:
        strata, labels = pd.factorize(np.asarray(exact))
        strata = strata.astype(np.int64)
        _refuse_empty_strata(strata, labels, treated)
    width = np.inf if caliper is None else caliper * float(scale.std(ddof=1))
    slack = ROUNDING * float(scale.std())
    pairs = greedy_match(
        scale, treated, ratio=ratio, replace=replace, order=order, caliper=width, strata=strata, ids=ids, slack=slack
    )
    if not len(pairs.treated):
        raise RefusalError(
            f"No person is matched: no control lies within {width:.4g} of any treated person on the {on} (caliper "
            f"{caliper:g} SD). The groups do not overlap: widen the caliper, or choose a comparison group that does."
        )
    distance = np.abs(scale[pairs.treated] - scale[pairs.control])
    return Match(pairs.treated, pairs.control, pairs.round, distance, treated, width, on)


def _refuse_empty_strata(strata: Integers, labels: Any, treated: Booleans) -> None:
    inside, outside = (np.bincount(strata[group], minlength=len(labels)) for group in (treated, ~treated))
    empty = np.flatnonzero((inside > 0) & (outside == 0))
    if len(empty):
        raise RefusalError(
            f"Stratum {labels[empty[0]]!r} has {int(inside[empty[0]])} treated persons and no controls ({len(empty)} "
            "such strata). Merge strata, or leave these persons out and count them."
        )
