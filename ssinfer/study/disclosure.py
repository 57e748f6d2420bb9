"""The disclosed view of the result of a study: the only one that report, console and files of the folder take."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from ssinfer.backtesting.scores import groups
from ssinfer.counterfactual import Counterfactual
from ssinfer.study.hidden import CONTRACT_GROUP, MAX_SHARE, MIN_HIDDEN, HiddenGroups, find_hidden
from ssinfer.study.protection import protect
from ssinfer.typing import Booleans

if TYPE_CHECKING:
    from ssinfer.study.data import ClaimsCount
    from ssinfer.study.result import StudyResult

PERSONS = {"person", "pair"}  # dimensions of groups of netCDF with single persons
OF_CASE = ("savings", "case_thresholds", "settlement")  # frames of a result on the contract group
TABLES_OF_CASE = {f"{name}.csv" for name in (*OF_CASE[1:], "truth", "ladder", "weights", "diagnostics", "paths")}
TABLES_OF_CASE |= {f"{name}.csv" for name in ("provisional", "term", "term_placebos", "changes", "estimands")}
TABLES_OF_CASE |= {"predictive.parquet"}
OF_BACKTEST = ("scores", "detection", "thresholds", "placebos")
COUNTED = ("attrition", "truncation", "own_costs")  # frames of an extract
CATEGORIES = ("spending", "kept apart")  # steps of attrition by category
NOT_SHOWN = "the contract group is too small to be shown"
JOINED = "several, joined because one is too small to be shown"


def disclosed(result: "StudyResult", *, confidential: bool = False) -> "StudyResult":
    """Return what may be shown of a result: everything if `confidential`, else nothing of a small cell.

    A cell is sensitive if it has fewer than `suppress_below` insured or, of claims, if one person has more than 85% of
    its spending. The difference of two designs in a unit and period is a cell. A sensitive cell is hidden, and others
    with it, until the sums that are published allow a value 20% lower and one 20% higher
    (:func:`ssinfer.study.protection.protect`). Of a difference, only the design that does not settle is hidden.
    """
    if result.disclosed:
        return result
    changed: dict[str, Any] = {"manifest": {**result.manifest, "confidential": confidential}, "disclosed": True}
    if confidential:
        return replace(result, hidden=HiddenGroups(result.suppress_below), **changed)
    panels = {name: result.panel_of(name) for name in result.designs}
    views = {name: (panel, None) for name, panel in panels.items()}
    hidden = result.hidden or find_hidden(views, result.designs, result.suppress_below)
    frames = {f"{name}.csv": getattr(result, name) for name in OF_CASE}
    backtest, intact = result.backtest, result.intact_groups
    if backtest is not None:
        frames |= {f"{name}.csv": getattr(backtest, name) for name in OF_BACKTEST}
        frames["placebos.parquet"] = frames.pop("placebos.csv")
    if intact is not None and intact.table is not None:
        frames["intact_groups.csv"] = intact.table
    shown = disclosed_tables({**result.tables, **frames}, hidden)
    changed |= {name: shown[f"{name}.csv"] for name in OF_CASE}
    if backtest is not None:
        of_backtest: dict[str, Any] = {name: shown[f"{name}.csv"] for name in OF_BACKTEST[:3]}
        of_backtest["paths"] = shown.get("placebo_paths.parquet", backtest.paths.iloc[:0])
        of_backtest["errors"] = backtest.errors[_visible_rows(backtest.placebos, hidden)]
        backtest = replace(backtest, placebos=shown["placebos.parquet"], **of_backtest)
    blank = {}
    for name, panel in {"": result.panel, **panels}.items():
        unseen = ~hidden.visible(panel.units, name)[:, None] & (not hidden.pooled)  # the report pools it
        blank[id(panel)] = replace(panel, spending=np.where(unseen, np.nan, panel.spending)) if unseen.any() else panel
    fits = {pair: cf for pair, cf in result.counterfactuals.items() if hidden.visible([CONTRACT_GROUP], pair[0])[0]}
    return replace(
        result,
        **changed,
        hidden=hidden,
        backtest=backtest,
        intact_groups=intact and replace(intact, table=shown.get("intact_groups.csv")),
        tables={name: shown[name] for name in result.tables if name in shown},
        designs={name: design for name, design in result.designs.items() if name not in hidden.designs},
        counterfactuals={pair: _fit(cf, hidden, pair[0]) for pair, cf in fits.items()},
        claims=disclosed_claims(result.claims, hidden),
        panel=blank[id(result.panel)],
        panels={name: blank[id(panel)] for name, panel in panels.items()},
    )


def disclosed_tables(tables: Mapping[str, pd.DataFrame], hidden: HiddenGroups) -> dict[str, pd.DataFrame]:
    """Return what may be shown of tables, by name of the file; a table that cannot be protected is left out."""
    own_costs = _own_costs(tables.get("own_costs.csv"), hidden)
    shown: dict[str, Any] = {**tables, "own_costs.csv": own_costs}
    if (table := tables.get("placebos.parquet")) is not None:
        visible = _visible_rows(table, hidden)
        shown["placebos.parquet"] = table[visible].reset_index(drop=True)
        if (paths := tables.get("placebo_paths.parquet")) is not None and not visible.all():
            shown["placebo_paths.parquet"] = paths.merge(table.loc[visible, ["design", "method", "unit", "origin"]])
        shown |= _without_few(tables, table.assign(visible=visible), hidden)
    if (table := tables.get("attrition.csv")) is not None:
        shown["attrition.csv"] = _attrition(table, hidden.limit, apart="own_costs.csv" in tables and own_costs is None)
    if (table := tables.get("estimands.csv")) is not None:
        shown["estimands.csv"] = _estimands(table, hidden.limit, own_costs)
    if (table := tables.get("changes.csv")) is not None:
        shown["changes.csv"] = _changes(table, hidden.limit)
    if (table := tables.get("truncation.csv")) is not None:
        few = _few(table, ["persons"], hidden.limit)
        shown["truncation.csv"] = table[~few].drop(columns="largest")
        if few.any() and "stop_loss.csv" in tables:
            shown["stop_loss.csv"] = tables["stop_loss.csv"].iloc[:0]
    if (table := tables.get("intact_groups.csv")) is not None:
        shown["intact_groups.csv"] = table[(table["insured"] >= hidden.limit) & (table["groups"] >= MIN_HIDDEN)]
    if hidden.designs and "effects.csv" in tables:
        shown["effects.csv"] = tables["effects.csv"].iloc[:0]
    shown = {name: shown[name] for name in tables if shown[name] is not None}
    for name in shown.keys() - {"own_costs.csv"}:
        shown[name] = _of_case(name, shown[name], hidden)
        for label in {"unit", "donor"}.intersection(shown[name].columns):
            shown[name] = shown[name][hidden.visible_rows(shown[name], label)].reset_index(drop=True)
        if "design" in shown[name]:
            shown[name] = shown[name][~shown[name]["design"].isin(hidden.designs)]
    return shown


def _of_case(name: str, table: pd.DataFrame, hidden: HiddenGroups) -> pd.DataFrame:
    """Return a table without figures of the contract group in designs that hide it."""
    known = pd.Series(hidden.visible_rows(table), table.index)
    if name in TABLES_OF_CASE or known.all():
        return table[known]
    of_case = (
        table.drop(columns=["design", "method"]) if name == "savings.csv" else table.filter(regex="^(bias_)?case_?")
    )
    table = table.assign(**{str(column): of_case[column].where(known) for column in of_case})
    labels = {"status": "hidden", "reason": NOT_SHOWN} if name == "savings.csv" else {}
    return table.assign(**{column: table[column].where(known, text) for column, text in labels.items()})


def disclosed_claims(claims: "ClaimsCount | None", hidden: HiddenGroups) -> "ClaimsCount | None":
    """Return what may be shown of how claims were counted; small numbers of unusual lines are left out."""
    if claims is None:
        return None
    shown, limit, extracts = disclosed_tables(claims_tables(claims), hidden), hidden.limit, {}
    for name, extract in claims.extracts.items():
        parts: dict[str, Any] = {}
        for part in COUNTED:
            if (held := getattr(extract, part)) is not None and len(held):
                table = shown.get(f"{part}.csv", held.iloc[:0].assign(definition=""))
                parts[part] = table[table["definition"] == name].drop(columns="definition")
        held, categories = extract.attrition, extract.categories
        of_category = held["reason"][held["step"].isin(CATEGORIES)]
        if (categories["lines"] < limit).any() or not of_category.isin(parts["attrition"]["reason"]).all():
            categories = categories.assign(lines=np.nan, euros=np.nan)  # they would give back what was joined
        lines = {key: extract.noticed.get(key.replace("euros", "lines"), 0) for key in extract.noticed}
        noticed = {key: extract.noticed[key] for key, n in lines.items() if n >= limit or key == "hidden files"}
        extracts[name] = replace(extract, **parts, noticed=noticed, categories=categories)
    left_over = claims.left_over if claims.left_over >= limit else 0
    return replace(claims, extracts=extracts, left_over=left_over, truth={} if hidden.case else claims.truth)


def claims_tables(claims: "ClaimsCount | None") -> dict[str, pd.DataFrame]:
    """Return the tables of a study on claims by name of the file; the first column is the definition of spending."""
    tables: dict[str, pd.DataFrame] = {}
    if claims is None:
        return tables
    for name in COUNTED:
        frames = {definition: getattr(extract, name) for definition, extract in claims.extracts.items()}
        parts = {key: frame for key, frame in frames.items() if frame is not None and len(frame)}
        if parts:
            tables[f"{name}.csv"] = pd.concat(parts, names=["definition"]).reset_index(level=0).reset_index(drop=True)
    if claims.truth:
        tables["truth.csv"] = pd.DataFrame([{"design": name, **vars(truth)} for name, truth in claims.truth.items()])
    return tables


def _visible_rows(placebos: pd.DataFrame, hidden: HiddenGroups) -> Booleans:
    """Return which placebos are shown; of each window, none or at least `MIN_HIDDEN` are hidden."""
    of_case = (placebos["role"] == "case").to_numpy()
    visible = hidden.visible_rows(placebos, "unit")
    visible &= ~of_case | (hidden.visible_rows(placebos) & (not hidden.pooled))
    estimated = placebos.assign(row=np.arange(len(placebos)))[~of_case & (placebos["status"] == "ok").to_numpy()]
    estimated = estimated[: len(estimated) * bool(hidden.units or hidden.apart)]
    for _, window in estimated.groupby(["design", "method", "origin"], sort=False):
        shown = window["row"][visible[window["row"]]]
        if 0 < (n_hidden := len(window) - len(shown)) < MIN_HIDDEN:
            smallest = window.loc[shown.index].nsmallest(MIN_HIDDEN - n_hidden, "insured_years")
            visible[smallest["row"]] = False
    return visible


def _without_few(tables: Mapping[str, Any], placebos: pd.DataFrame, hidden: HiddenGroups) -> dict[str, pd.DataFrame]:
    """Return tables by size class without classes of hidden or too few units, and without means over one or two hidden.

    With the visible placebos, a mean over one or two hidden units gives them back.
    """
    left_out, blank, shown = set[tuple[str, ...]](), set[str](), {}
    for labels, rows in groups(placebos[placebos["status"] == "ok"], hidden.edges):
        unseen = rows[~rows["visible"]]
        if labels["size_class"] != "all" and (len(unseen) or rows["unit"].nunique() < MIN_HIDDEN):
            left_out.add(tuple(labels.values()))
        for name in unseen.filter(like="selected_"):
            if 0 < unseen.loc[unseen[name].fillna(value=False).astype(bool), "unit"].nunique() < MIN_HIDDEN:
                blank.add(f"bias_{name}")
    for file in tables.keys() & {f"{name}.csv" for name in OF_BACKTEST[:3]}:
        shown[file] = tables[file][~tables[file].set_index(["design", "method", "size_class"]).index.isin(left_out)]
        shown[file] = shown[file].assign(**dict.fromkeys(blank.intersection(shown[file]), np.nan))
    return shown


def _few(table: pd.DataFrame, counts: list[str], limit: int) -> Any:
    """Return which rows rest on few persons or lines, or on one person for the most part."""
    return ((table[counts] > 0) & (table[counts] < limit)).any(axis=1) | (table["largest"] > MAX_SHARE)


def _own_costs(table: pd.DataFrame | None, hidden: HiddenGroups) -> pd.DataFrame | None:
    """Return own costs without hidden units and sensitive cells; None: not even the total can be shown."""
    if table is None or hidden.case:
        return None
    sensitive = _few(table, ["claimants"], hidden.limit) | table["unit"].isin(hidden.units)
    table = table.drop(columns=["claimants", "largest"])
    return _joined(table.assign(cost=table["lines"]), sensitive, ["lines", "spending"], unit=JOINED, period="")


def _estimands(table: pd.DataFrame, limit: int, own_costs: pd.DataFrame | None) -> pd.DataFrame:
    """Return the estimands without those that differ from another by few persons, or give joined own costs back."""
    few = _few(table, ["persons"], limit)
    if own_costs is None or (own_costs["unit"] == JOINED).any():
        few |= table["estimand"].isin(("own_costs", "net")) & (table["reason"] == "")
    table = table.drop(columns=["persons", "largest"])
    numbers = table.select_dtypes("number").columns
    return table.assign(reason=table["reason"].mask(few, "few_persons"), **{n: table[n].mask(few) for n in numbers})


def _changes(table: pd.DataFrame, limit: int) -> pd.DataFrame:
    """Return changes between deliveries; causes with few persons are joined, or all of them left out."""
    few = _few(table, ["claimants"], limit)
    causes = (table["kind"] == "spending") & (table["cause"] != "total")
    table = table.drop(columns=["claimants", "largest"])
    labels = {name: str(table[name].iloc[0]) for name in ("design", "method", "kind")}
    cells = table.assign(definition="", cost=table["cents"].abs().where(causes & (table["cause"] != "estimates")))
    joined = _joined(cells, few, ["cents"], **labels, cause=JOINED, year="")
    return table[~causes] if joined is None else joined.drop(columns="definition")


def _attrition(table: pd.DataFrame, limit: int, *, apart: bool) -> pd.DataFrame | None:
    """Return the attrition table; reasons with few persons or lines (own costs too, if `apart`) are joined."""
    numbers, names = table[["persons", "lines"]], table["definition"]
    few = _few(table, ["persons", "lines", "claimants"], limit)
    few |= (table["persons"] + table["lines"] == 0) & (table["insured_days"] > 0)
    ends = ~names.duplicated() | ~names.duplicated(keep="last")
    if few[ends].any():
        return None
    cost = numbers.sum(axis=1) + 1e15 * table["step"].isin(CATEGORIES)  # the look lists categories
    table = table.drop(columns=["claimants", "largest"]).assign(cost=cost.mask(ends | (table["step"] == "valuation")))
    few |= (table["step"] == "kept apart") & apart
    return _joined(table, few, ["persons", "insured_days", "lines", "cents"], step="several", reason=JOINED)


def _joined(table: pd.DataFrame, sensitive: Any, columns: list[str], **labels: str) -> pd.DataFrame | None:
    """Return a table with its hidden rows as one per definition; None if its sums give a sensitive row back.

    Rows with a `cost` are cells; the sum of each definition is published. Equal rows of two definitions are one cell,
    because the difference of two sums is that of their other rows.
    """
    part, table = table[table["cost"].notna()], table.drop(columns="cost")
    by_label = part.groupby([*labels], sort=False)
    every = sensitive[part.index].groupby(by_label.ngroup()).transform("any").to_numpy()
    codes = part.groupby([*labels, *columns], sort=False).ngroup().to_numpy()
    first = np.unique(codes, return_index=True)[1]
    sums = np.zeros((part["definition"].nunique(), len(first)), dtype=bool)
    sums[pd.factorize(part["definition"])[0], codes] = True
    values = part[[*columns, "cost"]].to_numpy(dtype=float)[first]
    hidden = protect(values[:, :-1], sums, every[first], values[:, -1])
    if hidden is None:
        return None
    rows = part[hidden[codes]]
    totals = rows.groupby("definition", sort=False).sum(numeric_only=True).reset_index().assign(**labels)
    totals = totals.set_index(rows.index[~rows["definition"].duplicated()])[table.columns]
    return pd.DataFrame(pd.concat([table.drop(index=rows.index), totals]).sort_index().reset_index(drop=True))


def _fit(cf: Counterfactual, hidden: HiddenGroups, design: str) -> Counterfactual:
    """Return a fit without hidden units and single persons; a contract group with a hidden unit is pooled."""
    owners: Any = cf.inference.get("constant_data", {})
    kept = {name: group for name, group in cf.inference.items() if not PERSONS & {*group.dims}}
    cf = replace(cf, inference={name: _group(group, owners, hidden, design) for name, group in kept.items()})
    if not hidden.pooled:
        return cf
    years, unit = cf.insured_years, [CONTRACT_GROUP]
    share = (years / years.sum("unit")).fillna(0.0)
    fields: dict[str, Any] = {"insured_years": years.sum("unit", keep_attrs=True).expand_dims(unit=unit)}
    for name in ("benchmark", "spending", "confidence", "expected"):
        if (values := getattr(cf, name)) is not None:
            fields[name] = (values * share).sum("unit").expand_dims(unit=unit).transpose(*values.dims)
    return replace(cf, **fields, weights=None, fitted=None, observed_baseline=None)


def _group(group: xr.Dataset, owners: Mapping[str, Any], hidden: HiddenGroups, design: str) -> xr.Dataset:
    """Return a group of netCDF without hidden units and without small numbers of persons."""
    for name in map(str, group.dims):
        labels = owners.get(f"{name}_unit", group.coords.get(name))
        if labels is not None and labels.dtype.kind in "OU":
            group = group.isel({name: hidden.visible(labels.values.astype(str), design)})
    if "share_matched" in group:
        left = np.minimum(group["matched"], group["persons"] - group["matched"])
        shown = (left == 0) | (left >= hidden.limit)
        group = group.assign({name: group[name].where(shown) for name in ("matched", "share_matched")})
    return group
