"""Authority: Talts et al. 2018 (arXiv 1804.06788): the rank of the truth in its posterior is uniform."""

# ruff: noqa: T201
from __future__ import annotations

import pytest
import weight_posterior_sbc as sbc


@pytest.mark.evidence
def test_every_quantity_lies_inside_the_simultaneous_bands(evidence_share):
    count = int(1000 * evidence_share)
    frame = sbc.posterior_ranks(count, seed=11)
    fitted = frame.dropna()
    worst = sbc.distances(fitted)
    print(f"{count} panels, {count - len(fitted)} refused, band {sbc.band(len(fitted)):.3f}, distances {worst}")
    assert len(fitted) > 0.97 * count
    assert max(worst.values()) < sbc.band(len(fitted)), worst
