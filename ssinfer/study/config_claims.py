"""Tables of a study file for persons and claims: population, grouping of practices and spending definition."""

import datetime as dt
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from ssinfer.claims.tables.table_mapping import SourceColumn, TableMapping, check_format
from ssinfer.study.config_base import Config, Fraction, Label, Names, Periods, Span, Texts


class ColumnConfig(Config):
    """Where a column of claims comes from: see :class:`ssinfer.claims.SourceColumn`."""

    column: str | None = None
    format: Annotated[str, AfterValidator(check_format)] | None = None
    unit: Literal["euro", "cents"] = "euro"
    decimal: Literal[",", "."] | None = None
    value: Label | None = None


class TableConfig(Config):
    """A table of claims with other names, units or values: see :class:`ssinfer.claims.TableMapping`."""

    file: str | None = None
    table: str | None = None
    columns: dict[
        str, Annotated[ColumnConfig, BeforeValidator(lambda name: {"column": name} if isinstance(name, str) else name)]
    ] = {}
    filter: dict[str, Any] = {}
    values: dict[str, dict[str, str]] = {}

    @property
    def mapping(self) -> TableMapping:
        """The same for the tables of claims."""
        columns = {name: SourceColumn(**part.model_dump()) for name, part in self.columns.items()}
        return TableMapping(**{**self.model_dump(), "columns": columns})


class InsuredConfig(Config):
    """Persons and days that count, and the unit of each: see :class:`ssinfer.claims.Population`."""

    kind: Literal["closed", "open"] = "open"
    baseline: Periods = []
    practices: Names | None = None
    insurers: Names | None = None
    ages: tuple[int, int] | None = None
    ses: Names | None = None
    regions: Names | None = None
    after_leaving: Literal["keep", "drop"] = "keep"
    minimum_enrolment: float | None = None
    last_year_of_life: bool = True
    start: Label | None = None
    first_year_of_life: bool = True
    covariates: dict[str, Names] = {}
    earlier_spending: dict[Literal["highest", "lowest"], Fraction] = {}

    @property
    def sensitivity(self) -> bool:
        """Whether persons count by what happens after the start: such a population never settles."""
        return not self.last_year_of_life or self.minimum_enrolment is not None or self.after_leaving == "drop"


class GroupsConfig(Config):
    """How practices outside the contract form placebo and donor units: see :func:`ssinfer.claims.pseudo_practices`."""

    kind: Literal["intact", "bundles", "regional bundles", "random"] = "intact"
    size: Annotated[int, Field(gt=0)] | None = None  # insured per group; by default that of the contract
    seed: int = 1

    @model_validator(mode="after")
    def _intact_groups_have_no_size(self) -> Self:
        if self.kind == "intact" and self.size is not None:
            raise ValueError("groups of kind 'intact' have their own size; leave size out, or choose 'bundles'")
        return self


class TruncationConfig(Config):
    """Truncation of a person's spending per calendar year, at an amount or at a percentile of all persons."""

    amount: float | dict[int, float] | None = None
    percentile: float | None = None


class RunOutConfig(Config):
    """Equal maturity of both arms: lines count if they were paid within `months` of their period's end."""

    extracted: dt.date
    months: int
    complete: bool = False
    provisional: bool = False  # whether periods count before their months are over, times their completion factor


class SpendingConfig(Config):
    """One definition of spending: see :class:`ssinfer.claims.Spending`."""

    name: str = "spending"
    label: Texts = ""
    basket: str | None = None  # of Vektis; by default data.basket
    years: Span | None = None  # of Vektis: without spending in other years of the study, so that they are in no window
    column: str | None = None  # of a panel file
    include: Names | None = None
    exclude: Names = []
    own_costs: Names = []
    product_groups_exclude: Names = []
    unknown: Literal["refuse", "exclude", "include"] = "refuse"
    reference_tariffs: list[dict[str, Any]] | None = None
    truncation: TruncationConfig | None = None
    run_out: RunOutConfig | None = None
    duplicates: Literal["keep", "count", "drop"] = "count"

    def counts(self, category: str) -> bool:
        """Return whether the definition counts a category."""
        included = self.include is None or category in self.include
        return included and category not in (*self.exclude, *self.own_costs)
