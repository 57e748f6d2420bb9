"""Formulas as MathML, which browsers show without a script or a font from the network. What is not understood warns."""

import re

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.util import logging

LOG = logging.getLogger(__name__)
ALIGNED = re.compile(r"(\\(?:begin|end)){(?:aligned|gathered|align|gather)}")  # one table, without numbers
ARG = re.compile(r"\\arg\s*\\(min|max)")
LIMITS = re.compile(r"\\(max|min|sup|inf|argmax|argmin)_")


def mathml(node: nodes.Element, display: str) -> str:
    """Return a formula as MathML; what is not understood is a warning."""
    text = node.astext()
    plain = ARG.sub(r"\\arg\1", ALIGNED.sub(r"\1{split}", text))
    if "\\\\" in plain and "\\begin" not in plain:
        plain = rf"\begin{{split}}{plain}\end{{split}}"
    try:
        found = convert(LIMITS.sub(r"\\\1\\limits_", plain) if display == "block" else plain, display=display)
    except Exception as error:  # noqa: BLE001 - the converter has a class of error for each fault of a formula
        LOG.warning("formula %r: %r", text, error, location=node)
        return ""
    if "\\" in found or "<mi>&</mi>" in found:
        LOG.warning("formula %r has a command that MathML has not", text, location=node)
    return found.replace("<mi>&#x0007E;</mi>", "<mo>&#x0223C;</mo>")  # a relation, with space around it


def _inline(self: object, node: nodes.math) -> None:
    self.body.append(f'<span class="math">{mathml(node, "inline")}</span>')
    raise nodes.SkipNode


def _display(self: object, node: nodes.math_block) -> None:
    self.body.append(f'<div class="math" tabindex="0">{mathml(node, "block")}</div>')
    raise nodes.SkipNode


def setup(app: object) -> dict[str, bool]:
    """Register the renderer of formulas."""
    app.add_html_math_renderer("mathml", (_inline, None), (_display, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
