"""Kinds of care of realistic persons: who uses each kind by sex and age, how long, and what it costs.

The means are published. All else is assumed, such that the figures of docs/claims.md lie within those of real persons.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.special import ndtr, ndtri

from ssinfer.simulation import dutch_spending as dutch
from ssinfer.typing import Floats

AGES = np.array(dutch.AGE_CLASSES) + 2.5
N_CLASSES = 2 * len(AGES)  # S: men, then women
# Chronic state: yearly hazard of onset exp(a + b age), without recovery; it raises general health (SD 1) by this much.
ONSET = (-6.2, 0.05)
CHRONIC_SHIFT = 0.8
HAZARD_SUM = np.exp(ONSET[0]) / ONSET[1]
# Share of persons in the chronic state (S,): 1 - exp(-integral of the hazard from birth).
CHRONIC_SHARE = np.tile(1 - np.exp(-HAZARD_SUM * np.expm1(ONSET[1] * AGES)), 2)
FIRST_YEAR = (3.0, 0.5)  # hospital spending in the first year of life and at ages 1 to 4, relative to ages 0 to 4
END_OF_LIFE = {"hospital", "district nursing", "medical devices", "geriatric rehabilitation", "transport", "other"}

# Share of the category's mean; lines per user and quarter, SD of the log amount of a line, relative SD of the number
# of lines at equal spending; SD of log expected spending, its correlation with general health, permanent share of the
# rest, autocorrelation of what is left over one quarter; users per quarter in percent by age class (0, 5, ..., 90).
_KINDS = """
general practice: fixed  | .6  1    0   .5 0   0  0   0   | 100
general practice: visits | .4  .6   .3  .5 .6  .7 .8  .7  | 100
pharmacy                 | 1   1.8  .3  .4 1.5 .6 .95 .95 | 35 25 25 30 40 42 44 46 50 54 60 66 72 80 86 90 92 94 94
hospital: planned        | .22 .25  1.1 .5 1.3 .8 .1  .8  | 100
hospital: acute          | .57 .035 .8  .5 1.1 .7 .1  .6  | 100
hospital: lasting        | .21 4    .6  .5 .7  .5 .4  .9  | .3 .15 .12 .15 .15 .2 .2 .25 .3 .3 .4 .5 .6 .8 .9 1 .9 .8 .7
district nursing         | 1   6    .6  .5 .5  .5 .15 .83 | 0 0 0 0 .1 .1 .1 .2 .2 .3 .4 .6 .9 1.5 2.5 5 9 16 25
mental health            | 1   4    .6  .5 .5  .3 .4  .8  | 0 0 0 2 4.5 5 5 5 4.5 4.5 4 4 3 2 1.5 1.5 1.5 1.5 1.5
medical devices          | 1   1.5  .7  .5 .6  .5 .6  .9  | 1 1 1 1.5 1.5 2 2 2.5 3 4 5 6 8 10 12 15 18 20 20
paramedical              | 1   5    .4  .5 .5  .4 .3  .7  | 3 3 2 1 1 1.5 1.5 2 2 2.5 3 3.5 4 5 6 8 9 10 11
dental                   | 1   1.2  .7  .5 .4  .1 .3  .2  | 15 40 40 30 1 1 1 1 1.5 1.5 2 2 2.5 3 3 3 3 3 3
geriatric rehabilitation | 1   3    .5  .5 .3  .4 .1  .6  | 0 0 0 0 0 0 0 0 0 0 0 0 .05 .15 .3 .6 1 1.5 1.8
transport                | 1   2    .6  .5 .4  .5 .1  .6  | .4 .2 .2 .4 .5 .5 .5 .5 .6 .7 .8 1 1.3 1.8 2.5 3.5 5 6 7
maternity                | 1   3    .3  .5 .2  0  0   .2  | 0 0 0 .1 .8 2.6 3.2 1.5 .3 .02 0 0 0 0 0 0 0 0 0
other                    | 1   1.5  .8  .5 .6  .4 .4  .7  | 6 5 5 5 6 6 7 7 7 8 9 9 10 11 12 14 15 15 15
"""
# Mean spending by age class, relative; of the other kinds it is proportional to the users.
_MEANS = {
    "general practice: fixed": "1 1 1 1 1 1 1 1 1 1 1 1 1 1.2 1.2 1.4 1.4 1.6 1.6",
    "general practice: visits": "1 .6 .6 .8 .8 .9 .9 .9 .9 1 1.1 1.2 1.3 1.5 1.7 2 2.3 2.6 2.8",
    "pharmacy": ".3 .2 .25 .35 .45 .5 .55 .6 .75 .9 1.1 1.4 1.7 2.1 2.5 2.8 3 3.1 3",
}


@dataclass(frozen=True, eq=False)
class CareKind:
    r"""A kind of care, used where :math:`L \sim N(0, 1)` exceeds the quantile k of `users`; fields as in the table.

    Expected spending is :math:`e^{\sigma L} 1(L > k)` relative to its mean; :math:`\sigma` is `spread`.
    """

    name: str
    users: Floats
    share: float
    lines: float
    line_sd: float
    count_sd: float
    spread: float
    common: float
    permanent: float
    persistence: float

    @property
    def category(self) -> str:
        """Return its category in the claims."""
        return self.name.partition(":")[0]

    def moment(self, spread: float, shift: float = 0.0) -> Floats:
        r"""Return :math:`E[e^{\sigma L} 1(L > k)]` (S,), general health shifted by `shift` and by the chronic state."""
        shifts = self.common * (shift + CHRONIC_SHIFT * (np.array([[0.0], [1.0]]) - CHRONIC_SHARE))
        healthy, chronic = np.exp(spread * shifts + spread**2 / 2) * ndtr(spread + shifts + ndtri(self.users))
        return np.asarray((1 - CHRONIC_SHARE) * healthy + CHRONIC_SHARE * chronic)


def _profile(text: str) -> Floats:
    """Return a profile (S,) of men and women alike."""
    return np.resize(np.array(text.split(), dtype=np.float64), N_CLASSES)


@cache
def care_kinds() -> tuple[list[CareKind], Floats]:
    """Return the kinds, and their EUR per insured-year (K, S); hospital care is what the others leave of the mean."""
    kinds, means = [], []
    insured, total = (np.concatenate(list(table.values())) for table in (dutch.INSURED, dutch.MEAN_SPENDING))
    for row in _KINDS.strip().splitlines():
        name, numbers, users = (part.strip() for part in row.split("|"))
        kind = CareKind(name, _profile(users) / 100, *np.array(numbers.split(), dtype=np.float64).tolist())
        if name == "maternity":
            kind.users[: len(AGES)] = 0.0
        kinds.append(kind)
        profile = _profile(_MEANS[name]) if name in _MEANS else kind.users
        means.append(kind.share * dutch.CATEGORY_MEANS[kind.category] * profile / np.average(profile, weights=insured))
    hospital = np.array([kind.category == "hospital" for kind in kinds])
    spending = np.array(means)
    spending[hospital] = np.outer([kind.share for kind in kinds], total - spending[~hospital].sum(axis=0))[hospital]
    return kinds, spending


def response_to_health(spread_scale: float) -> float:
    """Return the change of the logarithm of mean spending per unit of general health."""
    insured, step = np.concatenate(list(dutch.INSURED.values())), 0.1
    kinds, means = care_kinds()
    spreads = [spread_scale * kind.spread for kind in kinds]
    ratio = [k.moment(s, step) / np.maximum(k.moment(s), 1e-9) for k, s in zip(kinds, spreads, strict=True)]
    return float(np.log((means * ratio @ insured).sum() / (means @ insured).sum()) / step)
