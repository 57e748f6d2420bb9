"""Periods without claim lines, or with far fewer than their neighbours."""

import numpy as np
import pytest

from ssinfer import Panel
from ssinfer.look.checks import few_lines
from ssinfer.look.sentences import sentence


def panel(n_periods=12, insured_years=5000.0):
    labels = tuple(f"{2020 + t // 4}Q{t % 4 + 1}" for t in range(n_periods))
    cells = np.ones((1, n_periods))
    return Panel(("u",), labels, 3000.0 * cells, insured_years * cells)


def test_periods_after_the_last_claim_are_named():
    """Fault A4 (110): periods that run beyond the claims count as zero spending."""
    lines = np.array([20_000.0] * 8 + [0.0] * 4)
    (finding,) = few_lines(panel(), lines)
    assert (finding.id, finding.accept) == ("no_lines", "few_lines")
    assert finding.numbers["periods"] == ("2022Q1", "2022Q2", "2022Q3", "2022Q4")
    assert "2022Q1, 2022Q2, 2022Q3, 2022Q4 have insured persons and no counted claim line" in sentence(finding)


def test_a_period_of_which_claims_are_still_to_come_is_doubted():
    """Fault A4: run-out."""
    lines = np.array([20_000.0] * 11 + [8_000.0])
    (finding,) = few_lines(panel(), lines)
    assert dict(finding.numbers) == {"period": "2022Q4", "rate": 1.6, "usual": 4.0}
    assert "2022Q4 has 1.60 counted claim lines per insured-year, and its neighbours have 4.00" in sentence(finding)


@pytest.mark.parametrize(
    ("lines", "insured_years"),
    [
        ([20_000] * 11 + [11_000], 5000.0),  # 55% of the neighbours
        ([20_000 * 0.9**t for t in range(12)], 5000.0),  # a trend
        ([10, 4, 9, 12, 10, 3, 9, 10, 8, 10, 11, 10], 5000.0),  # chance
        ([0] * 12, 0.0),  # nobody is insured
    ],
)
def test_other_counts_are_not_doubted(lines, insured_years):
    held = panel(insured_years=insured_years) if insured_years else Panel(("u",), (1,), [[np.nan]], [[np.nan]])
    assert few_lines(held, np.array(lines[: len(held.periods)], dtype=float)) == []
