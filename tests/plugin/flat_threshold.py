"""A kind of threshold of another package: the same rate for everybody."""

import numpy as np

from ssinfer.thresholds.kind import ThresholdKind
from ssinfer.thresholds.threshold import Threshold

RATE = 0.025


def for_case(cf, _placebos, _seed):
    return lambda key: Threshold(rate=RATE, money=RATE * cf.level, kind=key.kind)


def for_fits(fits, keys):
    return np.full((len(fits), len(keys)), RATE)


KIND = ThresholdKind(
    name="flat",
    label="Flat rate of another package",
    words="the flat threshold",
    order=90,
    learns_from="fit",
    has_level=False,
    sides=("one-sided",),
    settles=True,
    for_case=for_case,
    for_fits=for_fits,
)
