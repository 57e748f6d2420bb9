"""Proposition 99: cigarette sales in 39 states, 1970 to 2000, a standard example of synthetic control."""

from pathlib import Path

from ssinfer.arguments import checked
from ssinfer.datasets.io.catalogue import PROP99
from ssinfer.datasets.io.csv import read_published
from ssinfer.errors import DatasetError
from ssinfer.panel import Panel


@checked(DatasetError)
def load_prop99(folder: str | Path | None = None) -> Panel:
    """Return packs per head of 39 US states, 1970 to 2000; California's law took effect in 1989.

    The data set has published results and serves for checks of methods. The outcome takes the place of spending.
    Population counts are not known, so that all states weigh the same. The default folder is
    ``SSINFER_DATA_DIR/synthetic_control``. DatasetError: the file is absent or damaged. Sources: Abadie, Diamond and
    Hainmueller (2010), doi 10.1198/jasa.2009.ap08746; Arkhangelsky, Athey, Hirshberg, Imbens and Wager (2021), doi
    10.1257/aer.20190159, whose file this is.
    """
    columns = ["State", "Year", "PacksPerCapita", "treated"]
    frame = read_published("synthetic_control", PROP99, folder, columns=columns, numbers=columns[1:], separator=";")
    return Panel.from_frame(frame, unit="State", period="Year", spending="PacksPerCapita", insured_years=None)
