"""Coverage of the placebo distribution of the synthetic control, on contracts that did not choose it.

Usage: SSINFER_DATA_DIR=... python tests/evidence/placebo_coverage.py [PANELS]
Every other unit of simulated panels is in turn the contract of a backtest without a saving (80 units and five baseline
years; 24 units and seven), and every other Dutch municipality with at least 20,000 insured-years. The standard error of
the simulations is that of the mean over panels, and of the municipalities that of the blocks of a backtest. The rows
are docs/evidence/placebo_coverage.csv.
"""

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

import ssinfer as ss
from ssinfer.comparison import Every, SimilarSize, Within

FILE = Path(__file__).parents[2] / "docs" / "evidence" / "placebo_coverage.csv"
METHODS = {"SyntheticControl": ss.SyntheticControl(), "demeaned": ss.SyntheticControl(intercept=True)}
SETTINGS = {"simulated, 80 units, 5 years": (80, 5), "simulated, 24 units, 7 years": (24, 7)}
LEVELS = (80, 90, 95)


def result_of(panel: ss.Panel, design: ss.Design, units: list[str], origins: tuple[int, ...], seed: int) -> Any:
    """Return the backtest of both forms without a saving."""
    return ss.backtest(panel, {"design": design}, METHODS, units, injected=(0.0,), n_jobs=1, seed=seed, origins=origins)


def figures(result: Any, method: str) -> dict[str, float]:
    """Return coverage, and how often the one-sided 95% threshold is paid though nothing was saved, with errors."""
    score = result.scores[result.scores["method"] == method].iloc[0]
    rows = result.thresholds
    chosen = (rows["method"] == method) & (rows["kind"] == "confidence") & (rows["side"] == "one-sided")
    paid = rows[chosen & (rows["level"] == 0.95)].iloc[0]
    found = {f"coverage_{level}": score[f"coverage_{level}"] for level in LEVELS}
    found |= {f"coverage_{level}_se": score[f"coverage_{level}_se"] for level in LEVELS}
    found |= {"paid": paid["false_payment_rate"], "paid_se": paid["false_payment_rate_se"]}
    return found | {"n": score["n_rows"] - score["n_refused"]}


def simulated(n_units: int, n_years: int, seeds: range) -> pd.DataFrame:
    """Return one row per form: means over panels of different seeds, and their standard errors."""
    rows = []
    for seed in seeds:
        panel = ss.simulation.simulate_panel(n_units, range(2009, 2023), start=2022, covid=False, seed=seed).panel
        units = [unit for unit in panel.units if unit != "treated"][::2]
        design = ss.Design(["treated"], range(2022 - n_years, 2022), [2022])
        result = result_of(panel, design, units, (2018, 2020, 2022), seed)
        rows += [{"method": method, **figures(result, method)} for method in METHODS]
    groups = pd.DataFrame(rows).groupby("method")
    mean, errors = groups.mean(), groups.sem()
    wanted = [*(f"coverage_{level}" for level in LEVELS), "paid"]
    mean[[f"{name}_se" for name in wanted]] = errors[wanted].to_numpy()
    return mean.assign(n=groups["n"].sum()).reset_index()


def municipalities() -> pd.DataFrame:
    """Return one row per form, on Dutch municipalities."""
    panel = ss.datasets.load_vektis(range(2011, 2020), "core", folder=Path(os.environ["SSINFER_DATA_DIR"]) / "vektis")
    sizes = panel.insured_years.min(axis=1)
    units = [u for u, n in zip(panel.units, sizes, strict=True) if n >= 20_000 and u != "VLISSINGEN"][::2]
    near = Every((Within(75), SimilarSize(ratio=2.5)))
    design = ss.Design(["VLISSINGEN"], range(2014, 2019), [2019], donors=near, standard="expected")
    result = result_of(panel, design, units, (2016, 2017, 2018, 2019), 1)
    return pd.DataFrame([{"method": method, **figures(result, method)} for method in METHODS])


def main(n_panels: int) -> None:
    """Measure and write all rows."""
    parts = [simulated(*of, range(1, n_panels + 1)).assign(data=name) for name, of in SETTINGS.items()]
    table = pd.concat([*parts, municipalities().assign(data="Dutch municipalities")])
    numbers = table.columns.difference(["data", "method", "n"])
    table[numbers] *= 100
    table = table[["data", "method", "n", *sorted(numbers)]]
    table = table.assign(date=datetime.now(UTC).date().isoformat(), version=ss.__version__)
    table.to_csv(FILE, index=False, float_format="%.4g", lineterminator="\n")
    sys.stdout.write(f"{table.to_string(index=False)}\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 24)
