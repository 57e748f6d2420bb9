"""Texts of `ssinfer settle` and `ssinfer contracts`, or the same as JSON; no heavy library is imported."""

from functools import partial
from textwrap import fill
from typing import Any

from ssinfer.contracts.contract import load_contract, shipped_contracts
from ssinfer.contracts.explain import party_name
from ssinfer.contracts.settle import settle
from ssinfer.documents import to_json
from ssinfer.language import speak
from ssinfer.printed import separated
from ssinfer.sentences import say, word

_WRAPPED = partial(fill, width=80, initial_indent="  ", subsequent_indent="    ")


def settle_text(
    contract: str, *, year: int | None = None, as_json: bool = False, language: str | None = None, **inputs: Any
) -> str:
    """Return the settlement of a contract (name or TOML file) on the arguments of `settle`, as text or JSON."""
    with speak(language):
        terms = load_contract(contract, year=year)
        result = settle(terms, **inputs)
        if as_json:
            return to_json(result.to_dict())
        lines = [say("settle.title", title=word("title", terms.title or terms.name), year=str(terms.rule_year)), ""]
        said = [*result.steps]
        if result.inputs.true_saving is not None:
            over, under = (separated(f"{m:,.2f}") for m in (result.expected_overpayment, result.expected_underpayment))
            said += [say("settle.true_saving", over=over, under=under)]
        said += [say("settle.assumed", term=word("assumed", term)) for term in terms.assumed]
        lines += [_WRAPPED(step) for step in said]
        lines += ["", say("settle.received", currency=terms.currency)]
        lines += [f"  {party_name(party):<24} {separated(f'{value:>15,.2f}')}" for party, value in result.lines.items()]
        return "\n".join(lines)


def contracts_text(*, as_json: bool = False, language: str | None = None) -> str:
    """Return the shipped contracts: name, rule year, currency, sides, threshold, sharing rate, title."""
    contracts = {name: load_contract(name) for name in shipped_contracts()}
    rows = [
        {
            "name": name,
            "rule_year": terms.rule_year,
            "currency": terms.currency,
            "sides": "two-sided" if terms.two_sided else "one-sided",
            "threshold": terms.threshold.kind,
            "savings": "by quality" if terms.quality.kind == "gate_table" else f"{100 * terms.sharing.savings:g}%",
            "title": terms.title,
            "source": terms.source.strip(),
            "assumed": list(terms.assumed),
        }
        for name, terms in contracts.items()
    ]
    if as_json:
        return to_json(rows)
    columns = ("name", "rule_year", "currency", "sides", "threshold", "savings")
    with speak(language):
        table = [
            [say(f"list.{name}") for name in columns],
            *([word(name, str(row[name])) for name in columns] for row in rows),
        ]
        titles = ["", *(_WRAPPED(word("title", row["title"])) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = (" ".join(map(str.ljust, line, widths)).rstrip() for line in table)
    return "\n".join(line for pair in zip(lines, titles, strict=True) for line in pair if line)
