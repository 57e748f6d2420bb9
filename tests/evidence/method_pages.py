"""Every method and threshold kind on the same placebos, whose true saving is zero: figures of docs/methods.

Usage: SSINFER_DATA_DIR=... python tests/evidence/method_pages.py [DATA ...]
DATA are "simulated", "dutch", "persons" and "planning"; none: all. The files are methods.csv, methods_compared.csv,
thresholds.csv and planning.csv in docs/evidence; rows of other data stay. Figures are those of the tables of
`ss.backtest`, in per cent, with its block-bootstrap standard errors. A backtest of one method that is in
build/method_pages is not made again, so that a run can be stopped at any time: empty that folder after a change. With
"tables" as first argument only what is there is written.
"""

import os
import pickle
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

import ssinfer as ss
from ssinfer.backtesting.paired import paired_detection
from ssinfer.backtesting.result import BacktestResult, join_results
from ssinfer.comparison import Every, SimilarSize, Within
from ssinfer.thresholds.kind import ThresholdKey

ROOT = Path(__file__).parents[2]
EVIDENCE, BUILD = ROOT / "docs" / "evidence", ROOT / "build" / "method_pages"
COMMAND = "python tests/evidence/method_pages.py"
LEVELS, SAVING, SEED = (50, 80, 90, 95), 3, 1
RULE = ("three years", "10/30/60 rule")  # design and method with which all others are compared
BAYES = "SyntheticControl (Bayesian)"
NAMES = {"simulated": "simulated panel", "dutch": "Dutch municipalities", "persons": "simulated persons"}
# Figures of a threshold, and their columns in the table of a backtest.
FIGURES = {"threshold": "threshold", "false_payments": "false_payment_rate", "detection": f"detection_rate_{SAVING}"}


@dataclass(frozen=True)
class Setting:
    """Data, designs and methods of one backtest; `methods` are named, with the design to which each is applied."""

    data: Callable[[], Any]
    designs: dict[str, ss.Design]
    methods: dict[str, tuple[str, Any]]
    origins: tuple[int, ...]
    placebos: Callable[[Any], list[str]]


def panel_methods(near: str, every: str = "five years") -> dict[str, tuple[str, Any]]:
    """Return the methods for panels; those that weight donors use the design `near`."""
    rule = ss.AdministrativeBenchmark(year_weights=(10, 30, 60), n_draws=2000)
    members = [ss.AdministrativeBenchmark(n_draws=1000), ss.SyntheticControl(n_draws=1000)]
    return {
        RULE[1]: (RULE[0], rule),
        "AdministrativeBenchmark": (every, ss.AdministrativeBenchmark(n_draws=2000)),
        "SyntheticControl": (near, ss.SyntheticControl()),
        "AugmentedSyntheticControl": (near, ss.AugmentedSyntheticControl()),
        "SyntheticDiD": (near, ss.SyntheticDiD()),
        "HierarchicalBenchmark": (every, ss.HierarchicalBenchmark(n_draws=2000)),
        BAYES: (near, ss.SyntheticControl(inference="bayes")),
        "StackedBenchmark": (near, ss.StackedBenchmark(members)),
    }


def settings() -> dict[str, Setting]:
    """Return the backtests by name."""
    folder = Path(os.environ.get("SSINFER_DATA_DIR", "")) / "vektis"
    large, near = SimilarSize(at_least=20_000), Every((Within(75), SimilarSize(ratio=2.5)))

    def design(case: str, before: int, start: int, **choice: Any) -> ss.Design:
        return ss.Design([case], range(start - before, start), [start], **choice)

    def municipalities(panel: ss.Panel) -> list[str]:
        sizes = panel.insured_years.min(axis=1)
        return [u for u, n in zip(panel.units, sizes, strict=True) if n >= 20_000 and u != "VLISSINGEN"][::8]

    dutch: dict[str, Any] = {"case": "VLISSINGEN", "start": 2019, "standard": "expected"}
    three = design("practice 01", 3, 2020)
    return {
        "simulated": Setting(
            lambda: ss.simulation.simulate_panel(80, range(2009, 2023), start=2022, covid=False, seed=SEED).panel,
            {"three years": design("treated", 3, 2022), "five years": design("treated", 5, 2022)},
            panel_methods("five years"),
            (2018, 2020, 2022),
            lambda panel: [unit for unit in panel.units if unit != "treated"][::2],
        ),
        "dutch": Setting(
            lambda: ss.datasets.load_vektis(range(2011, 2020), "core", folder=folder),
            {
                "three years": design(before=3, donors=large, **dutch),
                "five years": design(before=5, donors=large, **dutch),
                "five years, near": design(before=5, donors=near, **dutch),
            },
            panel_methods("five years, near"),
            (2016, 2017, 2018, 2019),
            municipalities,
        ),
        "persons": Setting(
            lambda: ss.simulation.simulate_cohort(60, (300, 600), range(2013, 2021), seed=SEED),
            {"three years": three},
            {
                RULE[1]: (RULE[0], ss.AdministrativeBenchmark(year_weights=(10, 30, 60), n_draws=2000)),
                "PropensityMatching": (RULE[0], ss.PropensityMatching()),
                "RiskAdjustedBenchmark": (RULE[0], ss.RiskAdjustedBenchmark()),
            },
            (2016, 2018, 2020),
            lambda cohort: [unit for unit in cohort.units if unit != "practice 01"][::2],
        ),
    }


def measure(name: str, setting: Setting, *, known: bool = False) -> tuple[BacktestResult, dict[str, float]]:
    """Return the backtest of a setting, and its processor seconds by method; each fit has its own random stream."""
    results, seconds, data = [], {}, None if known else setting.data()
    BUILD.mkdir(parents=True, exist_ok=True)
    for method, (design, parameters) in setting.methods.items():
        path, start = BUILD / f"{name} {method.replace('/', '-')}.pickle", time.process_time()
        if known and not path.exists():
            continue
        if not path.exists():
            result = ss.backtest(
                data,
                {design: setting.designs[design]},
                {method: parameters},
                setting.placebos(data),
                injected=(0.0, SAVING / 100),
                n_jobs=1,
                seed=SEED,
                origins=setting.origins,
            )
            path.write_bytes(pickle.dumps((result, time.process_time() - start)))
        result, seconds[method] = pickle.loads(path.read_bytes())  # noqa: S301  (written above)
        sys.stdout.write(f"{name}, {method}: {seconds[method]:.1f} processor seconds, {result}\n")
        sys.stdout.flush()
        results.append(result)
    return join_results(results), seconds


def own_threshold(thresholds: pd.DataFrame) -> pd.Series:
    """Return the row of the one-sided 95% threshold that a method's own draws give, the posterior's if there is one."""
    keys = ThresholdKey("credible", 0.95, "one-sided", "flat"), ThresholdKey("confidence", 0.95)
    return next(rows.iloc[0] for key in keys if len(rows := thresholds[key.rows(thresholds)]))


def compared(result: BacktestResult, seconds: dict[str, float]) -> pd.DataFrame:
    """Return one row per method: errors, coverage, thresholds, and detection less that of the 10/30/60 rule."""
    rows = []
    for _, score in result.scores.iterrows():
        pair = score["design"], score["method"]
        mine = result.thresholds
        mine = mine[(mine["design"] == pair[0]) & (mine["method"] == pair[1])]
        own, fair = own_threshold(mine), mine[ThresholdKey("placebo", 0.95).rows(mine)].iloc[0]
        row: dict[str, Any] = {"design": pair[0], "method": pair[1], "n": score["n_rows"] - score["n_refused"]}
        row |= {"n_units": score["n_units"], "n_origins": score["n_origins"], "n_refused": score["n_refused"]}
        for name, column in (("mean_error", "bias"), ("sd", "sd"), ("rmse", "rmse")):
            row |= {name: 100 * score[column], f"{name}_se": 100 * score[f"{column}_mcse"]}
        for name in (*(f"coverage_{level}" for level in LEVELS), "width_90", "level_slope"):
            scale = 1 if name == "level_slope" else 100
            row |= {name: scale * score[name], f"{name}_se": scale * score[f"{name}_se"]}
        row["threshold_kind"] = own["kind"]
        for prefix, chosen in (("", own), ("placebo_", fair)):
            for name, column in FIGURES.items():
                row |= {prefix + name: 100 * chosen[column], f"{prefix}{name}_se": 100 * chosen[f"{column}_se"]}
        row |= dict.fromkeys(("detection_gain", "detection_gain_se"), 0.0 if pair == RULE else float("nan"))
        if pair != RULE:
            gap, error = paired_detection(result.placebos, pair, RULE, SAVING / 100, seed=SEED)
            row |= {"detection_gain": 100 * gap, "detection_gain_se": 100 * error}
        rows.append(row | {"processor_seconds": seconds[pair[1]]})
    return pd.DataFrame(rows)


def coverage(table: pd.DataFrame) -> pd.DataFrame:
    """Return the comparison in long form: one row per method and level of the interval."""
    kept = [name for name in table if not name.startswith("coverage_")]
    parts = [
        table[kept].assign(level=level, coverage=table[f"coverage_{level}"], mc_error=table[f"coverage_{level}_se"])
        for level in LEVELS
    ]
    front = ["data", "method", "level", "coverage", "mc_error"]
    long = pd.concat(parts)
    return long[[*front, *(name for name in long if name not in front)]]


def threshold_rows(result: BacktestResult) -> pd.DataFrame:
    """Return one row per method and threshold: false payments at the promised rate, and detection."""
    table = result.thresholds
    keys = [ThresholdKey.of(row) for _, row in table.iterrows()]
    out = table[["design", "method", "kind", "side", "prior"]].copy()
    out["level"] = [None if key.level is None else f"{100 * key.level:g}" for key in keys]
    out["promised"] = [None if key.promised_rate is None else 100 * key.promised_rate for key in keys]
    out["n"] = table["n_rows"]
    out["never_paid"] = 100 * table["no_threshold_rate"]
    for name, column in FIGURES.items():
        out[name], out[f"{name}_se"] = 100 * table[column], 100 * table[f"{column}_se"]
    return out


def planning() -> pd.DataFrame:
    """Return shares of contracts that are paid, by the formulas of a scenario and by contracts simulated by year."""
    n, rows = 100_000, []
    cells = {"insured": [5_000, 20_000, 100_000], "years": [1, 3]}
    for kind in ("confidence", "schedule"):
        scenario = ss.Scenario(insured=1, k=3.3, shock_sd=0.0125, kind=kind)
        formula = ss.power_table(scenario, **cells, savings=[SAVING / 100])
        drawn = ss.power_table(scenario, **cells, savings=[SAVING / 100], simulated=n, seed=SEED)
        for name, column in (("false payments", "false_payment_rate"), ("detection of 3%", f"detection_rate_{SAVING}")):
            part = formula[["insured", "years"]].assign(kind=kind, figure=name, threshold=100 * formula["threshold"])
            part["formula"], part["simulated"] = 100 * formula[column], 100 * drawn[column]
            part["mc_error"] = 100 * (drawn[column] * (1 - drawn[column]) / n) ** 0.5
            rows.append(part.assign(detectable=100 * formula["detectable"], n=n))
    return pd.concat(rows)


def write(name: str, frame: pd.DataFrame, data: str) -> None:
    """Replace the rows of `data` in an evidence file."""
    path = EVIDENCE / name
    facts = {"date": datetime.now(UTC).date().isoformat(), "version": ss.__version__, "command": f"{COMMAND} {data}"}
    frame, label = frame.drop(columns="data", errors="ignore").assign(**facts), NAMES.get(data, data)
    frame.insert(0, "data", label)
    if path.exists():
        before = pd.read_csv(path)
        frame = pd.concat([before[before["data"] != label], frame])
    frame.to_csv(path, index=False, float_format="%.6g", lineterminator="\n")


def main(wanted: list[str]) -> None:
    """Measure the settings that are wanted, and write their rows."""
    known, given = settings(), wanted[:1] == ["tables"]
    for name in wanted[given:] or [*known, "planning"]:
        if name == "planning":
            write("planning.csv", planning(), name)
            continue
        result, seconds = measure(name, known[name], known=given)
        table = compared(result, seconds)
        write("methods_compared.csv", table, name)
        write("methods.csv", coverage(table.assign(data=name)), name)
        write("thresholds.csv", threshold_rows(result), name)
        sys.stdout.write(f"{table.to_string(index=False)}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
