"""Layout: the arrays of the panel model for one problem (outcome, seen cells, noise, loadings, priors)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from ssinfer.benchmarks.hierarchical.breaks import Break, break_checks, steps_of
from ssinfer.benchmarks.hierarchical.model import PanelModel
from ssinfer.benchmarks.hierarchical.neighbours import neighbour_loadings
from ssinfer.benchmarks.hierarchical.parameters import FLAT, Parameter, Scales
from ssinfer.benchmarks.priors import VOLATILITY_LOG_SD
from ssinfer.errors import DataError, DesignError
from ssinfer.names import as_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ssinfer.benchmarks.hierarchical.method import HierarchicalBenchmark
    from ssinfer.benchmarks.hierarchical.neighbours import NeighbourChoice
    from ssinfer.benchmarks.hierarchical.unit_effect import UnitEffectChoice
    from ssinfer.benchmarks.problem import Problem
    from ssinfer.check import Check
    from ssinfer.typing import Booleans, Floats, Positions

MIN_UNITS = 3
MIN_BASELINE_PERIODS = 2


@dataclass(frozen=True, eq=False)
class Layout:
    """Arrays of one problem for the model: N units (treated and donors, in the panel's order), T periods."""

    model: PanelModel
    rows: Positions  # (N,): of the panel
    columns: Positions  # (T,): of the panel
    treated: Positions  # (I,): in `rows`
    near: Positions  # (K,): in `rows`, units whose performance cells are not used
    ahead: Positions  # (P,): performance periods in `columns`
    y: Floats  # (N, T): transformed outcome, 0 where unseen
    seen: Floats  # (N, T): 1 where seen, else 0
    baseline: Booleans  # (T,): baseline, or all history
    reported: Positions  # (B,): baseline of the design in `columns`
    centre: float  # subtracted from the transformed outcome
    unit: float  # divisor of spending if the scale is "identity", in EUR
    scale: Literal["log", "identity"]
    breaks: tuple[Break, ...] = ()  # those that start in the window
    choice: UnitEffectChoice | None = None  # of the prior of levels, with unit_effect="auto"
    neighbours: NeighbourChoice | None = None  # with spatial="auto"

    def checks(self) -> list[Check]:
        """Return the choices that were made, and the declared breaks, as diagnostics."""
        neighbours = [self.neighbours.check()] if self.neighbours else []
        return [*(self.choice.checks() if self.choice else ()), *neighbours, *break_checks(self)]

    @property
    def cells(self) -> tuple[Floats, Floats, Positions, Positions]:
        """Outcome and seen cells (N, T), the treated rows (I,) and the performance columns (P,)."""
        return self.y, self.seen, self.treated, self.ahead

    def spending(self, y: Floats) -> Floats:
        """Return spending in EUR per insured-year from y."""
        return np.asarray(np.exp(y + self.centre) if self.scale == "log" else (y + self.centre) * self.unit)


def lay_out(problem: Problem, options: HierarchicalBenchmark) -> Layout:
    """Return the layout of a problem, or raise DesignError (too few units or periods) or DataError."""
    rows = np.sort(np.concatenate([problem.treated, problem.donors, problem.near]))
    before = problem.history if options.history == "all" else problem.baseline
    columns = np.union1d(before, problem.performance_columns)
    _check_size(rows, before)
    box = np.ix_(rows, columns)
    spending = problem.spending[box]
    baseline, near = np.isin(columns, before), np.searchsorted(rows, problem.near)
    spending[np.ix_(near, ~baseline)] = np.nan
    seen = np.isfinite(spending)
    y, centre, unit = _transform(spending, seen, baseline, options.scale)
    time = columns.astype(np.float64)
    sampling = _noise(problem, box, spending, unit, options.scale)
    scales = Scales.of(y[:, baseline], sampling[:, baseline], time[baseline])
    if float(np.ptp(y[:, baseline])) <= 1e-9:
        raise DataError(
            "Spending is the same in every unit and baseline period, so noise cannot be estimated. Check the column of "
            "spending."
        )
    shared = neighbour_loadings(problem, rows, options)
    growth = _growth(problem, rows, problem.baseline, options.covariates)
    steps = steps_of(problem, rows, columns, options.breaks)
    model = PanelModel(
        time=time,
        sampling=sampling,
        loadings=np.column_stack([np.ones(len(rows)), *shared, *growth, *(x for _, x, _ in steps)]),
        neighbours=len(shared),
        covariates=len(growth),
        steps=tuple(step for _, _, step in steps),
        season=options.season,
        parameters=_parameters(options, scales, problem.periods(columns), learn_noise=problem.variance is None),
        period_scale=5.0 * scales.spread,
        level_scale=2.0 * scales.level,
        own_level=FLAT * scales.level,
    )
    return Layout(
        model=model,
        rows=rows,
        columns=columns,
        treated=np.searchsorted(rows, problem.treated),
        near=near,
        ahead=np.searchsorted(columns, problem.performance_columns),
        y=np.where(seen, y, 0.0),
        seen=seen.astype(np.float64),
        baseline=baseline,
        reported=np.searchsorted(columns, problem.baseline),
        centre=centre,
        unit=unit,
        scale=options.scale,
        breaks=tuple(each for each, _, _ in steps),
    )


def _check_size(rows: Positions, before: Positions) -> None:
    if len(rows) < MIN_UNITS:
        raise DesignError(
            f"HierarchicalBenchmark got {len(rows)} units, treated and donors together; pooling needs at least "
            f"{MIN_UNITS}. Widen the comparison group."
        )
    if len(before) < MIN_BASELINE_PERIODS:
        raise DesignError(
            f"HierarchicalBenchmark got {len(before)} baseline period; at least {MIN_BASELINE_PERIODS} are "
            "needed to separate a unit's level from its shocks. Lengthen the baseline."
        )


def _transform(spending: Floats, seen: Booleans, baseline: Booleans, scale: str) -> tuple[Floats, float, float]:
    """Return y, its centre over the baseline, and the unit of spending."""
    if scale == "log":
        y, unit = np.log(np.where(seen, spending, 1.0)), 1.0
    else:
        unit = float(np.abs(spending[:, baseline]).mean()) or 1.0
        y = np.where(seen, spending, 0.0) / unit
    centre = float(y[:, baseline].mean())
    return y - centre, centre, unit


def _noise(problem: Problem, box: tuple[Positions, ...], spending: Floats, unit: float, scale: str) -> Floats:
    """Return the known variance of y (N, T), or 1 / insured-years (or ones) if the noise is estimated."""
    sizes = problem.sizes[box]
    if problem.variance is None:
        return np.asarray(1.0 / sizes)
    known = problem.variance[box] / (spending**2 if scale == "log" else unit**2)
    for column in range(1, known.shape[1]):  # a sealed cell gets the unit's last one, times the ratio of insured-years
        carried = known[:, column - 1] * sizes[:, column - 1] / sizes[:, column]
        known[:, column] = np.where(np.isfinite(known[:, column]), known[:, column], carried)
    if not (np.isfinite(known) & (known > 0)).all():
        raise DataError("Sampling variances must be positive in every baseline cell. Complete or drop the column.")
    return known


def _growth(problem: Problem, rows: Positions, baseline: Positions, names: Sequence[str]) -> list[Floats]:
    """Return the loading of each covariate: its standardised baseline mean per unit."""
    out = []
    for name in as_names(names):
        values = problem.panel.covariate(name)[np.ix_(rows, baseline)].mean(axis=1)
        if not np.isfinite(values).all():
            raise DataError(f"Covariate {name!r} is missing in a baseline cell that is needed. Complete it.")
        if values.std() <= 1e-12 * max(abs(float(values.mean())), 1e-300):
            raise DataError(f"Covariate {name!r} is the same in every unit, so it cannot explain growth. Drop it.")
        out.append((values - values.mean()) / values.std())
    return out


def _parameters(
    options: HierarchicalBenchmark, scales: Scales, periods: Sequence[object], *, learn_noise: bool
) -> tuple[Parameter, ...]:
    shock, spatial, pooled = options.shock is not None, options.spatial is not None, options.unit_effect != "own"
    volatility = periods if options.volatility and (shock or spatial) else ()
    table = (
        (pooled, Parameter("level", "deviation", 2.0 * scales.level)),
        (options.trend, Parameter("trend", "deviation", scales.slope)),
        (options.season is not None, Parameter("season", "deviation", scales.residual)),
        (shock, Parameter("shock", "deviation", scales.residual)),
        (shock, Parameter("persistence", "persistence")),
        (learn_noise, Parameter("noise", "deviation", 2.0 * scales.noise)),
        (spatial and pooled, Parameter("neighbour_level", "deviation", scales.level)),
        (spatial, Parameter("neighbour_shock", "deviation", scales.residual)),
        (spatial, Parameter("neighbour_persistence", "persistence")),
        (len(options.covariates) > 0, Parameter("growth", "deviation", scales.residual)),
        *((True, Parameter(f"volatility_{period}", "factor", VOLATILITY_LOG_SD)) for period in volatility),
    )
    return tuple(parameter for used, parameter in table if used)
