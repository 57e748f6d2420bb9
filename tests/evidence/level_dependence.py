"""Mean error of each built-in method for a contract 0, 10 and 20% above and below the others.

Usage: python tests/evidence/level_dependence.py [PANELS] [COHORTS]. The same seeds serve every level, so errors are
paired: the table of docs/level_dependence.md gives the mean error at the others' level, and the differences from it.
"""

import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import ssinfer as ss
from ssinfer.errors import SsinferError
from ssinfer.plugins.conformance.trial import tampered
from ssinfer.simulation import simulate_cohort, simulate_panel

LEVELS = (-0.2, -0.1, 0.0, 0.1, 0.2)
YEARS = tuple(range(2010, 2018))
SPENDING = 2_342.0

PANELS: dict[str, Callable[[], Any]] = {
    "AdministrativeBenchmark()": lambda: ss.AdministrativeBenchmark(n_draws=400),
    "HierarchicalBenchmark()": lambda: ss.HierarchicalBenchmark(n_draws=400),
    'HierarchicalBenchmark(unit_effect="pooled")': lambda: ss.HierarchicalBenchmark(n_draws=400, unit_effect="pooled"),
    'HierarchicalBenchmark(unit_effect="own", history="all")': lambda: ss.HierarchicalBenchmark(
        n_draws=400, unit_effect="own", history="all"
    ),
    "SyntheticControl()": lambda: ss.SyntheticControl(inference="none"),
    "SyntheticControl(intercept=True)": lambda: ss.SyntheticControl(inference="none", intercept=True),
    "AugmentedSyntheticControl()": lambda: ss.AugmentedSyntheticControl(inference="none"),
    "SyntheticDiD()": lambda: ss.SyntheticDiD(inference="none"),
    "StackedBenchmark([AdministrativeBenchmark(), SyntheticDiD()])": lambda: ss.StackedBenchmark(
        [ss.AdministrativeBenchmark(n_draws=400), ss.SyntheticDiD(n_draws=400)]
    ),
}
COHORTS: dict[str, Callable[[], Any]] = {
    'PropensityMatching(adjustment="did")': lambda: ss.PropensityMatching(adjustment="did", ratio=1, confidence=None),
    'PropensityMatching(adjustment="did", prior_spending=True)': lambda: ss.PropensityMatching(
        adjustment="did", prior_spending=True, ratio=1, confidence=None
    ),
    'PropensityMatching(adjustment="lagged")': lambda: ss.PropensityMatching(
        adjustment="lagged", ratio=1, confidence=None
    ),
    "RiskAdjustedBenchmark()": lambda: ss.RiskAdjustedBenchmark(n_draws=400),
    "RiskAdjustedBenchmark(level_response=None)": lambda: ss.RiskAdjustedBenchmark(n_draws=400, level_response=None),
}


def panel_case(seed: int, far: float, n_baseline: int = 7, **options: Any) -> tuple[Any, ss.Design]:
    """Return a panel whose treated unit has the mean level of the others (SD 10%), times 1 + `far`."""
    years = {"periods": YEARS, "start": YEARS[-1], "covid": False, "seed": seed}
    levels = {"level": SPENDING, "treated_level": SPENDING * (1 + far)}
    panel = simulate_panel(30, **years, **levels, **options).panel
    return panel, ss.Design(treated=["treated"], baseline=YEARS[-1 - n_baseline : -1], performance=YEARS[-1:])


def small_case(seed: int, far: float) -> tuple[Any, ss.Design]:
    """Return a panel of small groups with levels of SD 5%, and three baseline years."""
    sizes = {"treated_insured": 3_600.0, "insured": (2_000, 6_000)}
    return panel_case(seed, far, 3, level_sd=0.05, person_correlation=0.2, **sizes)


def cohort_case(seed: int, far: float) -> tuple[Any, ss.Design]:
    """Return persons of 40 practices, with those of the first one times 1 + `far` in all periods."""
    cohort = simulate_cohort(40, seed=seed)
    design = ss.Design(treated=["practice 01"], baseline=cohort.periods[:-1], performance=cohort.periods[-1:])
    return tampered(cohort, ("practice 01",), tuple(cohort.periods), 1 + far), design


def errors(method: Callable[[], Any], case: Callable[[int, float], Any], n: int) -> Iterator[list[float]]:
    """Yield the errors of the measured saving at each level per data set; NaN where the fit was refused."""
    for seed in range(n):
        row = []
        for far in LEVELS:
            data, design = case(seed, far)
            try:
                cf = method().fit(data, design, seed=seed)
                row.append(1 - cf.pooled_spending / float(cf.pooled().mean()))
            except SsinferError as error:
                print(f"refused at {far:+.0%}, seed {seed}: {error}", file=sys.stderr)  # noqa: T201
                row.append(float("nan"))
        yield row


def line(name: str, values: Any) -> str:
    """Return a row of the table: differences from the error at the others' level, in points, with their errors."""
    values = values[np.isfinite(values).all(axis=1)]
    n = len(values)
    if n < 2:
        return f"| `{name}` | {n} |" + " |" * (len(LEVELS) + 1)
    paired = np.where(np.array(LEVELS) == 0, values, values - values[:, [LEVELS.index(0.0)]])
    ses = 100 * paired.std(axis=0, ddof=1) / np.sqrt(n)
    cells = [f"{100 * mean:+.1f} ({se:.1f})" for mean, se in zip(paired.mean(axis=0), ses, strict=True)]
    return f"| `{name}` | {n} | " + " | ".join(cells) + " |"


if __name__ == "__main__":
    n_panels, n_cohorts = (int(value) for value in (sys.argv[1:] + ["20", "20"][len(sys.argv) - 1 :]))
    heads = ["at the others' level" if far == 0 else f"{far:+.0%}" for far in LEVELS]
    for methods, case, n in (
        (PANELS, panel_case, n_panels),
        (PANELS, small_case, n_panels),
        (COHORTS, cohort_case, n_cohorts),
    ):
        print(f"\n{case.__doc__}\n")  # noqa: T201
        print("| method | data sets | " + " | ".join(heads) + " |\n|" + "---|" * (2 + len(LEVELS)))  # noqa: T201
        for name, method in methods.items():
            print(line(name, np.array([*errors(method, case, n)])), flush=True)  # noqa: T201
