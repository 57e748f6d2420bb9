"""`ssinfer simulate` writes a folder that `ssinfer.claims` reads."""

from __future__ import annotations

from typer.testing import CliRunner

from ssinfer.claims import ClaimsTables, extract
from ssinfer.cli import app


def test_simulate(tmp_path):
    out = tmp_path / "claims"
    arguments = ["simulate", "--out", str(out), "--insured", "3000", "--under-contract", "500", "--saving", "0.03"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert "3,000 insured" in result.output
    tables = ClaimsTables.open(out)
    assert extract(tables, periods=range(2019, 2020)).attrition.iloc[-1]["persons"] > 2_000
    again = CliRunner().invoke(app, arguments)
    assert again.exit_code != 0
