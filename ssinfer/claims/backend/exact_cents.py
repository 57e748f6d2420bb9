"""Amounts in whole cents and their sums, exact on every backend."""

from typing import Any

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.operations as ops
import pandas as pd


def cents(amount: Any) -> Any:
    """Return an amount as whole cents (Ibis): exact for two decimals, otherwise rounded per line, halves up."""
    kind = amount.type()
    if kind.is_integer():
        return amount.cast("int64") * 100
    if kind.is_decimal() and kind.scale is not None and kind.scale <= 2:
        return (amount * 100).cast("int64")
    if kind.is_floating():
        finite = ~(amount.isnan() | amount.isinf())
        amount = finite.ifelse(amount.cast("float64"), ibis.null("float64"))
    return (amount * 100 + 0.5).floor().cast("int64")


def whole_sum(values: Any, where: Any = None) -> Any:
    """Return a sum as a 64-bit whole number in the backend; Ibis would drop its own `cast` as unnecessary."""
    return ops.Cast(values.sum(where=where), to=dt.int64).to_expr()


def sums(rows: Any, by: tuple[str, ...], *names: str) -> Any:
    """Return whole sums of columns per group (Ibis)."""
    return rows.group_by(*by).aggregate(**{name: whole_sum(rows[name]) for name in names})


def whole_numbers(aggregates: Any) -> dict[str, int]:
    """Return the only row of a table of aggregates (Ibis); the sum of no rows is 0."""
    row = aggregates.to_pandas().iloc[0]
    return {str(name): 0 if pd.isna(value) else int(value) for name, value in row.items()}
