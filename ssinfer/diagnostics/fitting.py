"""Parts that the diagnostics share: the protocol of a method, and its error in periods before the contract."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import pandas as pd

from ssinfer.benchmarks.synthetic_control.donor_weighting import DonorWeighting
from ssinfer.benchmarks.synthetic_control.inference.placebo import standardised_errors
from ssinfer.counterfactual import Counterfactual
from ssinfer.design import Design
from ssinfer.errors import SsinferError
from ssinfer.protocol import Benchmark
from ssinfer.typing import Floats


class Fitter(Benchmark, Protocol):
    """A benchmark method that also fits several designs at once."""

    def fit_many(
        self, data: Any, designs: Sequence[Design], seeds: Sequence[Any]
    ) -> list[Counterfactual | SsinferError]:
        """Fit several designs; a refused design gives its error."""
        ...


class WindowError(NamedTuple):
    """The saving that a fit finds where there is none, over the benchmark, and whether its interval holds spending."""

    savings_rate: float
    half_width: float = float("nan")
    inside: bool = False
    refused: str = ""  # why there is no saving, or no interval


def pooled_draws(cf: Counterfactual) -> Floats:
    """Return draws of the pooled benchmark: of the posterior if there is one, else of the sampling distribution."""
    return cf.pooled("credible" if cf.uncertainty == "posterior" else "confidence")


def window_errors(
    method: Fitter, data: Any, designs: Sequence[Design], *, level: float, seed: int
) -> list[WindowError]:
    """Fit windows before the contract, and judge them jointly at `level`.

    Each window has the method's own interval (Bonferroni over windows). A synthetic control has the interval in which
    the largest standardised error of the treated unit over the windows is not among the largest 1 - `level` of all
    units': quantiles of fitted errors take their variances as known, and failed 9% of null panels at a nominal 5%.
    """
    each = 1 - (1 - level) / len(designs)
    errors = [_own_interval(fit, each) for fit in method.fit_many(data, designs, [seed] * len(designs))]
    judged = [number for number, error in enumerate(errors) if not error.refused]
    if (
        not (judged and isinstance(method, DonorWeighting))
        or method.inference == "bayes"
        or len(designs[0].treated) > 1
    ):
        return errors
    tables = [standardised_errors(method, data, designs[number]) for number in judged]
    values = pd.concat(tables, axis=1, join="inner").to_numpy()  # the treated unit is first
    allowed = int((1 - level) * len(values) + 1e-9)  # units, with the treated one
    if allowed:
        limit = np.sort(values[1:].max(axis=1))[-allowed]
        for number, value in zip(judged, values[0], strict=True):
            half_width = abs(errors[number].savings_rate) * limit / value
            errors[number] = errors[number]._replace(half_width=half_width, inside=bool(value <= limit))
    return errors


def _own_interval(fit: Counterfactual | SsinferError, level: float) -> WindowError:
    """Judge a fit by its own interval with probability `level`."""
    rate = float("nan")
    try:
        if isinstance(fit, SsinferError):
            raise fit
        saving = fit.savings().pooled()
        rate = saving.measured_rate.item()
        draws = pooled_draws(fit)
    except SsinferError as error:
        return WindowError(rate, refused=str(error))
    lower, upper = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    half_width = float((upper - lower) / 2 / draws.mean())
    return WindowError(rate, half_width, bool(lower <= saving.spending.item() <= upper))
