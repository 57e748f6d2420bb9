"""Renders the plain data of a report as SVG and HTML text."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import jinja2
from markupsafe import Markup, escape

from ssinfer.drawing import FIGURES
from ssinfer.figures.svg import inline, svg_of
from ssinfer.report.data import ReportData

TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Picture:
    """A drawn figure: its SVG document, its title and its caption."""

    name: str
    title: str
    caption: str
    document: str

    @property
    def element(self) -> Markup:
        """The SVG element for the page."""
        return Markup(inline(self.document, self.name, str(escape(self.title))))  # noqa: S704  (matplotlib escapes its texts)


def pictures(data: ReportData) -> dict[str, Picture]:
    """Draw the figures of a report, by name."""
    drawn = {}
    for name, frame in data.figures.items():
        figure = FIGURES.find(name)
        drawn[name] = Picture(name, figure.title, figure.caption_of(frame), svg_of(figure.draw(frame)))
    return drawn


def render(data: ReportData, drawn: Mapping[str, Picture]) -> str:
    """Return the report as one self-contained HTML page."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    )
    css = (TEMPLATES / "report.css").read_text(encoding="utf-8")
    template = environment.get_template("report.html.j2")
    return template.render(
        data=data,
        pictures=drawn,
        css=Markup(css),  # noqa: S704  (our own file)
    )
