"""backtest: fits placebo units x origins x designs x methods, where the true saving is zero, and scores them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from ssinfer.arguments import Number, Several, check_arguments, checked
from ssinfer.backtesting.frames import PLACEBOS
from ssinfer.backtesting.operating_characteristics import detection_table, threshold_table
from ssinfer.backtesting.placebos import Placebos, neighbour_blocks, relative_levels, selection_flags
from ssinfer.backtesting.result import BacktestResult
from ssinfer.backtesting.scores import score_table
from ssinfer.backtesting.task import LABELS, Task
from ssinfer.backtesting.task_list import list_tasks, run_tasks
from ssinfer.backtesting.thresholds_of_placebos import cross_fitted_columns, keys_of_fits
from ssinfer.design import Design
from ssinfer.errors import DataError, DesignError, ParameterError, refuse_unknown
from ssinfer.guard.method import guarded
from ssinfer.level import check_level
from ssinfer.names import refuse_controls
from ssinfer.panel import Panel
from ssinfer.typing import Positions


@checked(injected=Several(Number(0, 1, open="high")))
def backtest(
    data: Any,
    designs: Design | Sequence[Design] | Mapping[str, Design],
    methods: Any,
    placebos: Placebos = None,
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
    keep: Callable[[pd.DataFrame], object] | None = None,
    paths: bool = False,
    elasticity: float | Mapping[str, float] = 1.0,
) -> BacktestResult:
    """Apply benchmark designs where the true saving is zero, and score their measured savings.

    Every placebo unit takes the place of the treated unit in every rolling window that has the shape of the contract
    (baseline length, gap, number of performance periods). Windows with a masked performance period are left out. The
    treated units' own windows before their contract have the role "case".

    Parameters
    ----------
    data : Panel or Cohort
    designs : Design, sequence, or mapping of name to Design
    methods : method, sequence, or mapping of name to method, as :class:`ssinfer.protocol.Benchmark` describes. A method
        of another package sees no spending that it predicts (docs/providers.md).
    placebos : units or ComparisonRule; None: every unit outside the design's treated
    injected : true savings at which detection and underpayment are reported, fractions of the spending of `elasticity`
    n_jobs : number of processes; results do not depend on it
    seed : random seed; each fit has its own stream
    origins : first performance periods wanted, or a mapping of design name to these; None: all that fit
    levels : levels of the thresholds, fractions
    size_edges : edges of size classes in insured persons, scored in addition to all units together
    share : sharing rate f of over- and underpayments, a fraction; first-dollar
    ses : covariate by which socio-economically similar placebos are chosen (`bias_selected_ses`)
    pairs : combinations (design name, method name) wanted; None: all
    regions : region of each unit of the panel, whose units are cross-fitted and resampled together; None: a cohort's
        own regions, else neighbours by the panel's coordinates
    progress : callable (done, total) after every finished task, with numbers of fits
    paths : whether `paths` of the result has spending and benchmark of each placebo by period
    keep : called with the fits before they are scored, so that they are not lost if the scores fail
    elasticity : on which spending the injected savings are: fall of the data's spending per unit of them, or a mapping
        of design name to this (1 if not named). 1: on the spending of the data. With truncated data,
        :meth:`ssinfer.claims.Extract.elasticity`: on spending before truncation, spread evenly over all claim lines

    Raises
    ------
    ParameterError : a level, share, injected saving or number of processes is impossible
    DataError : the data are neither a panel nor a cohort
    DesignError : a name occurs twice, no window fits, or no placebo is left

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
    if n_jobs == 0:
        raise ParameterError("n_jobs is 0; a number of processes, or -1 for one per core, is needed.")
    if not isinstance(data, Panel) and not hasattr(data, "to_panel"):
        raise DataError(f"backtest got a {type(data).__name__}. Pass a Panel (Panel.from_frame(frame)) or a Cohort.")
    named_designs, named_methods = _named_designs(designs), _named_methods(methods)
    given = data if isinstance(data, Panel) else data.to_panel()
    panel = given.ordered
    named_designs = {name: design.on(panel) for name, design in named_designs.items()}
    if regions is None and not isinstance(data, Panel) and hasattr(data, "unit_regions"):
        regions = data.unit_regions()
    blocks = neighbour_blocks(given, regions=regions)[given.rows(panel.units)]
    data = panel if data is given else data
    if not isinstance(origins, Mapping):
        wanted = None if origins is None else list(origins)
        origins = {} if wanted is None else dict.fromkeys(named_designs, wanted)
    refuse_unknown(origins, named_designs, "origins names the design", DesignError)
    falls = elasticity if isinstance(elasticity, Mapping) else dict.fromkeys(named_designs, elasticity)
    refuse_unknown(falls, named_designs, "elasticity names the design", DesignError)
    falls = {f"elasticity of {name!r}": falls.get(name, 1.0) for name in named_designs}
    falls = check_arguments("backtest", dict.fromkeys(falls, Number(0, open="low")), falls, ParameterError)
    chosen = list(product(named_designs, named_methods))
    if pairs is not None:
        only = set(pairs)
        refuse_unknown((design for design, _ in only), named_designs, "pairs names the design", DesignError)
        refuse_unknown((method for _, method in only), named_methods, "pairs names the method", DesignError)
        chosen = [pair for pair in chosen if pair in only]
    combined = [((design, named_designs[design]), (method, named_methods[method])) for design, method in chosen]
    starts = {name: list(labels) for name, labels in origins.items()}
    tasks, roles = list_tasks(panel, combined, placebos, starts, keys_of_fits(levels), seed, paths)
    if not tasks:
        raise DesignError(f"origins is {origins}, pairs is {pairs}: nothing to fit. Name some, or pass None.")
    before = data.fingerprint()
    outcomes = run_tasks(tasks, data, n_jobs, progress)
    if data.fingerprint() != before:
        raise DataError(f"The data changed while {', '.join(named_methods)} were fitted, so no result is given.")
    names = outcomes[0].columns
    rows = pd.DataFrame({name: np.concatenate([np.asarray(o.columns[name]) for o in outcomes]) for name in names})
    rows["role"] = [roles[pair] for pair in zip(rows["design"], rows["unit"], strict=True)]
    rows["block"] = blocks[panel.rows(rows["unit"])]
    seconds = rows.groupby(["design", "method"], sort=False)["seconds"].mean()
    rows = rows.drop(columns="seconds")
    if keep is not None:
        keep(rows.copy())
    _complete(rows, panel, tasks, named_designs, ses)
    rows["elasticity"] = rows["design"].map(dict(zip(named_designs, falls.values(), strict=True)))
    rows = PLACEBOS.conform(pd.concat([rows, cross_fitted_columns(rows, levels)], axis=1))
    thresholds = threshold_table(rows, injected, levels, size_edges, share, seed)
    return BacktestResult(
        scores=score_table(rows, size_edges, seed),
        detection=detection_table(thresholds, injected),
        thresholds=thresholds,
        placebos=rows,
        errors=np.concatenate([outcome.errors for outcome in outcomes]),
        seed=seed,
        seconds=seconds,
        paths=pd.concat([outcome.paths for outcome in outcomes], ignore_index=True).astype(LABELS),
    )


def _complete(
    rows: pd.DataFrame, panel: Panel, tasks: Sequence[Task], designs: Mapping[str, Design], ses: str | None
) -> None:
    """Add sizes of refused placebos, levels, and flags of placebos that resemble the case."""
    positions = panel.rows(rows["unit"])
    rows[["relative_level", "relative_level_outside"]] = np.nan
    for (name, origin), window in {(task.design_name, task.window.origin): task.window for task in tasks}.items():
        inside = ((rows["design"] == name) & (rows["origin"] == origin)).to_numpy()
        unknown = inside & rows["assigned"].isna().to_numpy()  # refused and failed placebos
        if panel.insured_years is not None and unknown.any():
            performance = _unmasked(panel, window.performance, window.masked)
            sizes = panel.insured_years[np.ix_(positions[unknown], performance)]
            rows.loc[unknown, "insured_years"] = sizes.sum(axis=1)
            rows.loc[unknown, "assigned"] = sizes.mean(axis=1) * (panel.timeline.per_year or np.nan)
        design = designs[name]
        contract, before = (_unmasked(panel, part.baseline, part.masked) for part in (design, window))
        masked = panel.columns([period for period in design.masked if panel.timeline.column(period) is not None])
        used = _unmasked(panel, (*window.baseline, *window.performance), window.masked)
        outside = np.setdiff1d(np.arange(len(panel.periods)), [*used, *masked])
        for column, at in (("relative_level", before), ("relative_level_outside", outside)):
            rows.loc[inside, column] = relative_levels(panel, at)[positions[inside]]
        for trait, similar in selection_flags(panel, design.treated[0], contract, before, ses, masked).items():
            column = f"selected_{trait}"
            if column not in rows.columns:
                rows[column] = False
            rows.loc[inside, column] = similar[positions[inside]]


def _unmasked(panel: Panel, periods: Iterable[Any], masked: Iterable[Any]) -> Positions:
    hidden = set(masked)
    return panel.columns([period for period in periods if period not in hidden])


def _named_designs(designs: Any) -> dict[str, Design]:
    """Return designs by name: a mapping as it is, otherwise numbered."""
    given = [designs] if isinstance(designs, Design) else designs
    if isinstance(given, (list, tuple)):
        given = {f"design {number}" if len(given) > 1 else "design": item for number, item in enumerate(given, 1)}
    return _as_mapping(given, "design", lambda design: isinstance(design, Design))


def _named_methods(methods: Any) -> dict[str, Any]:
    """Return methods by name: a mapping as it is, otherwise named by class; their parameters are checked."""
    given = methods
    if not hasattr(methods, "items"):
        listed = list(methods) if isinstance(methods, (list, tuple)) else [methods]
        names = [type(method).__name__ for method in listed]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise DesignError(f"Several methods are named {twice}. Pass a mapping of your own names to methods.")
        given = dict(zip(names, listed, strict=True))
    usable = _as_mapping(given, "method", lambda method: hasattr(method, "fit"))
    named = {name: guarded(method) for name, method in usable.items()}
    for method in named.values():
        if hasattr(method, "check_parameters"):
            method.check_parameters()
    return named


def _as_mapping(given: Any, what: str, usable: Callable[[Any], bool]) -> dict[str, Any]:
    named = {str(name): item for name, item in given.items()} if hasattr(given, "items") else {what: given}
    if not named:
        raise DesignError(f"No {what} was given. Pass at least one.")
    refuse_controls(named, f"name of a {what}", DesignError)
    for name, item in named.items():
        if not usable(item):
            raise DesignError(f"{what} {name!r} is a {type(item).__name__}; it lacks what a {what} needs.")
    return named
