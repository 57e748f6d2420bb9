"""SD of the placebo error of the administrative benchmark by year weights, on simulated claims without a saving.

Usage: python tests/evidence/year_weights.py simple|realistic INSURED SEED [SEED ...]
Prints per rule the SD of the relative error and its ratio to that with equal weights, each with the Monte Carlo error
of a bootstrap over worlds and regional groups. Placebos are regional groups, which include no contract's persons.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from ssinfer.backtesting.backtest import backtest
from ssinfer.benchmarks.administrative.method import AdministrativeBenchmark
from ssinfer.claims import ClaimsTables, Population, Spending, Truncation, extract
from ssinfer.cohort.pseudo_practices import pseudo_practices
from ssinfer.design import Design
from ssinfer.simulation.claims import simulate_claims

RULES = ("equal", "correlation")
YEAR, SIZE, REPLICATES = 4, 1_500, 2_000
BASELINES = {"three years": 3, "five years": 5}


def errors_of_world(persons: str, n_insured: int, seed: int) -> pd.DataFrame:
    """Return the relative errors of placebo groups (rows) by spending, baseline and rule in one simulated world."""
    spending = Spending(duplicates="keep", truncation=Truncation(percentile=0.99))
    with tempfile.TemporaryDirectory() as folder:
        options = {"insured_under_contract": n_insured // 20, "saving": 0.0, "seed": seed, "persons": persons}
        claims = simulate_claims(Path(folder) / "claims", n_insured, **options)
        periods, tables = claims.setting.periods, ClaimsTables.open(claims.folder)
        extracted = extract(tables, Population(insurers=["A"]), spending, periods=periods)
        cohorts = {"all": extracted.cohort(), "truncated": extracted.cohort(truncated=True)}
    performance, columns = periods[-YEAR:], {}
    for name, cohort in cohorts.items():
        treated = [unit for unit in cohort.units if unit in claims.treated]
        groups = pseudo_practices(cohort, "regional bundles", size=SIZE, keep=treated, seed=seed)
        panel = groups.to_panel(outside=treated, before=performance[0])
        for window, years in BASELINES.items():
            baseline = periods[-YEAR * (years + 1) : -YEAR]
            design = Design(treated=treated, baseline=baseline, performance=performance)
            methods = {rule: AdministrativeBenchmark(year_weights=rule, n_draws=400, history=0) for rule in RULES}
            rows = backtest(panel, design, methods, seed=seed, n_jobs=1, origins=[performance[0]]).placebos
            table = rows[~rows["unit"].isin(treated)].pivot_table(index="unit", columns="method", values="savings_rate")
            columns |= {(name, window, rule): table[rule] for rule in RULES}
    return pd.concat({seed: pd.DataFrame(columns)}, names=["world"])


def summary(errors: pd.DataFrame) -> pd.DataFrame:
    """Return SD and its ratio to equal weights per baseline and rule, with bootstrap standard errors."""
    rng = np.random.default_rng(0)
    worlds = [part for _, part in errors.groupby(level="world")]
    centred = [(part - part.mean()).to_numpy(dtype=float) for part in worlds]
    columns = errors.columns.to_list()

    def sds(parts: list[np.ndarray]) -> np.ndarray:
        return np.sqrt((np.concatenate(parts) ** 2).mean(axis=0))

    picks = (rng.integers(0, len(centred), len(centred)) for _ in range(REPLICATES))
    draws = np.array([sds([p[rng.integers(0, len(p), len(p))] for p in (centred[w] for w in pick)]) for pick in picks])
    point, rows = sds(centred), []
    for number, (spending, baseline, rule) in enumerate(columns):
        equal = columns.index((spending, baseline, "equal"))
        ratio = draws[:, number] / draws[:, equal]
        rows.append((spending, baseline, rule, 100 * point[number], 100 * draws[:, number].std()))
        rows[-1] += (point[number] / point[equal], ratio.std(), len(errors))
    names = ["spending", "baseline", "year_weights", "sd_percent", "sd_error", "ratio_to_equal", "ratio_error", "n"]
    return pd.DataFrame(rows, columns=names)


if __name__ == "__main__":
    kind, insured, *seeds = sys.argv[1:]
    worlds = [errors_of_world(kind, int(insured), int(seed)) for seed in seeds]
    sys.stdout.write(summary(pd.concat(worlds)).round(4).to_string(index=False) + "\n")
