"""The finding: the verdict on the case, and the comparison of designs, as findings and in words."""

from collections.abc import Iterator

from ssinfer.backtesting.paired import worse_and_equal
from ssinfer.finding import Finding
from ssinfer.foreign import own
from ssinfer.printed import quoted
from ssinfer.report.analysis import Analysis, named, span
from ssinfer.report.tables.compared import answer
from ssinfer.sentences import in_words, say
from ssinfer.study.limits import REPORTED
from ssinfer.study.queries import Row, pair_of
from ssinfer.study.verdict import REACHED
from ssinfer.thresholds.kind import ThresholdKey
from ssinfer.thresholds.names import kind_in_words, threshold_in_words

MAX_NAMED = 4  # designs and methods in one list
SAID_LATER = {"case_threshold_outside_placebos", "no_size_suffices"}


def finding_sentences(analysis: Analysis) -> tuple[str, ...]:
    """Return the finding, one paragraph each: the verdict, its threshold, all designs, their errors."""
    parts = (verdict_findings, threshold_findings, answer, design_findings)
    return tuple(text for part in parts if (text := in_words(part(analysis))))


def measured_finding(analysis: Analysis) -> Iterator[Finding]:
    """Return the measured saving, if there is one."""
    if (measured := analysis.verdict.measured) is not None:
        numbers = {"amount": abs(measured["money"]), "rate": measured["rate"]}
        yield Finding("measured_loss" if measured["money"] < 0 else "measured_saving", _case(analysis) | numbers)


def reason_finding(analysis: Analysis, reason: Finding) -> Finding:
    """Return why something is missing, with the contract group and its periods."""
    kind = {"threshold": kind_in_words(reason.numbers["kind"])} if "kind" in reason.numbers else {}
    return Finding(reason.id, {**_case(analysis), **reason.numbers, **kind})


def _case(analysis: Analysis) -> dict[str, str]:
    return {"group": analysis.group, "when": span(analysis.result.designs[analysis.main[0]].performance)}


def verdict_findings(analysis: Analysis) -> Iterator[Finding]:
    """Return the measured saving, whether it reaches the threshold that settles, and what is paid."""
    verdict, measured = analysis.verdict, analysis.verdict.measured
    yield from measured_finding(analysis)
    if verdict.interval is not None:
        yield Finding("measured_interval", verdict.interval)
    if measured is not None and measured["total"] is not None:
        yield Finding("measured_total", {"total": measured["total"], "years": analysis.insured_years(analysis.main)})
    if verdict.threshold is not None:
        key = ThresholdKey(*(verdict.threshold[name] for name in ("kind", "level", "side", "prior")))
        stated = {**verdict.threshold, "threshold": threshold_in_words(key)}
        name = {None: "threshold_only", REACHED: "reached"}.get(verdict.verdict, "not_reached")
        yield Finding("none_reaches" if stated["rate"] is None else name, stated)
    if verdict.paid is not None:
        name = "paid" if verdict.paid > 0 else "owed" if verdict.paid < 0 else "nothing_paid"
        yield Finding(name, {"amount": abs(verdict.paid)})
    reasons = [reason for reason in verdict.reasons if reason.id not in SAID_LATER]
    for reason in reasons:
        implied = reason.id == "not_settled" and len(reasons) > 1
        yield Finding("nothing_settled", {}) if implied else reason_finding(analysis, reason)


def threshold_findings(analysis: Analysis) -> Iterator[Finding]:
    """Return what the threshold that settles pays, and what it would take to find a saving."""
    verdict = analysis.verdict
    if verdict.threshold is None:
        return
    if verdict.false_payment_rate is not None:
        rates = {"false_payment_rate": verdict.false_payment_rate, "detection": verdict.detection["0.03"]}
        paid = verdict.false_payment_rate["value"] * verdict.n_judged
        yield Finding("payments", rates | {"n_judged": verdict.n_judged, "paid": paid})
        if len(placebos := analysis.placebos(analysis.main)):
            yield Finding("blocks_of_placebos", {"n": placebos["block"].nunique()})
        if verdict.n_left_out:
            yield Finding("left_out", {"n": verdict.n_left_out})
    if verdict.detectable_saving is not None:
        yield Finding("detectable_saving", {"saving": verdict.detectable_saving})
    if verdict.insured_needed is not None:
        yield Finding("insured_needed", {"n": verdict.insured_needed})
    for reason in verdict.reasons:
        if reason.id in SAID_LATER:
            yield Finding(f"outside_{cause}" if (cause := reason.numbers.get("cause")) else reason.id, reason.numbers)
    rate = verdict.threshold["rate"]
    if rate is not None:
        below = "reported_not_paid" if rate > REPORTED[1] else "reported_partly_paid"
        numbers = {"low": REPORTED[0], "high": REPORTED[1], "rate": rate}
        yield Finding(below if rate > REPORTED[0] else "reported_paid", numbers)


def design_findings(analysis: Analysis) -> Iterator[Finding]:
    """Return the detection rate of the best design, which designs are worse or as good, and other estimands."""
    backtest, ranking = analysis.result.backtest, analysis.ranking
    if backtest is None:
        yield Finding("no_backtest", {})
    elif not len(ranking):
        status = backtest.placebos.query("role == 'placebo'")["status"]
        yield Finding("too_few_placebos", {"n": len(status), "n_ok": int((status == "ok").sum())})
    else:
        first = ranking.iloc[0]
        detection = {"value": first["detection_rate_3"], "se": first["detection_rate_3_se"]}
        yield Finding("best_design", {"design": analysis.full_name(analysis.best), "detection": detection})
        if first["n_without_threshold"]:
            n_judged = int(first["n_rows"])
            yield Finding("judged", {"n_judged": n_judged, "n": n_judged + int(first["n_without_threshold"])})
        pairs = worse_and_equal(backtest.placebos, analysis.ranked_pairs, backtest.seed)
        found = {name: [row for _, row in ranking.iterrows() if pair_of(row) in those] for name, those in pairs.items()}
        for name in filter(found.get, found):
            yield Finding(name, {"others": _with_rates(analysis, found[name])})
        if found["equal"] and not found["worse"]:
            yield Finding("none_better", {})
    best, panel_of = analysis.best[0], analysis.result.panel_of
    others = [own(quoted(design)) for design in analysis.result.designs if panel_of(design) is not panel_of(best)]
    if others:
        yield Finding("other_estimand", {"design": own(quoted(best)), "others": named(others, "others", MAX_NAMED)})


def _with_rates(analysis: Analysis, rows: list[Row]) -> list[str]:
    """Return at most four designs with their rates; of more, the first three, and the others by number and range."""
    rates = [{"value": float(row["detection_rate_3"]), "se": float(row["detection_rate_3_se"])} for row in rows]
    said = [
        say("with_rate", name=analysis.quoted(pair_of(row)), rate=rate) for row, rate in zip(rows, rates, strict=True)
    ]
    if len(said) <= MAX_NAMED:
        return said
    others = [rate["value"] for rate in rates[MAX_NAMED - 1 :]]
    more = say("others_between", n=len(others), low=min(others), high=max(others))
    return [*said[: MAX_NAMED - 1], more]
