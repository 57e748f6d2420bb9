"""Base class of all benchmark methods: validates inputs, calls `estimate`, and returns a Counterfactual."""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Self

import numpy as np
import pandas as pd
import xarray as xr
from sklearn.base import BaseEstimator

from ssinfer.arguments import Rule, check_arguments, instance_of, random_generator, read_fields
from ssinfer.benchmarks.frames import SOLVER, conform_components, conform_diagnostics
from ssinfer.benchmarks.problem import Problem
from ssinfer.counterfactual import DIMS, Counterfactual, Information
from ssinfer.deprecation import current_names
from ssinfer.design import Design
from ssinfer.errors import DataError, NotSupportedError, ParameterError, SsinferError
from ssinfer.later import Later, made
from ssinfer.panel import Panel
from ssinfer.protocol import Capabilities
from ssinfer.savings import Uncertainty
from ssinfer.typing import Floats

type Frame = pd.DataFrame | Later[pd.DataFrame] | None
type Components = Frame | Mapping[str, Floats] | Later[Mapping[str, Floats]]
type Seed = int | np.random.SeedSequence | np.random.Generator | None


__all__ = ["BenchmarkMethod", "Capabilities", "Estimate"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Estimate:
    """Result of a method as arrays on the standardised scale, without labels. I treated units, P performance periods.

    Attributes
    ----------
    benchmark, expected, confidence : array (chain, draw, I, P), EUR per insured-year divided by the case mix
    uncertainty, information, failures, inference : as in :class:`~ssinfer.counterfactual.Counterfactual`
    spending : array (I, P), observed spending of the estimand in EUR per insured-year; None: that of the panel
    fitted : array (I, B) on the same scale, the point benchmark in the B baseline periods of the problem, or None
    weights : array (I, J) of donor weights, or None
    solver, components, diagnostics : frames with the columns of `ssinfer.benchmarks.frames`, Later frames, or None
        Components may also be arrays by source that broadcast to (I, P).
    """

    benchmark: Floats
    uncertainty: Uncertainty
    information: Information = "settlement"
    expected: Floats | Later[Floats] | None = None
    confidence: Floats | None = None
    spending: Floats | None = None
    fitted: Floats | Later[Floats] | None = None
    weights: Floats | None = None
    solver: Frame = None
    components: Components = None
    diagnostics: Frame = None
    failures: tuple[str, ...] = ()
    inference: Mapping[str, xr.Dataset] = field(default_factory=dict)


class BenchmarkMethod(BaseEstimator):  # type: ignore[misc]  # scikit-learn is untyped
    """Base class of benchmark methods. The constructor only stores its parameters, as in scikit-learn.

    A subclass declares `needs` and `capabilities` and defines :meth:`estimate`; to share work between
    problems, its `estimate` takes `shared`, or it defines :meth:`estimate_many`.
    """

    needs: ClassVar[Literal["panel", "cohort"]] = "panel"
    # Whether `estimate` takes `shared`, a dictionary that the problems of one call of `estimate_many` have in common.
    shares_work: ClassVar[bool] = False
    # Number of placebos of one window that a backtest passes to one call of fit_many: more if they share work.
    placebos_together: ClassVar[int] = 64
    # Number of groups of them that share work; a plan needs it for the expected time.
    placebo_folds: ClassVar[int] = 1
    capabilities: ClassVar[Capabilities] = Capabilities()
    # Rules of constructor parameters that are narrower than their declared types.
    rules: ClassVar[dict[str, Rule]] = {}
    # Whether spending has to be positive in every cell that the design needs.
    needs_positive_spending: bool = False
    # Values of parameters that a study on claims does not state, or that an agreement from before them has.
    on_claims: ClassVar[Mapping[str, Any]] = {}
    signed_before: ClassVar[Mapping[str, Any]] = {}
    # Old names of constructor parameters and their new ones: see `ssinfer.deprecation.renamed_parameters`.
    renamed: ClassVar[Mapping[str, str]] = {}

    def set_params(self, **parameters: Any) -> Self:
        """Set constructor parameters by name, as in scikit-learn; an old name works with a warning."""
        super().set_params(**current_names(type(self), parameters, self.get_params(deep=False)))
        return self

    def fit(self, data: Any, design: Design, *, seed: Seed = None) -> Counterfactual:
        """Estimate the spending that would have been observed without the contract, as a Counterfactual.

        A panel method aggregates a cohort; a cohort method refuses a panel. The same seed gives the same draws.
        """
        self.check_parameters()
        problem = self.prepare(data, design)
        return self.label(problem, self.estimate(problem, random_generator(type(self).__name__, seed)))

    def fit_many(
        self, data: Any, designs: Sequence[Design], seeds: Sequence[Seed]
    ) -> list[Counterfactual | SsinferError]:
        """Fit several designs on the same data: one Counterfactual per design, or the error with which it is refused.

        The result of a design does not depend on the others in the list.
        """
        self.check_parameters()
        outcomes: dict[int, Counterfactual | SsinferError] = {}
        problems: dict[int, Problem] = {}
        for number, design in enumerate(designs):
            try:
                problems[number] = self.prepare(data, design)
            except SsinferError as error:
                outcomes[number] = error
        generators = [random_generator(type(self).__name__, seeds[number]) for number in problems]
        estimates = self.estimate_many(list(problems.values()), generators)
        for (number, problem), estimate in zip(problems.items(), estimates, strict=True):
            outcomes[number] = estimate if isinstance(estimate, SsinferError) else self.label(problem, estimate)
        return [outcomes[number] for number in range(len(designs))]

    @property
    def offered(self) -> Capabilities:
        """Capabilities with these parameters: the method's own, less those that a parameter switches off."""
        return self.capabilities

    def check_parameters(self) -> None:
        """Read constructor parameters by declared type and rule (500.0 as 500); ParameterError before data are read."""
        read_fields(self, **self.rules)

    def parameter_error(self, name: str, allowed: str) -> ParameterError:
        """Return the error for a constructor parameter; `allowed` is a sentence on what is allowed or what to do."""
        return ParameterError(f"{type(self).__name__}: {name} is {getattr(self, name)!r}. {allowed}")

    def require_equal_chains(self, n_draws: int, chains: int) -> None:
        """Refuse a total number of draws that the chains do not divide."""
        if n_draws % chains:
            nearest = max(1, round(n_draws / chains)) * chains
            raise self.parameter_error("n_draws", f"Give a multiple of the {chains} chains, such as {nearest}.")

    @abstractmethod
    def estimate(self, problem: Problem, rng: np.random.Generator) -> Estimate:
        """Estimate one problem."""

    def estimate_many(
        self, problems: Sequence[Problem], generators: Sequence[np.random.Generator]
    ) -> Iterable[Estimate | SsinferError]:
        """Estimate several problems, one after the other. A refused problem gives its error."""
        given: dict[str, Any] = {"shared": {}} if self.shares_work else {}
        for problem, rng in zip(problems, generators, strict=True):
            try:
                yield self.estimate(problem, rng, **given)
            except SsinferError as error:
                yield error

    def prepare(self, data: Any, design: Design) -> Problem:
        """Return the problem of a design, or refuse a design that this method does not support."""
        name = type(self).__name__
        if not isinstance(data, Panel):
            if not hasattr(data, "to_panel"):
                raise DataError(f"{name} got a {type(data).__name__}; a Panel or a Cohort is needed.")
            data = data.to_panel()
        check_arguments(name, {"design": instance_of("Design")}, {"design": design})
        if len(design.treated) > 1 and not self.capabilities.several_treated:
            raise NotSupportedError("Several treated units", name, "Give one design per treated unit.")
        if design.starts and not self.capabilities.staggered_starts:
            raise NotSupportedError("A staggered start", name, "Give one design per start.")
        if design.masked and not self.capabilities.masks:
            raise NotSupportedError("A mask", name, "Choose windows without the masked periods.")
        problem = Problem.of(data.ordered, design)
        return problem.with_positive_spending(name) if self.needs_positive_spending else problem

    def label(self, problem: Problem, estimate: Estimate) -> Counterfactual:
        """Return the estimate as a Counterfactual in EUR per insured-year; labels are made when they are read."""
        panel, columns, treated, donors = problem.panel, problem.performance_columns, problem.treated, problem.donors
        factor, cells = problem.factor[np.ix_(treated, columns)], problem.post[:, columns]
        given = panel.spending[np.ix_(treated, columns)] if estimate.spending is None else estimate.spending
        observed = np.where(cells, given, np.nan)
        calendar = {} if panel.timeline.per_year is None else {"periods_per_year": panel.timeline.per_year}
        units, labels = problem.labels(treated), problem.periods(columns)

        def labelled(given: Floats | Later[Floats], name: str, *periods: Any, **attrs: Any) -> Later[xr.DataArray]:
            def make() -> xr.DataArray:
                values = made(given)
                coords: dict[str, Any] = dict(zip(DIMS, map(np.arange, values.shape[:-2]), strict=False))
                coords |= {"unit": units, "period": list(periods) or labels}
                return xr.DataArray(values, coords=coords, dims=DIMS[-values.ndim :], name=name, attrs=attrs)

            return Later(make, given, attrs)

        plain = bool(cells.all() and (factor == 1.0).all())

        def in_euro(draws: Floats) -> Floats:
            return np.ascontiguousarray(draws, float) if plain else np.where(cells, draws * factor, np.nan)

        benchmark, later, confidence = in_euro(estimate.benchmark), estimate.expected, estimate.confidence
        if confidence is not None:
            confidence = benchmark if confidence is estimate.benchmark else in_euro(confidence)
        before, baseline = problem.periods(problem.baseline), np.ix_(treated, problem.baseline)
        observed_before = panel.spending[baseline] * (1.0 if estimate.spending is None else np.nan)
        point = np.full(baseline[0].shape, np.nan) if estimate.fitted is None else estimate.fitted
        fitted = Later(lambda: made(point) * problem.factor[baseline])
        weights = None
        if (shares := estimate.weights) is not None:
            names = panel.units
            weights = Later(
                lambda: pd.DataFrame(
                    shares,
                    pd.Index(units, dtype=object, name="unit"),
                    pd.Index([names[row] for row in donors], dtype=object),
                )
            )
        return Counterfactual(
            method=type(self).__name__,
            design=problem.design,
            benchmark=labelled(benchmark, "benchmark"),
            spending=labelled(observed, "spending"),
            insured_years=labelled(problem.performance_insured_years, "insured_years", **calendar),
            uncertainty=estimate.uncertainty,
            information=estimate.information,
            expected=None if later is None else Later(lambda: labelled(in_euro(made(later)), "expected").make()),
            confidence=None if confidence is None else labelled(confidence, "confidence"),
            fitted=labelled(fitted, "fitted", *before),
            observed_baseline=labelled(observed_before, "observed_baseline", *before),
            weights=weights,
            solver=_conformed(SOLVER.conform, estimate.solver),
            components=_conformed(lambda given: conform_components(given, units, labels), estimate.components),
            diagnostics=_conformed(conform_diagnostics, estimate.diagnostics),
            failures=estimate.failures,
            inference=estimate.inference,
        )


def _conformed(conform: Callable[[Any], Any], frame: Components) -> Any:
    """Return a frame with its declared columns: later, if the frame is made later."""
    if isinstance(frame, Later):
        make = frame.make
        return Later(lambda: conform(make()))
    return None if frame is None else conform(frame)
