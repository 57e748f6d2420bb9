"""Finds the labels of the tables of claims that the names of a population or a definition of spending mean."""

from collections.abc import Collection
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from ssinfer.claims.lines import MISSING
from ssinfer.claims.population import Population
from ssinfer.claims.spending import Spending
from ssinfer.claims.tables.tables import ClaimsTables
from ssinfer.errors import ClaimsError
from ssinfer.names import fold, match_names, normalise, refuse_similar

CURE = "Correct the name, or leave it out."
# Argument: the table and the column whose labels it names.
COLUMNS = MappingProxyType(
    dict.fromkeys(("units", "practices"), ("enrolment", "practice"))
    | {"insurers": ("enrolment", "insurer"), "ses": ("insured", "ses"), "regions": ("insured", "region")}
    | dict.fromkeys(("include", "exclude", "own_costs"), ("claims", "category"))
)


def labels_of(table: Any, column: str) -> tuple[str, ...]:
    """Return the labels in a column, sorted; none if the column is absent. A missing category has a label too."""
    if column not in table.columns:
        return ()
    labels = table.select(column).distinct().to_pandas()[column]
    return tuple(sorted((labels.fillna(MISSING) if column == "category" else labels.dropna()).astype(str)))


def name_as_tables[T: (Population, Spending)](part: T, tables: ClaimsTables, accept: Collection[str]) -> T:
    """Return a population or definition with its names spelled as in the tables; a name without rows is refused."""
    labels: dict[str, tuple[str, ...]] = {}
    changes: dict[str, Any] = {}
    covariates: dict[str, Any] = getattr(part, "covariates", {})
    match_names(covariates, tables.insured.columns, "covariates: table 'insured' has no column", ClaimsError, CURE)
    for name, (table, column) in (COLUMNS | {column: ("insured", column) for column in covariates}).items():
        names = covariates.get(name) or getattr(part, name, None)
        if not names:
            continue
        if column not in labels:
            labels[column] = labels_of(getattr(tables, table), column)
        complaint = f"{name}: table {table!r} has no {column}"
        found = match_names(names, labels[column], complaint, ClaimsError, CURE)
        others = {fold(label): label for label in labels[column] if label not in found}
        for label in found:
            refuse_similar((label, others.get(fold(label), label)), f"{name}: labels", accept, ClaimsError)
        changes[name] = dict(zip(found, names.values(), strict=True)) if name == "units" else found
    if covariates:
        changes["covariates"] = {column: changes.pop(column) for column in covariates}
    beginnings = tuple(normalise(group) for group in getattr(part, "product_groups_exclude", ()))
    if beginnings and "product_group" in tables.claims.columns:
        groups = labels_of(tables.claims, "product_group")
        absent = [group for group in beginnings if not any(label.startswith(group) for label in groups)]
        complaint = "product_groups_exclude: table 'claims' has no product group that begins with"
        match_names(absent, groups, complaint, ClaimsError, CURE)
        changes["product_groups_exclude"] = beginnings
    return replace(part, **changes)
