"""Attrition: from all rows of the tables to the counted rows, without loss."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

import pandas as pd

from ssinfer.errors import ClaimsError

if TYPE_CHECKING:
    from collections.abc import Mapping

FIRST, LAST = "in the tables", "counted"


@dataclass
class AttritionLog:
    """Collects exclusions. Every amount is a whole number (cents, days), so that the identity is exact."""

    rows: list[dict[str, object]] = field(default_factory=list)

    def add(
        self,
        step: str,
        reason: str,
        *,
        persons: int = 0,
        days: Mapping[int, tuple[int, int]] | None = None,
        lines: int = 0,
        cents: int = 0,
    ) -> None:
        """Add a row. `days` maps a calendar year to (insured days, days of the year)."""
        by_year = dict(days or {})
        years = sum((Fraction(n, length) for n, length in by_year.values()), Fraction(0))
        total = sum(n for n, _ in by_year.values())
        if persons or total or lines or cents or step in (FIRST, LAST):
            row = {"step": step, "reason": reason, "persons": persons, "insured_days": total, "insured_years": years}
            self.rows.append({**row, "lines": lines, "cents": cents})

    def frame(self) -> pd.DataFrame:
        """Return the table, or refuse it if in = out + exclusions fails for a column, which is an error of ssinfer.

        Returns
        -------
        pandas.DataFrame
            step, reason, persons, insured_days, insured_years, lines, cents, euros. An exclusion row
            holds the excluded amounts. Rows of the step "valuation" change money only (negative: money added).
        """
        frame = pd.DataFrame(self.rows)
        start, end = frame["step"] == FIRST, frame["step"] == LAST
        for column in ("persons", "insured_days", "insured_years", "lines", "cents"):
            values = frame[column]
            came, excluded, counted = sum(values[start]), sum(values[~start & ~end]), sum(values[end])
            if came != excluded + counted:
                raise ClaimsError(
                    f"The count does not add up: {column} in {came}, excluded {excluded}, counted {counted}. This is "
                    "an error of ssinfer; please report it with the attrition table."
                )
        frame["insured_years"] = frame["insured_years"].astype(float)
        for column in ("persons", "insured_days", "lines", "cents"):
            frame[column] = frame[column].astype("int64")
        frame["euros"] = frame["cents"] / 100
        return frame
