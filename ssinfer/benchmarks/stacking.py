"""StackedBenchmark: a mixture of methods, weighted by how well each would have predicted earlier periods."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
import pandas as pd
from scipy.special import softmax

from ssinfer.benchmarks.base import BenchmarkMethod, Capabilities, Estimate
from ssinfer.errors import DataError, DesignError, ParameterError, SsinferError
from ssinfer.kernels.optimise import maximise

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ssinfer.benchmarks.problem import Problem
    from ssinfer.counterfactual import Counterfactual
    from ssinfer.design import Design
    from ssinfer.typing import Floats


FEWEST_BASELINE = 2
LEAST = 1e-3  # smaller weights are none
PAIRS = 400  # draws per method in the pairwise terms of the CRPS


class StackedBenchmark(BenchmarkMethod):
    r"""Mixture of benchmarks, weighted by the CRPS of the pooled rate in windows before the performance period.

    Donors take the treated unit's place in earlier windows, inside the baseline, where nobody had a contract. With X_k
    the predicted rate of method k and y the observed one, a mixture with weights w scores

    .. math:: \sum_k w_k E|X_k - y| - \tfrac12 \sum_{kl} w_k w_l E|X_k - X_l|

    averaged over windows and placebos: a convex problem on the simplex. A mixture of calibrated forecasts is
    overdispersed (Gneiting and Ranjan 2013, doi 10.1214/13-EJS823), so the spread of the mixture is then scaled by the
    root mean square of its standardised errors in the same windows.

    Parameters
    ----------
    methods : sequence of benchmark methods
        At least two, with draws ("posterior" or "sampling").
    windows : int
        Earlier windows, the latest first; each leaves at least two baseline periods before it.
    placebos : int
        Donors that take the treated unit's place, drawn at random.
    recalibrate : bool

    References
    ----------
    Yao, Y., Vehtari, A., Simpson, D., Gelman, A. (2018), Using stacking to average Bayesian predictive distributions,
    Bayesian Analysis 13(3), doi 10.1214/17-BA1091.
    """

    needs: ClassVar[Literal["panel", "cohort"]] = "panel"
    capabilities: ClassVar[Capabilities] = Capabilities(posterior=True, confidence=True)
    member_parameters: ClassVar[tuple[str, ...]] = ("methods",)

    def __init__(
        self,
        methods: Sequence[BenchmarkMethod] = (),
        windows: int = 2,
        placebos: int = 20,
        recalibrate: bool = True,
    ) -> None:
        self.methods = methods
        self.windows = windows
        self.placebos = placebos
        self.recalibrate = recalibrate

    def check_parameters(self) -> None:
        """Refuse impossible parameters."""
        if len(self.methods) < 2:
            raise ParameterError(f"StackedBenchmark got {len(self.methods)} methods; stacking needs at least two.")
        for method in self.methods:
            if getattr(method, "needs", None) != "panel":
                raise ParameterError(
                    f"StackedBenchmark stacks panel methods; {type(method).__name__} needs other data. Leave it out."
                )
            method.check_parameters()
        self.require_integers(windows=1, placebos=5)

    def estimate(self, problem: Problem, rng: np.random.Generator) -> Estimate:
        """Fit every method, weigh them, and mix their draws."""
        seeds = [int(seed) for seed in rng.integers(0, 2**31, 2)]
        fitted = [method.fit(problem.panel, problem.design, seed=seeds[0]) for method in self.methods]
        if any(cf.uncertainty == "none" for cf in fitted):
            raise DataError("StackedBenchmark needs methods with draws; one of them gives a point only.")
        errors, predicted = self._past(problem, rng, seeds[1])
        weights = stacking_weights(errors, predicted)
        spread = _spread(weights, errors, predicted) if self.recalibrate else 1.0
        shape = fitted[0].benchmark.shape[:2]
        count = shape[0] * shape[1]
        factor = problem.factor[np.ix_(problem.treated, problem.performance_columns)]
        flat = [cf.benchmark.values.reshape(-1, *cf.benchmark.shape[2:]) / factor for cf in fitted]
        which = rng.choice(len(flat), size=count, p=weights)
        draws = np.stack([flat[k][rng.integers(len(flat[k]))] for k in which])
        centre = draws.mean(axis=0)
        draws = (centre + spread * (draws - centre)).reshape(*shape, *draws.shape[1:])
        # a method that has no weight has no draw in the mixture, and its diagnostics are not the mixture's
        used = [cf for cf, weight in zip(fitted, weights, strict=True) if weight > 0]
        failures = tuple(failure for cf in used for failure in cf.failures)
        names = [type(method).__name__ for method in self.methods]
        table = pd.DataFrame({"check": [f"weight of {name}" for name in names], "status": "PASS", "figure": weights})
        table["message"] = f"CRPS over {len(errors[0])} earlier placebo windows; spread scaled by {spread:.3f}"
        signing = any(cf.information == "signing" for cf in fitted)
        return Estimate(
            benchmark=draws,
            uncertainty="posterior" if all(cf.uncertainty == "posterior" for cf in fitted) else "sampling",
            information="signing" if signing and all(cf.information == "signing" for cf in fitted) else "settlement",
            diagnostics=table,
            failures=failures,
        )

    def _past(self, problem: Problem, rng: np.random.Generator, seed: int) -> tuple[list[Floats], list[Floats]]:
        """Return per method the rates' draws (cases, draws), as errors from the observed rate and relative to its mean.

        The rate of a case is spending over the mean of all methods' benchmarks, so that methods share one observable.
        """
        designs = self._designs(problem, rng)
        outcomes = [m.fit_many(problem.panel, designs, [seed] * len(designs)) for m in self.methods]
        cases = [[cf for cf in case if not isinstance(cf, SsinferError)] for case in zip(*outcomes, strict=True)]
        whole = [case for case in cases if len(case) == len(self.methods)]
        if len(whole) < 5:
            raise DesignError(
                f"StackedBenchmark has {len(whole)} earlier placebo windows that every method can fit; at least 5 are "
                "needed. Lengthen the baseline, widen the comparison group, or drop a method."
            )
        return _rates(whole)

    def _designs(self, problem: Problem, rng: np.random.Generator) -> list[Design]:
        """Return placebo designs whose performance lies inside the baseline."""
        baseline = problem.periods(problem.baseline)
        ahead = min(len(problem.performance_columns), max(1, len(baseline) - FEWEST_BASELINE))
        donors = problem.labels(problem.donors)
        picked = rng.permutation(len(donors))[: self.placebos]
        designs = []
        for back in range(self.windows):
            end = len(baseline) - back
            if end - ahead < FEWEST_BASELINE:
                break
            designs += [
                problem.design.replace(
                    treated=[donors[place]],
                    baseline=baseline[: end - ahead],
                    performance=baseline[end - ahead : end],
                    donors=[unit for unit in donors if unit != donors[place]],
                    starts=None,
                )
                for place in picked
            ]
        if not designs:
            raise DesignError(
                f"StackedBenchmark got {len(baseline)} baseline periods; earlier windows need at least "
                f"{FEWEST_BASELINE + 1}. Lengthen the baseline."
            )
        return designs


def _rates(cases: list[list[Counterfactual]]) -> tuple[list[Floats], list[Floats]]:
    """Return, per method, draws of the rate less the observed one, and draws (cases, draws)."""
    methods = len(cases[0])
    errors: list[list[Floats]] = [[] for _ in range(methods)]
    predicted: list[list[Floats]] = [[] for _ in range(methods)]
    for case in cases:
        pooled = [cf.pooled() for cf in case]
        centre = float(np.mean([draws.mean() for draws in pooled]))
        weights = case[0].insured_years.values
        spent = float((np.nan_to_num(case[0].spending.values) * weights).sum() / weights.sum())
        for k, draws in enumerate(pooled):
            thinned = draws[np.linspace(0, len(draws) - 1, min(PAIRS, len(draws))).astype(int)] / centre
            predicted[k].append(thinned)
            errors[k].append(thinned - spent / centre)
    return [np.stack(e) for e in errors], [np.stack(p) for p in predicted]


def stacking_weights(errors: Sequence[Floats], predicted: Sequence[Floats]) -> Floats:
    """Return the weights (K,) on the simplex that minimise the mean CRPS of the mixture.

    Parameters
    ----------
    errors, predicted : K arrays (cases, draws)
        Draws less the observation, and draws, in random order.
    """
    methods = len(errors)
    single = np.array([np.abs(e).mean() for e in errors])
    pairs = np.zeros((methods, methods))
    for k in range(methods):
        for m in range(k + 1):
            apart = [np.abs(a[:, None] - b[None, :]).mean() for a, b in zip(predicted[k], predicted[m], strict=True)]
            # a draw is no pair with itself: without this a method would look sharper than the same method twice
            draws = predicted[k].shape[1]
            fair = draws / (draws - 1) if k == m else 1.0
            pairs[k, m] = pairs[m, k] = fair * float(np.mean(apart))

    def score(w: Floats) -> float:
        return float(single @ w - 0.5 * w @ pairs @ w)

    # softmax keeps to the simplex; the corners, where softmax never is, are tried as they are
    weights = softmax(maximise(lambda z: -score(softmax(z)), np.zeros(methods), 15.0))
    weights = np.where(weights < LEAST, 0.0, weights)
    corners = np.eye(methods)
    best = min([weights / weights.sum(), *corners], key=score)
    return np.asarray(best, dtype=np.float64)


def _spread(weights: Floats, errors: Sequence[Floats], predicted: Sequence[Floats]) -> float:
    """Return the root mean square of the mixture's standardised errors."""
    centre = sum(w * e.mean(axis=1) for w, e in zip(weights, errors, strict=True))
    second = sum(w * (p**2).mean(axis=1) for w, p in zip(weights, predicted, strict=True))
    first = sum(w * p.mean(axis=1) for w, p in zip(weights, predicted, strict=True))
    variance = np.asarray(second - np.asarray(first) ** 2)
    return float(np.sqrt(np.mean(np.asarray(centre) ** 2 / variance)))
