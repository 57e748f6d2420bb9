"""A small picture for a card of the gallery: `{glue}` takes it from the page that draws it."""

import base64
from io import BytesIO
from typing import Any

from IPython.display import HTML
from myst_nb import glue


def thumbnail(name: str, picture: Any) -> None:
    """Store a figure of matplotlib as an image of 70 dpi; the card's title says what it shows, so it has no text."""
    buffer = BytesIO()
    picture.savefig(buffer, format="png", dpi=70)
    image = base64.b64encode(buffer.getvalue()).decode()
    glue(name, HTML(f'<img alt="" src="data:image/png;base64,{image}">'), display=False)
