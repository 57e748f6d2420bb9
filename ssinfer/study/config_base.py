"""Config: base class of all tables of a study file, and the kinds of value that several tables share."""

import datetime as dt
import re
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    Strict,
    ValidationInfo,
    field_validator,
)

from ssinfer.arguments import Choice, Number, Optional, declared_rule
from ssinfer.errors import refuse_unknown
from ssinfer.input_table import natural_order
from ssinfer.language import tags
from ssinfer.names import refuse_controls
from ssinfer.periods import span

Label = int | float | str | dt.date
# Names of units, practices and codes, whose order means nothing.
Names = Annotated[list[str], AfterValidator(lambda names: list(natural_order(names)))]
Real = Annotated[float, Strict()]  # in lists and tables: neither text nor a boolean
Fraction = Annotated[Real, Field(gt=0, lt=1)]


def _texts(value: Any) -> list[str]:
    """Return the texts of a value, also inside tables and lists."""
    parts = [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else []
    return [value] if isinstance(value, str) else [text for part in parts for text in _texts(part)]


def _by_language(value: Any) -> Any:
    """Return a text, or a table of texts by language; a language without a catalogue is refused."""
    if isinstance(value, dict) and value and all(isinstance(text, str) for text in value.values()):
        refuse_unknown(value, tags(), "no catalogue is in the language", ValueError)
    elif not isinstance(value, str):
        raise ValueError('allowed: a text, or texts by language such as { en = "cost", nl = "kosten" }')
    return value


def _iso_date(value: Any) -> Any:
    if re.fullmatch(r"\d{4}-\d\d-\d\d", str(value)) is None:
        raise ValueError("allowed: a date such as 2024-06-30")
    return value


Date = Annotated[dt.date, BeforeValidator(_iso_date)]
Texts = Annotated[str | dict[str, str], PlainValidator(_by_language)]  # a text, or texts by language


class Config(BaseModel):
    """A table of the study file: unknown keys and infinite or missing numbers are refused; values cannot be changed."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @property
    def content(self) -> str:
        """All that an entry of a block says, but its name and label: equal entries have the same content."""
        return repr(self.model_copy(update={"name": "", "label": ""}))

    @field_validator("*", mode="before")
    @classmethod
    def _read_by_declared_type(cls, value: Any, info: ValidationInfo) -> Any:
        """Read numbers and booleans as arguments in Python: text is neither."""
        refuse_controls(_texts(value), "the text", ValueError, allowed="\n\t\r")
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

    @property
    def labels(self) -> list[Any]:
        """All of them; DataError if they have no calendar."""
        return [*span(self.first, self.last)]


Periods = Span | list[Label]
