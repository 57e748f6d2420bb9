"""Schema of the tables of claims: columns, types, and whether values may be missing."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Kind = Literal["key", "text", "whole", "number", "date"]


@dataclass(frozen=True)
class Column:
    """A column: its kind, whether it is required, and whether values may be missing."""

    kind: Kind
    required: bool = True
    missing: bool = False


# Dates of spans are the first and the last day insured; a missing end means still insured.
TABLES = MappingProxyType(
    {
        "insured": {
            "person": Column("key"),
            "birth_year": Column("whole"),
            "sex": Column("text"),
            "ses": Column("text", required=False, missing=True),
            "region": Column("text", required=False, missing=True),
        },
        "enrolment": {
            "person": Column("key"),
            "insurer": Column("text"),
            "practice": Column("text"),
            "start": Column("date"),
            "end": Column("date", missing=True),
        },
        "deaths": {"person": Column("key"), "date": Column("date")},
        # Claims may lack a person or a date: such lines are counted. `claim` identifies a line, `paid` dates payment.
        "claims": {
            "person": Column("key", missing=True),
            "date": Column("date", missing=True),
            "category": Column("text", missing=True),
            "amount": Column("number"),
            "product_group": Column("text", required=False, missing=True),
            "volume": Column("number", required=False, missing=True),
            "tariff": Column("number", required=False, missing=True),
            "paid": Column("date", required=False, missing=True),
            "claim": Column("key", required=False, missing=True),
        },
        "programmes": {"unit": Column("text"), "start": Column("date"), "end": Column("date", missing=True)},
    }
)
# Tables that may be absent.
OPTIONAL_TABLES = ("deaths", "programmes")
