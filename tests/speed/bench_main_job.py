"""The main job's times against their aims: the command line's start, the import, and a whole backtest.

Run by `make bench`. Aims (quiet machine, 2 cores): `ssinfer --help` 0.5 s; 3 designs x 300 placebos x 4 origins 5 s.
"""

from __future__ import annotations

import subprocess
import sys
from time import perf_counter

import ssinfer as ss
from ssinfer.simulation.panel import simulate_panel

N_UNITS, N_ORIGINS = 300, 4


def started(code: str, repeats: int = 5) -> float:
    """Return the least time of a fresh interpreter running `code`, in seconds."""
    times = []
    for _ in range(repeats):
        start = perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
        times.append(perf_counter() - start)
    return min(times)


def whole_backtest(n_jobs: int) -> tuple[float, int]:
    """Return seconds and number of fits of 3 designs x 300 placebos x 4 origins."""
    simulated = simulate_panel(N_UNITS + 1, periods=range(2012, 2019), start=2018, covid=False, seed=1)
    design = ss.Design(treated=simulated.treated, baseline=range(2015, 2018), performance=[2018])
    designs = {
        "all": design,
        "last year": design.replace(baseline=[2017]),
        "within 80 km": design.replace(donors=ss.comparison.Within(km=80)),
    }
    method = ss.AdministrativeBenchmark()
    ss.backtest(simulated.panel, design, method, origins=[2018], n_jobs=n_jobs)  # compiled, workers started
    start = perf_counter()
    found = ss.backtest(simulated.panel, designs, method, origins=range(2015, 2019), n_jobs=n_jobs)
    return perf_counter() - start, len(found.placebos)


HELP = "import sys; sys.argv = ['ssinfer', '--help']\nfrom ssinfer.cli import main\nmain()"


def main() -> None:
    """Print the table."""
    rows = [
        ("python -c pass", started("pass"), None),
        ("import ssinfer", started("import ssinfer"), None),
        ("ssinfer --help", started(HELP), 0.5),
    ]
    for jobs in (1, 2):
        seconds, fits = whole_backtest(jobs)
        rows.append((f"backtest, {fits:,} fits, n_jobs={jobs}", seconds, 5.0 if jobs == 2 else None))
    print(f"{'what':<36} {'seconds':>8} {'aim':>6} {'ratio':>6}")
    for what, seconds, aim in rows:
        print(
            f"{what:<36} {seconds:8.2f} {'' if aim is None else format(aim, '6.1f'):>6} "
            f"{'' if aim is None else format(seconds / aim, '6.2f'):>6}"
        )


if __name__ == "__main__":
    main()
