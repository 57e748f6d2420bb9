"""Findings on the counted population of a study on claims: its groups, and what was noticed in the claims."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ssinfer.finding import Finding
from ssinfer.foreign import foreign, joined, own
from ssinfer.printed import quoted
from ssinfer.report.analysis import Analysis, span
from ssinfer.report.text.leads import counting_lead
from ssinfer.sentences import say, word

if TYPE_CHECKING:
    from ssinfer.study.data import ClaimsCount

NOTICED = ("negative lines", "repeated lines", "repriced lines", "deaths of unknown persons", "deaths before birth")
MAX_NAMED = 6  # contracted practices in one list


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
