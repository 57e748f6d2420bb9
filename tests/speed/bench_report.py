"""Processor time of `ssinfer report`, imports included, against its aim, and against a bare import of two libraries.

Run by `make bench`, or with finished folders: `python tests/speed/bench_report.py FOLDER ...`. The aim is for a quiet
machine.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from tempfile import TemporaryDirectory

from ssinfer.simulation.panel import simulate_panel

AIM = 3.0  # seconds
STUDY = """\
title = "500 units"
question = "Which design?"
[data]
source = "panel"
file = "panel.csv"
[population]
treated = ["treated"]
[windows]
baseline = [2015, 2016, 2017]
performance = [2018]
origins = [2016, 2017, 2018]
[[comparison]]
name = "all"
[[comparison]]
name = "size"
ratio = 2.0
[[method]]
method = "AdministrativeBenchmark"
[threshold]
kind = "placebo"
level = 0.95
[sharing]
contract = "kerngezond-vlissingen"
"""


def processor_time(*command: str, repeats: int = 3) -> float:
    """Return the least processor time of a command of Python, in seconds."""
    times = []
    for _ in range(repeats):
        before = getrusage(RUSAGE_CHILDREN)
        subprocess.run([sys.executable, *command], check=True, stdout=subprocess.DEVNULL)
        after = getrusage(RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(times)


def ssinfer(*arguments: str) -> tuple[str, ...]:
    """Return the command of Python that runs `ssinfer` with some arguments."""
    return "-c", f"import sys; sys.argv = {['ssinfer', *arguments]!r}\nfrom ssinfer.cli import main\nmain()"


def main() -> None:
    """Print the table."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        panel = simulate_panel(500, tuple(range(2010, 2019)), start=2018, saving=0.03, seed=4, covid=False).panel
        panel.to_frame().drop(columns="sampling_variance").to_csv(folder / "panel.csv", index=False)
        (folder / "study.toml").write_text(STUDY)
        processor_time(*ssinfer("run", str(folder / "study.toml"), "--out", f"{name}/500 units"), repeats=1)
        imports = processor_time("-c", "import pandas, matplotlib.figure")
        print(f"{'what':<40} {'seconds':>8} {'aim':>6} {'of imports':>11}")
        print(f"{'import pandas, matplotlib.figure':<40} {imports:8.2f}")
        for finished in (f"{name}/500 units", *sys.argv[1:]):
            seconds = processor_time(*ssinfer("report", finished, "--out", f"{name}/report.html"))
            print(f"{'report of ' + Path(finished).name:<40} {seconds:8.2f} {AIM:6.1f} {seconds / imports:11.1f}")


if __name__ == "__main__":
    main()
