"""Findings on intact practices, also where a disclosed result holds none of their groups."""

from types import SimpleNamespace

import pandas as pd
import pytest

from ssinfer.report.tables.intact import intact_findings

ROWS = pd.DataFrame(
    {
        "kind": ["random", "bundles"],
        "groups": [30, 30],
        "sd": [0.010, 0.020],
        "threshold": [0.02, 0.04],
        "ratio": [1.0, 2.0],
        "ratio_se": [0.0, 0.1],
    }
)


@pytest.mark.parametrize("kinds", [["random", "bundles"], ["random"], ["bundles"], []])
def test_findings_need_both_kinds_of_groups(kinds):
    groups = SimpleNamespace(table=ROWS[ROWS["kind"].isin(kinds)], reason="", size=12_000)
    found = [*intact_findings(SimpleNamespace(result=SimpleNamespace(intact_groups=groups)))]
    assert [finding.id for finding in found] == (["intact_any", "intact_shocks"] if len(kinds) == 2 else [])
    if found:
        assert found[1].numbers["shock"] == pytest.approx((0.020**2 - 0.010**2) ** 0.5)
