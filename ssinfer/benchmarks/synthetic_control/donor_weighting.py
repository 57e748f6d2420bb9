"""What the methods that weight donors share: placebo fits, the predictive law, the certificate of the solver."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd

from ssinfer.benchmarks.base import BenchmarkMethod, Capabilities, Estimate
from ssinfer.benchmarks.synthetic_control.fit_window import Fits, Window
from ssinfer.benchmarks.synthetic_control.kernels.placebo_law import predictive_errors
from ssinfer.benchmarks.synthetic_control.kernels.simplex_least_squares import NOT_CONVERGED, STATUS
from ssinfer.errors import ConvergenceError, DesignError, RefusalError, SsinferError
from ssinfer.kernels.variance_components import variance_function

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from ssinfer.benchmarks.problem import Problem
    from ssinfer.typing import Booleans, Floats, Integers


SMALLEST_PLACEBO_GROUP = 19


class WeightingMethod(BenchmarkMethod):
    """A method whose benchmark is a weighted sum of donors plus an offset learned from the baseline.

    A subclass writes :meth:`solve`. With ``inference="placebo"`` each donor takes the treated unit's place, with
    the remaining donors as its own, and the errors of these placebos give the predictive law (see
    the kernel ``placebo_law``). Every placebo of the finite set is fitted; none is drawn.
    """

    capabilities: ClassVar[Capabilities] = Capabilities(staggered_starts=True, confidence=True)
    weights_read_baseline_only: ClassVar[bool] = True

    draws: int
    inference: str

    @abstractmethod
    def solve(self, window: Window, targets: Integers, donors: Booleans, warm: Floats | None = None) -> Fits:
        """Fit each target (M,) by the donors allowed to it (M, N); `warm` (M, N) are weights to start from."""

    def drops_are_free(self) -> bool:
        """Return whether a fit is certain to stay the same when a donor without weight leaves."""
        return False

    def check_parameters(self) -> None:
        """Refuse impossible parameters."""
        if self.inference not in self.inferences():
            raise RefusalError(f"inference is {self.inference!r}; allowed: {', '.join(map(repr, self.inferences()))}.")
        if self.draws < 100 or self.draws % 2:
            raise RefusalError(f"draws is {self.draws!r}; an even number of at least 100 is needed.")

    @classmethod
    def inferences(cls) -> tuple[str, ...]:
        """Return the kinds of inference that the method offers."""
        return ("placebo", "none")

    def estimate(self, problem: Problem, rng: np.random.Generator) -> Estimate:
        """Estimate one problem."""
        return self._estimate(problem, rng, {})

    def estimate_many(
        self, problems: Sequence[Problem], generators: Sequence[np.random.Generator]
    ) -> Iterable[Estimate | SsinferError]:
        """Estimate several problems; those with the same units and baseline share their leave-one-out fits."""
        shared: dict[Any, Fits] = {}
        for problem, rng in zip(problems, generators, strict=True):
            try:
                yield self._estimate(problem, rng, shared)
            except SsinferError as error:
                yield error

    def _estimate(self, problem: Problem, rng: np.random.Generator, shared: dict[Any, Fits]) -> Estimate:
        n_treated, P = problem.treated.size, problem.columns.size
        expected = np.zeros((1, 1, n_treated, P))
        draws = np.zeros((1, self.draws, n_treated, P))
        weights = np.zeros((n_treated, problem.donors.size))
        solver: list[dict[str, Any]] = []
        checks: list[tuple[str, str, float, str]] = []
        parts: list[dict[str, float]] = []
        refused = self.no_inference(problem)
        for i in range(n_treated):
            window = Window.of(problem, i)
            self.check_window(window)
            own, placebos = self.fit_window(window, shared, with_placebos=refused is None and self.needs_placebos())
            self._require_convergence(window, own)
            place = np.searchsorted(problem.columns, window.post)
            prediction = own.predict(window.Y)[0]
            expected[0, 0, i, place] = prediction[window.post]
            weights[i] = own.weights[0, np.searchsorted(window.rows, problem.donors)]
            solver.append(self._certificate(window, own, prediction))
            if refused is None:
                errors, part, check = self.predictive(window, own, placebos, rng)
                draws[0][:, i, place] = prediction[window.post] + errors
                parts.append(part)
                checks.append(check)
        index = pd.Index(problem.labels(problem.treated), name="unit")
        if refused is not None:
            checks.append(("placebo inference", "NOT EVALUATED", float(problem.donors.size), refused))
        frame = pd.DataFrame(checks, columns=["check", "status", "figure", "message"])
        common: dict[str, Any] = {
            "expected": expected,
            "weights": weights,
            "solver": pd.DataFrame(solver, index=index),
            "diagnostics": frame,
        }
        if refused is not None:
            return Estimate(benchmark=expected, uncertainty="none", **common)
        components = pd.DataFrame(parts, index=index)
        return Estimate(benchmark=draws, confidence=draws, uncertainty="sampling", components=components, **common)

    def needs_placebos(self) -> bool:
        """Return whether the law of the error is learned from placebos."""
        return self.inference != "none"

    def no_inference(self, problem: Problem) -> str | None:
        """Return why no sampling distribution exists, or None when one does."""
        J, n_treated = problem.donors.size, problem.treated.size
        if self.inference == "none":
            return "inference='none' was asked for"
        if n_treated >= J:
            return f"{J} donors for {n_treated} treated units: placebo inference needs more donors than treated units"
        if J < SMALLEST_PLACEBO_GROUP:
            return (
                f"{J} donors: the smallest attainable p-value is 1/{J + 1}, so a 5% test needs at least "
                f"{SMALLEST_PLACEBO_GROUP} donors"
            )
        return None

    def check_window(self, window: Window) -> None:
        """Refuse data from which no weights can be learned."""
        labels = window.labels()
        J = window.rows.size - 1
        if J < 2:
            raise DesignError(
                f"{window.name!r} has one donor, {labels[int(window.others[0])]!r}: there is nothing to weight. "
                "Name at least two donors, or use a method without donor weights."
            )
        if window.pre.size < 2:
            raise DesignError(
                f"{window.name!r} has {window.pre.size} unmasked baseline period: {type(self).__name__} needs at "
                "least two to tell donors apart. Lengthen the baseline or unmask periods."
            )
        before = window.Y[window.pre]
        flat = np.ptp(before, axis=0) == 0.0
        if flat[window.treated]:
            raise DesignError(
                f"Spending of {window.name!r} is {before[0, window.treated]:g} in every baseline period, which no "
                "group of insured shows. Check the data for placeholders."
            )
        donors = np.ascontiguousarray(window.Y[np.append(window.pre, window.post)][:, window.others].T)
        unique, first = np.unique(donors, axis=0, return_index=True)
        if len(unique) < J:
            second = int(np.setdiff1d(np.arange(J), first)[0])
            twin = next(j for j in range(J) if j != second and (donors[j] == donors[second]).all())
            names = sorted((labels[int(window.others[twin])], labels[int(window.others[second])]))
            raise DesignError(
                f"Donors {names[0]!r} and {names[1]!r} have identical spending in every period: their weights cannot "
                "be told apart, and one group seems to be in the data twice. Drop one of them."
            )

    def fit_window(
        self, window: Window, shared: dict[Any, Fits] | None = None, *, with_placebos: bool = True
    ) -> tuple[Fits, Fits]:
        """Return the treated unit's fit, and the fit of each donor in its place by the other donors.

        Leave-one-out fits of all units depend on the baseline only, and serve every design with these units and
        periods. A placebo must not use the treated unit, and where its weight on it is zero the fit stands as it is.
        """
        N = window.rows.size
        everyone = np.arange(N, dtype=np.int64)
        own = np.array([window.treated], dtype=np.int64)
        if not with_placebos:
            fits = self.solve(window, own, np.ones((1, N), dtype=bool))
            return fits, fits.take(own[:0])
        if not self.drops_are_free():
            donors = np.ones((N, N), dtype=bool)
            donors[:, window.treated] = False
            fits = self.solve(window, everyone, donors)
            return fits.take(own), fits.take(window.others)
        key = (window.rows.tobytes(), window.pre.tobytes(), window.post.tobytes(), window.problem.design.standard)
        shared = {} if shared is None else shared
        if key not in shared:
            shared[key] = self.solve(window, everyone, np.ones((N, N), dtype=bool))
        fits = shared[key]
        again = window.others[fits.weights[window.others, window.treated] != 0.0]
        if again.size:
            donors = np.ones((again.size, N), dtype=bool)
            donors[:, window.treated] = False
            warm = fits.weights[again].copy()
            warm[:, window.treated] = 0.0
            fits = fits.put(again, self.solve(window, again, donors, warm))
        return fits.take(own), fits.take(window.others)

    def predictive(
        self, window: Window, own: Fits, placebos: Fits, rng: np.random.Generator
    ) -> tuple[Floats, dict[str, Any], tuple[str, str, float, str]]:
        """Return error paths (draws, P), the parts of their variance, and a line on the placebos used."""
        valid = placebos.status != NOT_CONVERGED
        failed = int((~valid).sum())
        m = int(valid.sum())
        if m < SMALLEST_PLACEBO_GROUP:
            raise ConvergenceError(
                f"{failed} of {valid.size} placebo fits of {window.name!r} did not converge, and {m} are too few."
            )
        units = window.others[valid]
        kept = placebos.take(np.flatnonzero(valid))
        errors = window.Y[:, units].T - kept.predict(window.Y)
        vectors = np.ascontiguousarray(errors[:, window.post])
        regressors = self._variance_regressors(window, kept, units)
        mine = self._variance_regressors(window, own, np.array([window.treated]))
        pooled = vectors @ window.pooling
        standard_error = float(pooled.std())
        level = float((own.predict(window.Y)[0, window.post] @ window.pooling) ** 2) or 1.0
        status = "PASS" if not failed else "FAIL"
        text = f"{window.name}: {m} of {valid.size} placebos fitted, placebo standard error {standard_error:.4g}; "
        if self.inference == "placebo-se":
            text += "normal errors with the placebos' covariance"
            centred = (vectors - vectors.mean(axis=0)) / np.sqrt(m)
            half = rng.standard_normal((self.draws // 2, m)) @ centred
            half *= standard_error / max(float(np.sqrt(((half @ window.pooling) ** 2).mean())), 1e-300)
            paths = np.empty((self.draws, window.post.size))
            paths[0::2], paths[1::2] = half, -half
            return paths, {"placebo": standard_error**2 / level}, ("placebo inference", status, float(m), text)
        theta = variance_function(pooled, regressors)
        floor = 1e-12 * float((pooled**2).mean()) + 1e-300
        deviation = np.sqrt(np.maximum(regressors @ theta, floor))
        # The placebos' scores are of the fit that chose theta; its scale cancels, its further parameters do not.
        spent = int((regressors.mean(axis=0) * theta > 1e-3 * (pooled**2).mean()).sum()) - 1
        theta = theta * m / (m - max(spent, 0))
        variances = mine[0] * theta
        D = self.draws // 2
        uniform = rng.permutation((np.arange(D) + 0.5) / D)
        paths = predictive_errors(
            vectors, window.pooling, deviation, float(np.sqrt(max(variances.sum(), floor))), uniform
        )
        part = dict(zip(("shock", "sampling", "misfit"), (variances / level).tolist(), strict=True))
        text += f"the law of |error| attains p = 1/{m + 1}"
        return paths, part, ("placebo inference", status, float(m), text)

    def _variance_regressors(self, window: Window, fits: Fits, units: NDArray[Any]) -> Floats:
        """Return (M, 3): squared level, sampling noise of unit and donors, mean squared misfit in the baseline."""
        before = window.Y[window.pre]
        level = before[:, units].mean(axis=0) ** 2
        misfit = ((before[:, units].T - fits.predict(window.Y)[:, window.pre]) ** 2).mean(axis=1)
        noise = np.zeros(units.size)
        if window.noise is not None:
            pooled = (window.noise[window.post] * window.pooling[:, None] ** 2).sum(axis=0)
            noise = pooled[units] + fits.weights**2 @ pooled
        return np.ascontiguousarray(np.column_stack([level, noise, misfit]))

    def _require_convergence(self, window: Window, fit: Fits) -> None:
        if fit.status[0] == NOT_CONVERGED:
            raise ConvergenceError(
                f"The weights of {window.name!r} did not reach their optimum: KKT gap {fit.gap[0]:.1e} after "
                f"{int(fit.iterations[0])} steps, at most 1e-9 is admitted. Look for nearly identical donors."
            )

    def _certificate(self, window: Window, fit: Fits, prediction: Floats) -> dict[str, Any]:
        w = fit.weights[0]
        miss = window.Y[window.pre, window.treated] - prediction[window.pre]
        return {
            "kkt_gap": float(fit.gap[0]),
            "status": STATUS[int(fit.status[0])],
            "effective_donors": float(1.0 / (w**2).sum()),
            "iterations": int(fit.iterations[0]),
            "n_donors": int(window.rows.size - 1),
            "rmspe_baseline": float(np.sqrt((miss**2).mean())),
            **(fit.notes[0] if fit.notes else {}),
        }
