"""Parts of a study file that concern persons and claims: who counts, how the others are grouped, what is spending."""

from __future__ import annotations

import datetime as dt  # noqa: TC003  (pydantic reads the annotation)
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Label = int | str
Share = Annotated[float, Field(gt=0, lt=1)]


class Part(BaseModel):
    """A table of the file: unknown keys are refused, values are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Span(Part):
    """Periods from `first` to `last`, both in."""

    first: Label
    last: Label


Periods = Span | list[Label]


class Insured(Part):
    """Which persons and which of their days count, and for which unit: see :class:`ssinfer.claims.Population`.

    `units` maps a unit to its practices; a name may end in `*`, which stands for every practice that begins so.
    """

    kind: Literal["closed", "open"] = "open"
    baseline: Periods = []
    units: dict[str, list[str]] = {}
    practices: list[str] | None = None
    insurers: list[str] | None = None
    ages: tuple[int, int] | None = None
    ses: list[str] | None = None
    regions: list[str] | None = None
    after_leaving: Literal["keep", "drop"] = "keep"
    minimum_enrolment: float | None = None
    last_year_of_life: bool = True
    start: Label | None = None


class Groups(Part):
    """How persons outside the contract form placebo and donor units: see :func:`ssinfer.claims.pseudo_practices`.

    `size` is the number of insured a group; left out, it is the contract's own.
    """

    kind: Literal["intact", "bundles", "regional bundles", "random"] = "intact"
    size: Annotated[int, Field(gt=0)] | None = None
    seed: int = 1

    @model_validator(mode="after")
    def _size(self) -> Groups:
        if self.kind == "intact" and self.size is not None:
            raise ValueError("groups of kind 'intact' have their own size; leave size out, or choose 'bundles'")
        return self


class TruncationPart(Part):
    """Truncation of a person's spending per calendar year, at an amount or a percentile of all in the tables."""

    amount: float | dict[int, float] | None = None
    percentile: float | None = None


class RunOutPart(Part):
    """Equal maturity of both arms: lines paid within `months` of their period's end count."""

    extracted: dt.date
    months: int
    complete: bool = False


class SpendingPart(Part):
    """One definition of spending: see :class:`ssinfer.claims.Spending`."""

    name: str = "spending"
    include: list[str] | None = None
    exclude: list[str] = []
    own_costs: list[str] = []
    product_groups_exclude: list[str] = []
    unknown: Literal["refuse", "exclude", "include"] = "refuse"
    reference_tariffs: list[dict[str, Any]] | None = None
    truncation: TruncationPart | None = None
    run_out: RunOutPart | None = None
    duplicates: Literal["keep", "count", "drop"] = "count"
