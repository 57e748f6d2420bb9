"""Processor time of 24 designs on simulated claims, against one design with the same methods, in one run.

    python tests/speed/bench_designs.py [--insured 110000] [--hierarchical]

The designs cross 2 populations, 3 spendings, 2 comparisons and 2 thresholds. Both studies simulate their claims, and
write their output folder and report. All modules are imported, and each method is compiled, before the clock starts.
Methods are those of the demo; `--hierarchical` adds the slowest, on the first comparison. The aim is a ratio of 2.5.
"""

import argparse
import importlib
import pkgutil
import tempfile
import warnings
from pathlib import Path
from time import process_time

import ssinfer
from ssinfer.precompile import precompile
from ssinfer.report.write import write_report
from ssinfer.study import plan_study, run_study, write_study

ONE = """
title = "one design"
question = "How long?"
seed = 20261121
[data]
source = "simulated_claims"
accept = ["jump"]
periods = { first = "2018Q2", last = "2024Q2" }
[data.simulation]
persons = "realistic"
n_insured = INSURED
insured_under_contract = 3000
saving = 0.05
start = "2022Q2"
practice_size = 900
seed = 7
[case]
treated = ["Kerngezond Vlissingen"]
units = { "Kerngezond Vlissingen" = ["Vlissingen *"] }
groups = { kind = "regional bundles", seed = 1 }
[windows]
baseline = { first = "2021Q2", last = "2022Q1" }
performance = { first = "2022Q2", last = "2023Q1" }
masked = { first = "2020Q2", last = "2021Q1" }
[[population]]
name = "everybody"
insurers = ["A"]
[[spending]]
name = "all care"
[[comparison]]
name = "all others"
[[threshold]]
name = "95%"
[[sharing]]
contract = "kerngezond-vlissingen"
[[method]]
method = "AdministrativeBenchmark"
settles = true
[[method]]
method = "SyntheticControl"
parameters = { intercept = true }
[[method]]
method = "AugmentedSyntheticControl"
parameters = { intercept = true }
[[method]]
method = "SyntheticDiD"
"""
HIERARCHICAL = """
[[method]]
method = "HierarchicalBenchmark"
comparisons = ["all others"]
"""
GRID = """
[[population]]
name = "from 1 year"
insurers = ["A"]
ages = [1, 120]
[[spending]]
name = "no mental health"
exclude = ["mental health"]
[[spending]]
name = "truncated"
truncation = { percentile = 0.99 }
[[comparison]]
name = "within 15%"
spending_within = 0.15
[[threshold]]
name = "90%"
level = 0.9
[grid]
settles = { population = "everybody", spending = "all care", comparison = "all others", threshold = "95%" }
"""


def measured(text: str, folder: Path) -> dict[str, float]:
    """Return the processor seconds of each step of a study, and its numbers of designs and fits."""
    folder.mkdir()
    (folder / "study.toml").write_text(text, encoding="utf-8")
    times, begin = {}, process_time()
    plan = plan_study(folder / "study.toml")
    times["data"] = process_time() - begin
    result = run_study(plan, n_jobs=1)
    times["fits and comparison"] = process_time() - begin - times["data"]
    before = process_time()
    write_study(result, folder / "out", report=write_report)
    times["files and report"] = process_time() - before
    times["all"] = process_time() - begin
    counts = {"designs": len(plan.config.designs), "fits": len(result.backtest.placebos)}
    return times | counts


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--insured", type=int, default=110_000)
    parser.add_argument("--hierarchical", action="store_true")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    for module in pkgutil.walk_packages(ssinfer.__path__, "ssinfer."):
        importlib.import_module(module.name)
    precompile(n_jobs=1)
    text = ONE.replace("INSURED", str(arguments.insured)) + (HIERARCHICAL if arguments.hierarchical else "")
    with tempfile.TemporaryDirectory() as folder:
        one, grid = (measured(text + more, Path(folder) / name) for name, more in (("one", ""), ("grid", GRID)))
    print(f"{'processor seconds':<22}{'one design':>12}{'24 designs':>12}{'ratio':>8}")
    for step in one:
        print(f"{step:<22}{one[step]:>12.1f}{grid[step]:>12.1f}{grid[step] / one[step]:>8.2f}")


if __name__ == "__main__":
    main()
