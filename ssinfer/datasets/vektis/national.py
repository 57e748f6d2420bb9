"""National mean spending per insured-year, over all rows of the publisher's files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ssinfer.datasets.vektis.baskets import find_basket
from ssinfer.datasets.vektis.cells import checked_years
from ssinfer.datasets.vektis.file import read_vektis_file

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import pandas as pd


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
