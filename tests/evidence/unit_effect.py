"""Payment of a contract 15% above the others by the prior of levels, on groups of simulated claims without a saving.

Usage: python tests/evidence/unit_effect.py INSURED SEED [SEED ...]

Each regional group in turn is the contract, once as it is and once with its spending times 1.15 in all quarters. Prints
per method the mean error of the measured saving in points at +15% less that as it is, with the standard error over
groups, and the SD of the error as it is.
"""

import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import ssinfer as ss
from ssinfer.claims import ClaimsTables, Population, Spending, extract
from ssinfer.cohort.pseudo_practices import pseudo_practices
from ssinfer.simulation.claims import simulate_claims

YEAR, BASELINE_YEARS, SIZE, FAR = 4, 1, 3_600, 1.15
METHODS = {
    "pooled, baseline": {"unit_effect": "pooled"},
    "pooled, all history": {"unit_effect": "pooled", "history": "all"},
    "own, all history": {"unit_effect": "own", "history": "all"},
}


def groups_of_world(n_insured: int, seed: int) -> ss.Panel:
    """Return quarterly spending of groups of insured persons of one region each, without a contract."""
    with tempfile.TemporaryDirectory() as folder:
        options: dict[str, Any] = {"insured_under_contract": n_insured // 20, "saving": 0.0, "seed": seed}
        claims = simulate_claims(Path(folder) / "claims", n_insured, **options)
        tables, periods = ClaimsTables.open(claims.folder), claims.setting.periods
        cohort = extract(tables, Population(insurers=["A"]), Spending(duplicates="keep"), periods=periods).cohort()
    treated = [unit for unit in cohort.units if unit in claims.treated]
    panel = pseudo_practices(cohort, "regional bundles", size=SIZE, keep=treated, seed=seed).to_panel()
    keep = np.array([unit not in treated for unit in panel.units])
    units, sizes = [unit for unit in panel.units if unit not in treated], panel.insured_years
    return ss.Panel(
        units, panel.periods, panel.spending[keep], None if sizes is None else sizes[keep], periods_per_year=YEAR
    )


def errors(panel: ss.Panel, options: dict[str, Any]) -> Iterator[tuple[float, float]]:
    """Yield the error of the measured saving of each group as it is, and with its spending times 1.15."""
    method, periods = ss.HierarchicalBenchmark(n_draws=400, nodes=512, **options), panel.periods
    window = {"baseline": periods[-YEAR * (1 + BASELINE_YEARS) : -YEAR], "performance": periods[-YEAR:]}
    designs = [ss.Design(treated=[unit], **window) for unit in panel.units]
    plain = method.fit_many(panel, designs, range(len(designs)))
    for row, design in enumerate(designs):
        spending = panel.spending.copy()
        spending[row] *= FAR
        far = ss.Panel(panel.units, periods, spending, panel.insured_years, periods_per_year=YEAR)
        fits = plain[row], method.fit(far, design, seed=row)
        yield tuple(1 - cf.pooled_spending / float(cf.pooled().mean()) for cf in fits)


def errors_of_worlds(n_insured: int, seeds: list[int], methods: Iterable[str] = METHODS) -> pd.DataFrame:
    """Return the errors, one row per world and group, by method and by "as it is" or "far"."""
    parts = {}
    for seed in seeds:
        panel = groups_of_world(n_insured, seed)
        each = {name: pd.DataFrame(errors(panel, METHODS[name]), panel.units) for name in methods}
        parts[seed] = pd.concat(each, axis=1).rename(columns={0: "as it is", 1: "far"}, level=1)
    return pd.concat(parts, names=["world", "group"])


def summary(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the mean change of the error at +15% and the SD of the error, in points, with standard errors."""
    rows = {}
    for name in frame.columns.unique(0):
        plain, far = frame[name, "as it is"], frame[name, "far"]
        within, n = plain - plain.groupby(level="world").transform("mean"), len(frame)
        sd = np.sqrt((within**2).sum() / (n - frame.index.get_level_values("world").nunique()))
        change = far - plain
        rows[name] = {"at +15%": change.mean(), "se": change.std() / np.sqrt(n), "SD": sd, "SD se": sd / np.sqrt(2 * n)}
    return 100 * pd.DataFrame(rows).T


if __name__ == "__main__":
    frame = errors_of_worlds(int(sys.argv[1]), [int(seed) for seed in sys.argv[2:]])
    print(len(frame), "groups\n", summary(frame).round(2))  # noqa: T201
