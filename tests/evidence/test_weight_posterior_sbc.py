"""Authority: Talts et al. 2018 (arXiv 1804.06788): the truth's place in its posterior is uniform."""

# ruff: noqa: T201
from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

SPEC = importlib.util.spec_from_file_location(
    "weight_posterior_sbc", Path(__file__).with_name("weight_posterior_sbc.py")
)
sbc = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(sbc)


@pytest.mark.evidence
def test_every_quantity_lies_inside_the_simultaneous_bands(evidence_share):
    count = int(1000 * evidence_share)
    frame = sbc.places(count, seed=11)
    fitted = frame.dropna()
    worst = sbc.distances(fitted)
    print(f"{count} panels, {count - len(fitted)} refused, band {sbc.band(len(fitted)):.3f}, distances {worst}")
    assert len(fitted) > 0.97 * count
    assert max(worst.values()) < sbc.band(len(fitted)), worst
