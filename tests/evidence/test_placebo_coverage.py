"""Intervals of the synthetic control on placebos that did not choose them; whole: 24 panels, reduced: 4."""

import pytest
from placebo_coverage import SETTINGS, simulated

pytestmark = pytest.mark.evidence


@pytest.mark.parametrize("setting", SETTINGS)
def test_placebo_intervals_cover(setting, evidence_share):
    """Within three standard errors of the level, or of a point below it; false payments alike."""
    table = simulated(*SETTINGS[setting], range(1, 25 if evidence_share == 1 else 5)).set_index("method")
    print(table)  # noqa: T201
    for _, row in table.iterrows():
        for level in (80, 90, 95):
            error = max(row[f"coverage_{level}_se"], 0.01)
            assert -0.01 - 3 * error < row[f"coverage_{level}"] - level / 100 < 3 * error
        assert row["paid"] < 0.06 + 3 * max(row["paid_se"], 0.01)
