"""From plain data to HTML and SVG text."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import jinja2
from markupsafe import Markup, escape

from ssinfer.figures import case, earnings, false_payments, love_plot, placebo_savings, threshold_by_size
from ssinfer.figures.style import style
from ssinfer.figures.svg import inline, svg_of
from ssinfer.report.text.published import CONTEXT, GLOSSARY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ssinfer.report.data import ReportData

TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Picture:
    """A drawn figure: its SVG document, and the texts around it."""

    name: str
    title: str
    caption: str
    document: str

    @property
    def element(self) -> Markup:
        """The SVG element for the page."""
        return Markup(inline(self.document, self.name, str(escape(self.title))))  # noqa: S704  (matplotlib escapes its texts)


def pictures(data: ReportData) -> dict[str, Picture]:
    """Return the figures that this study has, by name."""
    found = {}
    figures = data.figures
    with style():
        if figures.placebos:
            found["placebo_savings"] = Picture(
                "placebo_savings",
                "Savings measured where nothing was saved",
                "Each bar counts placebo contracts: units and years without a contract, so every saving here is "
                "error. Orange: what the honest threshold would pay all the same, judged by each placebo's own. "
                "Lines are the case's thresholds. Values beyond the axis are counted in the outermost bars.",
                svg_of(placebo_savings.draw(figures.placebos)),
            )
        if figures.payments:
            found["false_payments"] = Picture(
                "false_payments",
                "Promised and actual payment of contracts that saved nothing",
                "A dot right of its black bar: the threshold pays more often than it promises (orange where its "
                "interval lies wholly above). Left of it: the threshold is stricter than it says, and detects less. "
                "Large: the design with the recommended threshold; grey: the others. Intervals are 95%, by blocks of "
                "neighbouring units. Medicare's schedule promises no single rate.",
                svg_of(false_payments.draw(figures.payments)),
            )
        if figures.earnings is not None:
            found["earnings"] = Picture(
                "earnings",
                "What a true saving earns, and how often",
                f"Design {figures.earnings.label}; thresholds one-sided unless named otherwise. Orange: where nothing "
                "was saved every payment is false. Blue: the darker, the oftener a true saving is paid. What a row "
                "earns less than the last one is saving that goes unpaid. Means over placebo contracts with a true "
                "saving taken off their spending.",
                svg_of(earnings.draw(figures.earnings)),
            )
        if figures.curves:
            found["threshold_by_size"] = Picture(
                "threshold_by_size",
                "Threshold by number of insured",
                "Coloured: from the placebos, 1.645 times the root of k²/n + shock²; thick where most placebos lie "
                "(5th to 95th percentile), thin beyond. Dashed: the first design's k without the group shock. "
                "Dotted: Medicare's minimum savings rate. Triangle: the case's own placebo threshold, from order "
                "statistics, so it need not lie on the curve. Not transportable to another kind of group.",
                svg_of(threshold_by_size.draw(figures.curves, figures.marker)),
            )
        if figures.balance:
            found["balance"] = Picture(
                "balance",
                "Balance before and after matching or weighting",
                "Hollow: all treated persons against all who could be compared. Filled: those who are compared. "
                f"Difference of means over the {_denominator(figures.balance[0].header)} before matching. "
                "\N{LEFT DOUBLE QUOTATION MARK}distance\N{RIGHT DOUBLE QUOTATION MARK} is the propensity score's "
                "log-odds. No outcome is used.",
                svg_of(love_plot.draw(figures.balance)),
            )
        if figures.case is not None:
            kind = f" ({figures.case.interval})" if figures.case.interval else ""
            found["case"] = Picture(
                "case",
                "The case: spending and benchmarks",
                f"Black: observed spending. Coloured: each design's benchmark with its 95% predictive interval{kind}. "
                "A saving is the distance from the coloured mark down to the black one. The money axis does not start "
                "at zero." + (" Hatched periods are masked." if figures.case.masked else ""),
                svg_of(case.draw(figures.case)),
            )
    return found


def _denominator(header: str) -> str:
    """Return the standard deviation that the table's header names, in words."""
    named = header.partition("(")[2].rstrip(")") or "pooled SD"
    return named.replace("SD of the", "standard deviation of the").replace("pooled SD", "pooled standard deviation")


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
        context=CONTEXT,
        glossary=GLOSSARY,
        css=Markup(css),  # noqa: S704  (our own file)
    )
