"""backtest: placebo units x origins x designs x methods, scored."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import joblib
import numpy as np
import pandas as pd

from ssinfer.backtesting.frames import PLACEBOS
from ssinfer.backtesting.operating_characteristics import detection_table, ranking, threshold_table
from ssinfer.backtesting.placebos import neighbour_blocks, placebo_units, selection_flags
from ssinfer.backtesting.scores import score_table
from ssinfer.backtesting.task import Outcome, Task, run_task
from ssinfer.backtesting.thresholds_of_placebos import cross_fitted_columns, keys_of_fits
from ssinfer.design import Design
from ssinfer.errors import DataError, DesignError, ParameterError, did_you_mean
from ssinfer.level import check_level
from ssinfer.panel import Panel
from ssinfer.periods import seasons
from ssinfer.windows import rolling_windows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    from ssinfer.comparison import ComparisonRule
    from ssinfer.windows import ContractWindow

UNITS_PER_TASK = 64


@dataclass(frozen=True, eq=False, repr=False)
class BacktestResult:
    """Result of a backtest. The columns of its frames are declared in :mod:`ssinfer.backtesting.frames`.

    Attributes
    ----------
    scores : DataFrame
        One row per design, method and size class, at a true saving of zero.
    detection : DataFrame
        One row per design, method, size class, threshold and injected saving.
    thresholds : DataFrame
        One row per design, method, size class and threshold.
    placebos : DataFrame
        One row per design, method, unit and origin; refused and failed fits have a reason.
    errors : array (rows of `placebos`, draws)
        Relative null errors E0 / Bbar of each fit, thinned; NaN where there are none.
    seed : int
    """

    scores: pd.DataFrame
    detection: pd.DataFrame
    thresholds: pd.DataFrame
    placebos: pd.DataFrame
    errors: NDArray[np.float32]
    seed: int

    def ranking(self) -> pd.DataFrame:
        """Return designs and methods by detection at cross-fitted false payments fixed at 5%."""
        return ranking(self.thresholds)

    def __repr__(self) -> str:
        rows = self.placebos
        return (
            f"BacktestResult: {rows['design'].nunique()} designs x {rows['method'].nunique()} methods, "
            f"{rows['unit'].nunique()} units x {rows['origin'].nunique()} origins, {len(rows)} fits "
            f"({int((rows['status'] == 'refused').sum())} refused, {int((rows['status'] == 'failed').sum())} failed)"
        )


def join_results(results: Sequence[BacktestResult]) -> BacktestResult:
    """Concatenate results of several designs, methods or definitions of spending."""
    if len(results) == 1:
        return results[0]
    frames = {
        name: pd.concat([getattr(result, name) for result in results], ignore_index=True)
        for name in ("scores", "detection", "thresholds", "placebos")
    }
    return BacktestResult(
        **frames,
        errors=np.concatenate([_widened(result.errors, results) for result in results]),
        seed=results[0].seed,
    )


def _widened(errors: NDArray[np.float32], results: Sequence[BacktestResult]) -> NDArray[np.float32]:
    """Return errors with as many columns as the widest has; what is added is NaN."""
    width = max(result.errors.shape[1] for result in results)
    out = np.full((len(errors), width), np.nan, dtype=np.float32)
    out[:, : errors.shape[1]] = errors
    return out


def backtest(
    data: Any,
    designs: Design | Sequence[Design] | Mapping[str, Design],
    methods: Any,
    placebos: Iterable[object] | ComparisonRule | None = None,
    injected: Sequence[float] = (0.0, 0.02, 0.05),
    n_jobs: int = 2,
    seed: int = 1,
    *,
    origins: Iterable[Any] | Mapping[str, Iterable[Any]] | None = None,
    levels: Sequence[float] = (0.95, 0.90),
    size_edges: Sequence[float] = (),
    share: float = 0.5,
    ses: str | None = None,
    pairs: Iterable[tuple[str, str]] | None = None,
    regions: Iterable[object] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> BacktestResult:
    """Apply benchmark designs where the true saving is zero, and score what they measure.

    Every placebo unit takes the treated unit's place in every rolling window of the contract's own shape (baseline
    length, gap, number of performance periods; windows with a masked performance period are left out).
    The treated units' own windows before their contract are kept apart as the case.

    Parameters
    ----------
    data : Panel or Cohort
    designs : Design, sequence or mapping of name to Design
    methods : method, sequence or mapping of name to method
        Anything with ``fit(data, design, seed=)`` that returns a Counterfactual.
    placebos : None, iterable of units, or ComparisonRule
        None: every unit outside the design's treated.
    injected : sequence of float
        True savings rates at which detection and underpayment are reported.
    n_jobs : int
        Processes; results do not depend on it.
    seed : int
        Seed of every random number; each fit has a stream of its own.
    origins : iterable of period labels, or mapping of design name to such, optional
        First performance periods wanted; None for all that fit.
    levels : sequence of float
        Levels of the thresholds.
    size_edges : sequence of float
        Edges of classes of insured-years, scored beside all units together.
    share : float
        Sharing rate f of over- and underpayments, first-dollar.
    ses : str, optional
        Covariate by which socio-economically similar placebos are chosen (`bias_selected_ses`).
    pairs : iterable of (design name, method name), optional
        Combinations wanted; None for all.
    regions : iterable of labels, optional
        Region of each unit of the panel: units of a region are cross-fitted and resampled together. Default: a
        cohort's own regions, else neighbours by the panel's coordinates.
    progress : callable (done, total), optional
        Called after every finished task, with numbers of fits.

    Returns
    -------
    BacktestResult

    Raises
    ------
    DesignError
        A name occurs twice, no window fits, no placebo is left.

    Examples
    --------
    >>> import numpy as np, pandas as pd, ssinfer as ss
    >>> rng = np.random.default_rng(0)
    >>> grid = [(f"u{i:02d}", t) for i in range(40) for t in range(2014, 2019)]
    >>> frame = pd.DataFrame(grid, columns=["unit", "period"]).assign(insured_years=20_000.0)
    >>> frame["spending"] = 2000 * 1.02 ** (frame["period"] - 2014) * (1 + 0.02 * rng.standard_normal(len(frame)))
    >>> design = ss.Design(treated=["u00"], baseline=range(2015, 2018), performance=[2018])
    >>> ss.backtest(ss.Panel.from_frame(frame), design, ss.AdministrativeBenchmark(), n_jobs=1)
    BacktestResult: 1 designs x 1 methods, 40 units x 2 origins, 79 fits (0 refused, 0 failed)
    """
    levels = tuple(check_level(level) for level in levels)
    if not 0 < share <= 1:
        raise ParameterError(f"share is {share}; a fraction in (0, 1] is needed.")
    if any(not 0 <= saving < 1 for saving in injected):
        raise ParameterError(
            f"injected is {tuple(injected)}; true savings rates are fractions in [0, 1), such as 0.03."
        )
    if n_jobs == 0:
        raise ParameterError("n_jobs is 0; a number of processes, or -1 for one per core, is needed.")
    named_designs = _named(designs, "design", Design)
    named_methods = _named(methods, "method", object)
    if not isinstance(data, Panel) and not hasattr(data, "to_panel"):
        raise DataError(f"backtest got a {type(data).__name__}. Pass a Panel (Panel.from_frame(frame)) or a Cohort.")
    for method in named_methods.values():
        if hasattr(method, "check_parameters"):
            method.check_parameters()
    panel = data if isinstance(data, Panel) else data.to_panel()
    if regions is None and not isinstance(data, Panel) and hasattr(data, "unit_regions"):
        regions = data.unit_regions()
    blocks = neighbour_blocks(panel, regions=regions)
    combinations = None if pairs is None else {(design, method) for design, method in pairs}
    for design, method in combinations or ():
        for what, name, known in (("design", design, named_designs), ("method", method, named_methods)):
            if name not in known:
                raise DesignError(f"pairs names the {what} {name!r}. {did_you_mean(name, known)}")
    for name in origins if isinstance(origins, Mapping) else ():
        if name not in named_designs:
            raise DesignError(f"origins names the design {name!r}. {did_you_mean(name, named_designs)}")
    tasks, roles = _tasks(panel, named_designs, named_methods, placebos, origins, levels, seed, combinations)
    outcomes = _run(tasks, data, n_jobs, progress)
    frame = pd.DataFrame(
        {name: np.concatenate([np.asarray(o.columns[name]) for o in outcomes]) for name in outcomes[0].columns}
    )
    errors = np.concatenate([outcome.errors for outcome in outcomes])
    rows = panel.rows(frame["unit"])
    place = frame.columns.get_loc("origin")
    assert isinstance(place, int)  # noqa: S101  (for the type checker: column names are unique)
    frame.insert(place + 1, "role", [roles[d, u] for d, u in zip(frame["design"], frame["unit"], strict=True)])
    frame.insert(place + 2, "block", blocks[rows])
    windows = {(task.design_name, task.window.origin): task.window for task in tasks}
    for (name, origin), window in windows.items():
        mine = ((frame["design"] == name) & (frame["origin"] == origin)).to_numpy()
        _size_refused(frame, mine, panel, rows, window)
        design = named_designs[name]
        baselines = _unmasked(panel, design.baseline, design.masked), _unmasked(panel, window.baseline, window.masked)
        for flag, inside in selection_flags(panel, design.treated[0], *baselines, ses).items():
            column = f"selected_{flag}"
            if column not in frame.columns:
                frame[column] = False
            frame.loc[mine, column] = inside[rows[mine]]
    frame = PLACEBOS.conform(pd.concat([frame, cross_fitted_columns(frame, levels)], axis=1))
    thresholds = threshold_table(frame, injected, levels, size_edges, share, seed)
    return BacktestResult(
        scores=score_table(frame, size_edges, seed),
        detection=detection_table(thresholds, injected),
        thresholds=thresholds,
        placebos=frame,
        errors=errors,
        seed=seed,
    )


def _unmasked(panel: Panel, periods: Iterable[Any], masked: Iterable[Any]) -> NDArray[np.intp]:
    hidden = set(masked)
    return panel.columns([period for period in periods if period not in hidden])


def _size_refused(
    frame: pd.DataFrame, mine: NDArray[np.bool_], panel: Panel, rows: NDArray[np.intp], window: ContractWindow
) -> None:
    """Give refused and failed placebos the size that the panel knows, so that size classes count them as well."""
    unknown = mine & frame["assigned"].isna().to_numpy()
    if panel.insured_years is None or not unknown.any():
        return
    after = _unmasked(panel, window.performance, window.masked)
    sizes = panel.insured_years[np.ix_(rows[unknown], after)]
    frame.loc[unknown, "insured_years"] = sizes.sum(axis=1)
    frame.loc[unknown, "assigned"] = sizes.mean(axis=1) * seasons(window.performance)


def _named(items: Any, what: str, kind: type) -> dict[str, Any]:
    """Return items by name: a mapping as it is, otherwise named by class or number."""
    if hasattr(items, "items") and not isinstance(items, Design):
        named = {str(name): item for name, item in items.items()}
    else:
        listed = list(items) if isinstance(items, (list, tuple)) else [items]
        if what == "design":
            names = [f"design {place + 1}" if len(listed) > 1 else "design" for place in range(len(listed))]
        else:
            names = [type(item).__name__ for item in listed]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise DesignError(f"Several {what}s are named {twice}. Pass a mapping of your own names to {what}s.")
        named = dict(zip(names, listed, strict=True))
    if not named:
        raise DesignError(f"No {what} was given. Pass at least one.")
    for name, item in named.items():
        if not isinstance(item, kind) or (what == "method" and not hasattr(item, "fit")):
            raise DesignError(f"{what} {name!r} is a {type(item).__name__}; it lacks what a {what} needs.")
    return named


def _tasks(
    panel: Panel,
    designs: Mapping[str, Design],
    methods: Mapping[str, Any],
    placebos: Iterable[object] | ComparisonRule | None,
    origins: Iterable[Any] | Mapping[str, Iterable[Any]] | None,
    levels: Sequence[float],
    seed: int,
    pairs: set[tuple[str, str]] | None,
) -> tuple[list[Task], dict[tuple[str, str], str]]:
    """Return the tasks and each unit's role per design."""
    common = None if origins is None or isinstance(origins, Mapping) else list(origins)
    tasks = []
    roles: dict[tuple[str, str], str] = {}
    keys = keys_of_fits(levels)
    for design_name, design in designs.items():
        units = placebo_units(panel, design, placebos)
        roles |= {(design_name, unit): "placebo" for unit in units}
        roles |= {(design_name, unit): "case" for unit in design.treated}
        contract_start = panel.columns(design.performance)[0]
        own = origins.get(design_name) if isinstance(origins, Mapping) else common
        for window in rolling_windows(panel, design, own):
            before_contract = panel.columns(window.performance)[-1] < contract_start
            everyone = [*units, *(design.treated if before_contract else ())]
            untouched = design if before_contract else _without_case(design)
            for method_name, method in methods.items():
                if pairs is not None and (design_name, method_name) not in pairs:
                    continue
                together = _together(method)
                for start in range(0, len(everyone), together):
                    part = tuple(everyone[start : start + together])
                    tasks.append(Task(design_name, method_name, untouched, method, window, part, keys, seed))
    return tasks, roles


def _without_case(design: Design) -> Design:
    """Return the design whose treated units are no donors: from its start on a contract may change their spending."""
    return design.replace(under_contract=(*design.under_contract, *design.treated))


def _run(tasks: Sequence[Task], data: Any, n_jobs: int, progress: Callable[[int, int], None] | None) -> list[Outcome]:
    total = sum(len(task.units) for task in tasks)
    done = 0
    outcomes: dict[int, Outcome] = {}
    order = _order(tasks)
    parallel = joblib.Parallel(n_jobs=n_jobs if len(tasks) > 1 else 1, return_as="generator")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    for place, outcome in zip(
        order, parallel(joblib.delayed(run_task)(tasks[place], data) for place in order), strict=True
    ):
        outcomes[place] = outcome
        done += len(tasks[place].units)
        if progress is not None:
            progress(done, total)
    return [outcomes[place] for place in range(len(tasks))]


def _order(tasks: Sequence[Task]) -> list[int]:
    """Return the order of work: first one task of each method, and those that take most units at once before others.

    A first task compiles its method's kernels for all to load: side by side, processes would each compile them. Long
    tasks at the end would leave processes idle. No result depends on the order.
    """
    first: dict[str, int] = {}
    for place, task in enumerate(tasks):
        first.setdefault(task.method_name, place)
    return sorted(
        range(len(tasks)),
        key=lambda place: (first[tasks[place].method_name] != place, -_together(tasks[place].method), place),
    )


def _together(method: Any) -> int:
    """Return how many placebos of a window a task of the method fits at most."""
    return int(getattr(method, "placebos_together", UNITS_PER_TASK))
