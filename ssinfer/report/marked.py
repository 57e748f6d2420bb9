"""Sentences as HTML: ``**bold**`` and ``[term](#place)`` of a catalogue become elements; values are escaped."""

import re

from markupsafe import Markup, escape

from ssinfer.finding import Finding
from ssinfer.language import spoken
from ssinfer.sentences import HTML_PRINTER, in_print

_LINK = re.compile(r"\[([^\]]+)\]\(#([\w-]+)\)")
_BOLD = re.compile(r"\*\*([^*]+)\*\*")


def marked(finding: Finding) -> Markup:
    """Return a finding of the first page as HTML."""
    values = {name: in_print(value) for name, value in finding.numbers.items()}
    n = values.get("n", 1)
    text = str(escape(spoken().template(finding.id, n if isinstance(n, int) else 1)))
    text = _LINK.sub(r'<a class="term" href="#\2">\1</a>', _BOLD.sub(r"<b>\1</b>", text))
    return Markup(HTML_PRINTER.format(text, **values))  # noqa: S704  (a template of our catalogue; its values are escaped)
