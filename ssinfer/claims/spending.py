"""Spending: which claim lines count, their prices, truncation and run-out."""

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from ssinfer.arguments import Number, Optional, read_fields
from ssinfer.errors import ClaimsError
from ssinfer.names import as_names


@dataclass(frozen=True, kw_only=True)
class Truncation:
    """Truncation of a person's spending per calendar year, at an amount or at a percentile.

    With y the spending of a person and w the insured part of the year, spending above cap x w is cut from the year, in
    proportion to the spending of its periods. The Medicare Shared Savings Program does the same (42 CFR 425.605).

    Attributes
    ----------
    amount : float, or mapping of year to float. Currency per insured-year.
    percentile : float
        Level (0.99) of the percentile of spending per insured-year among **all** persons of the tables, also those
        outside the population, weighted by insured days. With national tables it is the national reference.
    """

    amount: float | Mapping[int, float] | None = None
    percentile: float | None = None

    def __post_init__(self) -> None:
        read_fields(self, percentile=Optional(Number(0.5, 1, open="high")))
        if (self.amount is None) == (self.percentile is None):
            raise ClaimsError("Truncation needs exactly one of amount= (currency) and percentile= (0.99).")
        if self.amount is not None:
            amounts = [self.amount] if isinstance(self.amount, int | float) else list(self.amount.values())
            if any(not 0 < value < math.inf for value in amounts):
                raise ClaimsError(f"amount is {self.amount}; allowed: a positive amount of money per insured-year.")


@dataclass(frozen=True, kw_only=True)
class RunOut:
    """Run-out: the time after a period within which its claims must be paid to count.

    Attributes
    ----------
    extracted : date. Day on which the claims were extracted. The tables hold no later payment.
    months : int
        Months after the last month of a period, equal for all units and periods: both arms are equally mature.
    complete : bool. Whether spending is multiplied by the completion factor (chain ladder), the same for all units.
    provisional : bool
        Whether a period may be extracted before its months are over. It then counts what was paid in full months
        before the extraction, times the factor from its own age to `months`; older periods are final.
    """

    extracted: dt.date
    months: int
    complete: bool = False
    provisional: bool = False

    def __post_init__(self) -> None:
        read_fields(self, months=Number(0, 60, whole=True))
        if self.complete and self.provisional:
            raise ClaimsError(
                "run_out: complete and provisional are both true. Allowed: complete (what comes after the run-out of "
                "all periods), or provisional (the run-out of young periods). Leave one out."
            )


@dataclass(frozen=True, kw_only=True, eq=False)
class Spending:
    """A definition of spending.

    Attributes
    ----------
    include, exclude : tuple of str or None, tuple of str
        Categories that count (None: all that `exclude` does not name), and categories left out.
    own_costs : tuple of str
        Categories of the contract itself (GP fees, programme costs). They are not spending and are reported apart.
    product_groups_exclude : tuple of str
        Product groups left out, by the first characters of their code: "L04" leaves out L04AB01.
    unknown : "refuse", "exclude" or "include"
        Treatment of a category that the definition does not name, if `include` is given.
    reference_tariffs : frame or None
        Columns category, tariff and optionally product_group. A matching line is repriced to volume x tariff, which
        shows volume without price. Other lines keep their amount.
    truncation, run_out : Truncation or None, RunOut or None
    duplicates : "keep", "count" or "drop"
        Lines that are equal in every column, or have the same `claim` if the table has that column. "count" keeps and
        counts them, "drop" keeps one of each, and "keep" does not search for them, which saves a sort of all lines.
    """

    include: tuple[str, ...] | None = None
    exclude: tuple[str, ...] = ()
    own_costs: tuple[str, ...] = ()
    product_groups_exclude: tuple[str, ...] = ()
    unknown: Literal["refuse", "exclude", "include"] = "refuse"
    reference_tariffs: pd.DataFrame | None = None
    truncation: Truncation | None = None
    run_out: RunOut | None = None
    duplicates: Literal["keep", "count", "drop"] = "count"

    def __post_init__(self) -> None:
        for name in ("include", "exclude", "own_costs", "product_groups_exclude"):
            if isinstance(label := getattr(self, name), str):  # a single name
                object.__setattr__(self, name, (label,))
        read_fields(self)
        for name in ("include", "exclude", "own_costs", "product_groups_exclude"):
            labels = getattr(self, name)
            object.__setattr__(self, name, None if labels is None else as_names(labels))
        if self.include == ():
            raise ClaimsError(
                "include is an empty list, so nothing counts. Pass Spending(include=None) for all categories."
            )
        seen: dict[str, str] = {}
        for name in ("include", "exclude", "own_costs"):
            for value in getattr(self, name) or ():
                if value in seen:
                    raise ClaimsError(f"Category {value!r} is named in {seen[value]} and in {name}. Keep one.")
                seen[value] = name
        if (tariffs := self.reference_tariffs) is None:
            return
        keys = [name for name in ("category", "product_group") if name in tariffs.columns]
        if "category" not in keys or "tariff" not in tariffs.columns:
            raise ClaimsError(f"reference_tariffs has columns {list(tariffs.columns)}; category and tariff are needed.")
        if (repeated := tariffs[keys].duplicated()).any():
            first: Any = tariffs.loc[repeated, keys].iloc[0].to_dict()
            raise ClaimsError(f"reference_tariffs gives {first} more than once. Keep one tariff for each.")
        if not tariffs["tariff"].between(0, math.inf, inclusive="neither").all():
            raise ClaimsError("reference_tariffs holds a tariff that is not positive and finite. Correct or drop it.")

    def named(self) -> frozenset[str]:
        """Return every category that the definition names."""
        return frozenset((*(self.include or ()), *self.exclude, *self.own_costs))
