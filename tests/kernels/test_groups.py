"""Codes, sums and runs against numpy's own, on any labels."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ssinfer.kernels.groups import dense_codes, group_sums, run_starts

labels = st.one_of(
    st.lists(st.integers(0, 40), min_size=1, max_size=60),
    st.lists(st.integers(-(10**12), 10**12), min_size=1, max_size=60),
    st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=60),
)


@given(labels)
def test_codes_are_those_of_unique_whether_counted_or_sorted(given_labels):
    values = np.array(given_labels)
    codes, count = dense_codes(values)
    known, expected = np.unique(values, return_inverse=True)
    assert count == len(known)
    assert codes.dtype == np.int64
    assert np.array_equal(codes, expected)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(-9, 9), st.integers(0, 3)), min_size=1, max_size=50))
def test_sums_and_runs(rows):
    codes, values, weights = (np.array(column) for column in zip(*rows, strict=True))
    grid = np.stack([values, 2 * values], axis=1).astype(float)
    sums = group_sums(codes, grid, 6, weights.astype(float))
    for group in range(6):
        assert np.array_equal(sums[group], (grid * weights[:, None])[codes == group].sum(axis=0))
    assert np.array_equal(group_sums(codes, grid, 6), group_sums(codes, grid, 6, np.ones(len(codes))))
    starts = run_starts(codes, 6)
    ordered = np.sort(codes)
    for group in range(6):
        assert (ordered[starts[group] : starts[group + 1]] == group).all()
    assert starts[-1] == len(codes)
