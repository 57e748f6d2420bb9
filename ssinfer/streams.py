"""Random streams by label: a stream depends on the seed and its labels, never on the place of a thing in a list."""

import hashlib
import json

import numpy as np


def stream_of(seed: int, *labels: object) -> np.random.SeedSequence:
    """Return the random stream of a seed and labels, such as the names of a design, a method, an origin and a unit.

    128 bits of a SHA-256 of the labels are the `spawn_key`, so that no two labels in use share a stream.

    >>> np.random.default_rng(stream_of(1, "all", "equal", 2016, "u022")).integers(1000).item()
    161
    """
    text = json.dumps([str(label) for label in labels])
    words = np.frombuffer(hashlib.sha256(text.encode()).digest()[:16], dtype="<u4")
    return np.random.SeedSequence(seed, spawn_key=tuple(words.tolist()))
