"""Speed of SyntheticControl(inference="bayes") against its aims.

Run ``SSINFER_DATA_DIR=... python tests/speed/bench_weight_posterior.py [every]``. Aims, after compilation: one
posterior of Proposition 99 with bulk ESS >= 1,000 of the pooled saving in 2 s (CausalPy 0.9 takes 443 s); all
municipalities above 20,000 insured x 4 origins, each with bulk ESS >= 400 of every quantity that is checked, in 5
minutes on 2 cores. The second is measured on every sixth municipality (`every`) and scaled: containers, placebo law and
further attempts included; a fit that misses the ESS is a refusal, and counted.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import numpy as np
from peers import data_folder

import ssinfer as ss
from ssinfer.benchmarks.synthetic_control.bayes.posterior import WeightModel, sample_posterior
from ssinfer.benchmarks.synthetic_control.classic import SyntheticControl
from ssinfer.benchmarks.synthetic_control.fit_window import FitWindow

if TYPE_CHECKING:
    from pathlib import Path

DRAWS, SEEDS = 6000, 3
ORIGINS = (2016, 2017, 2018, 2019)
POSTERIOR_AIM, BACKTEST_AIM, CAUSALPY = 2.0, 300.0, 443.0


def proposition_99(folder: Path, *, intercept: bool) -> tuple[list[float], list[float]]:
    """Return seconds of whole fits (model, prior, posterior, placebo law, containers), and the ESS reached."""
    panel = ss.datasets.load_prop99(folder=folder / "synthetic_control")
    design = ss.Design(treated=["California"], baseline=range(1970, 1989), performance=range(1989, 2001))
    method = SyntheticControl(inference="bayes", intercept=intercept, n_draws=DRAWS)
    method.fit(panel, design, seed=0)
    seconds, sizes = [], []
    for seed in range(1, SEEDS + 1):
        start = time.perf_counter()
        method.fit(panel, design, seed=seed)
        seconds.append(time.perf_counter() - start)
        model = WeightModel.of(FitWindow.of(method.prepare(panel, design), 0), intercept=intercept)
        sizes.append(sample_posterior(model, DRAWS // 4, np.random.default_rng(seed)).ess["pooled"])
    return seconds, sizes


def dutch_backtest(folder: Path, every: int) -> tuple[float, int, int, int]:
    """Return seconds on 2 cores, fits, refusals, and the number of fits of the whole job."""
    panel = ss.datasets.load_vektis(range(2011, 2020), "core", folder=folder / "vektis")
    large = np.array(panel.units)[panel.insured_years.min(axis=1) >= 20_000].tolist()
    panel = panel.select(units=large)
    case = "VLISSINGEN"
    units = [unit for unit in large[::every] if unit != case]
    method = SyntheticControl(inference="bayes")
    seconds, refused = 0.0, 0
    for number, origin in enumerate((ORIGINS[0], *ORIGINS)):
        design = ss.Design(treated=[case], baseline=range(2011, origin), performance=[origin], standard="expected")
        start = time.perf_counter()
        result = ss.backtest(panel, design, method, placebos=units if number else units[:4], n_jobs=2, origins=[origin])
        if number:  # the first starts the workers
            seconds += time.perf_counter() - start
            refused += int((result.placebos["status"] != "ok").sum())
    return seconds, len(units) * len(ORIGINS), refused, len(large) * len(ORIGINS)


def main(every: int) -> None:
    folder = data_folder("synthetic_control", "vektis")
    if folder is None:
        return
    for intercept in (False, True):
        seconds, sizes = proposition_99(folder, intercept=intercept)
        text = " ".join(f"{one:.2f}" for one in seconds)
        met = "met" if max(seconds) <= POSTERIOR_AIM and min(sizes) >= 1000 else "MISSED"
        form, reached = "demeaned" if intercept else "level", " ".join(f"{one:.0f}" for one in sizes)
        print(f"Proposition 99, {form}: {text} s (aim {POSTERIOR_AIM} s, {met}), bulk ESS {reached}")
        print(f"CausalPy / ours {CAUSALPY / max(seconds):.0f}")
    seconds, fits, refused, whole = dutch_backtest(folder, every)
    scaled = seconds / fits * whole
    met = "met" if scaled <= BACKTEST_AIM else "MISSED"
    print(f"Dutch backtest: {fits} fits in {seconds:.1f} s on 2 cores, {refused} refused")
    print(f"{whole} fits scaled: {scaled:.0f} s (aim {BACKTEST_AIM:.0f} s, {met})")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 6)
