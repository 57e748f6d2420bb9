"""Speed of the synthetic-control kernels against pysyncon and azcausal.

Run ``python tests/speed/bench_synthetic_control.py``.

The peers run from their wheels in an environment of their own, in the same run: its Python is named by the
environment variable SSINFER_PEERS_PYTHON; if unset, the environment ``.venv-peers`` is created by pip beside the
project.
Needs SSINFER_DATA_DIR. Each figure is the least of several repetitions after warm-up; peers are timed on fewer
fits and quoted per fit.
"""

from __future__ import annotations

import itertools
import json
import os
import platform
import subprocess
import sys
import time

import numpy as np
import pandas as pd
from peers import data_folder, peers_python

import ssinfer as ss
from ssinfer.benchmarks.synthetic_control.classic import SyntheticControl
from ssinfer.benchmarks.synthetic_control.fit_window import FitWindow
from ssinfer.benchmarks.synthetic_control.kernels.gram import factor
from ssinfer.benchmarks.synthetic_control.kernels.simplex_least_squares import simplex_batch
from ssinfer.benchmarks.synthetic_control.synthetic_did import SyntheticDiD
from ssinfer.datasets.vektis.panel import load_vektis

PEERS = r"""
import json, sys, time, warnings
import numpy as np, pandas as pd
warnings.filterwarnings("ignore")
frame = pd.read_csv(sys.argv[1], sep=";").rename(columns={"PacksPerCapita": "y"})
out = {}
try:
    import pysyncon
    from pysyncon import Dataprep, Synth
    def prepare(treated):
        controls = [s for s in frame["State"].unique() if s not in (treated, "California")]
        years = range(1970, 1989)
        return Dataprep(foo=frame, predictors=[], predictors_op="mean", dependent="y", unit_variable="State",
            time_variable="Year", treatment_identifier=treated, controls_identifier=controls,
            time_predictors_prior=years,
            time_optimize_ssr=years, special_predictors=[("y", [year], "mean") for year in years])
    V = np.full(19, 1 / 19)
    times = []
    for state in ["California", "Alabama", "Utah"]:
        synth = Synth()
        start = time.perf_counter()
        synth.fit(dataprep=prepare(state), custom_V=V)
        times.append(time.perf_counter() - start)
        if state == "California":
            w = synth.weights(round=12)
            wide = frame.pivot(index="Year", columns="State", values="y")
            gap = wide["California"] - wide[w.index] @ w
            out["pysyncon_ssr"] = float((gap.loc[:1988] ** 2).sum())
    out["pysyncon"] = min(times)
    out["pysyncon_version"] = pysyncon.__version__ if hasattr(pysyncon, "__version__") else "?"
except Exception as error:
    out["pysyncon_error"] = repr(error)
try:
    import azcausal
    from azcausal.core.panel import CausalPanel
    from azcausal.estimators.panel.sdid import SDID
    wide = {name: frame.pivot(index="Year", columns="State", values=column) for name, column in
        (("outcome", "y"), ("intervention", "treated"))}
    panel = CausalPanel(wide).setup(outcome="outcome", intervention="intervention")
    SDID().fit(panel)
    times = []
    for _ in range(3):
        start = time.perf_counter()
        result = SDID().fit(panel)
        times.append(time.perf_counter() - start)
    out["azcausal"] = min(times)
    out["azcausal_effect"] = float(result.effect.value)
    out["azcausal_version"] = getattr(azcausal, "__version__", "?")
except Exception as error:
    out["azcausal_error"] = repr(error)
print(json.dumps(out))
"""


def least(function, repetitions=7):
    """Seconds of the fastest of several calls after a warm-up."""
    function()
    seconds = []
    for _ in range(repetitions):
        start = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def main() -> None:
    data = data_folder("synthetic_control", "vektis")
    if data is None:
        return
    file = data / "synthetic_control" / "prop99_synthdid.csv"
    frame = pd.read_csv(file, sep=";")
    panel = ss.Panel.from_frame(frame, unit="State", period="Year", spending="PacksPerCapita", insured_years=None)
    design = ss.Design(treated=["California"], baseline=range(1970, 1989), performance=range(1989, 2001))
    window = FitWindow.of(SyntheticControl().prepare(panel, design), 0)
    Y = np.ascontiguousarray(panel.spending.T)
    N, own = Y.shape[1], window.treated
    zero, everyone = np.zeros(N), np.arange(N)

    def fits(targets, donors, periods=slice(0, 19)):
        F = factor(np.ascontiguousarray(Y[periods]), np.ones(Y[periods].shape[0]), 0)
        return simplex_batch(F.T @ F, F, targets, donors, zero, np.zeros(donors.shape))

    leave_one = np.ones((N, N), dtype=bool)
    leave_one[:, own] = False
    pairs = list(itertools.combinations(window.others.tolist(), 2))
    targets = np.array([(own, j, k) for j, k in pairs])
    leave_two = np.ones((len(pairs), 3, N), dtype=bool)
    for m, (j, k) in enumerate(pairs):
        leave_two[m][:, [own, j, k]] = False
    did = SyntheticDiD()

    def nine_origins():
        for last in range(10, 19):
            fits(everyone, leave_one, slice(last - 10, last))

    covariates = pd.read_csv(data / "synthetic_control" / "prop99_covariates_mlsynth.csv")
    wide = ss.Panel.from_frame(
        covariates, unit="state", period="year", spending="cigsale", insured_years=None,
        covariates=["lnincome", "beer", "age15to24", "retprice"],
    )  # fmt: skip
    eighties = range(1980, 1989)
    predictors = [(name, eighties) for name in ("lnincome", "retprice", "age15to24")]
    predictors += [("beer", range(1984, 1989)), ("spending", [1975]), ("spending", [1980]), ("spending", [1988])]
    nested = SyntheticControl(predictors=predictors, inference="none")

    dutch = load_vektis(range(2011, 2023), basket="core")
    large = [unit for unit, size in zip(dutch.units, dutch.insured_years.mean(axis=1), strict=True) if size > 20_000]
    dutch = dutch.select(units=large)
    origins = (2018, 2019, 2020, 2022)

    def dutch_run(length, inference):
        designs = [
            ss.Design(treated=[unit], baseline=range(year - length, year), performance=[year])
            for year in origins
            for unit in dutch.units
        ]
        method = SyntheticControl(inference=inference)
        return lambda: method.fit_many(dutch, designs, list(range(len(designs))))

    def dutch_fits(length, placebos):
        """The fits alone, without containers: every municipality, and every placebo of every municipality."""
        method = SyntheticControl()
        windows = []
        for year in origins:
            for unit in dutch.units:
                design = ss.Design(treated=[unit], baseline=range(year - length, year), performance=[year])
                windows.append(FitWindow.of(method.prepare(dutch, design), 0))

        def run():
            if placebos:
                shared = {}
                for window in windows:
                    method.fit_window(window, shared)
            else:
                for window in windows[:: len(dutch.units)]:
                    N = window.rows.size
                    method.solve(window, np.arange(N), np.ones((N, N), dtype=bool))

        return run

    rows = [
        ("39 placebo fits of Proposition 99", least(lambda: fits(everyone, leave_one)), 0.02, 39, "pysyncon"),
        (
            "2,109 leave-two-out fits",
            least(lambda: fits(targets.ravel(), leave_two.reshape(-1, N))),
            0.15,
            2109,
            "pysyncon",
        ),
        (
            "38 exact SDID placebos",
            least(lambda: did.solve(window, window.others, leave_one[:38])),
            0.15,
            38,
            "azcausal",
        ),
        ("39 units x 9 origins", least(nine_origins), 0.2, 351, "pysyncon"),
        ("nested V search, one unit", least(lambda: nested.fit(wide, design, seed=1), 3), 1.0, 1, ""),
    ]
    for length in (3, 7):
        for placebos in (False, True):
            label = f"{len(dutch.units)} municipalities x 4 origins, {length} years, fits" + " and placebos" * placebos
            rows.append((label, least(dutch_fits(length, placebos), 2), 5.0, 4 * len(dutch.units), "pysyncon"))
        for inference in ("none", "placebo"):
            label = f"{len(dutch.units)} municipalities x 4 origins, {length} years, inference={inference!r}"
            rows.append((label, least(dutch_run(length, inference), 1), 5.0, 4 * len(dutch.units), "pysyncon"))
    treated = ss.Design(treated=[dutch.units[0]], baseline=range(2019, 2022), performance=[2022])
    label = f"SDiD of one of {len(dutch.units)} municipalities with its placebos, 3 years"
    rows.append((label, least(lambda: did.fit(dutch, treated, seed=1), 3), 0.1, len(dutch.units), "azcausal"))
    peers = {}
    python = peers_python("pysyncon", "azcausal")
    if python is not None:
        run = subprocess.run([python, "-c", PEERS, str(file)], capture_output=True, text=True, check=False)
        peers = json.loads(run.stdout.splitlines()[-1]) if run.stdout.strip() else {"error": run.stderr[-500:]}
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, numpy {np.__version__}; peers: {peers}")
    print(f"{'task':<78}{'seconds':>10}{'aim':>8}  {'met':<5}{'per fit':>12}{'peer per fit':>14}{'ratio':>10}")
    missed = []
    for label, seconds, aim, count, peer in rows:
        theirs = peers.get(peer)
        ratio = f"{theirs / (seconds / count):,.0f}" if theirs else "-"
        other = f"{theirs:.3g} s" if theirs else "-"
        met = seconds <= aim
        missed += [] if met else [label]
        text = f"{label:<78}{seconds:>10.4f}{aim:>8.2f}  {'yes' if met else 'NO':<5}{seconds / count:>10.2g} s"
        print(f"{text}{other:>14}{ratio:>10}")
    if missed:
        print("Aims missed:", "; ".join(missed), file=sys.stderr)


if __name__ == "__main__":
    main()
