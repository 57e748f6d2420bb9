"""Checks of placebo rows that several thresholds share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ssinfer.errors import DataError, RefusalError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from ssinfer.typing import Floats


def require_columns(placebos: pd.DataFrame, names: Sequence[str]) -> None:
    """Refuse placebo rows that lack a column."""
    absent = [name for name in names if name not in placebos.columns]
    if absent:
        raise DataError(f"placebos lacks {absent}; it has {list(placebos.columns)[:12]}. Pass rows of result.placebos.")


def refuse_equal_savings(savings: Floats) -> None:
    """Refuse placebo savings (m,) that are all equal up to rounding: they cannot come from m different units."""
    low, high = savings.min(), savings.max()
    if high - low <= 1e-12 * max(1.0, abs(high)):
        raise RefusalError(
            f"All {len(savings)} placebo savings are equal ({low:.3g}), so they are not {len(savings)} placebos. Check "
            "the data."
        )
