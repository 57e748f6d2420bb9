"""Matching on prior spending on simulated claims without a saving, beside the administrative rule with equal history.

Usage: python tests/evidence/matching_prior_spending.py INSURED GROUPS SEED
Groups of about 1,000 persons are treated in turn. Prints, per outcome model, how many are refused, and the RMSE of
benchmark less spending over four quarters, relative to spending, with the standard error of a bootstrap over groups.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from ssinfer.benchmarks.administrative.method import AdministrativeBenchmark
from ssinfer.benchmarks.matched.method import PropensityMatching
from ssinfer.claims import ClaimsTables, Population, Spending, extract
from ssinfer.cohort.cohort import Cohort
from ssinfer.cohort.pseudo_practices import pseudo_practices
from ssinfer.design import Design
from ssinfer.errors import SsinferError
from ssinfer.simulation.claims import simulate_claims

MODELS = ("linear", "two-part", "gamma", "tweedie")
MATCHED = {"adjustment": "lagged", "prior_spending": True, "ratio": 10, "confidence": None, "n_draws": 100}


def simulated_groups(n_insured: int, seed: int) -> tuple[Cohort, list[str]]:
    """Return the cohort of groups of about 1,000 persons, and the groups without a contract."""
    with tempfile.TemporaryDirectory() as folder:
        options = {"insured_under_contract": n_insured // 20, "saving": 0.0, "seed": seed}
        claims = simulate_claims(Path(folder) / "claims", n_insured, **options)
        periods, tables = claims.setting.periods, ClaimsTables.open(claims.folder)
        cohort = extract(tables, Population(insurers=["A"]), Spending(duplicates="keep"), periods=periods).cohort()
    groups = pseudo_practices(cohort, "regional bundles", size=1000, seed=seed)
    return groups, [str(unit) for unit in groups.units]


def errors(n_insured: int, n_groups: int, seed: int) -> pd.DataFrame:
    """Return one row per group and method: relative error, refusal, and whether the slope on the level is reported."""
    groups, units = simulated_groups(n_insured, seed)
    panel, periods = groups.to_panel(), groups.periods
    methods = {model: PropensityMatching(outcome_model=model, **MATCHED) for model in MODELS}
    rows = []
    for unit in np.random.default_rng(seed).permutation(units)[:n_groups]:
        design = Design([unit], baseline=periods[-16:-4], performance=periods[-4:])
        for name, method in {"administrative": AdministrativeBenchmark(n_draws=100, history=0), **methods}.items():
            try:
                cf = method.fit(panel if name == "administrative" else groups, design, seed=1)
            except SsinferError as error:
                rows.append((unit, name, np.nan, type(error).__name__, ""))
            except Exception as error:  # noqa: BLE001  (what a numerical failure must never be is counted)
                rows.append((unit, name, np.nan, f"raw {type(error).__name__}", ""))
            else:
                checks = cf.diagnostics.set_index("check")["status"]
                rows.append((unit, name, cf.level / cf.pooled_spending - 1, "", checks.get("level slope", "")))
            print(*rows[-1], flush=True)  # noqa: T201
    return pd.DataFrame(rows, columns=["unit", "method", "error", "refused", "level slope"])


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """Return refusals, and RMSE over that of the administrative rule on the same groups, with bootstrap errors."""
    wide, rows = table.pivot_table(index="unit", columns="method", values="error"), []
    rng = np.random.default_rng(0)
    for name, part in table.groupby("method", sort=False):
        pair = wide[[name, "administrative"]].dropna().to_numpy() ** 2 if name in wide else np.empty((0, 2))
        refused = part["refused"][part["refused"] != ""]
        row = {"method": name, "groups": len(part), "refused": len(refused), "why": ", ".join(sorted(set(refused)))}
        if len(pair) > 1:
            draws = np.sqrt([pair[rng.integers(0, len(pair), len(pair))].mean(axis=0) for _ in range(2000)])
            rmse, own = np.sqrt(pair.mean(axis=0)), draws[:, 0]
            row |= {"rmse": rmse[0], "rmse_se": own.std(), "over_administrative": rmse[0] / rmse[1]}
            row |= {"ratio_se": (own / draws[:, 1]).std(), "mean_error": float(wide[name].mean())}
            row |= {"slope_reported": int((part["level slope"] == "WARN").sum())}
        rows.append(row)
    return pd.DataFrame(rows)


if __name__ == "__main__":
    print(summary(errors(*map(int, sys.argv[1:4]))).round(4).to_string())  # noqa: T201
