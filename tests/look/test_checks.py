"""Periods with few claim lines, and cells that cannot be."""

import numpy as np
import pytest

from ssinfer import Panel
from ssinfer.look.checks import few_lines, jumps
from ssinfer.sentences import sentence


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
    assert dict(finding.numbers) == {"period": "2022Q4", "rate": 1.6, "usual": 4.0, "least": 0.5}
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


def random_panel(seed=1, n_units=20, n_periods=8):
    rng = np.random.default_rng(seed)
    cells = [np.exp(0.03 * rng.standard_normal((n_units, n_periods))) for _ in range(2)]
    units = tuple(f"u{j:02d}" for j in range(n_units))
    return Panel(units, tuple(range(2010, 2010 + n_periods)), 3000 * cells[0], 5000 * cells[1])


@pytest.mark.parametrize("column", ["spending", "insured_years"])
@pytest.mark.parametrize("period", [0, 1, 4, 6, 7])
@pytest.mark.parametrize("factor", [12.0, 1 / 12, 1e-320])
def test_one_impossible_cell_is_named(column, period, factor):
    """Fault R33: one baseline cell x 12 paid EUR 127 million; a cell of 1e-320 was taken."""
    panel = random_panel()
    values = {name: np.array(getattr(panel, name)) for name in ("spending", "insured_years")}
    values[column][3, period] *= factor
    findings = jumps(Panel(panel.units, panel.periods, **values))
    assert [(f.numbers["column"], f.numbers["unit"], f.numbers["period"]) for f in findings] == [
        (column, "u03", str(2010 + period))
    ]
    assert findings[0].accept == "jump"
    assert f"Column {column} of 'u03' is " in sentence(findings[0])


def test_spending_and_insured_years_exchanged_in_one_row():
    """Fault R33: such a row paid EUR 62.6 million."""
    panel = random_panel()
    spending, years = np.array(panel.spending), np.array(panel.insured_years) * 3
    spending[3, 4], years[3, 4] = years[3, 4], spending[3, 4]
    assert {f.numbers["column"] for f in jumps(Panel(panel.units, panel.periods, spending, years))} == {
        "spending",
        "insured_years",
    }


def test_lasting_shifts_and_noise_are_no_jumps():
    panel = random_panel()
    spending = np.array(panel.spending)
    spending[3, 4:] *= 5  # a shift stays
    spending[5, 2] *= 2.9  # below a factor of 3
    assert jumps(Panel(panel.units, panel.periods, spending, panel.insured_years)) == []
    noisy = 3000 * np.exp(0.5 * np.random.default_rng(2).standard_normal((50, 12)))  # small groups
    assert jumps(Panel(tuple(map(str, range(50))), tuple(range(12)), noisy)) == []
