"""Check: the verdict of one diagnostic, with its number."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

import pandas as pd

from ssinfer.errors import RefusalError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ssinfer.counterfactual import Counterfactual
    from ssinfer.design import Design
    from ssinfer.errors import SsinferError

Status = Literal["PASS", "FAIL", "NOT EVALUATED"]


class Fitter(Protocol):
    """What a check needs of a method."""

    def fit(self, data: Any, design: Design, *, seed: Any = None) -> Counterfactual:
        """Fit one design."""
        ...

    def fit_many(
        self, data: Any, designs: Sequence[Design], seeds: Sequence[Any]
    ) -> list[Counterfactual | SsinferError]:
        """Fit several designs; a refused one gives its error."""
        ...


@dataclass(frozen=True, eq=False)
class Check:
    """The verdict of one diagnostic.

    Attributes
    ----------
    check : str
        Name of the diagnostic.
    status : "PASS", "FAIL" or "NOT EVALUATED"
    figure : float
        The number on which the verdict rests; NaN when not evaluated.
    message : str
        What was found, against which limit; or why it could not be evaluated.
    table : pandas.DataFrame
        The details behind the figure; may be empty.
    """

    check: str
    status: Status
    figure: float
    message: str
    table: pd.DataFrame = field(default_factory=pd.DataFrame)

    @classmethod
    def not_evaluated(cls, check: str, reason: object) -> Check:
        """Return the verdict of a check that could not be made."""
        return cls(check, "NOT EVALUATED", float("nan"), str(reason))


def tabulate(checks: Iterable[Check]) -> pd.DataFrame:
    """Return a row per check: check, status, figure, message."""
    rows = [(check.check, check.status, check.figure, check.message) for check in checks]
    return pd.DataFrame(rows, columns=["check", "status", "figure", "message"])


def usable_baseline(design: Design) -> list[Any]:
    """Return the unmasked baseline periods, ascending."""
    return sorted(period for period in design.baseline if period not in design.masked)


def require_one_treated(design: Design) -> str:
    """Return the treated unit's name, or refuse several."""
    if len(design.treated) > 1:
        raise RefusalError(
            f"{len(design.treated)} treated units: this check looks at one. Check each by its own design."
        )
    return design.treated[0]
