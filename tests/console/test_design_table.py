"""What the console prints of a study with few and with many designs."""

from pathlib import Path

from small_study import assert_snapshot

from ssinfer.console.design_table import design_table


def test_the_wording_is_that_of_the_snapshot(study):
    assert_snapshot(design_table(study), Path(__file__).parent / "snapshots" / "console.txt")


def test_the_console_of_a_grid_prints_the_frontier_within_80_columns(compared, monkeypatch):
    monkeypatch.setattr("ssinfer.console.design_table.MOST_DESIGNS", 3)
    lines = design_table(compared.result).splitlines()
    assert lines[0] == "1. everybody; no GGZ; 90% (settles)"
    assert [line[:3] for line in lines[1:3]] == ["2. ", "3. "]
    assert max(map(len, lines)) <= 80
    assert "9 others: designs.csv" in " ".join(lines)
