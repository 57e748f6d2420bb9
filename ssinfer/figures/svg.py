"""Writes a matplotlib figure as SVG or PNG: the same bytes for the same figure, without metadata, with unique ids."""

import io
import re
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from ssinfer.figures.style import style

DPI = 150  # of PNG: about 180 on the width of a page
_NO_METADATA = dict.fromkeys(("Creator", "Date", "Format", "Type"))


def svg_of(picture: Figure) -> str:
    """Return the figure as an SVG document."""
    canvas: Any = FigureCanvasSVG(picture)
    stream, layout = io.StringIO(), picture.get_layout_engine()
    with style():
        if layout is not None:  # `savefig` would draw the whole figure for it
            picture.set_dpi(canvas.fixed_dpi)
            layout.execute(picture)
            picture.set_layout_engine("none")
        canvas.print_svg(stream, metadata=_NO_METADATA)
    text = stream.getvalue().replace("'DejaVu Sans'", "'DejaVu Sans', Verdana, sans-serif")
    # Ids of matplotlib are hashes of positions, whose last digits may differ between two layouts of a figure.
    for number, name in enumerate(dict.fromkeys(re.findall(r'\bid="([a-z][0-9a-f]{10})"', text))):
        text = text.replace(name, f"{name[0]}{number}")
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"


def png_of(picture: Figure) -> bytes:
    """Return the figure as a PNG picture on white."""
    canvas: Any = FigureCanvasAgg(picture)
    stream = io.BytesIO()
    with style():
        picture.set(facecolor="white", dpi=DPI)
        canvas.print_png(stream, metadata={"Software": None})
    return stream.getvalue()


def inline(document: str, name: str, description: str) -> str:
    """Return the SVG element without its size, with ids made unique by `name` and a text for screen readers."""
    element = document[document.index("<svg") :]
    element = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', element)
    element = re.sub(r'href="#([^"]+)"', rf'href="#{name}-\1"', element)
    element = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", element)
    head, rest = element.split(">", 1)
    head = re.sub(r'\s(?:width|height)="[^"]*"', "", head)
    return f'{head} role="img" aria-label="{description}">{rest}'
