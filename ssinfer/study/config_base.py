"""Config: base class of all tables of a study file, and the kinds of value that several tables share."""

import datetime as dt
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Label = int | float | str | dt.date
Fraction = Annotated[float, Field(gt=0, lt=1)]


class Config(BaseModel):
    """A table of the study file: unknown keys are refused, and values cannot be changed."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Span(Config):
    """Periods from `first` to `last`, both included."""

    first: Label
    last: Label


Periods = Span | list[Label]
