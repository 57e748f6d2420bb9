"""Picture: a figure of the report with its words and files, drawn once for every format."""

from dataclasses import dataclass

from ssinfer.drawing import FIGURES
from ssinfer.figures.svg import png_of, svg_of
from ssinfer.report.summarise import ReportData
from ssinfer.report.table import FRAMES


@dataclass(frozen=True, eq=False)
class Picture:
    """One figure of the report; it may be several pictures, each in both formats."""

    name: str
    title: str
    caption: str
    data: str  # file of the folder with the data behind it
    svg: dict[str, str]  # by name of the file, without its ending
    png: dict[str, bytes]


def draw_pictures(data: ReportData) -> dict[str, Picture]:
    """Draw the figures of all sections, in the language in use."""
    pictures = {}
    for name, frame in data.figures.items():
        figure = FIGURES.find(name)
        svg, png = dict[str, str](), dict[str, bytes]()
        for k, part in enumerate(figure.parts(frame), 1):
            file, drawn = f"{name}-{k}" if k > 1 else name, figure.draw(part)
            svg[file], png[file] = svg_of(drawn), png_of(drawn)
        pictures[name] = Picture(name, figure.heading, figure.caption_of(frame), FRAMES.find(name).data, svg, png)
    return pictures
