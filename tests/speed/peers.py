"""What a measurement needs beside the package: published data, and peers in an environment of their own.

``python tests/speed/peers.py [FILE]`` compares ssinfer with its peers in one run: processor time, memory and distance
from the optimum that scipy's non-negative least squares finds, per estimator, panel and package, each in a process of
its own with one thread. It writes docs/evidence/peers.csv, or FILE. California and MatchIt's pairs need
SSINFER_DATA_DIR; without it they are left out.
"""

from __future__ import annotations

import datetime as dt
import importlib.util
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.optimize import nnls

ROOT = Path(__file__).resolve().parents[2]
COMMAND = "python tests/speed/peers.py"
PEERS = ("panelkit", "pysyncon", "mlsynth", "diff_diff", "azcausal", "causalpy")
PACKAGES = {
    "synthetic control": ("ssinfer", "panelkit", "diff_diff", "mlsynth", "pysyncon", "causalpy"),
    "synthetic control, all placebos": ("ssinfer", "panelkit"),
    "demeaned synthetic control": ("ssinfer", "panelkit"),
    "synthetic DiD": ("ssinfer", "panelkit", "diff_diff", "mlsynth", "azcausal"),
    "Bayesian synthetic control": ("ssinfer", "causalpy"),  # two different models: time only
}
SIMULATED = {"100 units": 100, "400 units": 400, "1,000 units": 1_000}
BEFORE, AFTER = 36, 12
MOST_SECONDS = 120  # of processor time per process; the Bayesian fits, on California only, have ten times as much


def data_folder(*folders: str) -> Path | None:
    """Return SSINFER_DATA_DIR; without it, print in one line what the measurement needs and return None."""
    given = os.environ.get("SSINFER_DATA_DIR")
    if given:
        return Path(given)
    needed = " and ".join(f"{folder}/" for folder in folders)
    print(f"Not measured: set SSINFER_DATA_DIR to a folder that holds {needed}.")
    return None


def peers_python(*packages: str) -> str | None:
    """Return the Python named by SSINFER_PEERS_PYTHON, or that of ``.venv-peers``, made and filled by pip at need.

    Where pip cannot install the peers, print so in one line and return None.
    """
    given = os.environ.get("SSINFER_PEERS_PYTHON")
    if given:
        return given
    folder = ROOT / ".venv-peers"
    python = str(folder / "bin" / "python")
    try:
        if not Path(python).exists():
            subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, capture_output=True)
        missing = [
            name
            for name in packages
            if subprocess.run([python, "-c", f"import {name}"], check=False, capture_output=True).returncode
        ]
        if missing:
            subprocess.run([python, "-m", "pip", "install", "-q", *missing], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        names = ", ".join(packages)
        print(f"Peers not measured: pip cannot install {names}. Name a Python that has them in SSINFER_PEERS_PYTHON.")
        return None
    return python


def simulated_panel(units: int, seed: int) -> np.ndarray:
    """Return spending of `units` units: levels, two factors that are random walks, noise of 1%."""
    rng = np.random.default_rng(seed)
    factors = np.cumsum(rng.normal(size=(2, BEFORE + AFTER)), axis=1)
    Y = 100 * np.exp(rng.normal(0, 0.1, (units, 1)) + 0.01 * rng.normal(size=(units, 2)) @ factors)
    return Y * (1 + 0.01 * rng.normal(size=Y.shape))


def simplex_rows(own: np.ndarray, donors: np.ndarray, ridge: float, *, intercept: bool) -> np.ndarray:
    """Return rows X with |X w|^2 = squared error + ridge |w|^2 for every w that sums to one."""
    X = (donors - own).T
    if intercept:
        X = X - X.mean(axis=0)
    return np.vstack([X, np.sqrt(ridge) * np.eye(len(donors))]) if ridge else X


def simplex_optimum(X: np.ndarray) -> np.ndarray:
    """Minimise |X w|^2 over the simplex: the u >= 0 that minimises |X u|^2 + c (1'u - 1)^2 is proportional to w."""
    c = np.sqrt((X**2).sum(axis=0).mean())
    u, _ = nnls(np.vstack([X, np.full(X.shape[1], c)]), np.r_[np.zeros(len(X)), c], maxiter=100 * X.shape[1])
    return u / u.sum()


def exact(Y: np.ndarray, before: int, estimator: str) -> tuple[np.ndarray, np.ndarray, float]:
    """Return rows, optimal weights and effect of an estimator; noise and ridge of synthetic DiD as in its paper."""
    own, donors = Y[0], Y[1:]
    did = estimator == "synthetic DiD"
    sigma = np.diff(donors[:, :before], axis=1).std(ddof=1)
    ridge = before * np.sqrt(Y.shape[1] - before) * sigma**2 if did else 0.0
    intercept = did or estimator.startswith("demeaned")
    X = simplex_rows(own[:before], donors[:, :before], ridge, intercept=intercept)
    w = simplex_optimum(X)
    gap = own - w @ donors
    if did:
        rows = simplex_rows(
            donors[:, before:].mean(axis=1), donors[:, :before].T, len(donors) * (1e-6 * sigma) ** 2, intercept=True
        )
        return X, w, gap[before:].mean() - simplex_optimum(rows) @ gap[:before]
    return X, w, gap[before:].mean() - (gap[:before].mean() if intercept else 0.0)


def fitted(python: str, package: str, estimator: str, file: Path, seconds: int) -> dict:
    """Run one fit in a process of its own, with one thread and a limit on processor time."""
    one = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
    run = subprocess.run(
        [python, str(Path(__file__).with_name("peer_fits.py")), package, estimator, str(file)],
        capture_output=True, text=True, check=False, env=os.environ | one,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5)),
    )  # fmt: skip
    lines = run.stdout.strip().splitlines()
    return json.loads(lines[-1]) if lines else {"error": f"not finished within {seconds} s of processor time"}


def row_of(result: dict, X: np.ndarray, best: np.ndarray, effect: float) -> dict[str, object]:
    """Turn what a fit printed into a row."""
    if "error" in result:
        return {"error": result["error"]}
    seconds = result["seconds"]
    row = {
        "version": result["version"],
        "seconds": float(np.median(seconds)),
        "least": seconds[0],
        "most": seconds[-1],
        "first": result["first"],
        "memory_mb": result["peak_mb"],
        "import_mb": result["imported_mb"],
        "effect": result["effect"],
        "effect_error": abs(result["effect"] - effect),
    }
    if result["weights"] is not None:
        w = np.array(result["weights"])
        row["excess"] = float(((X @ w) ** 2).sum() / ((X @ best) ** 2).sum() - 1)
        row["weight_error"] = float(np.abs(w - best).max())
    return row


def matchit(data: Path) -> dict[str, object]:
    """Compare pairs with those of MatchIt, by the test that does so; seconds are of all its specifications."""
    file = ROOT / "tests" / "benchmarks" / "matched" / "kernels" / "test_greedy_matching.py"
    spec = importlib.util.spec_from_file_location("greedy", file)
    tests = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tests)
    tests.test_pairs_equal_those_of_matchit_on_20000(data, "k1_nocaliper")  # compiles
    start = time.process_time()
    for name in tests.SPECIFICATIONS:
        tests.test_pairs_equal_those_of_matchit_on_20000(data, name)
    seconds = (time.process_time() - start) / len(tests.SPECIFICATIONS)
    row = {"estimator": "greedy matching", "panel": "20,000 persons", "package": "ssinfer", "seconds": seconds}
    return {**row, "excess": 0.0, "note": "all pairs equal those of MatchIt 4.7.2, 5 specifications, reading included"}


def main() -> None:
    """Measure every package on every panel, and write the file."""
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "evidence" / "peers.csv"
    panels = {name: (simulated_panel(units, seed), BEFORE) for seed, (name, units) in enumerate(SIMULATED.items())}
    data, rows = data_folder("synthetic_control", "person"), []
    if data is not None:
        frame = pd.read_csv(data / "synthetic_control" / "prop99_synthdid.csv", sep=";")
        wide = frame.pivot_table(index="State", columns="Year", values="PacksPerCapita")
        wide = wide.loc[["California", *wide.index.drop("California")]]
        panels = {"California": (wide.to_numpy(), int((wide.columns < 1989).sum())), **panels}
        rows.append(matchit(data))
    python = peers_python(*PEERS)
    with tempfile.TemporaryDirectory() as folder:
        for (name, (Y, before)), estimator in ((p, e) for e in PACKAGES for p in panels.items()):
            bayes = estimator.startswith("Bayesian")
            if bayes and name != "California":
                continue
            file = Path(folder) / "panel.npz"
            np.savez(file, spending=Y, before=before)
            X, best, effect = exact(Y, before, estimator)
            for package in PACKAGES[estimator]:
                own = package == "ssinfer"
                if not own and python is None:
                    continue
                result = fitted(
                    sys.executable if own else python, package, estimator, file, MOST_SECONDS * (10 if bayes else 1)
                )
                row = row_of(result, X, best, effect)
                if bayes:  # two models, none of which has this optimum
                    row = {key: row.get(key) for key in ("version", "seconds", "memory_mb", "effect", "error")}
                rows.append({"estimator": estimator, "panel": name, "package": package, **row})
                print(json.dumps(rows[-1]), flush=True)
    table = pd.DataFrame(rows)
    ours = table[table["package"] == "ssinfer"].set_index(["estimator", "panel"])["seconds"]
    table["over_ssinfer"] = table["seconds"] / ours.reindex(table.set_index(["estimator", "panel"]).index).to_numpy()
    load = " / ".join(f"{value:.0f}" for value in os.getloadavg())
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, load {load}"
    table = table.assign(date=dt.datetime.now(dt.UTC).date(), machine=machine, command=COMMAND)
    table.to_csv(out, index=False, float_format="%.6g")


if __name__ == "__main__":
    main()
