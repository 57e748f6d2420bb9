"""Catalogue of the data sets: years, source, licence, and whether the files were found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ssinfer.datasets.io.folders import data_folder
from ssinfer.datasets.vektis.sources import VEKTIS_FILES

if TYPE_CHECKING:
    import pandas as pd

CENTROIDS = "municipality_centroids_2023.csv"
KEY_FIGURES = "cbs_70072ned_regional_keyfigures_2015.csv"
EDUCATION = "cbs_education_gemeente_2021.csv"
DARTMOUTH = "county_medicare_2003_2014.csv"
MSSP_RESULTS = {year: f"PY{year}_results_PUF.csv" for year in (2022, 2023)}
MSSP_PANEL = "mssp_core_panel_2013_2023.csv"
PROP99 = "prop99_synthdid.csv"


@dataclass(frozen=True, slots=True)
class DatasetEntry:
    """A loadable data set: description, files, and where the files were found."""

    name: str
    description: str
    years: str
    loader: str
    source: str
    licence: str
    files: tuple[str, ...]
    fetchable: bool = False

    @property
    def found(self) -> tuple[str, ...]:
        """Files that were found, plain or compressed."""
        folder = data_folder(self.name)
        return tuple(name for name in self.files if (folder / name).is_file() or (folder / f"{name}.gz").is_file())

    @property
    def where(self) -> str:
        """The folder of the files, or how to get them."""
        if self.found:
            return str(data_folder(self.name))
        cure = f"ssinfer data fetch {self.name}" if self.fetchable else f"put it in {data_folder(self.name)}"
        return f"absent: {cure}"


def entries() -> tuple[DatasetEntry, ...]:
    """Return the data sets that ssinfer can load."""
    return (
        DatasetEntry(
            "vektis",
            "Spending under the Dutch Health Insurance Act per municipality, sex and age class",
            f"{min(VEKTIS_FILES)}-{max(VEKTIS_FILES)}",
            "load_vektis",
            "Bron: Vektis, Open Databestanden Zorgverzekeringswet (vektis.nl)",
            "open data, cite the source",
            tuple(file.name for file in VEKTIS_FILES.values()),
            fetchable=True,
        ),
        DatasetEntry(
            "cbs",
            "Coordinates, income, social assistance and education of Dutch municipalities",
            "2015, 2021, 2023",
            "load_vektis(covariates=...)",
            "Statistics Netherlands (CBS), tables 70072ned and education per municipality",
            "CC BY 4.0",
            (CENTROIDS, KEY_FIGURES, EDUCATION),
        ),
        DatasetEntry(
            "dartmouth",
            "Medicare spending per enrollee of US counties, age-sex-race adjusted",
            "2003-2014",
            "load_dartmouth",
            "The Dartmouth Atlas of Health Care (data.dartmouthatlas.org)",
            "cite the Dartmouth Atlas",
            (DARTMOUTH,),
        ),
        DatasetEntry(
            "mssp",
            "Medicare Shared Savings Program, results per ACO",
            "2013-2023",
            "load_mssp",
            "Centers for Medicare & Medicaid Services, public use files (data.cms.gov)",
            "US federal data, public domain",
            (*MSSP_RESULTS.values(), MSSP_PANEL),
        ),
        DatasetEntry(
            "synthetic_control",
            "Cigarette sales in 39 US states around Proposition 99",
            "1970-2000",
            "load_prop99",
            "Arkhangelsky et al. (2021), doi 10.1257/aer.20190159",
            "see the source",
            (PROP99,),
        ),
    )


def available() -> pd.DataFrame:
    """Return a frame of the data sets: name, description, years, loader, source, licence, files, found, where.

    `files` counts the files of the data set, and `found` those that were found.

    >>> available()["name"].tolist()
    ['vektis', 'cbs', 'dartmouth', 'mssp', 'synthetic_control']
    """
    import pandas as pd  # noqa: PLC0415  (the list of the command line needs no pandas)

    listed = entries()
    frame = pd.DataFrame(listed).drop(columns="fetchable").assign(files=[len(entry.files) for entry in listed])
    return frame.assign(found=[len(entry.found) for entry in listed], where=[entry.where for entry in listed])
