"""What the diagnostics need of a method and of a design."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from ssinfer.errors import RefusalError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ssinfer.counterfactual import Counterfactual
    from ssinfer.design import Design
    from ssinfer.errors import SsinferError


class Fitter(Protocol):
    """A method that fits one design or several designs."""

    def fit(self, data: Any, design: Design, *, seed: Any = None) -> Counterfactual:
        """Fit one design."""
        ...

    def fit_many(
        self, data: Any, designs: Sequence[Design], seeds: Sequence[Any]
    ) -> list[Counterfactual | SsinferError]:
        """Fit several designs; a refused design gives its error."""
        ...


def usable_baseline(design: Design) -> list[Any]:
    """Return the baseline periods that are not masked, ascending."""
    return sorted(period for period in design.baseline if period not in design.masked)


def require_one_treated(design: Design) -> str:
    """Return the treated unit's name, or refuse several treated units."""
    if len(design.treated) > 1:
        raise RefusalError(
            f"{len(design.treated)} treated units: this check looks at one. Check each by its own design."
        )
    return design.treated[0]
