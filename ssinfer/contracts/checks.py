"""Checks of contract terms by pydantic: what each kind of value allows, and the one place that words a refusal."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from re import findall
from typing import Annotated, Any, dataclass_transform

from pydantic import Field, GetCoreSchemaHandler, Strict, StringConstraints, ValidationError
from pydantic.dataclasses import dataclass as checked_dataclass
from pydantic_core import core_schema

from ssinfer.errors import ContractError, did_you_mean

DATED = ("first_year", "last_year", "amendments")  # terms of a contract whose rules change by year


@dataclass(frozen=True)
class Allowed:
    """What a term allows and its unit, in words: for messages and for docs/contracts.md."""

    words: str
    unit: str = ""

    def __get_pydantic_core_schema__(self, kind: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        """Wrap the check of the annotated type."""
        return core_schema.no_info_wrap_validator_function(self._read, handler(kind))

    def _read(self, value: Any, check: Callable[[Any], Any]) -> Any:
        try:
            return check(value)
        except ValidationError as error:
            first = error.errors()[0]
            if first["loc"] and first["type"] in {"value_error", "literal_error"}:
                raise  # an item of a list or table has its own words
            if first["type"] in {"float_type", "finite_number"}:
                raise ValueError(f"must be a finite number, got {value!r}. Allowed: {self.words}") from None
            percent = self.unit == "fraction" and first["type"] == "less_than_equal" and value <= 100
            hint = f". {value:g} looks like a percentage: write {value / 100:g}" if percent else ""
            raise ValueError(f"must be {self.words}, got {value!r}{hint}") from None


Number = Annotated[float, Strict(), Field(allow_inf_nan=False)]
Fraction = Annotated[Number, Field(ge=0, le=1), Allowed("a fraction from 0 to 1", "fraction")]
HeadCount = Annotated[int, Strict(), Field(ge=0, le=10**9), Allowed("a head count of 0 or more", "persons")]
Flag = Annotated[bool, Strict(), Allowed("true or false")]
Text = Annotated[str, Strict(), Allowed("a text")]
Name = Annotated[str, Strict(), StringConstraints(pattern=r"^\P{Cc}+$"), Allowed("a name without control characters")]
Names = Annotated[tuple[Name, ...], Allowed("a list of names")]


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(field,))
def checked[T: type](cls: T) -> T:
    """Make a frozen dataclass of terms by name, which raises a ContractError in place of pydantic's error."""
    made: Any = checked_dataclass(frozen=True, kw_only=True, config={"extra": "forbid"})(cls)
    check = made.__init__

    @wraps(check)
    def init(self: Any, *unnamed: Any, **terms: Any) -> None:
        try:
            check(self, *unnamed, **terms)
        except ValidationError as error:
            owner = f"{terms['name']}, rules of {terms.get('rule_year')}: " if str(terms.get("name", "")) else ""
            raise ContractError(owner + _refusal(error.errors()[0], made)) from None

    made.__init__ = init
    return made  # type: ignore[no-any-return]


def _refusal(error: Any, model: Any) -> str:
    """Return one error of pydantic in words."""
    kind, got = error["type"], error["input"]
    where = "" if model.__name__ == "Contract" else model.__name__.removesuffix("Terms").lower()
    if kind == "unexpected_keyword_argument":
        for part in error["loc"][:-1]:
            model, where = model.__dataclass_fields__[part].type, part
        key, known = error["loc"][-1], [*model.__dataclass_fields__, *(() if where else DATED)]
        return f"{where or 'A contract'} has no term {key!r}. {did_you_mean(key, known)}"
    for part in error["loc"]:
        where = f"item {part + 1} of {where}" if isinstance(part, int) else f"{where}.{part}".strip(".")
    if kind == "literal_error":
        return f"{where} cannot be {got!r}. {did_you_mean(got, findall("'([^']*)'", error['ctx']['expected']))}"
    if "error" not in error.get("ctx", {}):
        return {
            "dataclass_type": f"{where} must be a table of terms, got {got!r}.",
            "missing": f"A contract has no {where!r}, which every contract needs.",
            "unexpected_positional_argument": f"Terms are given by name, such as rule_year=2024, got {got!r}.",
        }[kind]
    problem = error["ctx"]["error"]
    return str(problem) if isinstance(problem, ContractError) else f"{where} {problem}."
