"""Authority: Talts et al. 2018 (arXiv 1804.06788): the rank of the truth in its posterior is uniform."""

# ruff: noqa: T201
from __future__ import annotations

import calibration_sbc as sbc
import pytest


@pytest.mark.evidence
def test_every_quantity_lies_inside_the_simultaneous_bands(evidence_share):
    frame = sbc.ranks(0, max(400, int(2_000 * evidence_share)))
    table = sbc.table(frame)
    print(f"{len(frame)} placebo sets, {int(frame['refused'].sum())} refused\n{table.round(4).to_string()}")
    print(frame[["pareto_k", "effective"]].describe().round(2).to_string())
    assert frame["refused"].sum() == 0
    assert (table["distance"] < table["band"]).all()
