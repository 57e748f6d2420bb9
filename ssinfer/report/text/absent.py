"""Findings on the parts that a report does not have, with their reasons."""

from collections.abc import Iterator

from ssinfer.finding import Finding
from ssinfer.foreign import own
from ssinfer.printed import quoted
from ssinfer.report.analysis import Analysis, named, span
from ssinfer.sentences import word
from ssinfer.study.hidden import CONTRACT_GROUP
from ssinfer.study.queries import pair_of


def absent_findings(analysis: Analysis) -> Iterator[Finding]:
    """Return one finding per part that is absent, suppressed or refused."""
    result, group, limit = analysis.result, analysis.group, analysis.result.suppress_below
    if result.backtest is None:
        yield Finding("absent_backtest", {})
    if analysis.hidden:
        yield Finding("absent_case", {"group": group, "limit": limit})
    elif not analysis.has_saving:
        when = span(next(iter(result.designs.values())).performance)
        yield Finding("absent_saving", {"group": group, "when": when})
    for _, row in result.savings.iterrows():
        if row["status"] in ("refused", "ok") and row["reason"]:
            said = {"group": group, "named": analysis.quoted(pair_of(row)), "reason": row["reason"]}
            yield Finding("absent_benchmark" if row["status"] == "refused" else "absent_interval", said)
    if not len(result.settlement):
        settles = result.manifest.get("contract") is not None
        yield Finding("absent_settlement" if settles else "absent_sharing", {"percent": 100 * analysis.share})
    elif not analysis.hidden:
        for reason, rows in result.settlement[result.settlement["party"] == ""].groupby("reason", sort=False):
            names = named([analysis.quoted(pair_of(row)) for _, row in rows.iterrows()])
            yield Finding("absent_settlement_under", {"names": names, "reason": word("reason", reason)})
    if result.panel.insured_years is None:
        yield Finding("absent_insured", {})
    if result.hidden is not None and (units := result.hidden.units - {CONTRACT_GROUP}):
        yield Finding("absent_units", {"n": len(units), "limit": limit})
    if result.hidden is not None and result.hidden.apart:
        names = named([own(quoted(name)) for name in sorted({name for name, _ in result.hidden.apart})])
        yield Finding("absent_units_of_designs", {"names": names, "limit": limit})
    for reason, pairs in analysis.why_no_noise.items():
        yield Finding("absent_noise", {"names": named([*map(analysis.quoted, pairs)]), "reason": reason})
