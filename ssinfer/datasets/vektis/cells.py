"""Age-sex cells of spending per municipality on one set of borders and one basket, and the national mean."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from ssinfer.arguments import COUNT, Several, check_arguments, checked
from ssinfer.datasets.io.frame_cache import cached_frame
from ssinfer.datasets.vektis.baskets import Basket, find_basket
from ssinfer.datasets.vektis.borders import renames, target_division, unmappable
from ssinfer.datasets.vektis.columns import CARE_TYPES, SEXES, age_classes
from ssinfer.datasets.vektis.file import read_vektis_file, vektis_path
from ssinfer.errors import DatasetError
from ssinfer.names import match_names

KEYS = ["unit", "year", "sex", "age_class"]


@checked(DatasetError)
def vektis_cells(
    years: Iterable[int],
    basket: str | Basket = "core",
    *,
    ages: tuple[int, int] | None = None,
    sexes: Iterable[str] | None = None,
    borders: int | str = 2023,
    folder: str | Path | None = None,
    verify: bool = True,
) -> pd.DataFrame:
    """Return spending and insured per municipality, year, sex and age class.

    The columns are unit, year, sex, age_class, insured (persons), insured_years, spending (EUR of the cell); rows are
    sorted. The publisher pools cells with fewer than 10 insured (1.6 to 2.5% of the insured) in a row without a
    municipality. It is left out here; `national_vektis` keeps it. Small negative amounts are corrections and stay.
    DatasetError: unknown basket or division, a basket not comparable over `years`, a file absent or damaged.

    Parameters
    ----------
    years : years of spending, 2011 to 2023 as far as the files are at hand; later ones need `verify=False`
    basket : a basket, or its name (`ssinfer.datasets.BASKETS`)
    ages : first and last age, on the bounds of the published classes: (65, 120) for 65 and over; None: all
    sexes : "male", "female" or both (None)
    borders : municipal division (2019, 2021, 2022, 2023): merged municipalities are added up, split ones left out
    folder : by default ``SSINFER_DATA_DIR/vektis``, or the cache that ``ssinfer data fetch vektis`` fills
    verify : refuse files whose SHA-256 is not the registered one
    """
    chosen = find_basket(basket)
    asked = checked_years(years)
    chosen.check_comparable(asked)
    wide = wide_cells(asked, borders, folder, verify=verify)
    members = [name for name in chosen.members if name in wide.columns]
    if ages is not None:
        wide = wide[wide["age_class"].isin(age_classes(ages))]
    if sexes is not None:
        wide = wide[wide["sex"].isin(match_names(sexes, SEXES.values(), "sexes: there is no", DatasetError))]
    cells = wide[[*KEYS, "insured", "insured_years"]].copy()
    cells["spending"] = wide[members].to_numpy().sum(axis=1)
    return cells


@checked(DatasetError)
def national_vektis(
    years: Iterable[int], basket: str = "total", *, folder: str | Path | None = None, verify: bool = True
) -> pd.DataFrame:
    """Return the national mean per insured-year, over all rows of the publisher's files.

    The pooled row of small cells and municipalities that no division can place (Haaren) are included: this is the mean
    of the publisher's totals. The arguments and errors are those of `vektis_cells`. The frame is indexed by year:
    spending (EUR per insured-year), insured (persons), insured_years, pooled_share (of the insured, in the pooled row).
    """
    chosen = find_basket(basket)
    asked = checked_years(years)
    chosen.check_comparable(asked)
    rows = []
    for year in asked:
        frame = read_vektis_file(year, folder, verify=verify)
        insured, insured_years = frame["insured"].sum(), frame["insured_years"].sum()
        spending = frame[list(chosen.columns(year))].to_numpy().sum() / insured_years
        pooled = frame["insured"][frame["unit"].isna()].sum() / insured
        rows.append((year, spending, int(insured), insured_years, pooled))
    names = ["year", "spending", "insured", "insured_years", "pooled_share"]
    return pd.DataFrame(rows, columns=names).set_index("year")


def checked_years(years: Iterable[int]) -> list[int]:
    """Return the years ascending; an empty list, or values that are not years, are refused."""
    asked = check_arguments("Vektis", {"years": Several(COUNT)}, {"years": years})["years"]
    if not asked:
        raise DatasetError("years is empty. Allowed: whole years. Next step: name some, such as range(2011, 2023).")
    return sorted(set(asked))


def wide_cells(years: list[int], borders: int | str, folder: str | Path | None, *, verify: bool) -> pd.DataFrame:
    """Return all care types per cell on one division; 0 for a care type without a column in that year."""
    division = target_division(borders)
    for year in years:
        renames(year, division)  # refuses before anything is read

    def build() -> pd.DataFrame:
        wide = pd.concat([_one_year(year, division, folder, verify=verify) for year in years], ignore_index=True)
        care = [name for name in CARE_TYPES if name in wide.columns]
        wide[care] = wide[care].fillna(0.0)
        return wide[[*KEYS, "insured", "insured_years", *care]]

    paths = [vektis_path(year, folder) for year in years]
    return cached_frame("vektis_cells", paths, (tuple(years), division, verify), build)


def _one_year(year: int, division: int, folder: str | Path | None, *, verify: bool) -> pd.DataFrame:
    frame = read_vektis_file(year, folder, verify=verify)
    frame = frame[frame["unit"].notna() & ~frame["unit"].isin(set(unmappable(year, division)))]
    frame = frame.assign(unit=frame["unit"].replace(renames(year, division)), year=year)
    return frame.groupby(KEYS, observed=True, sort=True).sum().reset_index()
