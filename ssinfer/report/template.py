"""Templates of pages, with the style sheet and the words that all pages share.

Sentences of a first page become HTML: ``**bold**`` and ``[term](#place)`` of a catalogue are elements.
"""

import re
from base64 import b64encode
from functools import cache
from hashlib import sha256
from pathlib import Path

import jinja2
from markupsafe import Markup, escape

from ssinfer.finding import Finding
from ssinfer.foreign import own
from ssinfer.language import spoken
from ssinfer.sentences import HTML_PRINTER, in_print, say, sentence
from ssinfer.study.limits import REPORTED

TEMPLATES = Path(__file__).parent / "templates"
_LINK = re.compile(r"\[([^\]]+)\]\(#([\w-]+)\)")
_BOLD = re.compile(r"\*\*([^*]+)\*\*")
SCRIPT = (TEMPLATES / "explorer.js").read_text(encoding="utf-8")
SCRIPT_HASH = f"sha256-{b64encode(sha256(SCRIPT.encode()).digest()).decode()}"
MAX_LIMITS = 3  # on the first page


def template(name: str) -> jinja2.Template:
    """Return a template with the style sheet and the words of all pages, in the language in use."""
    return _environment(spoken().tag).get_template(name)


@cache
def _environment(tag: str) -> jinja2.Environment:
    loader, strict = jinja2.FileSystemLoader(TEMPLATES), jinja2.StrictUndefined
    environment = jinja2.Environment(
        loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=strict
    )
    css = Markup((TEMPLATES / "report.css").read_text(encoding="utf-8"))  # noqa: S704  (our own file)
    words = {"say": say, "sentence": sentence, "marked": marked, "own": own, "tag": tag}
    words |= {"script": Markup(SCRIPT), "script_hash": SCRIPT_HASH}  # noqa: S704  (our own file)
    environment.globals |= {**words, "reported": REPORTED, "max_limits": MAX_LIMITS, "css": css}
    return environment


def marked(finding: Finding) -> Markup:
    """Return a finding of the first page as HTML."""
    values = {name: in_print(value) for name, value in finding.numbers.items()}
    n = values.get("n", 1)
    text = str(escape(spoken().template(finding.id, n if isinstance(n, int) else 1)))
    text = _LINK.sub(r'<a class="term" href="#\2">\1</a>', _BOLD.sub(r"<b>\1</b>", text))
    return Markup(HTML_PRINTER.format(text, **values))  # noqa: S704  (a template of our catalogue; its values are escaped)
