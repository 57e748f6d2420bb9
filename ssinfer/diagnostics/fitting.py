"""Parts that the diagnostics share: fitted draws, the usable baseline, and the protocol of a method."""

from collections.abc import Sequence
from typing import Any, Protocol

from ssinfer.counterfactual import Counterfactual
from ssinfer.design import Design
from ssinfer.errors import NotSupportedError, SsinferError
from ssinfer.protocol import Benchmark
from ssinfer.typing import Floats


class Fitter(Benchmark, Protocol):
    """A benchmark method that also fits several designs at once."""

    def fit_many(
        self, data: Any, designs: Sequence[Design], seeds: Sequence[Any]
    ) -> list[Counterfactual | SsinferError]:
        """Fit several designs; a refused design gives its error."""
        ...


def usable_baseline(design: Design) -> list[Any]:
    """Return the baseline periods that are not masked, ascending."""
    return sorted(period for period in design.baseline if period not in design.masked)


def require_one_treated(design: Design) -> str:
    """Return the treated unit's name; a design of several treated units is refused."""
    if len(design.treated) > 1:
        raise NotSupportedError("This check", f"{len(design.treated)} treated units", "Give one design per unit.")
    return design.treated[0]


def pooled_draws(cf: Counterfactual) -> Floats:
    """Return draws of the pooled benchmark: of the posterior if there is one, else of the sampling distribution."""
    return cf.pooled("credible" if cf.uncertainty == "posterior" else "confidence")
