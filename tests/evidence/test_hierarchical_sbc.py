"""Authority: Talts et al. 2018 (arXiv 1804.06788): the truth's place in its posterior is uniform."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

SPEC = importlib.util.spec_from_file_location("hierarchical_sbc", Path(__file__).with_name("hierarchical_sbc.py"))
sbc = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(sbc)


@pytest.mark.evidence
def test_every_quantity_lies_inside_the_simultaneous_bands():
    frame = sbc.places(400, seed=11)
    worst = sbc.distances(frame)
    assert max(worst.values()) < sbc.band(400), worst
    assert (frame["pareto_k"] <= 0.7).mean() > 0.95
