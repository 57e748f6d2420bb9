"""Speed of the hierarchical benchmark: one fit by size, many placebos at once, and the full PyMC model under nutpie.

`python tests/speed/bench_hierarchical.py [--full]`; CPU and wall seconds after compilation, peak memory of the process.
`--full` adds 5,000 units x 25 periods and NUTS on 40 units x 6 periods (minutes).
"""

from __future__ import annotations

import resource
import sys
import time
import warnings

import numpy as np
import pandas as pd

import ssinfer as ss
from ssinfer.benchmarks.hierarchical import HierarchicalBenchmark
from ssinfer.benchmarks.hierarchical_reference import sample_reference
from ssinfer.benchmarks.panel_layout import lay_out
from ssinfer.benchmarks.problem import Problem


def panel(units, periods, seed=1):
    """Log-normal panel with level SD .05, AR(1) shock SD .02, person-level cv 2.5."""
    rng = np.random.default_rng(seed)
    sizes = np.exp(rng.uniform(np.log(2_000), np.log(60_000), units))
    shock = rng.normal(0, 0.02, units)
    level = rng.normal(0, 0.05, units)
    columns = []
    for t in range(periods):
        shock = 0.7 * shock + rng.normal(0, 0.02 * np.sqrt(0.51), units)
        columns.append(np.exp(7.6 + 0.03 * t + level + shock + rng.normal(0, 2.5 / np.sqrt(sizes))))
    labels = tuple(f"u{i:05}" for i in range(units))
    return ss.Panel(labels, tuple(range(periods)), np.column_stack(columns), np.repeat(sizes[:, None], periods, axis=1))


def clock(work):
    """Return the result, wall seconds and CPU seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    return result, time.perf_counter() - wall, time.process_time() - cpu


def main(full):
    """Print the tables."""
    method = HierarchicalBenchmark()
    method.fit(panel(20, 6), ss.Design(["u00000"], range(5), [5]), seed=1)  # compiles
    rows = []
    for units, periods in [(300, 9), (1_000, 9), (300, 25), (1_000, 25), *([(5_000, 25)] if full else [])]:
        data = panel(units, periods)
        design = ss.Design(["u00000"], range(periods - 1), [periods - 1])
        cf, wall, cpu = clock(lambda data=data, design=design: method.fit(data, design, seed=1))
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        rows.append((units, periods, wall, cpu, 1e3 * cpu / units, memory, len(cf.failures)))
    names = ["units", "periods", "wall_s", "cpu_s", "cpu_ms_per_unit", "peak_GB", "failures"]
    print(pd.DataFrame(rows, columns=names).round(3).to_string(index=False))

    data = panel(300, 9)
    designs = [ss.Design([unit], range(8), [8]) for unit in data.units[:270]]
    outcomes, wall, cpu = clock(lambda: method.fit_many(data, designs, list(range(270))))
    refused = sum(bool(cf.failures) for cf in outcomes)
    print(f"270 placebos, one origin, 300 x 9: wall {wall:.1f} s, CPU {cpu:.1f} s, {refused} refused")

    if full:
        warnings.simplefilter("ignore")
        data = panel(40, 6)
        design = ss.Design(["u00000"], range(5), [5])
        _, _, exact = clock(lambda: HierarchicalBenchmark(draws=1500).fit(data, design, seed=1))
        layout = lay_out(Problem.of(data, design), method._options())
        tree, _, nuts = clock(lambda: sample_reference(layout, draws=1500, chains=4, seed=1))
        import arviz as az

        size = float(az.ess(tree, var_names=["y_ahead"])["y_ahead"].min())
        ratio = (6_000 / exact) / (size / nuts)
        print(
            f"40 x 6, 6,000 draws: exact {6_000 / exact:,.0f} independent draws per CPU second, "
            f"NUTS {size / nuts:,.0f} effective; ratio {ratio:.0f}"
        )


if __name__ == "__main__":
    main("--full" in sys.argv)
