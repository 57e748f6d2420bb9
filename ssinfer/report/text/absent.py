"""Sentences on the parts that a report does not have, with their reasons."""

from collections.abc import Iterator

from ssinfer.printed import listed
from ssinfer.report.analysis import Analysis, pair_of, span


def absent_sentences(analysis: Analysis) -> Iterator[str]:
    """Return one sentence per part that is absent, suppressed or refused."""
    result, group, limit = analysis.result, analysis.group, analysis.result.suppress_below
    if result.backtest is None:
        yield "No backtest was run, so there are no false payment rates and no detection rates."
    if analysis.hidden:
        yield (
            f"{group} has a period with fewer than {limit} insured, or one person has most of its spending. Its "
            "benchmark, saving, thresholds and settlement are suppressed for all periods, so that none can be derived."
        )
    elif not analysis.has_saving:
        when = span(next(iter(result.designs.values())).performance)
        yield f"The saving of {group} in {when} is not available: it is sealed, was refused, or was not evaluated."
    if {"status", "reason"} <= set(result.savings.columns):
        for _, row in result.savings[result.savings["status"] == "refused"].iterrows():
            yield f"The benchmark of {group} under {analysis.quoted(pair_of(row))} was refused: {row['reason']}"
        for _, row in result.savings[(result.savings["status"] == "ok") & (result.savings["reason"] != "")].iterrows():
            yield f"The saving under {analysis.quoted(pair_of(row))} has no interval and no threshold: {row['reason']}."
    if not len(result.settlement):
        if result.manifest.get("contract") is not None:
            yield "No settlement: there is no saving to settle."
        else:
            yield (
                "No settlement: the study says nothing on sharing. Overpayments and underpayments in the backtest are "
                f"computed at a neutral sharing rate of {100 * analysis.share:g}%."
            )
    elif not analysis.hidden:
        for reason, rows in result.settlement[result.settlement["party"] == ""].groupby("reason", sort=False):
            names = [analysis.quoted(pair_of(row)) for _, row in rows.iterrows()]
            yield f"No settlement under {listed(names) if len(names) <= 3 else f'{len(names)} designs'}: {reason}"
    if result.panel.insured_years is None:
        yield "The panel has no numbers of insured: there are no totals, and small groups cannot be suppressed."
    if result.hidden is not None and result.hidden.units:
        yield (
            f"{len(result.hidden.units)} units are hidden: they have a period with fewer than {limit} insured, or one "
            "person has most of their spending, or they protect such units. Statistics over placebos include them."
        )
    yield from analysis.why_no_noise
