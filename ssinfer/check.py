"""Check: the verdict of one diagnostic, with the number on which it rests."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import Literal, Self

import pandas as pd

from ssinfer.notebook import as_html

type Status = Literal["PASS", "WARN", "FAIL", "NOT EVALUATED"]


@dataclass(frozen=True, eq=False)
class Check:
    """The verdict of one diagnostic.

    Attributes
    ----------
    check : str, name of the diagnostic
    status : "PASS", "WARN" (use the result with care), "FAIL" (do not rely on it) or "NOT EVALUATED"
    figure : float, the number on which the verdict rests; NaN when there is none
    message : str, the finding and its limit, or the reason why the check was not evaluated
    table : pandas.DataFrame, the details behind the figure; may be empty
    limit : float, the value that separates the verdicts; NaN when there is none
    """

    check: str
    status: Status
    figure: float = float("nan")
    message: str = ""
    table: pd.DataFrame = field(default_factory=cache(pd.DataFrame), repr=False)  # one empty frame for all: 0.3 ms
    limit: float = float("nan")

    def facts(self) -> dict[str, object]:
        """Return what notebooks show, by label."""
        return {self.check: self.status, "figure": self.figure, "limit": self.limit, "finding": self.message}

    _repr_html_ = as_html

    @classmethod
    def judged(cls, check: str, passed: bool, figure: float, limit: float, message: str) -> Self:
        """Return PASS or FAIL."""
        return cls(check, "PASS" if passed else "FAIL", figure, message, limit=limit)

    @classmethod
    def not_evaluated(cls, check: str, reason: object) -> Self:
        """Return the verdict of a check that could not be evaluated."""
        return cls(check, "NOT EVALUATED", message=str(reason))


def tabulate(checks: Iterable[Check]) -> pd.DataFrame:
    """Return one row per check: check, status, figure, limit, message."""
    rows = [(check.check, check.status, check.figure, check.limit, check.message) for check in checks]
    return pd.DataFrame(rows, columns=["check", "status", "figure", "limit", "message"])
