"""Constant covariates of municipalities: coordinates, and socio-economic status (Statistics Netherlands)."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from ssinfer.datasets.io.catalogue import EDUCATION, KEY_FIGURES
from ssinfer.datasets.vektis.borders import renames
from ssinfer.datasets.vektis.coordinates import municipality_centroids, plain_name, read_cbs
from ssinfer.errors import DatasetError
from ssinfer.names import match_names

COORDINATES = ("latitude", "longitude")
OF_2015 = ("income", "share_social_assistance")
OF_2021 = ("share_low_education",)
MUNICIPALITY_COVARIATES = (*COORDINATES, *OF_2015, *OF_2021)

_POPULATION = "TotaleBevolking_1"
_HOUSEHOLDS = "TotaalAantalParticuliereHuishoudens_82"
_INCOME = "TotaalParticuliereHuishoudens_148"  # mean standardised disposable household income, 1,000 EUR
_ASSISTANCE = "BijstandGerelateerdTotAOWLeeftijd_160"

# before the oldest division of the files of Vektis, whose later mergers are in `borders`
_TO_2019: dict[str, str] = {
    "BERG EN DAL": "GROESBEEK",
    "DE FRYSKE MARREN": "DE FRIESE MEREN",
    "EDAM VOLENDAM": "ZEEVANG",
    "GOOISE MEREN": "BUSSUM, MUIDEN, NAARDEN",
    "MEIERIJSTAD": "SCHIJNDEL, SINT OEDENRODE, VEGHEL",
    "WAADHOEKE": "FRANEKERADEEL, HET BILDT, MENAMERADIEL",
    "LEEUWARDEN": "LEEUWARDERADEEL",
    "MIDDEN GRONINGEN": "HOOGEZAND SAPPEMEER, MENTERWOLDE, SLOCHTEREN",
    "WESTERWOLDE": "BELLINGWEDDE, VLAGTWEDDE",
    "ZEVENAAR": "RIJNWAARDEN",
    "GRONINGEN": "HAREN, TEN BOER",
    "HET HOGELAND": "BEDUM, DE MARNE, EEMSMOND, WINSUM",
    "WESTERKWARTIER": "GROOTEGAST, LEEK, MARUM, ZUIDHORN",
    "NOARDEAST FRYSLAN": "DONGERADEEL, FERWERDERADIEL, KOLLUMERLAND EN NIEUWKRUISLAND",
    "WEST BETUWE": "GELDERMALSEN, LINGEWAAL, NEERIJNEN",
    "HAARLEMMERMEER": "HAARLEMMERLIEDE EN SPAARNWOUDE",
    "NOORDWIJK": "NOORDWIJKERHOUT",
    "HOEKSCHE WAARD": "BINNENMAAS, CROMSTRIJEN, KORENDIJK, OUD BEIJERLAND, STRIJEN",
    "MOLENLANDEN": "GIESSENLANDEN, MOLENWAARD",
    "ALTENA": "AALBURG, WERKENDAM, WOUDRICHEM",
    "VIJFHEERENLANDEN": "LEERDAM, VIANEN, ZEDERIK",
    "BEEKDAELEN": "NUTH, ONDERBANKEN, SCHINNEN",
}

# plain name in 2015: plain name of the municipality of 2023 that holds (nearly) all of it
NAMES_SINCE_2015 = {old: new for new, parts in _TO_2019.items() for old in parts.split(", ")} | renames(2018, 2023)
# municipalities of 2015 of which no municipality of 2023 holds nearly all
SPLIT_SINCE_2015 = ("HAAREN", "LITTENSERADIEL")

_CODES_TO_2023: dict[str, str] = {
    "GM0363": "GM0457",
    "GM0439": "GM0370",
    "GM1982": "GM0756, GM0786, GM0815, GM1684, GM1702",
    "GM1991": "GM0856, GM1685",
    "GM1980": "GM0398, GM0416",
    "GM1992": "GM0501, GM0530, GM0614",
}
# code in 2021: code of the municipality of 2023 that holds it
CODES_SINCE_2021 = {old: new for new, parts in _CODES_TO_2023.items() for old in parts.split(", ")}


def municipality_covariates(
    units: Iterable[str], names: Sequence[str] = MUNICIPALITY_COVARIATES, folder: str | Path | None = None
) -> pd.DataFrame:
    """Return constant covariates per municipality, indexed by the names given, without missing values.

    Two municipalities of 2015 were split before 2023 and are in nobody's figures of 2015: Littenseradiel (over
    Waadhoeke, Leeuwarden and Sudwest-Fryslan) and Haaren (over Boxtel, Oisterwijk, Tilburg and Vught). DatasetError: an
    unknown name, an absent or damaged file, or units without a match (all are named).

    Parameters
    ----------
    units : names as Vektis writes them, on the borders of 2023
    names : `latitude`, `longitude`, `income`, `share_social_assistance`, `share_low_education`
        Degrees of the centroid of 2023; mean standardised disposable income of private households in 2015 in EUR
        (merged municipalities weighted by households); persons on social assistance below pension age per inhabitant,
        2015; share of the persons whose education the source gives, 2021.
    folder : by default ``SSINFER_DATA_DIR/cbs``
    """
    match_names(names, MUNICIPALITY_COVARIATES, "There is no covariate", DatasetError)
    centroids = municipality_centroids(units, folder)
    listed = list(centroids.index)
    parts = [centroids[list(COORDINATES)]]
    if set(names) & set(OF_2015):
        parts.append(_matched(_of_2015(folder), [plain_name(unit) for unit in listed], listed, KEY_FIGURES))
    if set(names) & set(OF_2021):
        parts.append(_matched(_of_2021(folder), list(centroids["code"]), listed, EDUCATION))
    return pd.concat(parts, axis=1)[list(names)]


def _of_2015(folder: str | Path | None) -> pd.DataFrame:
    columns = [_POPULATION, _HOUSEHOLDS, _INCOME, _ASSISTANCE]
    table = read_cbs(KEY_FIGURES, ["RegioS", "Gemeentenaam", *columns], folder)
    table = table[table["RegioS"].str.startswith("GM")]
    names = table["Gemeentenaam"].map(plain_name)
    table = table.assign(name=names.replace(NAMES_SINCE_2015))[~names.isin(SPLIT_SINCE_2015)]
    table["money"] = table[_INCOME] * table[_HOUSEHOLDS]
    sums = table.groupby("name")[[*columns, "money"]].sum(min_count=1)
    return sums.assign(
        income=1000.0 * sums["money"] / sums[_HOUSEHOLDS], share_social_assistance=sums[_ASSISTANCE] / sums[_POPULATION]
    )[list(OF_2015)]


def _of_2021(folder: str | Path | None) -> pd.DataFrame:
    levels = ["laag_n", "middelbaar_n", "hoog_n"]
    table = read_cbs(EDUCATION, ["regio", *levels], folder)
    sums = table.assign(code=table["regio"].replace(CODES_SINCE_2021)).groupby("code")[levels].sum(min_count=1)
    return (sums["laag_n"] / sums.sum(axis=1)).to_frame("share_low_education")


def _matched(table: pd.DataFrame, keys: list[str], units: list[str], file_name: str) -> pd.DataFrame:
    matched = table.reindex(keys).set_axis(units, axis=0)
    unmatched = matched.index[matched.isna().any(axis=1)]
    if len(unmatched):
        raise DatasetError(
            f"{file_name} has no figures for {', '.join(unmatched)}. Allowed: municipalities of 2023. "
            f"Next step: leave out {', '.join(table.columns)}, or these municipalities."
        )
    return matched
