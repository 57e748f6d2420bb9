"""check_benchmark: the suite of checks that every benchmark method must pass."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import pandas as pd

from ssinfer.arguments import Either, Number, Optional, checked, instance_of
from ssinfer.check import Check, tabulate
from ssinfer.design import Design
from ssinfer.errors import DataError, RefusalError
from ssinfer.notebook import as_html
from ssinfer.plugins.conformance import calibration, draws, invariance, reproducibility, support
from ssinfer.plugins.conformance.trial import SEED, Trial, Verdict, units_of
from ssinfer.simulation.panel import simulate_panel

CHECKS: tuple[Callable[[Trial], Verdict], ...] = (
    draws.shapes,
    draws.finite,
    draws.uncertainty,
    draws.information,
    reproducibility.seed,
    reproducibility.jobs,
    reproducibility.mutation,
    reproducibility.cloning,
    reproducibility.pickling,
    invariance.currency,
    invariance.order,
    invariance.sealing,
    invariance.own_donor,
    support.capabilities,
    support.level,
    support.resources,
)


@dataclass(frozen=True, eq=False, repr=False)
class ConformanceReport:
    """Result of the conformance suite for a method: the frame `checks` has columns check, status, figure, message."""

    method: str
    checks: pd.DataFrame

    @property
    def passed(self) -> bool:
        """Whether no check failed."""
        return not (self.checks["status"] == "FAIL").any()

    def raise_if_failed(self) -> None:
        """Raise RefusalError naming every failed check."""
        failed = self.checks[self.checks["status"] == "FAIL"]
        if len(failed):
            lines = [f"{row['check']}: {row['message']}" for _, row in failed.iterrows()]
            raise RefusalError(f"{self.method} fails {len(failed)} conformance checks: " + "; ".join(lines))

    def facts(self) -> dict[str, str]:
        """Return what notebooks show, by label."""
        rows = self.checks[["check", "status", "message"]].itertuples(index=False, name=None)
        return {"method": self.method} | {check: f"{status} {message}" for check, status, message in rows}

    _repr_html_ = as_html

    def __repr__(self) -> str:
        rows = [f"{row['status']:<14}{row['check']:<17}{row['message']}" for _, row in self.checks.iterrows()]
        return f"Conformance of {self.method}: {'passed' if self.passed else 'FAILED'}\n" + "\n".join(rows)


_DATA = Optional(Either((instance_of("Panel"), instance_of("Cohort"))))


@checked(DataError, data=_DATA, replicates=Number(0, 10_000, whole=True))
def check_benchmark(
    method: Any, data: Any = None, *, design: Design | None = None, replicates: int = 40
) -> ConformanceReport:
    """Check that a benchmark method keeps the promises of the protocol in ``docs/providers.md``.

    Parameters
    ----------
    method : an instance with ``needs`` and ``fit(data, design, seed=)``; others raise DataError
    data : Panel or Cohort for the checks; by default simulated, as always for the calibration check
    design : design on `data` with one treated unit; by default the first unit, and the last period as performance
    replicates : simulated data sets of the calibration check; 0 leaves the check out

    Examples
    --------
    >>> import ssinfer as ss
    >>> report = ss.check_benchmark(ss.AdministrativeBenchmark(), replicates=0)
    >>> report.passed
    True
    """
    needs = getattr(method, "needs", None)
    if not callable(getattr(method, "fit", None)) or needs not in ("panel", "cohort"):
        has = "a fit" if hasattr(method, "fit") else "no fit"
        raise DataError(
            f"{type(method).__name__} has needs={needs!r} and {has}; a method has needs = 'panel' or 'cohort' and "
            "fit(data, design, seed=)."
        )
    if design is not None and (data is None or len(design.treated) > 1):
        raise DataError("design goes with data, and names one treated unit. Pass both, or neither.")
    if data is None:
        data, design = simulated_case(needs, SEED)
    elif design is None:
        if len(data.periods) < 2:
            raise DataError("The data have one period; at least a baseline and a performance period are needed.")
        design = Design(treated=[units_of(data)[0]], baseline=data.periods[:-1], performance=data.periods[-1:])
    trial = Trial(method, data, design)
    checks = {check.__name__: check for check in CHECKS}
    if replicates:
        simulate = partial(simulated_case, needs)
        checks["calibration"] = partial(calibration.calibration, simulate=simulate, replicates=replicates)
    return ConformanceReport(trial.name, tabulate(_run(name, check, trial) for name, check in checks.items()))


def simulated_case(needs: str, seed: int) -> tuple[Any, Design]:
    """Return simulated data without a saving, and a design with one treated unit and two performance years."""
    if needs == "cohort":
        from ssinfer.simulation.cohort import simulate_cohort  # noqa: PLC0415  (only for cohort methods)

        cohort = simulate_cohort(seed=seed)
        years = cohort.periods
        return cohort, Design(treated=["practice 01"], baseline=years[:-1], performance=years[-1:])
    years = tuple(range(2008, 2018))
    simulated = simulate_panel(40, years, start=2016, seed=seed, covid=False, person_correlation=0.0, n_factors=0)
    return simulated.panel, Design(treated=["treated"], baseline=years[3:8], performance=years[8:])


def _run(name: str, check: Callable[[Trial], Verdict], trial: Trial) -> Check:
    """Return the verdict of one check; an unforeseen error fails it."""
    if trial.failure is not None:
        broken, reason = trial.failure
        if name == broken:
            return Check(name, "FAIL", message=reason)
        return Check.not_evaluated(name, f"the first fit broke the promise of `{broken}`")
    try:
        passed, figure, message = check(trial)
    except Exception as error:  # noqa: BLE001  (a method under test may fail in any way; the suite goes on)
        passed, figure, message = False, math.nan, f"{type(error).__name__}: {error}"
    return Check(name, "NOT EVALUATED" if passed is None else "PASS" if passed else "FAIL", figure, message)
