"""Templates of pages, with the style sheet and the words that all pages share."""

from functools import cache
from pathlib import Path

import jinja2
from markupsafe import Markup

from ssinfer.foreign import own
from ssinfer.language import spoken
from ssinfer.report.marked import marked
from ssinfer.sentences import say, sentence
from ssinfer.study.limits import REPORTED

TEMPLATES = Path(__file__).parent / "templates"
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
    environment.globals |= {**words, "reported": REPORTED, "max_limits": MAX_LIMITS, "css": css}
    return environment
