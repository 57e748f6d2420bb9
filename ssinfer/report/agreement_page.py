"""Writes the page of an agreement for signature: one A4 page per language."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ssinfer.agreement.agreement import Agreement
from ssinfer.contracts.contract import Contract
from ssinfer.finding import Finding
from ssinfer.foreign import chosen
from ssinfer.language import speak, tags
from ssinfer.report.template import template
from ssinfer.sentences import say

PAIRS = 3  # insured and threshold that stand on the page, of a threshold by insured


def write_agreement_pages(agreement: Agreement, folder: Path) -> None:
    """Write ``agreement.<tag>.html`` in every language that has a catalogue."""
    document = agreement.document
    for tag in tags():
        with speak(tag, document["currency"], document["language"]):
            page = template("agreement.html.j2").render(
                title=chosen(document["title"]),
                document=document,
                hash=agreement.hash,
                kind=say("agreement.late" if agreement.late else "agreement.kind"),
                threshold=[*_threshold(document["threshold"])],
                rules=[*_rules(document)],
                dates=[*_dates(document)],
                rates=[*_rates(document["threshold"])],
                sharing=_sharing(document),
                parties=_parties(document),
            )
        (folder / f"agreement.{tag}.html").write_text(page, encoding="utf-8", newline="\n")


def _contract(document: dict[str, Any]) -> dict[str, Any]:
    contract: dict[str, Any] = document["contract"][document["settles"]["sharing"]]
    return contract


def _threshold(table: dict[str, Any]) -> Iterator[Finding]:
    """Return the threshold: a number, a table by insured, or a rule with its range."""
    kind = say(f"threshold.{table['kind']}.in_words" if table["kind"] != "contract" else "threshold.contract")
    numbers = {**table, "kind": kind, "years": table["insured_years"]}
    if table["form"] == "number":
        yield Finding("agreement.number", numbers)
    elif table["form"] == "table":
        middle = len(table["by_assigned"]) // 2
        pairs = table["by_assigned"][middle - 1 : middle + PAIRS - 1]
        shown = [say("agreement.pair", insured=insured, rate=rate) for insured, rate in pairs]
        yield Finding("agreement.table", numbers)
        yield Finding("agreement.by_size", numbers | {"pairs": shown})
    else:
        yield Finding("agreement.rule", numbers)
        level = "agreement.learned" if "level" in table else "agreement.learned_no_level"
        yield Finding(level, numbers | {"percent": 100 * table.get("level", 0.0), "side": say(f"side.{table['side']}")})


def _sharing(document: dict[str, Any]) -> list[Finding]:
    part = _contract(document)
    terms = part["terms"]
    kind = "excess" if terms["threshold"]["sharing"] == "excess" else "first"
    found = [Finding(f"agreement.shares_{kind}", {"share": part["share"]})]
    losses = terms["sharing"].get("losses", 0.0)
    if losses or not Contract(**terms).two_sided:
        found.append(Finding("agreement.losses", {"share": losses}) if losses else Finding("agreement.no_losses", {}))
    else:
        found.append(Finding("agreement.losses_vary", {}))
    return found


def _parties(document: dict[str, Any]) -> list[str]:
    terms = _contract(document)["terms"]
    return [say(f"cell.party.{party}", party) for party in (terms["payer"], *terms["parties"])]


def _rules(document: dict[str, Any]) -> Iterator[Finding]:
    """Return what is compared with what, over which periods, by which method."""
    study, settles = document["study"], document["settles"]
    windows = {key: settles[key] for key in ("baseline", "performance")}
    yield Finding("agreement.design", {**settles, **{key: _span(part) for key, part in windows.items()}})
    yield Finding("agreement.method", {"method": settles["method"], "seed": str(study["seed"])})


def _span(labels: list[Any]) -> str:
    return str(labels[0]) if len(labels) == 1 else say("look.range", low=labels[0], high=labels[-1])


def _dates(document: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name in ("as_of", "signed", "start", "delivery", "settlement"):
        if name in document:
            yield say(f"agreement.date.{name}"), document[name].isoformat()


def _rates(table: dict[str, Any]) -> Iterator[tuple[float, dict[str, float]]]:
    """Return true savings, and the contracts of 100 that are paid."""
    for name, part in table.items():
        if name == "false_payments" or name.startswith("found_"):
            saving = 0.0 if name == "false_payments" else float(name.removeprefix("found_")) / 100
            yield saving, {key: 100 * value for key, value in part.items()}
