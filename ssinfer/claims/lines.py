"""Counts claim lines in one pass; each line gets exactly one reason."""

# ruff: noqa: PD003, PD004  (Ibis has isnull and notnull only)

from typing import Any

import ibis
import pandas as pd

from ssinfer.claims.backend.calendar import Calendar, epoch_day, january_first, months_until, running_month
from ssinfer.claims.backend.exact_cents import cents, sums, whole_numbers, whole_sum
from ssinfer.claims.backend.scratch import Scratch
from ssinfer.claims.enrolment import DAY_REASONS, FIRST_POPULATION_CODE, with_death
from ssinfer.claims.spending import Spending
from ssinfer.claims.tables.tables import ClaimsTables
from ssinfer.errors import ClaimsError

COUNTED, OWN_COSTS, OUTSIDE, NO_KEY, UNMATCHED = 0, 1, 2, 3, 4
# Offset of the population codes of enrolment pieces.
POPULATION = 100
CATEGORY, PRODUCT_GROUP, UNKNOWN_CATEGORY, LATE = 200, 201, 202, 203
LABELLED = (CATEGORY, PRODUCT_GROUP, UNKNOWN_CATEGORY)  # reported by category or product group
MISSING = "(missing)"
NOT_ENROLLED = "not enrolled on the date"
_NEVER = 10**6  # months
# A place is the whole number code x _PLACES + body, because two keys are grouped faster than five. The body is the cell
# unit x T + t of a counted line, t + 1 of a line of the reference, and the day of a line without enrolment.
_PLACES = 10**9
_DAYS_BEFORE_EPOCH = 10**6


def count_lines(
    tables: ClaimsTables, spending: Spending, pieces: Any, calendar: Calendar, scratch: Scratch, *, reference: bool
) -> Any:
    """Return the sums of the claims, one row per place.

    Columns: code, label (of excluded lines), person, unit, t and cell = unit x T + t (of counted lines and own costs; t
    also of the `reference` of a truncation), day (without enrolment), lines, cents, used (after repricing), repriced.
    """
    n_periods = len(calendar.periods)
    claims = deduplicated(tables.claims, spending)
    claims = claims.mutate(t=calendar.running(claims["date"]), day=epoch_day(claims["date"]))
    claims = _repriced(claims.mutate(cents=cents(claims["amount"])), spending)
    valid = pieces.filter((pieces["code"] == COUNTED) | (pieces["code"] >= FIRST_POPULATION_CODE))
    spans = valid.select(span_person="person", lo="lo", hi="hi", unit="unit", span_code="code")
    joined = claims.left_join(
        spans, [claims["person"] == spans["span_person"], claims["day"] >= spans["lo"], claims["day"] <= spans["hi"]]
    )
    verdict, label = definition(joined, spending, calendar)
    code = ibis.cases(
        (joined["person"].isnull() | joined["date"].isnull(), NO_KEY),
        ((joined["t"] < 0) | (joined["t"] > n_periods - 1), OUTSIDE),
        (joined["span_person"].isnull(), UNMATCHED),
        (joined["span_code"] != COUNTED, POPULATION + joined["span_code"]),
        else_=verdict,
    ).cast("int16")
    joined = joined.mutate(code=code, verdict=verdict.cast("int16"), label=label)
    in_reference = ibis.literal(value=False)
    if reference:
        in_reference = (joined["verdict"] == COUNTED) & (joined["code"] >= POPULATION) & (joined["code"] < CATEGORY)
    body = ibis.cases(
        (joined["code"].isin((COUNTED, OWN_COSTS)), joined["unit"].cast("int64") * n_periods + joined["t"]),
        (in_reference, joined["t"] + 1),
        (joined["code"] == UNMATCHED, joined["day"] + _DAYS_BEFORE_EPOCH),
        else_=0,
    )
    keyed = joined.mutate(
        place=(joined["code"].cast("int64") * _PLACES + body).cast("int64"),
        label=joined["code"].isin(LABELLED).ifelse(joined["label"], ibis.null("string")),
    )
    # A label is in the key only if the definition leaves something out: most lines have none.
    selects = bool(spending.named() or spending.product_groups_exclude or spending.run_out)
    grouped = keyed.group_by(*(("label",) if selects else ()), "person", "place")
    totals = {name: whole_sum(keyed[name]) for name in ("cents", "used", "repriced") if name in keyed.columns}
    return _unpacked(scratch.keep(grouped.aggregate(lines=keyed.count(), **totals)), n_periods)


def _unpacked(total: Any, n_periods: int) -> Any:
    """Return the sums with code, unit, t, cell and day behind the place of each row."""
    nothing = ibis.null("int64")
    code = (total["place"] / _PLACES).floor().cast("int64")
    body = total["place"] - code * _PLACES
    by_unit = code.isin((COUNTED, OWN_COSTS))
    unit = (body / n_periods).floor().cast("int64")
    of_reference = (body > 0) & (code >= POPULATION) & (code < CATEGORY)
    columns = {
        "code": code,
        "unit": by_unit.ifelse(unit, nothing),
        "t": of_reference.ifelse(body - 1, by_unit.ifelse(body - unit * n_periods, nothing)),
        "cell": by_unit.ifelse(body, nothing),
        "day": (code == UNMATCHED).ifelse(body - _DAYS_BEFORE_EPOCH, nothing),
    }
    if "label" not in total.columns:
        columns["label"] = ibis.null("string")
    if "used" not in total.columns:
        columns |= {"used": total["cents"], "repriced": ibis.literal(0, "int64")}
    return total.mutate(**columns)


def unmatched_reasons(tables: ClaimsTables, counted: Any) -> pd.DataFrame:
    """Return what :func:`by_persons` does, by the reason why lines matched no enrolment."""
    rows = counted.filter(counted["code"] == UNMATCHED)
    insured = tables.insured.select(known="person", birth_year="birth_year")
    joined = with_death(rows.left_join(insured, rows["person"] == insured["known"]), tables)
    reason = ibis.cases(
        (joined["known"].isnull(), "person unknown"),
        (joined["day"] < january_first(joined["birth_year"].cast("int64")), "before birth"),
        (joined["day"] > joined["death"], "after death"),
        else_=NOT_ENROLLED,
    )
    frame = by_persons(joined.mutate(reason=reason), ("reason",), "lines", "cents")
    return frame.set_index("reason").reindex([*DAY_REASONS, NOT_ENROLLED], fill_value=0)


def excluded_lines(counted: Any) -> pd.DataFrame:
    """Return what :func:`by_persons` does, per code and label, with the cents used and the number of repriced lines."""
    names = ["lines", "cents", "used", "repriced"]
    frame = by_persons(counted, ("code", "label"), *names)
    frame[names] = frame[names].fillna(0).astype("int64")
    return frame.sort_values(["code", "label"]).reset_index(drop=True)


def by_persons(rows: Any, by: tuple[str, ...], *names: str) -> pd.DataFrame:
    """Return whole sums of columns per group, the number of `claimants`, and the `largest` share of one in the cents.

    Shares are of absolute amounts. Lines without a person have no claimant.
    """
    persons = sums(rows, (*by, "person"), *names)
    persons = persons.mutate(size=persons["cents"].abs(), known=persons["person"].notnull())
    totals = {name: whole_sum(persons[name]) for name in (*names, "size")}
    persons = persons.group_by(*by).aggregate(
        **totals, claimants=persons["person"].count(), largest=persons["size"].max(where=persons["known"])
    )
    frame: pd.DataFrame = persons.to_pandas()
    size = frame.pop("size")
    return frame.assign(largest=(frame["largest"].astype(float) / size.where(size > 0)).fillna(0.0))


def name_of(code: int, label: Any) -> str:
    """Return the reason behind a code, in words."""
    if POPULATION <= code < CATEGORY:
        return DAY_REASONS[code - POPULATION]
    return {
        OUTSIDE: "date outside the periods",
        NO_KEY: "no person or no date",
        UNMATCHED: "no valid enrolment",
        OWN_COSTS: "the contract's own costs",
        CATEGORY: f"category {label!r} left out",
        PRODUCT_GROUP: f"product group {label!r} left out",
        UNKNOWN_CATEGORY: f"category {label!r} unknown to the definition",
        LATE: "paid after the run-out",
    }[code]


def deduplicated(claims: Any, spending: Spending) -> Any:
    """Return the lines without repeats, if the definition drops them."""
    if spending.duplicates != "drop":
        return claims
    identified = "claim" in claims.columns
    ranked = _numbered(claims, ("claim",) if identified else tuple(claims.columns))
    # A missing identifier identifies nothing: such lines are all kept.
    single = ranked["copy"] == 0
    return ranked.filter(single | ranked["claim"].isnull() if identified else single).drop("copy")


def _numbered(claims: Any, key: tuple[str, ...]) -> Any:
    """Return the lines with `copy`: the number of earlier lines with the same key."""
    order = [claims[name] for name in claims.columns]
    return claims.mutate(copy=ibis.row_number().over(ibis.window(group_by=key, order_by=order)))


def totals(claims: Any) -> dict[str, int]:
    """Return counts over all lines of the source, independent of their classification."""
    value = cents(claims["amount"])
    counts = whole_numbers(
        claims.aggregate(
            lines=claims.count(),
            cents=whole_sum(value),
            negative_lines=claims.count(where=value < 0),
            negative_cents=whole_sum(value, where=value < 0),
            priced=value.count(),
        )
    )
    return {**counts, "unpriced": counts["lines"] - counts["priced"]}


def by_category(claims: Any) -> pd.DataFrame:
    """Return the lines and euros of each category of the source, most money first: category, lines, euros."""
    rows = claims.select(category=ibis.coalesce(claims["category"], MISSING), cents=cents(claims["amount"]))
    frame: pd.DataFrame = (
        rows.group_by("category").aggregate(lines=rows.count(), cents=whole_sum(rows["cents"])).to_pandas()
    )
    frame = frame.assign(euros=frame["cents"] / 100).sort_values(["euros", "category"], ascending=[False, True])
    return frame[["category", "lines", "euros"]].reset_index(drop=True)


def duplicate_lines(claims: Any) -> dict[str, int]:
    """Return the number of lines that repeat an earlier one, and their cents."""
    if "claim" in claims.columns:
        ranked = _numbered(claims.filter(claims["claim"].notnull()), ("claim",))
        again = ranked.filter(ranked["copy"] > 0).mutate(n=1)
    else:
        groups = claims.group_by(*claims.columns).aggregate(n=claims.count() - 1)
        again = groups.filter(groups["n"] > 0)
    again = again.mutate(cents=cents(again["amount"]) * again["n"])
    return whole_numbers(again.aggregate(lines=again["n"].sum(), cents=whole_sum(again["cents"])))


def _repriced(claims: Any, spending: Spending) -> Any:
    """Return the lines, with `used` (cents at reference tariffs) and `repriced` (0 or 1) if there are tariffs."""
    tariffs = spending.reference_tariffs
    if tariffs is None:
        return claims
    keys = [name for name in ("category", "product_group") if name in tariffs.columns]
    for name in ("volume", *keys[1:]):
        if name not in claims.columns:
            raise ClaimsError(f"Repricing needs the column {name!r} of table 'claims', which is absent.")
    renamed = tariffs[[*keys, "tariff"]].add_prefix("r_").astype({"r_tariff": "float64"})
    reference = ibis.memtable(renamed)
    on = [claims["category"] == reference["r_category"]]
    if len(keys) > 1:
        on.append(ibis.coalesce(claims["product_group"], "") == reference["r_product_group"])
    joined = claims.left_join(reference, on)
    price = joined["volume"].cast("float64") * joined["r_tariff"]
    known = price.notnull()
    used = known.ifelse((price * 100 + 0.5).floor().cast("int64"), joined["cents"])
    return joined.mutate(used=used, repriced=known.ifelse(1, 0))


def definition(lines: Any, spending: Spending, calendar: Calendar) -> tuple[Any, Any]:
    """Return the code that the spending definition gives to a line, and the label to report it under."""
    category = ibis.coalesce(lines["category"], MISSING)
    branches: list[tuple[Any, Any]] = []
    if spending.own_costs:
        branches.append((category.isin(spending.own_costs), OWN_COSTS))
    if spending.exclude:
        branches.append((category.isin(spending.exclude), CATEGORY))
    if spending.include is not None and spending.unknown != "include":
        branches.append((~category.isin(spending.include), UNKNOWN_CATEGORY))
    group = None
    if spending.product_groups_exclude:
        if "product_group" not in lines.columns:
            raise ClaimsError("product_groups_exclude needs the column 'product_group' of table 'claims'.")
        group = ibis.coalesce(lines["product_group"], "")
        begins = ibis.or_(*(group.startswith(prefix) for prefix in spending.product_groups_exclude))
        branches.append((begins, PRODUCT_GROUP))
    if spending.run_out is not None:
        if "paid" not in lines.columns:
            raise ClaimsError("Run-out needs the column 'paid' of table 'claims': the day each line was paid.")
        # A line without a day of payment counts as paid too late. A month counts if its last day is extracted.
        last = calendar.last_month(lines["t"])
        extracted = months_until(spending.run_out.extracted)
        until = (last <= extracted).ifelse(ibis.least(last + spending.run_out.months, extracted), -1)
        branches.append((ibis.coalesce(running_month(lines["paid"]), _NEVER) > until, LATE))
    verdict = ibis.cases(*branches, else_=COUNTED) if branches else ibis.literal(COUNTED, "int16")
    label = category if group is None else (verdict == PRODUCT_GROUP).ifelse(group, category)
    return verdict, label
