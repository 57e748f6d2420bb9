"""Spending under the Dutch Health Insurance Act per municipality and year (source: Vektis) as a panel."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal, TypedDict, Unpack, overload

import pandas as pd

from ssinfer.arguments import checked
from ssinfer.cohort.case_mix import CASE_MIX_EXPECTED
from ssinfer.datasets.vektis.baskets import Basket
from ssinfer.datasets.vektis.borders import target_division
from ssinfer.datasets.vektis.cells import checked_years, vektis_cells
from ssinfer.datasets.vektis.covariates import MUNICIPALITY_COVARIATES, municipality_covariates
from ssinfer.datasets.vektis.notes import VektisNotes, vektis_notes
from ssinfer.datasets.vektis.standardise import expected_spending
from ssinfer.errors import DatasetError
from ssinfer.names import match_names
from ssinfer.panel import Panel

OLD_AGE = ("65-69", "70-74", "75-79", "80-84", "85-89", "90+")
OWN_COVARIATES = (CASE_MIX_EXPECTED, "share_65_plus")
LONG_STAY, LONG_STAY_SHARE = "LANGDURIGE_GGZ", "long_stay_share"
COVARIATES = (*OWN_COVARIATES, LONG_STAY_SHARE, *MUNICIPALITY_COVARIATES)


class _Options(TypedDict, total=False):
    ages: tuple[int, int] | None
    sexes: Iterable[str] | None
    borders: int | str
    reference: str | Iterable[str] | None
    covariates: str | Sequence[str] | None
    cv: float | None
    folder: str | Path | None
    verify: bool


@overload
def load_vektis(
    years: Iterable[int], basket: str | Basket = ..., *, return_notes: Literal[False] = ..., **options: Unpack[_Options]
) -> Panel: ...
@overload
def load_vektis(
    years: Iterable[int], basket: str | Basket = ..., *, return_notes: Literal[True], **options: Unpack[_Options]
) -> tuple[Panel, VektisNotes]: ...
@checked(DatasetError)
def load_vektis(
    years: Iterable[int],
    basket: str | Basket = "core",
    *,
    ages: tuple[int, int] | None = None,
    sexes: Iterable[str] | None = None,
    borders: int | str = 2023,
    reference: str | Iterable[str] | None = None,
    covariates: str | Sequence[str] | None = None,
    cv: float | None = None,
    folder: str | Path | None = None,
    verify: bool = True,
    return_notes: bool = False,
) -> Panel | tuple[Panel, VektisNotes]:
    r"""Return spending per insured-year of Dutch municipalities as a panel of municipality x year.

    Estimand of a cell: reimbursed spending under the Health Insurance Act on the care types of `basket`, divided by
    insured-years, over the age-sex cells with at least 10 insured:
    :math:`\sum_c y_{itc} / \sum_c n_{itc}` in EUR per insured-year. Units are named as the publisher names them (upper
    case), sorted. The mean over municipalities leaves out the publisher's pooled row; `national_vektis` includes it.
    DatasetError: a basket that is not comparable, a file absent or damaged, a municipality without a covariate. Source:
    Vektis, Open Databestanden Zorgverzekeringswet, per gemeente. Cite as "Bron: Vektis".

    Parameters
    ----------
    years : years of spending, 2011 to 2023 as far as the files are at hand; later ones need `verify=False`
    basket : ``core`` (default), a name that `BASKETS` has, such as ``zvw_without_dental_ggz``, or a `Basket`
    ages, sexes : first and last age (65, 120), and "male" or "female"; None: all. Municipalities without insured of
        these ages and sexes in some year are left out
    borders : municipal division: 2023 (default; every unit then has coordinates), 2022, 2021 or 2019
    reference : municipalities whose age-sex rates are the standard of the covariate `expected`; None: all of the panel
    covariates : names of covariates; None: `expected`, `share_65_plus`, and the coordinates when their file is there
        `expected` (EUR per insured-year after indirect age-sex standardisation, of the same year), `share_65_plus`
        (share of insured-years aged 65 and over), and those of `municipality_covariates`.
        `long_stay_share` (spending on long-stay mental health care over spending on the basket) is known for 2015 to
        2021 only. From 2022 on this care is inside other columns: declare a `Break` (docs/hierarchical.md).
    cv : person-level coefficient of variation, which the files do not hold; None lets methods learn the noise
    folder : by default ``SSINFER_DATA_DIR/vektis``, or the cache of ``ssinfer data fetch vektis``
    verify : refuse files whose SHA-256 is not the registered one
    return_notes : also return `VektisNotes`: exclusions (Haaren), merges, and cautions

    Examples
    --------
    Vlissingen among all municipalities, the care that was insured in all years (needs the files):
    ``load_vektis(range(2011, 2023), basket="core")``. A growing basket is not growing spending:

    >>> load_vektis([2014, 2015], basket="total")
    Traceback (most recent call last):
    ssinfer.errors.DatasetError: Basket 'total' is not comparable over the years 2014-2015: 2014/2015: district ...
    """
    asked = checked_years(years)
    division = target_division(borders)
    default = (*OWN_COVARIATES, "latitude", "longitude")
    wanted = default if covariates is None else (covariates,) if isinstance(covariates, str) else tuple(covariates)
    match_names(wanted, COVARIATES, "There is no covariate", DatasetError)
    cells = vektis_cells(asked, basket, ages=ages, sexes=sexes, borders=division, folder=folder, verify=verify)
    if ages is not None or sexes is not None:
        here = cells.groupby("unit")["year"].nunique()
        cells = cells[cells["unit"].isin(here.index[here == len(asked)])]
    _refuse_unequal_units(cells)
    frame = expected_spending(cells, reference)
    old = cells[cells["age_class"].isin(OLD_AGE)].groupby(["unit", "year"], observed=True)["insured_years"].sum()
    frame = frame.join(old.rename("share_65_plus"), on=["unit", "year"])
    frame["share_65_plus"] = frame["share_65_plus"].fillna(0.0) / frame["insured_years"]
    if LONG_STAY_SHARE in wanted:
        care = Basket("", "", (LONG_STAY,))
        cells = vektis_cells(asked, care, ages=ages, sexes=sexes, borders=division, folder=folder, verify=verify)
        frame = frame.join(
            cells.groupby(["unit", "year"])["spending"].sum().rename(LONG_STAY_SHARE), on=["unit", "year"]
        )
        share = frame[LONG_STAY_SHARE] / (frame["spending"] * frame["insured_years"])
        frame[LONG_STAY_SHARE] = share.where(frame["year"].map(lambda year: LONG_STAY in care.columns(year)))
    external, cautions = [name for name in wanted if name in MUNICIPALITY_COVARIATES], []
    try:
        if external:
            frame = frame.join(municipality_covariates(frame["unit"].unique(), external), on="unit")
    except DatasetError as error:
        if covariates is not None:
            raise
        wanted, cautions = tuple(name for name in wanted if name not in external), [f"No coordinates: {error}"]
    panel = Panel.from_frame(frame, period="year", cv=cv, covariates=list(wanted))
    return (panel, vektis_notes(asked, basket, division, tuple(cautions))) if return_notes else panel


def _refuse_unequal_units(cells: pd.DataFrame) -> None:
    units = {year: set(cells.loc[cells["year"] == year, "unit"].unique()) for year in sorted(set(cells["year"]))}
    everywhere = set.intersection(*units.values())
    for year, names in units.items():
        if names != everywhere:
            raise DatasetError(
                f"Municipalities {', '.join(sorted(names - everywhere)[:5])} are in the file of {year} and not in all "
                "other years. Allowed: files on the registered borders. Next step: read the registered files "
                "(verify=True), or years whose files use the same borders."
            )
