"""Section on the counted population: its groups, what was noticed in the claims, and spending above caps."""

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pandas as pd

from ssinfer.finding import Finding
from ssinfer.foreign import foreign, joined, own
from ssinfer.periods import parse_period
from ssinfer.printed import quoted
from ssinfer.report.analysis import Analysis, span
from ssinfer.report.table import ReportTable
from ssinfer.sentences import say, word

if TYPE_CHECKING:
    from ssinfer.study.data import ClaimsCount

NOTICED = ("negative lines", "repeated lines", "repriced lines", "deaths of unknown persons", "deaths before birth")
MAX_NAMED = 6  # contracted practices in one list
COUNTS = ["persons", "insured_years", "lines", "euros"]


def _attrition(analysis: Analysis) -> pd.DataFrame:
    """Return one row per step under the first definition of spending; a zero is not printed."""
    if analysis.result.claims is None:
        return pd.DataFrame()
    frame = next(iter(analysis.result.claims.extracts.values())).attrition
    return frame.assign(**{name: frame[name].where(frame[name] != 0) for name in COUNTS})


def _attrition_remarks(analysis: Analysis, _rows: pd.DataFrame) -> Iterator[Finding]:
    names = [] if analysis.result.claims is None else [*map(quoted, analysis.result.claims.extracts)]
    if len(names) > 1:
        yield Finding("table.attrition.others", {"first": names[0], "others": names[1:]})


def _truncation(analysis: Analysis) -> pd.DataFrame | Finding:
    frame = analysis.table("truncation.csv")
    if analysis.result.claims is not None and not len(frame):
        return Finding("table.truncation.without", {})
    return frame.assign(year=frame["year"].astype(int).astype(str))


def _truncation_remarks(analysis: Analysis, _rows: pd.DataFrame) -> Iterator[Finding]:
    n_periods = Counter(parse_period(period).first_day.year for period in analysis.result.panel.periods)
    incomplete = [str(year) for year, n in sorted(n_periods.items()) if n < max(n_periods.values())]
    if incomplete:
        yield Finding("table.truncation.incomplete", {"years": incomplete})


def counting_lead(analysis: Analysis) -> Iterator[list[Finding]]:
    """Return composition, own costs and price: what the main estimand leaves out."""
    table = analysis.result.tables.get("estimands.csv", pd.DataFrame({"estimand": []})).set_index("estimand")
    rates = [name for name in ("composition", "price") if name in table.index and table.loc[name, "reason"] == ""]
    said = {name: {"difference": table.loc[name, "rate"], "se": table.loc[name, "rate_se"]} for name in rates}
    findings = [Finding(f"lead_{name}", numbers) for name, numbers in said.items()]
    if "own_costs" in table.index and table.loc["own_costs", "reason"] == "":
        money = {name: table.loc[name, key] for name, key in (("own_costs", "spending"), ("net", "saving"))}
        findings.append(Finding("lead_net", money))
    if findings:
        yield findings


def counting_findings(analysis: Analysis) -> Iterator[Finding | list[Finding]]:
    """Return the groups of the population, the contracts, and the remarks on each definition of spending."""
    result, claims = analysis.result, analysis.result.claims
    if claims is None:
        return
    yield from counting_lead(analysis)
    yield list(_scope(analysis))
    treated, groups = next(iter(result.designs.values())).treated, claims.groups
    practices, units = (sum(unit not in treated for unit in each.units) for each in (claims.practices, result.panel))
    said = {"practices": practices, "units": units, "size": groups.size or 0, "seed": groups.seed}
    yield Finding(f"groups.{groups.kind}", said | {"group": analysis.group})
    if claims.left_over:
        name = "left_over_in_region" if groups.kind == "regional bundles" else "left_over"
        yield Finding(name, {"n": claims.left_over})
    if claims.contracted:
        names, n = [*map(analysis.unit, claims.contracted[:MAX_NAMED])], len(claims.contracted) - MAX_NAMED
        yield Finding("contracted", {"names": [*names, *([say("more", n=n)] if n > 0 else [])]})
    yield from _by_definition(claims)
    if claims.why_no_truth:
        yield Finding("no_truth", {"reason": word("reason", claims.why_no_truth)})
    periods = Finding("claims_of", {"periods": span(result.panel.periods)})
    yield [periods] if groups.size is None else [periods, Finding("size_of_a_group", {})]


def _scope(analysis: Analysis) -> Iterator[Finding]:
    """Return for which practice a day of a person counts, and the definitions of spending that leave no care out."""
    for kind in dict.fromkeys(part["kind"] for part in analysis.settings("population")):
        yield Finding(f"population.{kind}", {})
    parts = ("basket", "include", "exclude", "product_groups_exclude")
    names = [own(quoted(each["name"])) for each in analysis.settings("spending") if not any(map(each.get, parts))]
    if names:
        yield Finding("scope", {"names": names})


def _by_definition(claims: "ClaimsCount") -> Iterator[Finding]:
    for name, extract in claims.extracts.items():
        if extract.sensitivity:
            filters = joined(map(foreign, extract.sensitivity), "; ")
            yield Finding("sensitivity_population", {"filters": filters})
        costs = extract.own_costs
        if len(costs):
            sums = {key: float(costs[key].sum()) for key in ("spending", "lines")}
            yield Finding("own_costs", {"name": name, **sums})
        if extract.completion is not None:
            table, row = extract.completion, extract.completion.iloc[-1]
            factor = {key: float(row[key]) for key in ("factor", "standard_error")}
            said = {"name": name, "n": int(row["months"]), **factor}
            yield Finding("completion_provisional" if "period" in table else "completion", said)
        if remarks := [say(f"noticed.{key}", n=int(n)) for key in NOTICED if (n := extract.noticed.get(key))]:
            yield Finding("noticed", {"name": name, "remarks": remarks})


ATTRITION = "step:word reason:word persons:number insured_years:number lines:number euros:number:2"
TRUNCATION = "definition:own year:cell cap:money share_above:percent:1 cut:total share_cut:percent:1"
ESTIMAND = "estimand:word rate:percent saving:number benchmark:number spending:number reason:word"
TABLES = (
    ReportTable("estimands", "counting", 5, lambda a: a.table("estimands.csv").query("estimand != 'prices'"), ESTIMAND),
    ReportTable("attrition", "counting", 10, _attrition, ATTRITION, _attrition_remarks),
    ReportTable("truncation", "counting", 20, _truncation, TRUNCATION, _truncation_remarks),
)
