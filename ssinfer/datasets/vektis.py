"""Spending under the Dutch Health Insurance Act per municipality and year (source: Vektis) as a panel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, overload

from ssinfer.datasets.baskets import find_basket
from ssinfer.datasets.borders import SPLIT, division_of, renames, target_division, unmappable
from ssinfer.datasets.municipality_covariates import MUNICIPALITY_COVARIATES, municipality_covariates
from ssinfer.datasets.standardise import expected_spending
from ssinfer.datasets.cells import checked_years, vektis_cells
from ssinfer.datasets.vektis_file import read_vektis_file
from ssinfer.errors import DatasetError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    import pandas as pd

    from ssinfer.panel import Panel

OLD_AGE = ("65-69", "70-74", "75-79", "80-84", "85-89", "90+")
OWN_COVARIATES = ("expected", "share_65_plus")
COVARIATES = (*OWN_COVARIATES, *MUNICIPALITY_COVARIATES)


@dataclass(frozen=True, slots=True)
class VektisNotes:
    """What was done to the publisher's files, and what a reader of the panel has to know.

    Attributes
    ----------
    source
        How to cite the data.
    excluded
        Municipality: why it is not in the panel.
    merged
        Municipality of the panel: the older ones that were added up to it.
    cautions
        Sentences on years and units of which the level is not what it seems.
    """

    source: str
    excluded: dict[str, str]
    merged: dict[str, tuple[str, ...]]
    cautions: tuple[str, ...]

    def __str__(self) -> str:
        """Return the notes as lines of text."""
        lines = [self.source]
        lines += [f"Excluded: {unit}: {why}" for unit, why in self.excluded.items()]
        lines += [f"Added up: {', '.join(parts)} -> {unit}" for unit, parts in self.merged.items()]
        return "\n".join((*lines, *self.cautions))


@overload
def load_vektis(
    years: Iterable[int],
    basket: str = ...,
    *,
    borders: int | str = ...,
    reference: Iterable[str] | None = ...,
    covariates: Sequence[str] | None = ...,
    cv: float | None = ...,
    folder: str | Path | None = ...,
    verify: bool = ...,
    return_notes: Literal[False] = ...,
) -> Panel: ...
@overload
def load_vektis(
    years: Iterable[int],
    basket: str = ...,
    *,
    borders: int | str = ...,
    reference: Iterable[str] | None = ...,
    covariates: Sequence[str] | None = ...,
    cv: float | None = ...,
    folder: str | Path | None = ...,
    verify: bool = ...,
    return_notes: Literal[True],
) -> tuple[Panel, VektisNotes]: ...
def load_vektis(
    years: Iterable[int],
    basket: str = "core",
    *,
    borders: int | str = 2023,
    reference: Iterable[str] | None = None,
    covariates: Sequence[str] | None = None,
    cv: float | None = None,
    folder: str | Path | None = None,
    verify: bool = True,
    return_notes: bool = False,
) -> Panel | tuple[Panel, VektisNotes]:
    r"""Return spending per insured-year of Dutch municipalities as a panel of municipality x year.

    Estimand of a cell: reimbursed spending under the Health Insurance Act on the care types of `basket`, divided by
    insured-years, over the age-sex cells with at least 10 insured:
    :math:`\sum_c y_{itc} / \sum_c n_{itc}` in EUR per insured-year.

    Parameters
    ----------
    years
        Years of spending, 2011 to 2023 as far as the files are at hand.
    basket
        ``core`` (default), ``total``, ``without_ggz``, ``hospital``, ``pharmacy`` or ``gp``; years in which the
        basket is not comparable are refused.
    borders
        Municipal division: 2023 (default; every unit then has coordinates), 2022, 2021 or 2019.
    reference
        Municipalities whose age-sex rates are the standard of the covariate `expected`; None: all of the panel.
    covariates
        Names to carry along: `expected` (EUR per insured-year after indirect age-sex standardisation, of the same
        year), `share_65_plus` (share of insured-years aged 65 and over), `latitude`, `longitude` (degrees, centroid
        of 2023), and constant socio-economic ones of Statistics Netherlands: `income` (mean standardised disposable
        household income of 2015, EUR), `share_social_assistance` (of inhabitants in 2015), `share_low_education`
        (ages 15 and over, 2021). None: `expected`, `share_65_plus`, and the coordinates when their file is there.
    cv
        Person-level coefficient of variation, if known; None lets methods learn the noise. The files hold no
        person-level variance.
    folder
        Folder of the files; by default ``SSINFER_DATA_DIR/vektis``, or the cache of ``ssinfer data fetch vektis``.
    verify
        Refuse files whose SHA-256 is not the registered one.
    return_notes
        Also return `VektisNotes`: exclusions (Haaren), merges, and cautions.

    Returns
    -------
    Panel, or (Panel, VektisNotes)
        Units named as the publisher names them (upper case), sorted; periods are the years.

    Raises
    ------
    DatasetError
        See above; also a municipality without a match for a covariate.

    References
    ----------
    Vektis, Open Databestanden Zorgverzekeringswet, per gemeente. Cite as "Bron: Vektis".
    """
    from ssinfer.panel import Panel  # noqa: PLC0415

    asked = checked_years(years)
    division = target_division(borders)
    wanted = _checked_covariates(covariates)
    cells = vektis_cells(asked, basket, borders=division, folder=folder, verify=verify)
    _refuse_unequal_units(cells)
    frame = expected_spending(cells, reference)
    old = cells[cells["age_class"].isin(OLD_AGE)].groupby(["unit", "year"], observed=True)["insured_years"].sum()
    frame = frame.join(old.rename("share_65_plus"), on=["unit", "year"])
    frame["share_65_plus"] = frame["share_65_plus"].fillna(0.0) / frame["insured_years"]
    external = [name for name in (wanted or ()) if name not in OWN_COVARIATES]
    cautions = []
    if wanted is None:
        wanted = OWN_COVARIATES
        try:
            matched = municipality_covariates(frame["unit"].unique(), ["latitude", "longitude"])
        except DatasetError as error:
            cautions.append(f"No coordinates: {error}")
        else:
            wanted = (*OWN_COVARIATES, "latitude", "longitude")
            frame = frame.join(matched, on="unit")
    elif external:
        frame = frame.join(municipality_covariates(frame["unit"].unique(), external), on="unit")
    panel = Panel.from_frame(
        frame,
        unit="unit",
        period="year",
        spending="spending",
        insured_years="insured_years",
        cv=cv,
        covariates=list(wanted),
    )
    return (panel, _notes(asked, basket, division, tuple(cautions))) if return_notes else panel


def national_vektis(
    years: Iterable[int], basket: str = "total", *, folder: str | Path | None = None, verify: bool = True
) -> pd.DataFrame:
    """Return the national mean per insured-year, over all rows of the publisher's files.

    The pooled row (cells with fewer than 10 insured, without a municipality) and municipalities that no division can
    place (Haaren) are included: this is the mean that the publisher's totals give.

    Returns
    -------
    DataFrame
        Indexed by year: spending (EUR per insured-year), insured (persons), insured_years, pooled_share (of the
        insured, in the row without keys).

    Raises
    ------
    DatasetError
        As `vektis_cells`.
    """
    import pandas as pd  # noqa: PLC0415

    chosen = find_basket(basket)
    asked = checked_years(years)
    chosen.check_comparable(asked)
    rows = []
    for year in asked:
        frame = read_vektis_file(year, folder, verify=verify)
        insured_years = frame["insured_years"].sum()
        rows.append(
            {
                "year": year,
                "spending": frame[list(chosen.columns(year))].to_numpy().sum() / insured_years,
                "insured": int(frame["insured"].sum()),
                "insured_years": insured_years,
                "pooled_share": frame.loc[frame["unit"].isna(), "insured"].sum() / frame["insured"].sum(),
            }
        )
    return pd.DataFrame(rows).set_index("year")


def _checked_covariates(covariates: Sequence[str] | None) -> tuple[str, ...] | None:
    if covariates is None:
        return None
    names = (covariates,) if isinstance(covariates, str) else tuple(covariates)
    for name in names:
        if name not in COVARIATES:
            message = (
                f"There is no covariate {name!r}. {did_you_mean(name, COVARIATES)} Allowed: {', '.join(COVARIATES)}."
            )
            raise DatasetError(message)
    return names


def _refuse_unequal_units(cells: pd.DataFrame) -> None:
    units = cells.groupby("year")["unit"].agg(lambda column: frozenset(column.unique()))
    everywhere = frozenset.intersection(*units)
    for year, names in units.items():
        if names != everywhere:
            message = (
                f"Municipalities {', '.join(sorted(names - everywhere)[:5])} are in the file of {year} and not in all "
                "other years. Allowed: files on the registered borders. Next step: read the registered files "
                "(verify=True), or years whose files use the same borders."
            )
            raise DatasetError(message)


def _notes(years: list[int], basket: str, division: int, cautions: tuple[str, ...]) -> VektisNotes:
    excluded: dict[str, str] = {}
    merged: dict[str, set[str]] = {}
    for year in years:
        for name, parts in unmappable(year, division).items():
            excluded[name] = f"split over {', '.join(parts)} in 2021, so that it cannot be mapped to {division}"
        for old, new in renames(year, division).items():
            merged.setdefault(new, set()).add(old)
    said = [note for year in years for note in find_basket(basket).notes.get(year, ())]
    said.append(
        "All years: cells with fewer than 10 insured are pooled by the publisher in a row without a municipality; "
        "they are in no unit (1.6 to 2.5% of the insured) and are kept in national_vektis()."
    )
    for step, split in SPLIT.items():
        before = any(division_of(year) < step for year in years)
        after = any(division_of(year) >= step for year in years)
        if before and after:
            said += [
                f"From the file of 2019 on {', '.join(parts)} hold the inhabitants of {name}: their population jumps."
                for name, parts in split.items()
            ]
    return VektisNotes(
        source=f"Bron: Vektis, Zorgverzekeringswet per gemeente, {years[0]}-{years[-1]}, borders of {division}",
        excluded=excluded,
        merged={unit: tuple(sorted(parts)) for unit, parts in sorted(merged.items())},
        cautions=(*dict.fromkeys(said), *cautions),
    )
