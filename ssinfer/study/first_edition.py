"""Reads study files of the first edition, with one population, threshold and sharing rule, as the second edition."""

from typing import Any

from ssinfer.errors import StudyError, did_you_mean

MOVED = {  # tables and keys of the first edition that have another place
    "population": "[case] (units and placebos) and [[population]] (persons)",
    "threshold": "[backtest] (levels and injected) and [[threshold]]",
    "sharing": "[[sharing]]",
    "insured": "[[population]]",
    "truncated": "[[spending]], as truncation",
    "baseline": "[[design]] or [windows]",
    "origins": "[[design]] or [windows]",
    "levels": "[backtest]",
    "injected": "[backtest]",
}
PLACES = {  # where a part of the second edition stands in the first
    ("case", "units"): ("population", "insured", "units"),
    ("case",): ("population",),
    ("population", "0"): ("population", "insured"),
    ("backtest",): ("threshold",),
    ("threshold", "0"): ("threshold",),
    ("sharing", "0"): ("sharing",),
    ("design",): ("comparison",),
}
ORDER = (  # of the tables
    *("data", "case", "windows", "backtest"),
    *("population", "spending", "comparison", "threshold", "sharing", "design", "method"),
)
OF_DESIGN = ("label", "baseline", "origins")  # keys of a comparison that belong to a design
OF_BACKTEST = ("levels", "injected")


def first_place(location: list[str]) -> list[str]:
    """Return the keys in a file of the first edition that lead to a location of the second."""
    for new, old in PLACES.items():
        if tuple(location[: len(new)]) == new:
            return [*old, *location[len(new) :]]
    return location


def is_first_edition(document: dict[str, Any]) -> bool:
    """Return whether a document has no [case], and a table that the second edition has in another place."""
    moved = (document.get(name) for name in ("population", "threshold", "sharing"))
    return "case" not in document and any(isinstance(table, dict) for table in moved)


def second_edition(document: dict[str, Any]) -> dict[str, Any]:
    """Return a document of the first edition in the second; tables of the wrong type stay, to be refused by name."""
    new = {key: value for key, value in document.items() if key not in MOVED}
    if isinstance(case := document.get("population"), dict):
        persons = case.get("insured", {})
        units = _only(persons, ("units",)) if isinstance(persons, dict) else {}
        new["case"] = _without(case, ("insured",)) | units
        new["population"] = [_without(persons, units) if isinstance(persons, dict) else persons]
    comparisons, spendings = document.get("comparison", []), document.get("spending", [])
    tables = isinstance(comparisons, list) and isinstance(spendings, list)
    if tables and all(isinstance(table, dict) for table in (*comparisons, *spendings)):
        new["comparison"] = [_without(part, (*OF_DESIGN, "spending", "truncated")) for part in comparisons]
        new["spending"], uses = _spendings(comparisons, spendings)
        new["design"] = [
            {"name": part.get("name"), **_only(part, OF_DESIGN), "comparison": part.get("name")}
            | ({"spending": use} if use else {})
            for part, use in zip(comparisons, uses, strict=True)
        ]
    if isinstance(threshold := document.get("threshold"), dict):
        new["backtest"] = _only(threshold, OF_BACKTEST)
        new["threshold"] = [_without(threshold, OF_BACKTEST)]
    if isinstance(sharing := document.get("sharing"), dict):
        new["sharing"] = [sharing]
    order = [*(key for key in new if key not in ORDER), *(key for key in ORDER if key in new)]
    return {key: new[key] for key in order if new[key] not in ({}, [])}


def _spendings(comparisons: list[Any], spendings: list[Any]) -> tuple[list[Any], list[str]]:
    """Return the definitions with and without truncation as comparisons use them, and the name for each comparison."""
    names = [part.get("name", "spending") for part in spendings]
    found: dict[str, Any] = {}
    uses = []
    for part in comparisons:
        name, truncated = str(part.get("spending") or next(iter(names), "")), part.get("truncated") is True
        if name not in names:
            if name or truncated:
                advice = did_you_mean(name, names) if name else "Give it, with truncation = { percentile = 0.99 }."
                raise StudyError(f"comparison {part.get('name')!r} names spending {name!r}. {advice}")
            uses.append("")
            continue
        definition = spendings[names.index(name)]
        if truncated and "truncation" not in definition:
            raise StudyError(
                f"comparison {part.get('name')!r} is truncated, but spending {name!r} has no truncation; give it "
                "truncation = { percentile = 0.99 } or an amount"
            )
        uses.append(f"{name}, truncated" if truncated else name)
        found[uses[-1]] = _without(definition, () if truncated else ("truncation",)) | {"name": uses[-1]}
    rest = [part for name, part in zip(names, spendings, strict=True) if name not in found]
    return [*found.values(), *rest], uses


def _only(table: dict[str, Any], keys: Any) -> dict[str, Any]:
    return {key: table[key] for key in keys if key in table}


def _without(table: dict[str, Any], keys: Any) -> dict[str, Any]:
    return {key: value for key, value in table.items() if key not in keys}
