"""Speed of settlement: one million settlements (aim <= 1 s) and `ssinfer settle` from a cold start (aim <= 0.5 s).

python tests/speed/bench_settlement.py
"""

import subprocess
import sys
import time

import numpy as np

from ssinfer.contracts.contract import load_contract
from ssinfer.contracts.settle import settle

MILLION = 1_000_000
AIM_MILLION, AIM_COMMAND = 1.0, 0.5
REPEATS = 5


def best_of(action):
    seconds = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        action()
        seconds.append(time.perf_counter() - start)
    return min(seconds), sorted(seconds)[REPEATS // 2]


def line(what, best, median, aim):
    print(f"{what:<44} {best:>8.3f} {median:>9.3f} {aim:>6} {best / aim:>9.2f}")


def main():
    rng = np.random.default_rng(1)
    spending = 100.0 * (1.0 + 0.03 * rng.standard_normal(MILLION))
    years = rng.uniform(1_000, 100_000, MILLION)
    print(f"{'what':<44} {'best s':>8} {'median s':>9} {'aim s':>6} {'best/aim':>9}")
    for name, quality in (
        ("kerngezond-vlissingen", None),
        ("mssp-basic-e", 85.0),
        ("mssp-enhanced", 85.0),
        ("mijnzorg", None),
    ):
        contract = load_contract(name)

        def million(contract=contract, quality=quality):
            _ = settle(contract, benchmark=100.0, spending=spending, insured_years=years, quality=quality).lines

        best, median = best_of(million)
        line("1,000,000 x " + name, best, median, AIM_MILLION)

    code = "from ssinfer.contracts.text import settle_text as settle; "
    code += "settle('mssp-basic-e', benchmark=100, spending=95, insured_years=2e4)"
    best, median = best_of(lambda: subprocess.run([sys.executable, "-c", code], check=True))
    line("settle from a cold start (library)", best, median, AIM_COMMAND)
    command = [sys.executable, "-c", "from ssinfer.cli import main; main()", "settle", "--contract", "mssp-basic-e"]
    command += ["--benchmark", "100", "--spending", "95", "--insured-years", "20000"]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        print("ssinfer settle: the command line is not there or refuses; not measured")
        return
    best, median = best_of(lambda: subprocess.run(command, check=True, capture_output=True))
    line("ssinfer settle from a cold start", best, median, AIM_COMMAND)


if __name__ == "__main__":
    main()
