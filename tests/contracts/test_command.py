"""What the command line prints, and that it needs none of the heavy stack."""

import json
import subprocess
import sys

import pytest

from ssinfer.contracts.contract import shipped_contracts
from ssinfer.contracts.text import contracts_text, settle_text
from ssinfer.errors import ContractError

HEAVY = ("pymc", "arviz", "xarray", "pandas", "scipy", "matplotlib")


def test_text_names_lines_reason_and_assumptions():
    text = settle_text("kerngezond-vlissingen", benchmark=100, spending=95, insured_years=20_000, true_saving=2)
    assert "EUR 50,000.00" in text
    assert "overpaid 30,000.00, underpaid 0.00" in text
    assert "Assumed: threshold" in text
    assert text.splitlines()[-1].split() == ["providers", "50,000.00"]


def test_json():
    given = json.loads(
        settle_text("mssp-basic-e", year=2024, benchmark=100, spending=95, insured_years=20_000, as_json=True)
    )
    assert given["lines"] == {"Medicare": -50_000.0, "ACO": 50_000.0}
    assert given["rule_year"] == 2024
    assert given["savings_rate"] == pytest.approx(0.05)
    assert given["threshold"] == pytest.approx(0.025)


def test_contracts_lists_all():
    text = contracts_text()
    assert all(name in text for name in shipped_contracts())
    assert {row["name"] for row in json.loads(contracts_text(as_json=True))} == set(shipped_contracts())


def test_unknown_contract():
    with pytest.raises(ContractError, match="Did you mean"):
        settle_text("kerngezond", benchmark=100, spending=95, insured_years=20_000)


def test_settling_numbers_imports_nothing_heavy():
    code = (
        "import sys; from ssinfer.contracts.text import settle_text, contracts_text; contracts_text(); "
        "settle_text('mssp-basic-e', benchmark=100, spending=95, insured_years=20000, as_json=True); "
        f"print([m for m in {HEAVY!r} if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
