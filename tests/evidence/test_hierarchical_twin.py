"""Authority: nominal coverage on simulated panels of the model itself, at fixed parameters."""

# ruff: noqa: T201
from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

SPEC = importlib.util.spec_from_file_location("hierarchical_twin", Path(__file__).with_name("hierarchical_twin.py"))
twin = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(twin)


@pytest.mark.evidence
def test_confidence_intervals_cover_and_plug_in_intervals_less(evidence_share):
    """Confidence and credible 90 and 95% intervals lie within 4 Monte Carlo errors and 3 points of nominal."""
    shapes = tuple(twin.SHAPES) if evidence_share == 1 else ("12 x 4",)
    table, refused = twin.coverage(int(500 * evidence_share), shapes=shapes)
    print(f"{table.round(4).to_string(index=False)}\nrefused {refused.to_dict()}")
    at = table.set_index(["panel", "kind", "level"])
    for shape in shapes:
        for level in (0.90, 0.95):
            for kind in ("credible", "confidence"):
                row = at.loc[(shape, kind, level)]
                assert abs(row["covered"] - level) < 0.03 + 4 * row["error"], (shape, kind, level)
            # the estimation of parameters from few units has to widen the interval
            assert at.loc[(shape, "plug-in", level), "width"] < at.loc[(shape, "confidence", level), "width"]
