"""Streams: equal for equal labels, different for all others."""

import numpy as np

from ssinfer.streams import stream_of


def first_of(*labels, seed=1):
    return int(np.random.default_rng(stream_of(seed, *labels)).integers(2**63))


def test_a_stream_belongs_to_seed_and_labels():
    """Fault R29: the key was a sum of 32 bits over joined names, which names with a bar share."""
    assert first_of("a", 2016) == first_of("a", "2016")
    others = [first_of("a", "b|c"), first_of("a|b", "c"), first_of("a", "b", "c"), first_of("a", "b", "c", seed=2)]
    assert len({*others, first_of("a"), first_of()}) == 6
    assert len({first_of(number) for number in range(4000)}) == 4000
