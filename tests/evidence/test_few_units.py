"""Every combination of few units, origins and performance periods, in one process and as commands."""

import subprocess
import sys
from itertools import product

import pytest
from test_cli import ORIGINS, PERIODS, UNITS, check_small_study, small_study, ssinfer  # noqa: F401

pytestmark = pytest.mark.evidence
GRID = list(product(UNITS, ORIGINS, PERIODS))


@pytest.mark.parametrize("method", ["AdministrativeBenchmark", "SyntheticControl", "SyntheticDiD"])
def test_few_units_in_one_process(method, tmp_path, ssinfer, evidence_share):  # noqa: F811
    """Fault A8, rows 53 and 67. Reduced: a third of the combinations with the first method, a quarter with others."""
    reduced = 3 if method == "AdministrativeBenchmark" else 4
    for units, origins, periods in GRID[:: 1 if evidence_share == 1 else reduced]:
        folder = tmp_path / f"{units} {origins} {periods}"
        folder.mkdir()
        study = small_study(folder, units, origins, periods, method)
        code, _, said = ssinfer("run", study, "--out", folder / "out", "--jobs", 1)
        check_small_study(units, folder / "out", code, said)


def test_few_units_as_commands(tmp_path, evidence_share):
    """Fault A8, rows 53 and 67."""
    for units, origins, periods in GRID[:: 1 if evidence_share == 1 else 14]:
        folder = tmp_path / f"{units} {origins} {periods}"
        folder.mkdir()
        study = small_study(folder, units, origins, periods)
        command = [sys.executable, "-c", "from ssinfer.cli import main; main()", "run", study, "--out", folder / "out"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        check_small_study(units, folder / "out", done.returncode, done.stderr)
