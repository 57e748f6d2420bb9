"""Authority: Talts et al. 2018 (arXiv 1804.06788): the rank of the truth in its posterior is uniform."""

# ruff: noqa: T201
from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

SPEC = importlib.util.spec_from_file_location("hierarchical_sbc", Path(__file__).with_name("hierarchical_sbc.py"))
sbc = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(sbc)
FIGURES = Path(__file__).parents[2] / "docs" / "evidence"


@pytest.mark.evidence
def test_every_quantity_lies_inside_the_simultaneous_bands(evidence_share, tmp_path):
    """The full evidence draws the figure of docs/hierarchical.md again."""
    # at least 500: the first 200 ranks of the shock are 0.125 from uniform (band 0.120), all 1,000 are 0.034
    frame = sbc.ranks(0, max(500, int(2_000 * evidence_share)))
    table = sbc.table(frame)
    print(f"{len(frame)} panels, {int(frame['refused'].sum())} refused\n{table.round(4)}")
    assert frame["refused"].mean() < 0.03
    assert (table.drop("band") < table.loc["band"]).to_numpy().all()
    sbc.draw(frame, FIGURES if evidence_share == 1 else tmp_path)


@pytest.mark.evidence
def test_every_quantity_lies_inside_the_bands_with_own_levels(evidence_share):
    frame = sbc.ranks(0, max(200, int(2_000 * evidence_share)), own=True)
    table = sbc.table(frame)
    print(f"{len(frame)} panels, {int(frame['refused'].sum())} refused\n{table.round(4)}")
    assert "level" not in frame
    assert frame["refused"].mean() < 0.03
    assert (table.drop("band") < table.loc["band"]).to_numpy().all()


@pytest.mark.evidence
def test_every_quantity_lies_inside_the_bands_with_neighbours(evidence_share):
    frame = sbc.ranks(0, 200 if evidence_share == 1 else 4, neighbours=True)
    table = sbc.table(frame)
    print(f"{len(frame)} panels, {int(frame['refused'].sum())} refused\n{table.round(4)}")
    assert frame["refused"].mean() < 0.03
    assert (table.drop("band") < table.loc["band"]).to_numpy().all()
