"""StackedBenchmark: a mixture of methods, weighted by their predictions of earlier periods."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scipy.special import softmax

from ssinfer.arguments import COUNT, Number, Rule
from ssinfer.benchmarks.base import BenchmarkMethod, Capabilities, Estimate
from ssinfer.benchmarks.problem import Problem
from ssinfer.check import Check, tabulate
from ssinfer.design import Design
from ssinfer.errors import DataError, DesignError, ParameterError, SsinferError
from ssinfer.guard.method import guarded
from ssinfer.kernels.optimise import maximise
from ssinfer.later import Later
from ssinfer.typing import Floats

MIN_BASELINE_PERIODS = 2
MIN_CASES = 5  # earlier placebo windows
MIN_WEIGHT = 1e-3  # smaller weights become zero
MAX_PAIRED_DRAWS = 400  # draws per method in the pairwise terms of the CRPS
LOGIT_BOUND = 15.0


@dataclass(eq=False, repr=False)
class StackedBenchmark(BenchmarkMethod):
    r"""Mixture of benchmarks, weighted by the CRPS of the pooled rate in windows before the performance period.

    Donors take the treated unit's place in earlier windows inside the baseline, where nobody had a contract. Let X_k be
    the predicted rate of method k and y the observed rate. A mixture with weights w has the score

    .. math:: \sum_k w_k E|X_k - y| - \tfrac12 \sum_{kl} w_k w_l E|X_k - X_l|

    averaged over windows and placebos; the weights minimise it on the simplex. A mixture of calibrated forecasts is
    overdispersed (Gneiting and Ranjan 2013, doi 10.1214/13-EJS823). The spread of the mixture is therefore scaled by
    the root mean square of its standardised errors in the same windows.

    Parameters
    ----------
    methods : sequence of benchmark methods
        At least two panel methods with draws. The mixture has as many draws and chains as the first method.
    windows : int, number of earlier windows, the latest first, each with at least two baseline periods before it
    placebos : int, number of donors that take the treated unit's place, drawn at random
    recalibrate : bool, whether to scale the spread of the mixture

    References
    ----------
    Yao, Y., Vehtari, A., Simpson, D., Gelman, A. (2018), Using stacking to average Bayesian predictive distributions,
    Bayesian Analysis 13(3), doi 10.1214/17-BA1091.
    """

    capabilities: ClassVar[Capabilities] = Capabilities(posterior=True, confidence=True, level_dependent=True)
    member_parameters: ClassVar[tuple[str, ...]] = ("methods",)
    rules: ClassVar[dict[str, Rule]] = {"windows": COUNT, "placebos": Number(5, whole=True)}

    methods: Sequence[BenchmarkMethod] = ()
    windows: int = 2
    placebos: int = 20
    recalibrate: bool = True

    def check_parameters(self) -> None:
        """Refuse impossible parameters."""
        super().check_parameters()
        if len(self.methods) < 2:
            given = f"StackedBenchmark got {len(self.methods)} methods; stacking needs at least two."
            raise ParameterError(f"{given} Give methods, a list such as SyntheticControl and SyntheticDiD.")
        for method in self.methods:
            if getattr(method, "needs", None) != "panel":
                raise ParameterError(
                    f"StackedBenchmark stacks panel methods; {method!r} needs other data. Leave it out."
                )
            guarded(method).check_parameters()

    @property
    def _members(self) -> list[Any]:
        """The methods, those of other packages guarded."""
        return [guarded(method) for method in self.methods]

    def estimate(self, problem: Problem, rng: np.random.Generator) -> Estimate:
        """Fit every method, weight them, and mix their draws."""
        seeds = [int(seed) for seed in rng.integers(0, 2**31, 2)]
        fitted = [method.fit(problem.panel, problem.design, seed=seeds[0]) for method in self._members]
        names = [cf.method for cf in fitted]
        for name, cf in zip(names, fitted, strict=True):
            if cf.uncertainty == "none":
                raise DataError(
                    f"StackedBenchmark needs draws, but {name} gave a point estimate on these data. Leave it out, or "
                    "look at its diagnostics."
                )
        errors, predicted = self._earlier_rates(problem, rng, seeds[1])
        weights = stacking_weights(errors, predicted)
        spread = _spread(weights, errors, predicted) if self.recalibrate else 1.0
        shape = fitted[0].benchmark.shape[:2]
        factor = problem.factor[np.ix_(problem.treated, problem.performance_columns)]
        baseline = problem.factor[np.ix_(problem.treated, problem.baseline)]
        flat = [cf.benchmark.values.reshape(-1, *cf.benchmark.shape[2:]) / factor for cf in fitted]
        chosen = rng.choice(len(flat), size=shape[0] * shape[1], p=weights)
        draws = np.stack([flat[k][rng.integers(len(flat[k]))] for k in chosen])
        centre = draws.mean(axis=0)
        draws = (centre + spread * (draws - centre)).reshape(*shape, *draws.shape[1:])
        # a method without weight has no draw in the mixture, so its failures do not count
        used = [cf for cf, weight in zip(fitted, weights, strict=True) if weight > 0]
        message = f"CRPS over {len(errors[0])} earlier placebo windows; spread scaled by {spread:.3f}"
        return Estimate(
            benchmark=draws,
            uncertainty="posterior" if all(cf.uncertainty == "posterior" for cf in fitted) else "sampling",
            information="signing" if all(cf.information == "signing" for cf in fitted) else "settlement",
            fitted=Later(
                lambda: sum(w * cf.values("fitted") for cf, w in zip(fitted, weights, strict=True) if w > 0) / baseline
            ),
            diagnostics=tabulate(
                Check(f"weight of {name}", "PASS", float(weight), message)
                for name, weight in zip(names, weights, strict=True)
            ),
            failures=tuple(failure for cf in used for failure in cf.failures),
        )

    def _earlier_rates(
        self, problem: Problem, rng: np.random.Generator, seed: int
    ) -> tuple[list[Floats], list[Floats]]:
        """Return, per method, draws (cases, draws) of the rate minus the observed rate, and of the rate.

        The rate of a case is spending divided by the mean of all methods' benchmarks, so all methods predict the same.
        """
        designs = self._designs(problem, rng)
        outcomes = [m.fit_many(problem.panel, designs, [seed] * len(designs)) for m in self._members]
        fits = [
            [cf for cf in case if not isinstance(cf, SsinferError) and cf.uncertainty != "none"]
            for case in zip(*outcomes, strict=True)
        ]
        cases = [case for case in fits if len(case) == len(self.methods)]
        if len(cases) < MIN_CASES:
            raise DesignError(
                f"StackedBenchmark has {len(cases)} earlier placebo windows that every method can fit; at least "
                f"{MIN_CASES} are needed. Lengthen the baseline, widen the comparison group, or drop a method."
            )
        errors: list[list[Floats]] = [[] for _ in self.methods]
        predicted: list[list[Floats]] = [[] for _ in self.methods]
        for case in cases:
            pooled = [cf.pooled() for cf in case]
            centre = float(np.mean([draws.mean() for draws in pooled]))
            sizes = case[0].insured_years.values
            spent = float((np.nan_to_num(case[0].spending.values) * sizes).sum() / sizes.sum())
            for k, draws in enumerate(pooled):
                thinned = draws[np.linspace(0, len(draws) - 1, min(MAX_PAIRED_DRAWS, len(draws))).astype(int)] / centre
                predicted[k].append(thinned)
                errors[k].append(thinned - spent / centre)
        return [np.stack(e) for e in errors], [np.stack(p) for p in predicted]

    def _designs(self, problem: Problem, rng: np.random.Generator) -> list[Design]:
        """Return placebo designs whose performance period lies inside the baseline."""
        baseline = problem.periods(problem.baseline)
        n_performance = min(len(problem.performance_columns), max(1, len(baseline) - MIN_BASELINE_PERIODS))
        donors = problem.labels(problem.donors)
        placebos = [donors[number] for number in rng.permutation(len(donors))[: self.placebos]]
        designs = []
        for back in range(self.windows):
            end = len(baseline) - back
            start = end - n_performance
            if start < MIN_BASELINE_PERIODS:
                break
            designs += [
                problem.design.replace(
                    treated=[placebo],
                    baseline=baseline[:start],
                    performance=baseline[start:end],
                    donors=[unit for unit in donors if unit != placebo],
                    starts=None,
                )
                for placebo in placebos
            ]
        if not designs:
            raise DesignError(
                f"StackedBenchmark got {len(baseline)} baseline periods; earlier windows need at least "
                f"{MIN_BASELINE_PERIODS + 1}. Lengthen the baseline."
            )
        return designs


def stacking_weights(errors: Sequence[Floats], predicted: Sequence[Floats]) -> Floats:
    """Return simplex weights (K,) of least mean CRPS; K arrays (cases, draws) of errors and draws, in random order."""
    n_methods = len(errors)
    single = np.array([np.abs(e).mean() for e in errors])
    pairs = np.zeros((n_methods, n_methods))
    for k in range(n_methods):
        for m in range(k + 1):
            gaps = [np.abs(a[:, None] - b[None, :]).mean() for a, b in zip(predicted[k], predicted[m], strict=True)]
            # Pairs of a draw with itself are left out: a method then scores the same alone and next to its copy. With
            # finitely many draws the score is therefore not always convex, so a solver for convex problems may fail.
            n_draws = predicted[k].shape[1]
            correction = n_draws / (n_draws - 1) if k == m else 1.0
            pairs[k, m] = pairs[m, k] = correction * float(np.mean(gaps))

    def score(w: Floats) -> float:
        return float(single @ w - 0.5 * w @ pairs @ w)

    # softmax stays on the simplex but never reaches its corners, so these are tried separately
    weights = softmax(maximise(lambda z: -score(softmax(z)), np.zeros(n_methods), LOGIT_BOUND))
    weights = np.where(weights < MIN_WEIGHT, 0.0, weights)
    best = min([weights / weights.sum(), *np.eye(n_methods)], key=score)
    return np.asarray(best, dtype=np.float64)


def _spread(weights: Floats, errors: Sequence[Floats], predicted: Sequence[Floats]) -> float:
    """Return the root mean square of the mixture's standardised errors."""
    centre = sum(w * e.mean(axis=1) for w, e in zip(weights, errors, strict=True))
    second = sum(w * (p**2).mean(axis=1) for w, p in zip(weights, predicted, strict=True))
    first = sum(w * p.mean(axis=1) for w, p in zip(weights, predicted, strict=True))
    variance = np.asarray(second - np.asarray(first) ** 2)
    return float(np.sqrt(np.mean(np.asarray(centre) ** 2 / variance)))
