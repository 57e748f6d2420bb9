"""Twelve years of Vektis to a panel: seconds and peak memory, fresh and from the kept cells (aim: 10 s, 1 GB).

Each row is a process of its own, because peak memory is a property of a process.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile

from peers import data_folder

AIM_SECONDS, AIM_MEGABYTES = 10.0, 1000.0
CODE = """
import resource, time
start = time.perf_counter()
from ssinfer.datasets import load_vektis
imported = time.perf_counter()
panel = load_vektis(range(2011, 2023), basket="core")
end = time.perf_counter()
print(imported - start, end - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3, len(panel.units))
"""


def main() -> None:
    if data_folder("vektis") is None:
        return
    print(f"{'run':<18}{'seconds':>9}{'of aim':>9}{'peak MB':>9}{'of aim':>9}{'units':>7}")
    with tempfile.TemporaryDirectory() as cache:
        environment = os.environ | {"SSINFER_CACHE_DIR": cache}
        for label in ("fresh", "cached", "cached again"):
            command = [sys.executable, "-c", CODE]
            out = subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout.split()
            seconds, megabytes, units = float(out[1]), float(out[2]), int(out[3])
            ratios = seconds / AIM_SECONDS, megabytes / AIM_MEGABYTES
            print(f"{label:<18}{seconds:>9.2f}{ratios[0]:>9.2f}{megabytes:>9.0f}{ratios[1]:>9.2f}{units:>7}")


if __name__ == "__main__":
    main()
