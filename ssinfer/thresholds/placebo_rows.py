"""Placebo rows that are checked before thresholds are learned from them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ssinfer.errors import DataError, RefusalError
from ssinfer.typing import Floats, Positions

#: Fewest placebo units from which an error distribution is learned; as many as a 95% order statistic needs.
MIN_CALIBRATION_UNITS = 19


def require_columns(placebos: pd.DataFrame, names: Sequence[str]) -> None:
    """Refuse placebo rows that lack a column."""
    absent = [name for name in names if name not in placebos.columns]
    if absent:
        raise DataError(f"placebos lacks {absent}; it has {list(placebos.columns)[:12]}. Pass rows of result.placebos.")


def rows_of_placebos(placebos: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that are not of the case; DataError if several designs or methods are mixed."""
    for name in ("design", "method"):
        if name in placebos.columns and len(pd.unique(placebos[name])) > 1:
            raise DataError(f"placebos mixes several {name}s, which repeat one history. Select one {name} first.")
    return placebos[placebos["role"] == "placebo"] if "role" in placebos.columns else placebos


def refuse_impossible(placebos: pd.DataFrame) -> None:
    """Refuse placebo rows with a value that no fit can give, and name the first; NaN stands for an unknown value."""
    for name in placebos.columns.intersection(["savings_rate", "standard_error", "assigned"]):
        needed = "finite" if name == "savings_rate" else "positive finite"
        values = placebos[name].to_numpy(dtype=float)
        wrong = np.isinf(values) | ((values <= 0) & (needed != "finite"))
        if wrong.any():
            row = placebos.iloc[int(np.flatnonzero(wrong)[0])]
            origin = f" at origin {row['origin']}" if "origin" in placebos.columns else ""
            raise DataError(
                f"placebos: {name} of unit {str(row['unit'])!r}{origin} is {row[name]:g}; a {needed} number is needed "
                f"({int(wrong.sum())} such rows). Correct the row, leave it out, or give NaN where it is unknown."
            )


def refuse_equal_savings(savings: Floats) -> None:
    """Refuse placebo savings (m,) that are all equal up to rounding: they cannot come from m different units."""
    low, high = savings.min(), savings.max()
    if high - low <= 1e-12 * max(1.0, abs(high)):
        m = len(savings)
        raise RefusalError(
            f"All {m} placebo savings are equal ({low:.3g}), so they are not {m} placebos. Check the data."
        )


def sorted_codes(labels: Any) -> Positions:
    """Return numbers from 0 for labels, in the order of the labels as text."""
    return np.asarray(np.unique(np.asarray(labels, dtype=str), return_inverse=True)[1], dtype=np.intp)


def codes_by_appearance(labels: Any) -> Positions:
    """Return numbers from 0 for labels, in the order in which they appear."""
    return np.asarray(pd.factorize(np.asarray(labels))[0], dtype=np.intp)


@dataclass(frozen=True, eq=False)
class CalibrationPlacebos:
    """Placebos of one design and method, without the group that is to be judged."""

    y: Floats  # (rows,) savings rates
    s: Floats  # (rows,) their standard errors from their own fits
    ratio: Floats  # (rows,) size over the typical size; ones where a size is unknown
    typical_size: float  # geometric mean of the sizes; NaN where a size is unknown
    unit: Positions  # (rows,) numbers from 0, as the next two
    origin: Positions
    block: Positions  # of neighbours; units where no blocks are known
    n_units: int
    n_origins: int

    @classmethod
    def of(cls, placebos: pd.DataFrame, exclude: Sequence[str]) -> "CalibrationPlacebos":
        """Return the usable placebos, without the units of `exclude`; refused if fewer than 19 units remain."""
        require_columns(placebos, ("unit", "origin", "savings_rate", "standard_error", "assigned"))
        if not len(exclude):
            raise RefusalError("exclude is empty. Name the group that is judged, so that its own rows are left out.")
        rows = rows_of_placebos(placebos)
        rows = rows[~rows["unit"].astype(str).isin([str(unit) for unit in exclude])]
        rows = rows[rows["savings_rate"].notna() & rows["standard_error"].notna()]
        unit, origin = sorted_codes(rows["unit"]), sorted_codes(rows["origin"])
        n_units = len(np.unique(unit))
        if n_units < MIN_CALIBRATION_UNITS:
            raise RefusalError(
                f"{n_units} placebo units with a standard error; at least {MIN_CALIBRATION_UNITS} are needed."
            )
        refuse_impossible(rows)
        y = rows["savings_rate"].to_numpy(dtype=float)
        refuse_equal_savings(y)
        size = rows["assigned"].to_numpy(dtype=float)
        known = bool(np.isfinite(size).all())
        typical_size = float(np.exp(np.log(size).mean())) if known else float("nan")
        return cls(
            y=y,
            s=rows["standard_error"].to_numpy(dtype=float),
            ratio=size / typical_size if known else np.ones(len(y)),
            typical_size=typical_size,
            unit=unit,
            origin=origin,
            block=sorted_codes(rows["block"]) if "block" in rows.columns else unit,
            n_units=n_units,
            n_origins=len(np.unique(origin)),
        )
