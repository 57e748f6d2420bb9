"""Config: base class of all tables of a study file, and the kinds of value that several tables share."""

import datetime as dt
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from ssinfer.arguments import Choice, Number, Optional, declared_rule
from ssinfer.input_table import natural_order

Label = int | float | str | dt.date
# Names of units, practices and codes, whose order means nothing.
Names = Annotated[list[str], AfterValidator(lambda names: list(natural_order(names)))]
Fraction = Annotated[float, Field(gt=0, lt=1)]


class Config(BaseModel):
    """A table of the study file: unknown keys and infinite or missing numbers are refused; values cannot be changed."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _read_by_declared_type(cls, value: Any, info: ValidationInfo) -> Any:
        """Read numbers and booleans as arguments in Python: text is neither."""
        name = info.field_name or ""
        rule = declared_rule(name, cls.model_fields[name].annotation)
        rule = rule.rule if isinstance(rule, Optional) else rule  # TOML has no None
        if not isinstance(value, str | int | float) or not isinstance(rule, Number | Choice):
            return value
        try:
            return rule.read(value)
        except ValueError:
            raise ValueError(f"allowed: {rule}") from None


class Span(Config):
    """Periods from `first` to `last`, both included."""

    first: Label
    last: Label


Periods = Span | list[Label]
