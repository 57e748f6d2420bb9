"""How the time of one fit grows with the number of units, per method, and the time of a whole study with a sample.

Run by `make bench`. Figures are processor time, so that other load on the machine changes them little. Each is taken in
a process of its own; fits after a small fit that compiles the kernels. A row ends at the first fit that takes longer
than SECONDS. `bench_curves.py METHOD UNITS` measures one figure.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from time import process_time

import ssinfer as ss
from ssinfer.periods import span
from ssinfer.simulation.cohort import simulate_cohort
from ssinfer.simulation.panel import simulate_panel

SECONDS = 120
SIZES, RUN_SIZES, PLACEBOS = (100, 1_000, 10_000), (100, 1_000), 50
MAIN = "from ssinfer.cli import main; main()"
QUARTERS = span("2018Q1", "2023Q4")
METHODS = {
    "AdministrativeBenchmark": ss.AdministrativeBenchmark,
    "SyntheticControl": ss.SyntheticControl,
    "AugmentedSyntheticControl": ss.AugmentedSyntheticControl,
    "SyntheticDiD": ss.SyntheticDiD,
    "HierarchicalBenchmark": ss.HierarchicalBenchmark,
    "StackedBenchmark": lambda: ss.StackedBenchmark([ss.AdministrativeBenchmark(), ss.SyntheticControl()]),
    "PropensityMatching": ss.PropensityMatching,
}
STUDY = f"""
title = "curve"
question = "How long?"
[data]
source = "panel"
file = "panel.csv"
[population]
treated = ["treated"]
placebos_at_most = {PLACEBOS}
[windows]
baseline = {{ first = "2020Q1", last = "2021Q4" }}
performance = {{ first = "2023Q1", last = "2023Q4" }}
[[comparison]]
name = "all"
[[method]]
method = "AdministrativeBenchmark"
"""


def data_of(method: str, units: int) -> tuple[object, ss.Design]:
    """Return a panel of 24 quarters, or for matching a cohort of 20 to 30 persons per practice over four years."""
    if method == "PropensityMatching":
        cohort = simulate_cohort(units, persons=(20, 30), seed=1, treated=[f"practice {units // 2:02d}"])
        return cohort, ss.Design(treated=[f"practice {units // 2:02d}"], baseline=[2016, 2017], performance=[2018])
    simulated = simulate_panel(units, QUARTERS, start="2023Q1", covid=False, seed=1)
    return simulated.panel, simulated.design()


def fit_seconds(method: str, units: int) -> float:
    """Return the seconds of one fit; a first fit on few units compiles the kernels."""
    METHODS[method]().fit(*data_of(method, 40), seed=1)
    data, design = data_of(method, units)
    start = process_time()
    resource.setrlimit(resource.RLIMIT_CPU, (int(start) + SECONDS + 1,) * 2)
    METHODS[method]().fit(data, design, seed=1)
    return process_time() - start


def run_seconds(units: int) -> float:
    """Return the seconds of `ssinfer run` with one process on a panel, start and report included."""
    with tempfile.TemporaryDirectory() as folder:
        simulated = simulate_panel(units, QUARTERS, start="2023Q1", covid=False, seed=1)
        simulated.panel.to_frame().drop(columns="sampling_variance").to_csv(Path(folder, "panel.csv"), index=False)
        Path(folder, "study.toml").write_text(STUDY, encoding="utf-8")
        command = [sys.executable, "-c", MAIN, "run", "study.toml", "--out", "out", "--jobs", "1"]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime


def row(name: str, sizes: tuple[int, ...]) -> list[str]:
    """Return the seconds per size, to the first that takes too long, is refused or fails."""
    cells: list[str] = []
    for units in sizes:
        command = [sys.executable, __file__, name, str(units)]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode < 0:  # ended by the limit of processor time
            return [*cells, f"more than {SECONDS}"]
        if done.returncode:
            return [*cells, done.stderr.strip().splitlines()[-1][:60]]
        cells.append(f"{float(done.stdout):.2f}")
    return cells


def main() -> None:
    """Print the table, or one figure."""
    if len(sys.argv) == 3:
        name, units = sys.argv[1], int(sys.argv[2])
        print(run_seconds(units) if name == "ssinfer run" else fit_seconds(name, units))
        return
    print("| seconds, one process | 100 units | 1,000 units | 10,000 units |\n|---|---|---|---|")
    for name in METHODS:
        print(f"| `{name}().fit` | {' | '.join(row(name, SIZES))} |", flush=True)
    print(f"| `ssinfer run`, placebos_at_most = {PLACEBOS} | {' | '.join(row('ssinfer run', RUN_SIZES))} | |")


if __name__ == "__main__":
    main()
