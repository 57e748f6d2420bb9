"""Coverage of the Bayesian synthetic control on placebos of two large panels; true saving zero.

`SSINFER_DATA_DIR=... python tests/evidence/weight_posterior_coverage.py dutch|dartmouth [every n-th unit] [demeaned]`
prints the tables of docs/bayesian_synthetic_control.md.

Dutch: municipalities above 20,000 insured in every year, core basket over expected spending for age and sex; baseline
all years since 2011, performance 2016, 2017, 2018 or 2019; donors the other such municipalities; blocks of about eight
neighbours. Dartmouth: counties with at least 500 persons observed in every year; 200 drawn at random (seed 1) are
donors, 120 others are placebos; five baseline and two performance years, pooled; blocks are states.
The model's structure was chosen on Dutch data of 2011 to 2015 and on simulated panels.
"""

# ruff: noqa: T201
from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

import ssinfer as ss
from ssinfer.backtesting.placebos import neighbour_blocks
from ssinfer.benchmarks.synthetic_control.classic import SyntheticControl

sys.path.insert(0, str(Path(__file__).parent))
from placebo_scores import coverage_table, placebo_frame

SMALLEST_COUNTY = 500
N_DONORS, N_PLACEBOS = 200, 120


def size_classes(frame):
    """Thirds by size of the placebos, as functions of a frame."""
    low, high = np.nanquantile(frame.drop_duplicates(["unit", "window"])["size"], [1 / 3, 2 / 3])
    return {
        "all": lambda f: np.ones(len(f), dtype=bool),
        f"below {low:,.0f}": lambda f: f["size"] < low,
        "between": lambda f: (f["size"] >= low) & (f["size"] < high),
        f"from {high:,.0f}": lambda f: f["size"] >= high,
    }


def dutch(folder, every=1, origins=(2016, 2017, 2018, 2019), intercept=False):
    """Frame of placebo fits of Dutch municipalities."""
    panel = ss.datasets.load_vektis(range(2011, 2020), "core", folder=Path(folder) / "vektis")
    blocks = dict(zip(panel.units, neighbour_blocks(panel), strict=True))
    panel = panel.select(units=list(np.array(panel.units)[panel.insured_years.min(axis=1) >= 20_000]))
    windows = [(range(2011, year), [year]) for year in origins]
    method = SyntheticControl(inference="bayes", intercept=intercept)
    conformal = SyntheticControl(inference="none", intercept=intercept)
    units = list(panel.units)[::every]
    frame = placebo_frame(method, panel, windows, units, conformal=conformal, standard="expected")
    return frame.assign(block=frame["unit"].map(blocks))


def dartmouth(folder, every=1, starts=(2003, 2006, 2008), intercept=False):
    """Frame of placebo fits of US counties."""
    panel = ss.datasets.load_dartmouth(folder=Path(folder) / "dartmouth")
    large = np.array(panel.units)[panel.insured_years.min(axis=1) >= SMALLEST_COUNTY]
    drawn = np.random.default_rng(1).permutation(large)[: N_DONORS + N_PLACEBOS].tolist()
    donors, units = sorted(drawn[:N_DONORS]), sorted(drawn[N_DONORS:])[::every]
    panel = panel.select(units=sorted(drawn))
    windows = [(range(year, year + 5), [year + 5, year + 6]) for year in starts]
    method = SyntheticControl(inference="bayes", intercept=intercept)
    conformal = SyntheticControl(inference="none", intercept=intercept)
    frame = placebo_frame(method, panel, windows, units, conformal=conformal, donors=donors)
    return frame.assign(block=frame["unit"].str[:2])


def report(frame):
    """Return the tables as text, the pooled row of credible intervals at 90%, and the fraction of refused fits."""
    fits = len(frame.drop_duplicates(["unit", "window"]))
    refused = int((frame["inference"] == "refused").sum())
    table = coverage_table(frame, size_classes(frame))
    credible = frame[frame["inference"] == "credible"]
    lines = [f"{frame['unit'].nunique()} units, {fits} fits, {refused} refused"]
    for inference in ("credible", "confidence"):
        inference_rows = frame[frame["inference"] == inference]
        lines.append(
            f"{inference}: RMSE {100 * np.sqrt((inference_rows['rate'] ** 2).mean()):.2f}%, "
            f"mean {100 * inference_rows['rate'].mean():.2f}%, "
            f"mean predictive SD {100 * inference_rows['sd'].mean():.2f}%"
        )
    lines.append(table.round(1).to_string(index=False))
    by_window = credible.groupby("window")[[f"in_{level}" for level in (0.5, 0.8, 0.9, 0.95)]].mean()
    lines.append((100 * by_window).round(1).to_string())
    pooled = table[(table["class"] == "all") & (table["inference"] == "credible") & (table["level"] == 90)].iloc[0]
    return "\n".join(lines), pooled, refused / fits


if __name__ == "__main__":
    pd.set_option("display.width", 200)
    began = time.process_time()
    which = {"dutch": dutch, "dartmouth": dartmouth}[sys.argv[1]]
    every = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    result = which(os.environ["SSINFER_DATA_DIR"], every, intercept="demeaned" in sys.argv[3:])
    print(report(result)[0])
    print(f"{time.process_time() - began:.0f} s of processor time")
