"""as_html: an object as a small table for notebooks. A class says `_repr_html_ = as_html` and has a method `facts`."""

from typing import Any

from markupsafe import Markup

LONGEST = 200  # signs of one cell


def as_html(shown: Any) -> str:
    """Return the facts of an object, by label, as a table in HTML; every text is escaped."""
    row = Markup('<tr><th style="text-align:left">{}</th><td style="text-align:left">{}</td></tr>')
    texts = {label: str(fact) for label, fact in shown.facts().items() if fact is not None}
    short = {label: text if len(text) <= LONGEST else f"{text[:LONGEST]}…" for label, text in texts.items()}
    rows = Markup("").join(row.format(*pair) for pair in short.items())
    return str(Markup("<table><caption>{}</caption><tbody>{}</tbody></table>").format(type(shown).__name__, rows))
