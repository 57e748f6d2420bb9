"""Writes the page of an agreement for signature: one A4 page per language."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ssinfer.agreement.agreement import Agreement
from ssinfer.contracts.contract import Contract
from ssinfer.finding import Finding
from ssinfer.foreign import chosen
from ssinfer.language import speak, tags
from ssinfer.report.template import template
from ssinfer.sentences import say
from ssinfer.thresholds.names import kind_in_words

SHOWN = slice(2, 5)  # rows of a threshold by insured that stand on the page
RATES = {0: "false_payments", 2: "found_2", 3: "found_3", 5: "found_5"}  # by true saving, per cent
DATES = ("as_of", "signed", "start", "delivery", "settlement")


def write_agreement_pages(agreement: Agreement, folder: Path) -> None:
    """Write ``agreement.<tag>.html`` in every language that has a catalogue."""
    for tag in tags():
        with speak(tag, agreement.document["currency"], agreement.document["language"]):
            page = template("agreement.html.j2").render(_page(agreement))
        (folder / f"agreement.{tag}.html").write_text(page, encoding="utf-8", newline="\n")


def _page(agreement: Agreement) -> dict[str, Any]:
    """Return what the page prints, in the language in use: findings and numbers."""
    document = agreement.document
    settles, table = document["settles"], document["threshold"]
    terms = document["contract"][settles["sharing"]]["terms"]
    windows = {key: _span(settles[key]) for key in ("baseline", "performance")}
    return {
        "document": document,
        "title": chosen(document["title"]),
        "hash": agreement.hash,
        "kind": say("agreement.late" if agreement.late else "agreement.kind"),
        "threshold": [*_threshold(table)],
        "design": Finding("agreement.design", {**settles, **windows}),
        "sharing": [*_sharing(document["contract"][settles["sharing"]])],
        "dates": {name: (say(f"agreement.date.{name}"), document[name].isoformat()) for name in DATES},
        "rates": {saving: table[name] for saving, name in RATES.items() if name in table},
        "parties": [say(f"cell.party.{party}", party) for party in (terms["payer"], *terms["parties"])],
    }


def _threshold(table: Mapping[str, Any]) -> Iterator[Finding]:
    """Return the threshold: a number, a table by insured, or a rule with its range."""
    numbers = {**table, "kind": kind_in_words(table["kind"]), "years": table["insured_years"]}
    if "by_year" in table:
        pairs = [say(f"agreement.year_{table['form']}", **part) for part in table["by_year"]]
        yield Finding("agreement.by_year", {"pairs": pairs})
    else:
        yield Finding(f"agreement.{table['form']}", numbers)
    if table["form"] == "table":
        pairs = [say("agreement.pair", insured=insured, rate=rate) for insured, rate in table["by_assigned"][SHOWN]]
        yield Finding("agreement.by_size", numbers | {"pairs": pairs})
    elif table["form"] == "rule":
        known = {"percent": 100 * table.get("level", 0.0), "side": say(f"side.{table['side']}")}
        kind = "_by_year" if "by_year" in table else "" if "level" in table else "_no_level"
        yield Finding(f"agreement.learned{kind}", numbers | known)


def _sharing(part: Mapping[str, Any]) -> Iterator[Finding]:
    """Return what is shared of savings, and of losses."""
    terms, losses = part["terms"], part["terms"]["sharing"].get("losses", 0.0)
    kind = "excess" if terms["threshold"]["sharing"] == "excess" else "first"
    yield Finding(f"agreement.shares_{kind}", {"share": part["share"]})
    vary = "agreement.losses_vary" if Contract(**terms).two_sided else "agreement.no_losses"
    yield Finding("agreement.losses" if losses else vary, {"share": losses})


def _span(labels: list[Any]) -> str:
    return str(labels[0]) if len(labels) == 1 else say("look.range", low=labels[0], high=labels[-1])
