"""DonorWeighting: base class of the methods whose benchmark is a weighted sum of donors."""

from abc import abstractmethod
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from ssinfer.arguments import MOST, Choice, Number, read_fields
from ssinfer.benchmarks.base import BenchmarkMethod, Capabilities, Estimate
from ssinfer.benchmarks.problem import Problem
from ssinfer.benchmarks.synthetic_control.fit_window import FitWindow
from ssinfer.benchmarks.synthetic_control.fits import Fits
from ssinfer.benchmarks.synthetic_control.hull import outside_hull
from ssinfer.benchmarks.synthetic_control.inference.placebo_errors import MIN_PLACEBOS, PredictiveErrors, placebo_errors
from ssinfer.benchmarks.synthetic_control.kernels.simplex_least_squares import STATUS
from ssinfer.check import Check, tabulate
from ssinfer.later import Later
from ssinfer.typing import Booleans, Floats, Integers

MIN_DRAWS = 100
MIN_EFFECTIVE_DONORS = 3.0  # with fewer, the own shock of a donor moves the benchmark by at least a third of its size


class DonorWeighting(BenchmarkMethod):
    """A method whose benchmark is a weighted sum of donors plus an offset learned from the baseline.

    A subclass writes :meth:`solve`. Inference fits every donor as if it were treated: see ``inference.placebo_errors``.
    """

    capabilities: ClassVar[Capabilities] = Capabilities(staggered_starts=True, confidence=True, level_dependent=True)
    shares_work: ClassVar[bool] = True
    weights_read_baseline_only: ClassVar[bool] = True
    inferences: ClassVar[tuple[str, ...]] = ("placebo", "none")

    n_draws: int
    inference: str

    @abstractmethod
    def solve(self, window: FitWindow, targets: Integers, donors: Booleans, warm: Floats | None = None) -> Fits:
        """Fit each of `targets` (M,) by the donors allowed to it (M, N); `warm` (M, N) are weights to start from."""

    def dropping_unused_donors_changes_nothing(self) -> bool:
        """Return whether a fit is certain to stay the same when a donor without weight is removed."""
        return False

    @property
    def offered(self) -> Capabilities:
        """Capabilities of the kind of inference that was asked for."""
        return replace(self.capabilities, posterior=self.inference == "bayes", confidence=self.inference != "none")

    def check_parameters(self) -> None:
        """Refuse impossible parameters."""
        read_fields(self, **self.rules, inference=Choice(self.inferences), n_draws=Number(MIN_DRAWS, MOST, whole=True))
        if self.n_draws % 2:
            raise self.parameter_error("n_draws", f"Give an even number, such as {self.n_draws + 1}.")

    def estimate(self, problem: Problem, rng: np.random.Generator, shared: dict[Any, Fits] | None = None) -> Estimate:
        """Estimate one problem; `shared` holds leave-one-out fits that other problems may use."""
        n_treated, P = problem.treated.size, problem.performance_columns.size
        expected = np.zeros((1, 1, n_treated, P))
        draws = np.zeros((1, self.n_draws, n_treated, P))
        fitted = np.zeros((n_treated, problem.baseline.size))
        weights = np.zeros((n_treated, problem.donors.size))
        solver: list[dict[str, Any]] = []
        components: list[dict[str, Any]] = []
        units = problem.labels(problem.treated)
        checks: list[Check] = []
        failures: list[str] = []
        reason = self.no_inference(problem)
        for i in range(n_treated):
            window = FitWindow.of(problem, i)
            window.require_usable(type(self).__name__)
            fits = self.fit_window(window, shared, with_placebos=reason is None and self.inference != "jackknife+")
            own = fits.take(np.array([0]))
            own.require_converged(repr(window.name))
            prediction = own.benchmark(window.Y)
            fitted[i] = prediction[problem.baseline]
            columns = np.searchsorted(problem.performance_columns, window.post)
            expected[0, 0, i, columns] = prediction[window.post]
            weights[i] = own.weights[0, np.searchsorted(window.rows, problem.donors)]
            solver.append(_certificate(window, own, prediction))
            outside = None if len(fits.gap) == 1 else outside_hull(window, fits)
            if outside is not None:
                checks.append(outside)
                failures.append(outside.message)
            elif reason is None:
                errors = self.predictive_errors(window, own, fits.take(np.arange(1, len(fits.gap))), rng)
                draws[0][:, i, columns] = prediction[window.post] + errors.paths
                total = sum(errors.components.values())
                components.append({"unit": units[i], "period": "pooled", **errors.components, "total": total})
                checks.append(errors.check)
        if reason is not None:
            checks.append(Check("placebo inference", "NOT EVALUATED", float(problem.donors.size), reason))
        point = Estimate(
            benchmark=expected,
            uncertainty="none",
            expected=expected,
            fitted=fitted,
            weights=weights,
            solver=Later(lambda: pd.DataFrame(solver, index=pd.Index(units, name="unit"))),
            diagnostics=Later(lambda: tabulate(checks)),
            failures=tuple(failures),
        )
        if reason is not None or failures:
            return point
        frame = Later(lambda: pd.DataFrame(components))
        return replace(point, benchmark=draws, confidence=draws, uncertainty="sampling", components=frame)

    def no_inference(self, problem: Problem) -> str | None:
        """Return why there is no sampling distribution, or None when there is one."""
        n_donors, n_treated = problem.donors.size, problem.treated.size
        if self.inference == "none":
            return "inference='none' was asked for"
        if n_treated >= n_donors:
            numbers = f"{n_donors} donors for {n_treated} treated units"
            return f"{numbers}: placebo inference needs more donors than treated units"
        if n_donors < MIN_PLACEBOS:
            return (
                f"{n_donors} donors: the smallest attainable p-value is 1/{n_donors + 1}, so a 5% test needs at least "
                f"{MIN_PLACEBOS} donors"
            )
        return None

    def fit_window(
        self, window: FitWindow, shared: dict[Any, Fits] | None = None, *, with_placebos: bool = True
    ) -> Fits:
        """Fit the treated unit by all donors and, `with_placebos`, each donor by the other donors, in this order.

        Leave-one-out fits depend on the baseline only: designs with the same units and periods share them in `shared`.
        A placebo must not use the treated unit: its shared fit is kept if it gives the treated unit no weight.
        """
        N = window.rows.size
        order = np.append(window.treated, window.others)
        if not with_placebos:
            return self.solve(window, order[:1], np.ones((1, N), dtype=bool))
        everyone = np.arange(N, dtype=np.int64)
        donors = np.ones((N, N), dtype=bool)
        if not self.dropping_unused_donors_changes_nothing():
            donors[:, window.treated] = False
            return self.solve(window, everyone, donors).take(order)
        key = (window.rows.tobytes(), window.pre.tobytes(), window.post.tobytes(), window.problem.design.standard)
        shared = {} if shared is None else shared
        if key not in shared:
            shared[key] = self.solve(window, everyone, donors)
        fits = shared[key]
        again = window.others[fits.weights[window.others, window.treated] != 0.0]
        if again.size:
            donors = donors[again]
            donors[:, window.treated] = False
            warm = fits.weights[again].copy()
            warm[:, window.treated] = 0.0
            fits = fits.replace(again, self.solve(window, again, donors, warm))
        return fits.take(order)

    def predictive_errors(
        self, window: FitWindow, own: Fits, placebos: Fits, rng: np.random.Generator
    ) -> PredictiveErrors:
        """Draw errors of the benchmark. `own` is the fit of the treated unit, `placebos` those of its donors."""
        return placebo_errors(window, own, placebos, self.n_draws, rng, normal=self.inference == "placebo-se")


def _certificate(window: FitWindow, fit: Fits, prediction: Floats) -> dict[str, Any]:
    """Return the row of `Counterfactual.solver` for one treated unit."""
    errors = window.Y[window.pre, window.treated] - prediction[window.pre]
    return {
        "kkt_gap": float(fit.gap[0]),
        "status": STATUS[int(fit.status[0])],
        "effective_donors": float(1.0 / (fit.weights[0] ** 2).sum()),
        "iterations": int(fit.iterations[0]),
        "n_donors": int(window.rows.size - 1),
        "rmspe_baseline": float(np.sqrt(np.nanmean(errors**2))),
        **(fit.notes[0] if fit.notes else {}),
    }
